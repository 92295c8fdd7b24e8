import CareEpisode
import Ledger
import Postgres

/// The right to advance one read model of one ledger, until it expires or another takes it.
struct ProjectionLease: Sendable {
    var generation: Int32
    var epoch: Int64
    var position: Position
}

/// Why a read model cannot be advanced or asked.
public enum ProjectionError: Error, Equatable, CustomStringConvertible {
    /// Another worker has taken the lease: nothing was written.
    case leaseLost(projection: String)
    /// The stored rows were made by another version of the fold.
    case rebuildNeeded(projection: String, stored: Int, program: Int)
    /// A rebuild is under way, by the version of the fold that this program has.
    case rebuilding(projection: String, progress: RebuildProgress)
    /// The read model did not reach the wanted position in time.
    case lagging(projection: String, position: Int64, wanted: Int64)
    /// A rebuild found other rows than the live ones, made by the same version of the fold.
    case differs(projection: String, episodes: Int, examples: [String])

    /// Whether another version of the fold has filled the tables: the events answer all the same.
    public var isAboutVersion: Bool {
        switch self {
        case .rebuildNeeded, .rebuilding: true
        case .leaseLost, .lagging, .differs: false
        }
    }

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .leaseLost(let name):
            "another worker has taken over \(name); nothing was written here"
        case .rebuildNeeded(let name, 0, _):
            "\(name) has not been built yet: `episode-ledger projections run` keeps it up to date"
        case .rebuildNeeded(let name, let stored, let program) where stored > program:
            "\(name) was built by version \(stored) of its fold and this program has version "
                + "\(program): use a newer program"
        case .rebuildNeeded(let name, let stored, let program):
            "\(name) was built by version \(stored) of its fold and this program has version "
                + "\(program): a worker of this program builds it anew beside the old one"
        case .rebuilding(let name, let progress):
            "\(name) is being rebuilt for this version of the program: \(progress.folded) of "
                + "\(progress.events) events done, by \(progress.holder)"
        case .lagging(let name, let position, let wanted):
            "\(name) has reached position \(position) of \(wanted) and the worker that holds its "
                + "lease has not got further in time: try again, or use --stale-ok"
        case .differs(let name, let episodes, let examples):
            "the rebuilt \(name) differs from the live one in \(episodes) episodes "
                + "(\(examples.joined(separator: ", "))) although the fold is the same; the live "
                + "one stays: see why, or use --accept-differences"
        }
    }
}

/// The rows that say where a read model stands, and the statements that move it.
struct ProjectionRegistry<Projection: EpisodeProjection>: Sendable {
    /// How long a lease lasts without being renewed; by the database's clock.
    static var leaseSeconds: Int32 { 10 }

    let projection: Projection
    let ledger: LedgerDescription
    let pool: PostgresPool
    /// Who holds the lease, for people.
    let holder: String

    private var id: Int32 { ledger.id.rawValue }

    /// Makes the read model known to the ledger, with empty tables, where it is not.
    func register() async throws {
        let known = try await pool.query(
            """
            select from projection where ledger_id = \(id) and name = \(projection.name)
            """
        )
        if !known.isEmpty { return }
        let version = Int32(projection.foldVersion)
        try await pool.withTransaction { connection in
            try await lockGenerations(connection)
            let rows = try await connection.query(
                """
                select coalesce(
                    max(generation) filter (where state = 'active' and fold_version = \(version)),
                    max(generation) + 1,
                    1
                ) as generation
                from projection_generation
                where name = \(projection.name)
                """
            )
            let generation = try rows.first?.get("generation", as: Int32.self) ?? 1
            let added = try await connection.query(
                """
                insert into projection (ledger_id, name, generation, fold_version)
                values (\(id), \(projection.name), \(generation), \(version))
                on conflict do nothing
                """
            )
            guard added.affectedRows == 1 else { return }
            _ = try await connection.query(
                """
                insert into projection_generation (ledger_id, name, generation, fold_version, state)
                values (\(id), \(projection.name), \(generation), \(version), 'active')
                """
            )
            let present = try await connection.query(
                """
                select to_regclass(\(projection.tables[0].qualifiedName(generation))) is not null
                    as present
                """
            )
            guard try present.first?.get("present", as: Bool.self) != true else { return }
            try await create(generation, connection)
            try await addKeys(generation, connection)
        }
    }

