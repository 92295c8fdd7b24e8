import CareEpisode
import Postgres

extension EventRow {
    /// How much of a row is read: each takes what the one before takes, and more.
    ///
    /// What is not taken is empty.
    enum Extent: Comparable {
        /// What the next event of an episode is judged by: payloads that bear on the life cycle.
        case deciding
        /// What a fold reads: of the headers, those of ends and sessions.
        case folding
        /// What is served: whole headers, and the leaf's hash.
        case serving
        /// What proves the event.
        case proving
    }

    /// The columns of the table, but for the ledger's number.
    package static let columnNames = [
        "position", "version", "event_id", "episode_id", "type", "occurred_at", "recorded_at",
        "known_at", "payload", "header", "leaf_hash", "commitment", "nonce",
    ]

    /// What is selected, in the order in which it is read.
    static func columns(_ extent: Extent) -> String {
        let count =
            switch extent {
            case .deciding: 9
            case .folding: 10
            case .serving: 11
            case .proving: columnNames.count
            }
        return columnNames.prefix(count).map { name in
            switch (name, extent) {
            case ("payload", .deciding):
                "case when type in (\(unreadTypes)) then ''::bytea else payload end"
                    + " as payload"
            case ("header", .folding):
                "case when type in (\(EventType.sqlList(\.hasReadAuthor))) then header end as header"
            default: name
            }
        }.joined(separator: ", ")
    }

    /// The types of which a state reads no payload.
    private static let unreadTypes = EventType.sqlList { !EpisodeState.readsPayload(of: $0) }

    /// Reads a row of which ``columns(_:)`` was selected, from its first field on.
    init(_ fields: inout some EventFields, _ extent: Extent) throws {
        self.init(
            position: Position(rawValue: try fields.next()),
            version: Version(rawValue: try fields.next()),
            eventID: try fields.next(),
            episodeID: try fields.next(),
            type: try fields.withNextBytes { RecordedType(utf8: $0) },
            occurredAt: try fields.next(),
            recordedAt: try fields.next(),
            knownAt: try fields.next(),
            payload: try fields.nextArray(),
            header: extent >= .folding ? try fields.nextArray() : [],
            leafHash: extent >= .serving ? try fields.nextArray() : [],
            commitment: extent >= .proving ? try fields.nextArray() : [],
            nonce: extent >= .proving ? try fields.nextArray() : []
        )
    }

    /// Reads a row of a result whose first columns are ``columns(_:)``.
    init(_ row: PostgresRow, _ extent: Extent) throws {
        var fields = ResultFields(row: row)
        try self.init(&fields, extent)
    }
}

extension LedgerDatabase {
    /// Copies events of a ledger out, in binary.
    ///
    /// - Parameters:
    ///   - extent: how much of each.
    ///   - ledger: whose.
    ///   - condition: which of them, as SQL: COPY takes no parameters.
    ///   - order: the columns by which they come; no two events may have the same.
    ///   - body: gets them one by one, each once.
    func copyEvents(
        _ extent: EventRow.Extent,
        of ledger: LedgerDescription,
        where condition: String,
        by order: String,
        _ body: (EventRow) throws -> Void
    ) async throws {
        // Events never change: where a standby has cancelled it, the same come again, and go on.
        var given = 0
        try await reader.reading { connection in
            var decoder = BinaryCopyDecoder()
            var next = 0
            try await connection.copyOut(
                """
                copy (
                    select \(raw: EventRow.columns(extent))
                    from event
                    where ledger_id = \(raw: String(ledger.id.rawValue)) and \(raw: condition)
                    order by \(raw: order)
                ) to stdout (format binary)
                """
            ) { message in
                try decoder.decode(message) { row in
                    let event = try EventRow(&row, extent)
                    next += 1
                    guard next > given else { return }
                    given = next
                    try body(event)
                }
            }
        }
    }
}
