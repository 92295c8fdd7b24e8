import CareEpisode
import Postgres

/// Reads the rows that ``EpisodeScan`` copies out.
struct HistoryCopyDecoder {
    private var copy = BinaryCopyDecoder()

    mutating func decode(
        _ message: UnsafeRawBufferPointer,
        _ body: (EpisodeID, HistoryEvent) throws -> Void
    ) throws {
        try copy.decode(message) { row in
            let episode = try row.next(EpisodeID.self)
            let eventID = try row.next(EventID.self)
            let version = Version(rawValue: try row.next())
            let position = Position(rawValue: try row.next())
            let occurredAt = Instant(microseconds: try row.next())
            let recordedAt = Instant(microseconds: try row.next())
            let knownAt = Instant(microseconds: try row.next())
            guard let name = try row.nextBytes(), let type = Self.types.type(name) else {
                throw LedgerError.unreadableEvent(position)
            }
            let payload = try row.nextBytes().map { [UInt8]($0) } ?? []
            let header = try row.nextBytes().map { [UInt8]($0) } ?? []
            try body(
                episode,
                HistoryEvent(
                    position: position,
                    version: version,
                    eventID: eventID,
                    type: type,
                    occurredAt: occurredAt,
                    recordedAt: recordedAt,
                    knownAt: knownAt,
                    payload: payload,
                    header: header
                )
            )
        }
    }

    private static let types = TypeNames()

    /// Finds types by their names' bytes, without making strings.
    private struct TypeNames {
        private let names: [(name: [UInt8], type: EventType)] =
            EventType.allCases.map { (Array($0.rawValue.utf8), $0) }

        func type(_ bytes: UnsafeRawBufferPointer) -> EventType? {
            names.first { $0.name.count == bytes.count && $0.name.elementsEqual(bytes) }?.type
        }
    }
}