    /// Tables are made and dropped by one transaction at a time.
    func lockGenerations(_ connection: PostgresConnection) async throws {
        let key = "projection generations of \(projection.name)"
        _ = try await connection.query("select pg_advisory_xact_lock(hashtextextended(\(key), 0))")
    }

    private func create(_ generation: Int32, _ connection: PostgresConnection) async throws {
        for table in projection.tables {
            try await connection.execute(
                script: table.script(table.definition, generation: generation)
                    + "\n;grant select on \(table.qualifiedName(generation)) to ledger_reader;"
            )
        }
    }

    private func addKeys(
        _ generation: Int32,
        _ connection: PostgresConnection,
        deadline: ContinuousClock.Instant? = nil
    ) async throws {
        for table in projection.tables {
            try await connection.execute(
                script: table.script(table.keys, generation: generation),
                deadline: deadline
            )
        }
    }

    // MARK: - Leases

    /// Takes the lease where nobody holds it.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)``.
    func acquire() async throws -> ProjectionLease? {
        let version = Int32(projection.foldVersion)
        let rows = try await pool.query(
            """
            update projection
            set epoch = epoch + 1, lease_holder = \(holder),
                lease_until = clock_timestamp() + make_interval(secs => \(Self.leaseSeconds))
            where ledger_id = \(id) and name = \(projection.name) and fold_version = \(version)
            and (lease_until is null or lease_until < clock_timestamp())
            returning generation, epoch, position
            """
        )
        if let row = rows.first { return try lease(row) }
        try await checkVersion()
        return nil
    }

    /// Takes the lease from whoever holds it: only for the switch after a rebuild.
    func seize() async throws -> ProjectionLease {
        let rows = try await pool.query(
            """
            update projection
            set epoch = epoch + 1, lease_holder = \(holder),
                lease_until = clock_timestamp() + make_interval(secs => \(Self.leaseSeconds * 6))
            where ledger_id = \(id) and name = \(projection.name)
            returning generation, epoch, position
            """
        )
        guard let row = rows.first else {
            throw ProjectionError.leaseLost(projection: projection.name)
        }
        return try lease(row)
    }

    private func lease(_ row: PostgresRow) throws -> ProjectionLease {
        ProjectionLease(
            generation: try row.get("generation"),
            epoch: try row.get("epoch"),
            position: Position(rawValue: try row.get("position"))
        )
    }

    /// Keeps a lease that advances nothing; false when it is lost.
    func renew(_ lease: ProjectionLease) async throws -> Bool {
        let rows = try await pool.query(
            """
            update projection
            set lease_until = greatest(
                lease_until,
                clock_timestamp() + make_interval(secs => \(Self.leaseSeconds))
            )
            where ledger_id = \(id) and name = \(projection.name) and epoch = \(lease.epoch)
            """
        )
        return rows.affectedRows == 1
    }

    /// Hands the lease back, so that the next worker need not wait.
    func release(_ lease: ProjectionLease) async throws {
        _ = try await pool.query(
            """
            update projection
            set lease_holder = null, lease_until = null
            where ledger_id = \(id) and name = \(projection.name) and epoch = \(lease.epoch)
            """
        )
    }

    /// The compare-and-set at the head of every batch's transaction: it also takes the row's lock,
    /// so that a worker without the lease writes nothing.
    func advance(
        _ lease: ProjectionLease,
        to position: Position,
        _ connection: PostgresConnection
    ) async throws {
        let rows = try await connection.query(
            """
            update projection
            set position = \(position.rawValue), updated_at = clock_timestamp(),
                lease_until = greatest(
                    lease_until,
                    clock_timestamp() + make_interval(secs => \(Self.leaseSeconds))
                )
            where ledger_id = \(id) and name = \(projection.name)
            and position = \(lease.position.rawValue) and epoch = \(lease.epoch)
            """
        )
        guard rows.affectedRows == 1 else {
            throw ProjectionError.leaseLost(projection: projection.name)
        }
    }

