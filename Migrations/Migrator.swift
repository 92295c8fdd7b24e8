public import Postgres

/// Brings a database to the schema that this program knows: its migrations, and its functions and
/// views at the revisions that it has of them.
///
/// Each migration runs in its own transaction, which first takes one lock and then looks at what
/// has been applied: any number of processes may start at once, and each migration runs once. Functions
/// and views are put in place in the transaction of the last migration, or in one of their own where
/// no migration is missing.
public struct Migrator: Sendable {
    let pool: PostgresPool
    private let migrations: [Migration]
    private let objects: [SchemaObject]

    /// How long one migration, and waiting for other migrators, may take.
    static let limit: Duration = .seconds(3_600)
    /// How long a migration waits for a lock, and then lets those through who have come behind it.
    private static let lockLimit: Duration = .seconds(1)
    private static let pause: Duration = .seconds(2)

    /// Makes a migrator.
    ///
    /// - Parameters:
    ///   - pool: connections as the owner of the database, who may create roles or is a member of
    ///     the five roles of the ledger.
    ///   - migrations: those of this program, unless a test brings its own.
    ///   - objects: likewise the functions and views, which need all of the migrations.
    public init(
        _ pool: PostgresPool,
        migrations: [Migration] = Migration.all,
        objects: [SchemaObject] = SchemaObject.all
    ) {
        self.pool = pool
        self.migrations = migrations
        self.objects = objects
    }

    /// What a database has of this program's schema.
    public enum Status: Sendable, Equatable {
        /// No migration was ever applied here.
        case empty
        /// Something is missing: `applied` is the newest migration it has, `outdated` names the functions
        /// and views that are not in place, or of a lower revision.
        case older(applied: Int, outdated: [String])
        /// It is what this program needs.
        case current
    }

    /// What was applied by this process.
    public enum Applied: Sendable {
        /// A migration.
        case migration(Migration)
        /// A function or a view, put in place.
        case object(SchemaObject)
    }

    /// Compares the database with this program, and changes nothing.
    ///
    /// - Throws: ``MigrationError`` where something is edited or newer, or where the database is empty
    ///   and not in UTF8.
    public func status() async throws -> Status {
        let schema = try await AppliedSchema { try await pool.query($0) }
        try schema.check(migrations, objects)
        guard let applied = schema.migrations.last?.number else { return .empty }
        let missing = schema.missing(of: migrations, objects)
        if missing.migration == nil, missing.objects.isEmpty { return .current }
        return .older(applied: applied, outdated: missing.objects.map(\.name))
    }

    /// What is wrong with the encoding of a database that has a schema already; nil where nothing is.
    ///
    /// - Returns: a line for who starts a command.
    public func encodingWarning() async throws -> String? {
        let rows = try await pool.query("select current_setting('server_encoding') as encoding")
        guard let name = try rows.first?.get("encoding", as: String.self),
            name != AppliedSchema.encoding
        else { return nil }
        return """
            the database's encoding is \(name), not UTF8: episodes with characters that it lacks are \
            parked; move to a database in UTF8 (docs/operate.md, "Another encoding")
            """
    }

    /// What a process that runs already lacks in the database; nil where it lacks nothing.
    ///
    /// Of a newer schema it goes on: it is what an upgrade looks like from here.
    ///
    /// - Parameter deadline: until when to ask.
    public func shortfall(deadline: ContinuousClock.Instant) async throws -> String? {
        let schema = try await AppliedSchema { try await pool.query($0, deadline: deadline) }
        let missing = schema.missing(of: migrations, objects)
        if missing.migration != nil {
            let applied = schema.migrations.last?.number ?? 0
            return "is at \(applied), needed is \(migrations.count)"
        }
        return missing.objects.first.map { "needed is revision \($0.revision) of \($0.name)" }
    }

    /// Applies what is missing; in a database that was empty, each role is given what it needs and no more
    /// (see ``finish()``).
    ///
    /// Where somebody has a table for long, as a dump does, everybody who comes later waits behind a
    /// migration that waits for it. So that is given up after a second, and tried again.
    ///
    /// - Parameter onApplied: called for what has been committed by this process.
    /// - Throws: ``MigrationError``; what was committed before stays.
    public func migrate(onApplied: (Applied) -> Void = { _ in }) async throws {
        var end = ContinuousClock.now + Self.limit
        var isNew = false
        while true {
            do {
                let (applied, wasEmpty) = try await applyNext(by: end)
                isNew = isNew || wasEmpty
                applied.forEach(onApplied)
                if applied.isEmpty {
                    // No older program has ever been at work here.
                    if isNew, hasFunctions {
                        let end = ContinuousClock.now + Self.limit
                        try await pool.withTransaction(deadline: end) {
                            try await narrow($0, by: end)
                        }
                    }
                    return
                }
                end = .now + Self.limit
            } catch let error as PostgresError
                where error.sqlState == .lockNotAvailable && .now < end
            {
                try await Task.sleep(for: Self.pause)
            }
        }
    }

