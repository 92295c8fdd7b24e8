package import CareEpisode
package import Postgres

extension AccessDecision {
    /// Reads numbered decisions after a number, in order, of one episode or all.
    ///
    /// Numbers have no gap and never change: whoever reads on from the last one misses none.
    package static func page(
        of ledger: LedgerDescription,
        after number: Int64,
        limit: Int,
        episode: EpisodeID?,
        on pool: PostgresPool
    ) async throws -> PostgresRows {
        let id = ledger.id.rawValue
        let narrowed: SQL = episode.map { "and a.episode_id = \($0)" } ?? ""
        return try await pool.query(
            """
            select e.number, \(KeptAccess.columns)
            from access_log a
            join access_entry e on e.ledger_id = a.ledger_id and e.entry = a.entry
            where a.ledger_id = \(id) \(narrowed)
            and a.entry >= (
                select f.entry from access_entry f
                where f.ledger_id = \(id) and f.number > \(number)
                order by f.number
                limit 1
            )
            order by a.entry
            limit \(Int64(limit))
            """
        )
    }

    /// Makes sure that reading can go on after a cursor of the access log.
    ///
    /// - Returns: the last number and the incarnation that the access log is in.
    /// - Throws: ``CursorError``.
    package static func check(
        _ cursor: Cursor,
        of ledger: LedgerDescription,
        _ database: LedgerDatabase
    ) async throws -> LedgerHead {
        let id = ledger.id.rawValue
        let rows = try await database.reader.query(
            """
            select
                coalesce(
                    (select max(number) from access_entry where ledger_id = \(id) and number > 0), 0
                ) as number,
                coalesce(
                    (select max(incarnation) from access_seal_log where ledger_id = \(id)), 1
                ) as incarnation,
                pg_is_in_recovery() as is_replica
            """
        )
        let head = LedgerHead(
            position: Position(try rows[0].get("number")),
            recordedAt: nil,
            isReplica: try rows[0].get("is_replica"),
            incarnation: try rows[0].get("incarnation")
        )
        try await Incarnations.check(cursor, head, of: .access, ledger, database)
        return head
    }

    /// How many decisions have no number yet, at most ``AccessStatus/countLimit``.
    package static func unnumbered(
        _ ledger: LedgerDescription,
        on pool: PostgresPool
    ) async throws -> Int64 {
        let id = ledger.id.rawValue
        let rows = try await pool.query(
            """
            select count(*) as count
            from (
                select from access_log a
                where a.ledger_id = \(id)
                and a.entry > coalesce((
                    select e.entry from access_entry e
                    where e.ledger_id = \(id)
                    order by e.number desc
                    limit 1
                ), 0)
                limit \(AccessStatus.countLimit)
            ) w
            """
        )
        return try rows[0].get("count")
    }
}