    /// Whether this version of the fold has filled the tables; true also where there are none yet.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)``,
    ///   ``ProjectionError/rebuilding(projection:progress:)``.
    func checkVersion() async throws {
        let rows = try await pool.query(
            """
            select p.fold_version, \(RebuildProgress.columns)
            from projection p
            \(RebuildProgress.join)
            where p.ledger_id = \(id) and p.name = \(projection.name)
            """
        )
        if let row = rows.first { try projection.checkVersion(row) }
    }

    /// Whether the rows that answer were made by this version of the fold.
    func isSameVersion() async throws -> Bool {
        do {
            try await checkVersion()
            return true
        } catch let error as ProjectionError where error.isAboutVersion {
            return false
        }
    }

    // MARK: - Rows

    /// Replaces the rows of the episodes of a batch, and says which of them are parked.
    func write(
        _ batch: FoldedBatch<Projection>,
        generation: Int32,
        through: Position,
        _ connection: PostgresConnection
    ) async throws {
        let replaced = batch.folded + batch.foldedInPart
        if !replaced.isEmpty {
            for table in projection.tables {
                _ = try await connection.query(
                    """
                    delete from \(raw: table.qualifiedName(generation))
                    where ledger_id = \(id) and episode_id = any (\(replaced))
                    """
                )
            }
            try await copy(batch.encoders, generation: generation, connection)
            _ = try await connection.query(
                """
                delete from projection_parked
                where ledger_id = \(id) and name = \(projection.name)
                and generation = \(generation) and episode_id = any (\(batch.folded))
                """
            )
        }
        try await park(batch.failed, generation: generation, through: through, connection)
    }

    /// Says which episodes could not be folded.
    func park(
        _ failed: [(episode: EpisodeID, reason: String)],
        generation: Int32,
        through: Position,
        _ connection: PostgresConnection
    ) async throws {
        if !failed.isEmpty {
            _ = try await connection.query(
                """
                insert into projection_parked
                    (ledger_id, name, generation, episode_id, position, reason)
                select \(id), \(projection.name), \(generation), f.episode_id, \(through.rawValue),
                    f.reason
                from unnest(\(failed.map(\.episode)), \(failed.map(\.reason)))
                    as f (episode_id, reason)
                on conflict (ledger_id, name, generation, episode_id) do update
                set position = excluded.position, reason = excluded.reason,
                    parked_at = clock_timestamp(), retry_asked = false
                """
            )
        }
    }

    /// Sends encoded rows, a table at a time.
    func copy(
        _ encoders: [BinaryCopyEncoder],
        generation: Int32,
        _ connection: PostgresConnection
    ) async throws {
        for (table, encoder) in zip(projection.tables, encoders) {
            var encoder = encoder
            encoder.finish()
            let bytes = encoder.bytes
            let columns = table.columns.joined(separator: ", ")
            _ = try await connection.copyIn(
                """
                copy \(raw: table.qualifiedName(generation)) (\(raw: columns))
                from stdin (format binary)
                """
            ) { writer in
                try await writer.write(bytes)
            }
        }
    }

    /// Episodes that somebody asked to fold again.
    func askedRetries(generation: Int32) async throws -> [EpisodeID] {
        try await pool.query(
            """
            select episode_id from projection_parked
            where ledger_id = \(id) and name = \(projection.name) and generation = \(generation)
            and retry_asked
            order by episode_id
            limit 1000
            """
        ).map { try $0.get("episode_id") }
    }

    // MARK: - Generations