    /// One transaction: lock, look, apply the first migration that is missing; with the last one, or
    /// after it, what is missing of the functions and views.
    ///
    /// - Returns: what was applied, and whether there was nothing at all before.
    private func applyNext(
        by end: ContinuousClock.Instant
    ) async throws -> (applied: [Applied], wasEmpty: Bool) {
        try await pool.withTransaction(deadline: end) { connection in
            try await lock(connection, by: end)
            try await connection.execute(
                script: "set local lock_timeout = '\(Self.lockLimit.components.seconds)s'"
            )
            let schema = try await AppliedSchema { try await connection.query($0) }
            try schema.check(migrations, objects)
            if !schema.hasRegister { try await makeRegister(connection) }
            let missing = schema.missing(of: migrations, objects)
            var applied: [Applied] = []
            if let migration = missing.migration {
                try await apply(migration, connection, deadline: end)
                applied.append(.migration(migration))
            }
            // Between a migration and the functions that it needs nobody calls the old ones.
            if missing.migration == nil || missing.migration?.number == migrations.last?.number {
                for object in missing.objects {
                    try await put(object, connection, deadline: end)
                    applied.append(.object(object))
                }
            }
            return (applied, !schema.hasRegister)
        }
    }

    /// Waits for other migrators.
    ///
    /// Of the transaction, not of the session: poolers may stand in between.
    func lock(_ connection: PostgresConnection, by end: ContinuousClock.Instant) async throws {
        // A large table takes its time, and so do other migrators that are waited for.
        let timeouts = """
            set local lock_timeout = '\(Self.limit.components.seconds)s';
            set local statement_timeout = '\(Self.limit.components.seconds)s'
            """
        try await connection.execute(script: timeouts)
        _ = try await connection.query(
            "select pg_advisory_xact_lock(hashtextextended('episode-ledger migrations', 0))",
            deadline: end
        )
    }

    /// Whether the functions by which this program writes are among the objects.
    private var hasFunctions: Bool { objects.contains { $0.name == "append_batch_2" } }

    private func apply(
        _ migration: Migration,
        _ connection: PostgresConnection,
        deadline: ContinuousClock.Instant
    ) async throws {
        let notPermitted = MigrationError.notPermitted(
            number: migration.number,
            name: migration.name
        )
        try await run(migration.sql, connection, deadline, notPermitted)
        _ = try await connection.query(
            """
            insert into public.schema_migration (number, name, checksum)
            values (\(migration.number)::integer, \(migration.name), \(migration.checksum))
            """
        )
    }

    private func put(
        _ object: SchemaObject,
        _ connection: PostgresConnection,
        deadline: ContinuousClock.Instant
    ) async throws {
        let notPermitted = MigrationError.objectNotPermitted(name: object.name)
        try await run(object.sql, connection, deadline, notPermitted)
        _ = try await connection.query(
            """
            insert into public.schema_object as o (name, revision, checksum)
            values (\(object.name), \(object.revision)::integer, \(object.checksum))
            on conflict (name) do update
            set revision = excluded.revision,
                checksum = excluded.checksum,
                applied_at = excluded.applied_at
            """
        )
    }

    /// Runs a file as the connection's own user, whatever role the one before has taken.
    private func run(
        _ sql: String,
        _ connection: PostgresConnection,
        _ deadline: ContinuousClock.Instant,
        _ notPermitted: MigrationError
    ) async throws {
        do {
            try await connection.execute(script: sql, deadline: deadline)
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            throw notPermitted
        }
        try await connection.execute(script: "reset role")
    }

    /// Makes the table of what has been applied.
    private func makeRegister(_ connection: PostgresConnection) async throws {
        let register = """
            create table public.schema_migration (
                number integer primary key,
                name text not null,
                checksum text not null,
                applied_at timestamptz not null default clock_timestamp()
            )
            """
        let first = MigrationError.notPermitted(number: 1, name: migrations.first?.name ?? "")
        try await run(register, connection, .now + Self.limit, first)
    }
}
