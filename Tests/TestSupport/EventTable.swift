import Ledger

/// SQL that inserts rows into `event` as no append would: copies, damaged ones, very many.
public enum EventTable {
    /// Inserts what a query gives.
    ///
    /// - Parameters:
    ///   - changes: SQL of the columns that are not taken from the source under their own names.
    ///   - source: what follows `from`.
    public static func insert(
        _ changes: [String: String] = [:],
        from source: String
    ) -> String {
        let columns = ["ledger_id"] + EventRow.columnNames
        precondition(changes.keys.allSatisfy(columns.contains), "event has no such column")
        return """
            insert into event (\(columns.joined(separator: ", ")))
            select \(columns.map { changes[$0] ?? $0 }.joined(separator: ", "))
            from \(source)
            """
    }

    /// Inserts an event after the ledger's newest, in the same episode, and moves the head.
    ///
    /// - Parameters:
    ///   - position: the newest position, of the default ledger.
    ///   - type: the type it says it has.
    ///   - payload: what that type cannot be read from, for instance.
    ///   - occurredAt: microseconds since 1970 UTC, as SQL; those of the event before unless given.
    public static func insertNext(
        after position: Int64,
        type: String,
        payload: String,
        occurredAt: String = "occurred_at"
    ) -> String {
        let next = insert(
            [
                "position": "position + 1", "version": "version + 1", "occurred_at": occurredAt,
                "event_id": "gen_random_uuid()", "type": "'\(type)'",
                "payload": "'\(payload)'::bytea",
            ],
            from: "event where position = \(position)"
        )
        return """
            with moved as (
                update ledger_head set position = position + 1 where position = \(position)
            )
            \(next)
            """
    }
}
