public import CareEpisode
import Postgres
public import TransparencyLog

/// One event with everything that proves it, as its row says.
public struct EvidenceRow: Sendable {
    /// Where the row says it stands in the ledger.
    public var position: Position
    /// Where the row says it stands in its episode.
    public var version: Version
    /// The event.
    public var eventID: EventID
    /// The episode.
    public var episodeID: EpisodeID
    /// The column that repeats the header's type.
    public var type: String
    /// The column that repeats the header's `occurred_at`.
    public var occurredAt: Instant
    /// When the ledger recorded it.
    public var recordedAt: Instant
    /// The column with the knowledge time.
    public var knownAt: Instant
    /// The event's random bytes.
    public var nonce: [UInt8]
    /// The stored commitment to header and payload.
    public var commitment: [UInt8]
    /// The stored hash of the event's leaf.
    public var leafHash: [UInt8]
    /// The canonical JSON of everything but `data`.
    public var header: [UInt8]
    /// The canonical JSON of `data`.
    public var payload: [UInt8]

    static let columns = """
        position, version, event_id, episode_id, type, occurred_at, recorded_at, known_at, nonce, \
        commitment, leaf_hash, header, payload
        """

    init(_ row: inout BinaryCopyRow) throws {
        position = Position(rawValue: try row.next())
        version = Version(rawValue: try row.next())
        eventID = try row.next(EventID.self)
        episodeID = try row.next(EpisodeID.self)
        type = try row.next(String.self)
        occurredAt = Instant(microseconds: try row.next())
        recordedAt = Instant(microseconds: try row.next())
        knownAt = Instant(microseconds: try row.next())
        func bytes() throws -> [UInt8] { try row.nextBytes().map { [UInt8]($0) } ?? [] }
        nonce = try bytes()
        commitment = try bytes()
        leafHash = try bytes()
        header = try bytes()
        payload = try bytes()
    }

    /// An event with its evidence, for exports that are read back.
    public init(
        position: Position,
        version: Version,
        eventID: EventID,
        episodeID: EpisodeID,
        type: String,
        occurredAt: Instant,
        recordedAt: Instant,
        knownAt: Instant,
        nonce: [UInt8],
        commitment: [UInt8],
        leafHash: [UInt8],
        header: [UInt8],
        payload: [UInt8]
    ) {
        self.position = position
        self.version = version
        self.eventID = eventID
        self.episodeID = episodeID
        self.type = type
        self.occurredAt = occurredAt
        self.recordedAt = recordedAt
        self.knownAt = knownAt
        self.nonce = nonce
        self.commitment = commitment
        self.leafHash = leafHash
        self.header = header
        self.payload = payload
    }

    /// The entry of 112 bytes that the row's columns make, with the stored commitment.
    public var entry: [UInt8] {
        Evidence.entry(
            eventID: eventID,
            episodeID: episodeID,
            version: version,
            position: position,
            recordedAt: recordedAt,
            commitment: commitment
        )
    }

    /// The event as it is served.
    public var recordedEvent: RecordedEvent? {
        guard let type = EventType(rawValue: type) else { return nil }
        return RecordedEvent(
            episodeID: episodeID,
            leafHash: leafHash,
            header: header,
            history: HistoryEvent(
                position: position,
                version: version,
                eventID: eventID,
                type: type,
                occurredAt: occurredAt,
                recordedAt: recordedAt,
                knownAt: knownAt,
                payload: payload,
                header: type.isEnd ? header : []
            )
        )
    }

    /// Recomputes everything that can be recomputed from the row alone.
    ///
    /// - Parameter ledger: whose event it must say it is.
    /// - Returns: the leaf as the columns make it, and what is wrong; nil where nothing is.
    public func check(ledger: LedgerName) -> (leaf: TreeHash, fault: EvidenceFault.Kind?) {
        let leaf = TreeHash.leaf(entry)
        guard nonce.count == Evidence.nonceLength else { return (leaf, .content) }
        let committed = Evidence.commitment(nonce: nonce[...], header: header, payload: payload)
        guard committed == commitment else { return (leaf, .content) }
        guard leaf.bytes == leafHash else { return (leaf, .leaf) }
        return (leaf, columnFault(ledger: ledger))
    }

    /// The first column that does not repeat what the header says.
    private func columnFault(ledger: LedgerName) -> EvidenceFault.Kind? {
        let object = CanonicalObject(header)
        guard let occurred = object.instant("occurred_at"),
            let event = object.uuidBits("event_id"),
            let episode = object.uuidBits("episode_id"),
            let name = object.string("ledger"), let kind = object.string("type")
        else { return .header }
        if event != eventID.bits { return .column("event_id") }
        if episode != episodeID.bits { return .column("episode_id") }
        if kind != type { return .column("type") }
        if occurred != occurredAt { return .column("occurred_at") }
        if name != ledger.description { return .column("ledger_id") }
        if (object.instant("source_recorded_at") ?? recordedAt) != knownAt {
            return .column("known_at")
        }
        return nil
    }
}

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
                .file(let text), .readModel(let text):
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

    /// Something that is wrong.
    public init(_ kind: Kind, at position: Position? = nil, through: Position? = nil) {
        self.kind = kind
        self.position = position
        self.through = through == position ? nil : through
    }

    /// Where and what, for people.
    public var description: String {
        guard let position else { return kind.detail }
        guard let through else { return "position \(position): \(kind.detail)" }
        return "positions \(position) to \(through): \(kind.detail)"
    }
}
