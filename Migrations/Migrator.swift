public import Postgres

/// Brings a database to the schema that this program knows.
///
/// Each migration runs in its own transaction, which first takes one lock and then looks at what
/// has been applied: any number of processes may start at once, and each migration runs once.
public struct Migrator: Sendable {
    private let pool: PostgresPool
    private let migrations: [Migration]

    /// How long one migration, and waiting for other migrators, may take.
    private static let limit: Duration = .seconds(3_600)

    /// Makes a migrator.
    ///
    /// - Parameters:
    ///   - pool: connections as the owner of the database, who may create roles or is a member of
    ///     the four roles of the ledger.
    ///   - migrations: those of this program, unless a test brings its own.
    public init(_ pool: PostgresPool, migrations: [Migration] = Migration.all) {
        self.pool = pool
        self.migrations = migrations
    }

    /// What a database has of this program's migrations.
    public enum Status: Sendable, Equatable {
        /// No migration was ever applied here.
        case empty
        /// Some are missing: `applied` is the newest number it has.
        case older(applied: Int)
        /// It is what this program needs.
        case current
    }

    /// Compares the database with this program, and changes nothing.
    ///
    /// - Throws: ``MigrationError/edited(number:name:)`` and ``MigrationError/newer(applied:known:)``.
    public func status() async throws -> Status {
        let present = try await pool.query(
            "select to_regclass('public.schema_migration') is not null as present"
        )
        guard try present.first?.get("present", as: Bool.self) == true else { return .empty }
        let rows = try await pool.query(
            "select number, checksum from public.schema_migration order by number"
        )
        return try compare(applied: rows)
    }

    /// Applies what is missing.
    ///
    /// - Parameter onApplied: called after each migration has been committed by this process.
    /// - Throws: ``MigrationError``; what was committed before stays.
    public func migrate(onApplied: (Migration) -> Void = { _ in }) async throws {
        while let applied = try await applyNext() { onApplied(applied) }
    }

    /// One transaction: lock, look, apply the first that is missing.
    private func applyNext() async throws -> Migration? {
        let end = ContinuousClock.now + Self.limit
        return try await pool.withTransaction(deadline: end) { connection in
            // A large table takes its time, and so do other migrators that are waited for.
            let timeouts = """
                set local lock_timeout = '\(Self.limit.components.seconds)s';
                set local statement_timeout = '\(Self.limit.components.seconds)s'
                """
            try await connection.execute(script: timeouts)
            // Of the transaction, not of the session: poolers may stand in between.
            _ = try await connection.query(
                "select pg_advisory_xact_lock(hashtextextended('episode-ledger migrations', 0))",
                deadline: end
            )
            try await makeRegister(connection)
            let rows = try await connection.query(
                "select number, checksum from public.schema_migration order by number"
            )
            _ = try compare(applied: rows)
            guard rows.count < migrations.count else { return nil }
            let next = migrations[rows.count]
            do {
                try await connection.execute(script: next.sql, deadline: end)
            } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
                throw MigrationError.notPermitted(number: next.number, name: next.name)
            }
            try await connection.execute(script: "reset role")
            _ = try await connection.query(
                """
                insert into public.schema_migration (number, name, checksum)
                values (\(next.number)::integer, \(next.name), \(next.checksum))
                """
            )
            return next
        }
    }

    /// Makes the table of what has been applied, where it is not there: to look takes no privilege.
    private func makeRegister(_ connection: PostgresConnection) async throws {
        let present = try await connection.query(
            "select to_regclass('public.schema_migration') is not null as present"
        )
        if try present.first?.get("present", as: Bool.self) == true { return }
        do {
            try await connection.execute(
                script: """
                    create table public.schema_migration (
                        number integer primary key,
                        name text not null,
                        checksum text not null,
                        applied_at timestamptz not null default clock_timestamp()
                    )
                    """
            )
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            throw MigrationError.notPermitted(number: 1, name: migrations.first?.name ?? "")
        }
    }

    private func compare(applied: PostgresRows) throws -> Status {
        for (index, row) in applied.enumerated() {
            let number = Int(try row.get("number", as: Int32.self))
            guard index < migrations.count else {
                let newest = try applied.last.map { Int(try $0.get("number", as: Int32.self)) }
                throw MigrationError.newer(applied: newest ?? number, known: migrations.count)
            }
            let known = migrations[index]
            guard known.number == number,
                known.checksum == (try row.get("checksum", as: String.self))
            else {
                throw MigrationError.edited(number: known.number, name: known.name)
            }
        }
        if applied.isEmpty { return .empty }
        return applied.count < migrations.count ? .older(applied: applied.count) : .current
    }
}

/// Why a database cannot be used with this program.
public enum MigrationError: Error, Equatable, CustomStringConvertible {
    /// A migration that has landed differs from the one in this program.
    case edited(number: Int, name: String)
    /// The database has migrations that this program does not know.
    case newer(applied: Int, known: Int)
    /// The database's user may not do what a migration does.
    case notPermitted(number: Int, name: String)

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .edited(let number, let name):
            """
            migration \(number) (\(name)) was applied with another text than this program has: \
            a landed migration is never edited; use the program that this database was migrated with
            """
        case .newer(let applied, let known):
            """
            the database's schema is at version \(applied), this program knows up to \(known): \
            use a program of schema version \(applied) or later
            """
        case .notPermitted(let number, let name):
            """
            migration \(number) (\(name)) is not permitted to this user: connect as the owner of \
            the database with CREATEROLE, or have an administrator create the roles ledger_owner, \
            ledger_writer, ledger_projector and ledger_reader (NOLOGIN) and grant them to this user
            """
        }
    }
}
