public import CareEpisode

/// Something that must not be: what a verification finds.
public struct EvidenceFault: Hashable, Sendable, CustomStringConvertible {
    /// What is wrong; none of it holds health information.
    public enum Kind: Hashable, Sendable {
        /// Header, payload or nonce are not what was committed to.
        case content
        /// The stored leaf hash is not that of the entry.
        case leaf
        /// The header cannot be read.
        case header
        /// A column does not repeat what the header says.
        case column(String)
        /// There is no event at the position.
        case missing
        /// There is an event where there must be none: beyond the head, or a second one.
        case unexpected
        /// Versions of an episode do not go 1, 2, 3…
        case version
        /// The recorded time is before the one of the event before.
        case recordedTime
        /// The event's id is recorded twice.
        case duplicate
        /// A stored tile is missing, changed, or one too many.
        case tile(String)
        /// The tree has another root than a signed checkpoint says.
        case root(String)
        /// A checkpoint is not signed by a known key, or its note is none.
        case checkpoint(String)
        /// Checkpoints cover more than the ledger holds.
        case shrunken(String)
        /// A file of an export or a packet is missing or is not what it must be.
        case file(String)
        /// The rows of a read model are not what the events lead to.
        case readModel(String)
        /// The access log is not what was sealed: what is wrong, at which number or from which through
        /// another.
        case accessLog(String, number: Int64?, through: Int64?)

        /// A stable code.
        public var code: String {
            switch self {
            case .content: "content"
            case .leaf: "leaf_hash"
            case .header: "header"
            case .column: "column"
            case .missing: "missing"
            case .unexpected: "unexpected"
            case .version: "version"
            case .recordedTime: "recorded_at"
            case .duplicate: "event_id"
            case .tile: "tile"
            case .root: "root"
            case .checkpoint: "checkpoint"
            case .shrunken: "shrunken"
            case .file: "file"
            case .readModel: "read_model"
            case .accessLog: "access_log"
            }
        }

        /// What is wrong, for people.
        public var detail: String {
            switch self {
            case .content: "header, payload or nonce are not what was committed to"
            case .leaf: "the leaf hash is not that of event, episode, version, position and time"
            case .header: "the header cannot be read"
            case .column(let name): "the column \(name) is not what the header says"
            case .missing: "there is no event"
            case .unexpected: "there is an event that must not be there"
            case .version: "the episode's versions do not go 1, 2, 3…"
            case .recordedTime: "it is recorded before the event before it"
            case .duplicate: "its event_id is recorded twice"
            case .tile(let text), .root(let text), .checkpoint(let text), .shrunken(let text),
                .file(let text), .readModel(let text), .accessLog(let text, _, _):
                text
            }
        }
    }

    /// The first position that is concerned; nil where none is, as of a checkpoint's signature.
    public let position: Position?
    /// The last position that may be concerned, where it is known only that one of a range is.
    public let through: Position?
    /// What is wrong.
    public let kind: Kind

    /// The same, found in the tree of the access log, in which places are numbers.
    var ofAccessLog: EvidenceFault {
        let text =
            switch kind {
            case .content:
                "the row of the access log, or its nonce, is not what was committed to, or is gone"
            case .leaf: "the leaf hash is not that of row, number, episode and time"
            case .missing: "there is no entry of this number"
            case .unexpected: "there is an entry that must not be there"
            default: kind.detail
            }
        return EvidenceFault(
            .accessLog(text, number: position?.rawValue, through: through?.rawValue)
        )
    }

    /// Something that is wrong.
    public init(_ kind: Kind, at position: Position? = nil, through: Position? = nil) {
        self.kind = kind
        self.position = position
        self.through = through == position ? nil : through
    }

    /// Of the access log, the first number that is concerned.
    public var number: Int64? {
        if case .accessLog(_, let number, _) = kind { number } else { nil }
    }

    /// Where and what, for people.
    public var description: String {
        if case .accessLog(let text, let number, let through) = kind {
            guard let number else { return "access log: \(text)" }
            guard let through else { return "access log, number \(number): \(text)" }
            return "access log, numbers \(number) to \(through): \(text)"
        }
        guard let position else { return kind.detail }
        guard let through else { return "position \(position): \(kind.detail)" }
        return "positions \(position) to \(through): \(kind.detail)"
    }
}
