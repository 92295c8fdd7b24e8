import ArgumentParser
import CareEpisode
import EmbeddedPostgres
import Glibc
import Ledger
import Migrations
import Postgres

/// What a command works with: the database, opened and at the right schema.
struct Session: Sendable {
    let database: LedgerDatabase
    let format: OutputFormat
    /// Whether the database is this program's own private cluster.
    let isEmbedded: Bool
    /// Asked for by a signal.
    let shutdown: Shutdown
    /// The ledger's name as the options give it.
    let ledgerName: LedgerName

    /// The ledger that the options name.
    func ledger() async throws -> LedgerDescription {
        try await database.ledger(named: ledgerName)
    }

    /// The operating system's user.
    static var user: String {
        getpwuid(geteuid()).map { String(cString: $0.pointee.pw_name) } ?? String(geteuid())
    }

    /// `cli:` and the operating system's user.
    static var principal: String { "cli:\(user)" }

    /// Who holds a lease: program, host's process.
    static var holder: String { "\(principal) \(getpid())" }

    /// Opens the database, runs the body, closes everything, and ends the process with the status
    /// that fits what happened.
    ///
    /// - Parameters:
    ///   - options: where the database is.
    ///   - migrates: whether the body sees to the schema itself.
    ///   - isEndedBySignal: whether Ctrl-C is the normal way to end the command.
    static func run(
        _ options: LedgerOptions,
        migrates: Bool = false,
        isEndedBySignal: Bool = false,
        _ body: @escaping @Sendable (Session) async throws -> Void
    ) async throws {
        // Wrong usage is told before anything is opened.
        _ = try options.outputFormat
        let shutdown = Shutdown(isGraceful: isEndedBySignal)
        let status = await shutdown.listening {
            try await open(options, shutdown, migrates: migrates, body)
        }
        try end(status, isEndedBySignal: isEndedBySignal)
    }

    /// Runs a body that needs no database, and ends the process with the status that fits.
    static func runOffline(
        _ options: LedgerOptions,
        _ body: @escaping @Sendable (OutputFormat) async throws -> Void
    ) async throws {
        let format = try options.outputFormat
        let status = await Shutdown(isGraceful: false).listening { try await body(format) }
        try end(status, isEndedBySignal: false)
    }

    private static func end(_ status: Result<Void, any Error>, isEndedBySignal: Bool) throws {
        ProgressBar.clearLine()
        if let code = Console.reportOutputFailure() { throw ExitCode(code.rawValue) }
        switch status {
        case .success: return
        case .failure(let wrongUsage as ValidationError): throw wrongUsage
        case .failure(let failure):
            let code = Failure.report(failure, isEndedBySignal: isEndedBySignal)
            if code != .done { throw ExitCode(code.rawValue) }
        }
    }

    private static func open(
        _ options: LedgerOptions,
        _ shutdown: Shutdown,
        migrates: Bool,
        _ body: @Sendable (Session) async throws -> Void
    ) async throws {
        func connect(_ url: String, isEmbedded: Bool) async throws {
            var configuration = try PostgresConfiguration(url: url)
            configuration.applicationName = Migrator.sessionName
            if options.usesTransactionPooling { configuration.pooling = .transaction }
            let database = LedgerDatabase(configuration)
            do {
                if !migrates { try await prepare(configuration, isEmbedded: isEmbedded) }
                let session = Session(
                    database: database,
                    format: try options.outputFormat,
                    isEmbedded: isEmbedded,
                    shutdown: shutdown,
                    ledgerName: try options.ledgerName
                )
                try await body(session)
            } catch {
                await database.close()
                throw error
            }
            await database.close()
        }
        if let url = options.databaseURL { return try await connect(url, isEmbedded: false) }
        let embedded = EmbeddedPostgres.Options(dataDirectory: options.dataDirectory)
        try await EmbeddedPostgres.withCluster(embedded, log: { Console.note($0) }) { cluster in
            try await connect(cluster.uri, isEmbedded: true)
        }
    }

    /// Brings an embedded or an empty database to the current schema; refuses any other that is not.
    private static func prepare(
        _ configuration: PostgresConfiguration,
        isEmbedded: Bool
    ) async throws {
        try await withMigrator(configuration) { migrator in
            switch try await migrator.status() {
            case .current: break
            case .older(let applied, let outdated) where !isEmbedded:
                throw Failure.olderSchema(applied: applied, outdated: outdated)
            case .empty, .older: try await migrator.migrate()
            }
            try await warn(of: migrator)
        }
    }

    /// Says on standard error what is wrong with a database that works all the same.
    static func warn(of migrator: Migrator) async throws {
        guard let warning = try await migrator.encodingWarning() else { return }
        Console.note("warning: \(warning)")
    }

    /// Connects as the user itself, who owns the database.
    static func withMigrator<Result>(
        _ configuration: PostgresConfiguration,
        _ body: (Migrator) async throws -> Result
    ) async throws -> Result {
        let pool = PostgresPool(configuration, limit: 1)
        do {
            let result = try await body(Migrator(pool))
            await pool.close()
            return result
        } catch {
            await pool.close()
            throw error
        }
    }
}
