import CareEpisode
public import Ledger
import Migrations
public import Postgres

/// Databases with the schema of this program, each a copy of one that is migrated once.
public enum LedgerFixture {
    private static let template = Task {
        let name = "ledger_template"
        try await TestCluster.shared.createTemplate(name) { url in
            let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
            try await Migrator(pool).migrate()
            await pool.close()
        }
        return name
    }

    /// Lends the configuration of a migrated database of one's own, as the superuser.
    public static func withConfiguration<Result>(
        _ body: (PostgresConfiguration) async throws -> Result
    ) async throws -> Result {
        let template = try await template.value
        return try await TestCluster.withDatabase(template: template) { url in
            try await body(PostgresConfiguration(url: url))
        }
    }

    /// Lends a migrated database of one's own, and closes it.
    public static func withDatabase<Result>(
        configure: (inout PostgresConfiguration) -> Void = { _ in },
        _ body: (LedgerDatabase) async throws -> Result
    ) async throws -> Result {
        try await withConfiguration { configuration in
            var configuration = configuration
            configure(&configuration)
            return try await withDatabase(configuration, body)
        }
    }

    /// Lends connections to a database that is there already, as another process would have.
    public static func withDatabase<Result>(
        _ configuration: PostgresConfiguration,
        _ body: (LedgerDatabase) async throws -> Result
    ) async throws -> Result {
        let database = LedgerDatabase(configuration)
        do {
            let result = try await body(database)
            await database.close()
            return result
        } catch {
            await database.close()
            throw error
        }
    }

    /// Lends a migrated database of a cluster of one's own.
    public static func withDatabase<Result>(
        on cluster: TestCluster,
        _ body: (LedgerDatabase) async throws -> Result
    ) async throws -> Result {
        try await cluster.withDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let pool = PostgresPool(configuration, limit: 1)
            try await Migrator(pool).migrate()
            await pool.close()
            return try await withDatabase(configuration, body)
        }
    }

    /// Lends a sequencer that writes the default ledger of a database of its own.
    public static func withSequencer<Result: Sendable>(
        _ body: @Sendable (LedgerDatabase, Sequencer) async throws -> Result
    ) async throws -> Result {
        try await withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            return try await Sequencer.with(database, ledger: ledger) { sequencer in
                try await body(database, sequencer)
            }
        }
    }
}
