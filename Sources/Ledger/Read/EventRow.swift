public import CareEpisode

/// One row of the table `event`: the columns that every reader selects, in their order, and what is
/// made of them.
public struct EventRow: Sendable {
    /// Where the row says it stands in the ledger.
    public var position: Position
    /// Where the row says it stands in its episode.
    public var version: Version
    /// The event.
    public var eventID: EventID
    /// The episode.
    public var episodeID: EpisodeID
    /// The column that repeats the header's type.
    public var type: RecordedType
    /// The column that repeats the header's `occurred_at`.
    public var occurredAt: Instant
    /// When the ledger recorded it.
    public var recordedAt: Instant
    /// The column with the knowledge time.
    public var knownAt: Instant
    /// The canonical JSON of `data`.
    public var payload: [UInt8]
    /// The canonical JSON of everything but `data`.
    public var header: [UInt8] = []
    /// The stored hash of the event's leaf.
    public var leafHash: [UInt8] = []
    /// The stored commitment to header and payload.
    public var commitment: [UInt8] = []
    /// The event's random bytes.
    public var nonce: [UInt8] = []

    /// The event as a fold sees it.
    ///
    /// - Throws: ``LedgerError/unreadableEvent(_:)`` where this program does not know its type.
    public func historyEvent() throws -> HistoryEvent {
        guard case .known(let type) = type else { throw LedgerError.unreadableEvent(position) }
        return HistoryEvent(
            position: position,
            version: version,
            eventID: eventID,
            type: type,
            occurredAt: occurredAt,
            recordedAt: recordedAt,
            knownAt: knownAt,
            payload: payload,
            header: type.hasReadAuthor ? header : []
        )
    }

    /// The event as it is served.
    ///
    /// - Throws: ``LedgerError/unreadableEvent(_:)`` where this program does not know its type.
    public func recordedEvent() throws -> RecordedEvent {
        RecordedEvent(
            episodeID: episodeID,
            leafHash: leafHash,
            header: header,
            history: try historyEvent()
        )
    }
}

/// What the column `type` says.
public enum RecordedType: Hashable, Sendable {
    /// A type of this program.
    case known(EventType)
    /// Any other text: a newer program's, or somebody has changed the row.
    case unknown(String)

    /// The type of a name.
    public init(_ name: String) {
        self = EventType(rawValue: name).map { .known($0) } ?? .unknown(name)
    }

    /// Finds a type by its name's bytes, without making a string.
    init(utf8 bytes: UnsafeRawBufferPointer) {
        let known = Self.names.first {
            $0.name.count == bytes.count && $0.name.elementsEqual(bytes)
        }
        self = known.map { .known($0.type) } ?? .unknown(String(decoding: bytes, as: UTF8.self))
    }

    /// The text of the column.
    public var name: String {
        switch self {
        case .known(let type): type.rawValue
        case .unknown(let name): name
        }
    }

    private static let names = EventType.allCases.map { (name: Array($0.rawValue.utf8), type: $0) }
}
