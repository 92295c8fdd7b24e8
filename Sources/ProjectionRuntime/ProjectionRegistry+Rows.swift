import CareEpisode
import Ledger
import Postgres

extension ProjectionRegistry {
    /// Replaces the rows of the episodes of a batch, and says which of them are parked.
    func write(
        _ batch: FoldedBatch<Projection>,
        generation: Int32,
        through: Position,
        _ connection: PostgresConnection
    ) async throws {
        for (index, table) in projection.tables.enumerated() {
            let episodes = batch.replaced[index]
            if episodes.isEmpty { continue }
            _ = try await connection.query(
                """
                delete from \(raw: table.qualifiedName)
                where \(ProjectionTable.isOf(ledger.id, generation))
                and episode_id = any (\(episodes))
                """
            )
        }
        if !batch.folded.isEmpty {
            _ = try await connection.query(
                """
                delete from read_model_parked
                where \(key) and generation = \(generation) and episode_id = any (\(batch.folded))
                """
            )
        }
        try await copy(batch.rows, connection)
        try await park(batch.failed, generation: generation, through: through, connection)
    }

    /// Says which episodes could not be folded, or not be written.
    func park(
        _ failed: [(episode: EpisodeID, reason: String)],
        generation: Int32,
        through: Position,
        _ connection: PostgresConnection
    ) async throws {
        if failed.isEmpty { return }
        _ = try await connection.query(
            """
            insert into read_model_parked
                (ledger_id, name, generation, episode_id, position, reason, parked_at)
            select \(ledger.id.rawValue), \(projection.name), \(generation), f.episode_id,
                \(through.rawValue), f.reason, statement_timestamp()
            from unnest(\(failed.map(\.episode)), \(failed.map(\.reason)))
                as f (episode_id, reason)
            on conflict (ledger_id, name, generation, episode_id) do update
            set position = excluded.position, reason = excluded.reason,
                parked_at = excluded.parked_at, retry_asked = false
            """
        )
    }

    /// Sends encoded rows, a table at a time.
    func copy(_ rows: EncodedRows, _ connection: PostgresConnection) async throws {
        for (index, table) in rows.tables.enumerated() where rows.hasRows(index) {
            let bytes = rows.bytes(index)
            _ = try await connection.copyIn(
                """
                copy \(raw: table.qualifiedName) (\(raw: table.columnNames))
                from stdin (format binary)
                """
            ) { try await $0.write(bytes) }
        }
    }

    /// Some of the episodes that somebody asked to fold again.
    func askedRetries(generation: Int32) async throws -> [EpisodeID] {
        try await pool.query(
            """
            select episode_id
            from read_model_parked
            where \(key) and generation = \(generation) and retry_asked
            order by episode_id
            limit \(Int64(Narrowing.limit))
            """
        ).map { try $0.get("episode_id") }
    }

    // MARK: - Old rows

    /// How many rows one statement removes.
    static var removalLimit: Int64 { 10_000 }

    /// Removes what no query reads any more: rows of generations that another has replaced, and of
    /// rebuilds that were given up, or whose process has said nothing for a day.
    ///
    /// Each statement removes at most ``removalLimit`` rows. Nobody waits for it: who reads an old
    /// generation has a snapshot.
    ///
    /// - Parameter isStopped: asked between statements; the rest is left to the next time.
    /// - Returns: how many rows there were.
    @discardableResult
    func removeOldRows(isStopped: () -> Bool = { false }) async throws -> Int {
        try await giveUpDeadRebuild()
        let states = try await pool.query(
            """
            select s.generation, s.last_generation,
                case when r.lease_until is not null then r.generation end as building
            from read_model_state s
            left join read_model_rebuild r using (ledger_id, name)
            where s.ledger_id = \(ledger.id.rawValue) and s.name = \(projection.name)
            """
        )
        guard let state = states.first else { return 0 }
        let last = try state.get("last_generation", as: Int32.self)
        // Of rows that were never rebuilt there are no older ones.
        guard last > 1 else { return 0 }
        let kept = [
            try state.get("generation", as: Int32.self),
            try state.get("building", as: Int32?.self),
        ].compactMap(\.self)
        var total = 0
        for table in projection.tables {
            let removed = try await remove(
                from: table.qualifiedName,
                "ledger_id = \(ledger.id.rawValue)",
                through: last,
                keeping: kept,
                isStopped
            )
            total += removed
            if removed > 0 { await vacuum(table) }
        }
        _ = try await remove(
            from: "read_model_parked",
            key,
            through: last,
            keeping: kept,
            isStopped
        )
        return total
    }

    private func remove(
        from table: String,
        _ condition: SQL,
        through last: Int32,
        keeping kept: [Int32],
        _ isStopped: () -> Bool
    ) async throws -> Int {
        // From one generation to the next by the key: few are read, however many rows there are.
        let old = try await pool.query(
            """
            with recursive present as (
                select min(generation) as generation
                from \(raw: table)
                where \(condition)
                union all
                select (
                    select min(t.generation)
                    from \(raw: table) t
                    where \(condition) and t.generation > p.generation
                )
                from present p
                where p.generation is not null
            )
            select generation
            from present
            where generation <= \(last) and generation <> all (\(kept))
            """
        )
        var total = 0
        for row in old {
            let generation = try row.get("generation", as: Int32.self)
            var removed = 0
            repeat {
                removed = try await pool.query(
                    """
                    delete from \(raw: table)
                    where \(condition)
                    and ctid = any (array(
                        select ctid
                        from \(raw: table)
                        where \(condition) and generation = \(generation)
                        limit \(Self.removalLimit)
                    ))
                    """
                ).affectedRows
                total += removed
            } while removed > 0 && !isStopped()
        }
        return total
    }

    /// Makes the room of removed rows free for the next rebuild.
    ///
    /// What it cannot do now (a dump has an old snapshot, somebody else is at it) autovacuum does
    /// later.
    private func vacuum(_ table: ProjectionTable) async {
        _ = try? await pool.query(
            "vacuum (truncate false, skip_locked) \(raw: table.qualifiedName)"
        )
    }

    /// Statistics for the planner, before rows answer.
    ///
    /// The table is everybody's: where somebody else vacuums or analyzes it now, his statistics, or those
    /// of autovacuum, will do.
    func analyze() async throws {
        for table in projection.tables {
            _ = try await pool.query("analyze (skip_locked) \(raw: table.qualifiedName)")
        }
    }
}