    /// New tables without keys, beside those that answer.
    func makeGeneration(_ connection: PostgresConnection) async throws -> Int32 {
        let rows = try await connection.query(
            """
            insert into projection_generation (ledger_id, name, generation, fold_version, state)
            select \(id), \(projection.name), coalesce(max(generation), 0) + 1,
                \(Int32(projection.foldVersion)), 'building'
            from projection_generation
            where name = \(projection.name)
            returning generation
            """
        )
        guard let generation = try rows.first?.get("generation", as: Int32.self) else {
            throw ProjectionError.leaseLost(projection: projection.name)
        }
        try await create(generation, connection)
        return generation
    }

    /// Adds the keys to tables that have been filled, and statistics for the planner.
    func complete(_ generation: Int32) async throws {
        // Off the path of events, on tables that nobody else uses yet: it may take its time.
        let end = ContinuousClock.now + .seconds(3_600)
        try await pool.withTransaction { connection in
            try await connection.execute(script: "set local statement_timeout = '1h'")
            try await addKeys(generation, connection, deadline: end)
            for table in projection.tables {
                try await connection.execute(
                    script: "analyze \(table.qualifiedName(generation))",
                    deadline: end
                )
            }
        }
    }

    /// Makes a generation, which reflects a position, the one that answers, and hands back the
    /// lease.
    func activate(
        _ generation: Int32,
        at position: Position,
        _ lease: ProjectionLease
    ) async throws {
        let version = Int32(projection.foldVersion)
        try await pool.withTransaction { connection in
            let rows = try await connection.query(
                """
                update projection
                set generation = \(generation), fold_version = \(version),
                    position = \(position.rawValue),
                    updated_at = clock_timestamp(), lease_holder = null, lease_until = null
                where ledger_id = \(id) and name = \(projection.name)
                and epoch = \(lease.epoch) and position = \(lease.position.rawValue)
                """
            )
            guard rows.affectedRows == 1 else {
                throw ProjectionError.leaseLost(projection: projection.name)
            }
            _ = try await connection.query(
                """
                update projection_generation
                set state = case when generation = \(generation) then 'active' else 'retired' end,
                    changed_at = clock_timestamp()
                where ledger_id = \(id) and name = \(projection.name)
                and (generation = \(generation) or state = 'active')
                """
            )
        }
    }

    /// Gives a generation up that was being built.
    func abandon(_ generation: Int32) async throws {
        try await pool.withTransaction { try await giveUp(generation, $0) }
        try await dropRetired()
    }

    /// Drops what was retired some minutes ago, when no query can be reading it any more, and what
    /// a rebuild that died left behind a day ago.
    func dropRetired() async throws {
        let rows = try await pool.query(
            """
            select generation from projection_generation
            where ledger_id = \(id) and name = \(projection.name)
            and (
                (state = 'retired' and changed_at < clock_timestamp() - interval '5 minutes')
                or (state = 'building' and changed_at < clock_timestamp() - interval '1 day')
            )
            """
        )
        for row in rows { try await drop(try row.get("generation", as: Int32.self)) }
    }

    private func drop(_ generation: Int32) async throws {
        try await pool.withTransaction { connection in
            try await lockGenerations(connection)
            let users = try await connection.query(
                """
                select from projection_generation
                where name = \(projection.name) and generation = \(generation)
                and ledger_id <> \(id) and state <> 'dropped'
                """
            )
            for table in projection.tables {
                // Other ledgers may still be answered from these tables.
                try await connection.execute(
                    script: users.isEmpty
                        ? "drop table if exists \(table.qualifiedName(generation))"
                        : "delete from \(table.qualifiedName(generation)) where ledger_id = \(id)"
                )
            }
            _ = try await connection.query(
                """
                update projection_generation set state = 'dropped', changed_at = clock_timestamp()
                where ledger_id = \(id) and name = \(projection.name)
                and generation = \(generation)
                """
            )
            _ = try await connection.query(
                """
                delete from projection_parked
                where ledger_id = \(id) and name = \(projection.name)
                and generation = \(generation)
                """
            )
        }
    }
}
