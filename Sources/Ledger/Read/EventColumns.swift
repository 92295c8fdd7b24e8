import CareEpisode
import Postgres

/// Reads rows of the event table, whose columns are looked up once for a result.
struct EventColumns {
    /// What a full event is selected with.
    static let list = """
        position, version, occurred_at, recorded_at, known_at, episode_id, event_id, type,
        leaf_hash, header, payload
        """

    /// What a fold reads of an event: the header of an end alone.
    static let historyList = """
        episode_id, event_id, version, position, occurred_at, recorded_at, known_at, type, payload,
        case when type in (\(EventType.sqlList(\.isEnd))) then header end as header
        """

    let position: Int
    let version: Int
    let occurredAt: Int
    let recordedAt: Int
    let knownAt: Int
    let episodeID: Int
    let eventID: Int
    let type: Int
    let payload: Int
    private let leafHash: Int?
    private let header: Int?

    init(_ rows: PostgresRows) {
        let index = Dictionary(
            rows.columns.enumerated().map { ($0.element, $0.offset) },
            uniquingKeysWith: { first, _ in first }
        )
        func required(_ column: String) -> Int {
            guard let index = index[column] else {
                preconditionFailure("the query does not select \(column)")
            }
            return index
        }
        position = required("position")
        version = required("version")
        occurredAt = required("occurred_at")
        recordedAt = required("recorded_at")
        knownAt = required("known_at")
        episodeID = required("episode_id")
        eventID = required("event_id")
        type = required("type")
        payload = required("payload")
        leafHash = index["leaf_hash"]
        header = index["header"]
    }

    func historyEvent(_ row: PostgresRow) throws -> HistoryEvent {
        let position = Position(rawValue: try row.get(position))
        guard let type = EventType(rawValue: try row.get(type)) else {
            throw LedgerError.unreadableEvent(position)
        }
        var envelope: [UInt8] = []
        if let header, type.isEnd { envelope = try row.get(header) }
        return HistoryEvent(
            position: position,
            version: Version(rawValue: try row.get(version)),
            eventID: try row.get(eventID),
            type: type,
            occurredAt: Instant(microseconds: try row.get(occurredAt)),
            recordedAt: Instant(microseconds: try row.get(recordedAt)),
            knownAt: Instant(microseconds: try row.get(knownAt)),
            payload: try row.get(payload),
            header: envelope
        )
    }

    func recordedEvent(_ row: PostgresRow) throws -> RecordedEvent {
        guard let leafHash, let header else {
            preconditionFailure("the query does not select whole events")
        }
        return RecordedEvent(
            episodeID: try row.get(episodeID),
            leafHash: try row.get(leafHash),
            header: try row.get(header),
            history: try historyEvent(row)
        )
    }
}
