import ArgumentParser
import CareEpisode
import EmbeddedPostgres
import Foundation
import Ledger
import Migrations
import Postgres
import UnixSignals

/// A cluster of its own for one run: settings as the program's default, every commit on disk, an
/// empty ledger in it.
struct Bench: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription
    /// How other programs reach the cluster.
    let connection: ConnectionString
    /// Removed with everything in it when the run is over.
    let folder: String
    let machine: Machine

    struct Options: ParsableArguments {
        @Option(
            help: """
                The folder to make the cluster's folder in: the disk that is measured. As root, one \
                that other users can reach.
                """,
            completion: .directory
        )
        var folder = FileManager.default.temporaryDirectory.path
    }

    /// Makes the cluster, lends it, and removes it, also after Ctrl-C.
    static func run(
        _ options: Options,
        _ body: @escaping @Sendable (Bench) async throws -> Void
    ) async throws {
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await open(options, body)
                return true
            }
            group.addTask {
                for await _ in signals { return false }
                return true
            }
            let isDone = try await group.next() ?? false
            group.cancelAll()
            guard isDone else {
                // The cluster is stopped and removed before the process ends.
                while (try? await group.next()) != nil {}
                throw ExitCode(130)
            }
        }
    }

    private static func open(
        _ options: Options,
        _ body: @Sendable (Bench) async throws -> Void
    ) async throws {
        let folder = "\(options.folder)/episode-ledger-benchmark-\(getpid())"
        defer { try? FileManager.default.removeItem(atPath: folder) }
        var embedded = EmbeddedPostgres.Options(dataDirectory: folder)
        // Whatever is made lies in the folder: nothing is left behind.
        embedded.systemFolder = folder
        try await EmbeddedPostgres.withCluster(embedded, log: { note($0) }) { connection in
            let configuration = try PostgresConfiguration(url: connection.uri)
            let database = LedgerDatabase(configuration)
            do {
                let bench = try await prepare(database, connection, folder: folder)
                bench.machine.say()
                try await body(bench)
            } catch {
                await database.close()
                throw error
            }
            await database.close()
        }
    }

    private static func prepare(
        _ database: LedgerDatabase,
        _ connection: ConnectionString,
        folder: String
    ) async throws -> Bench {
        try await asSuperuser(database.configuration) { pool in
            try await Migrator(pool).migrate()
        }
        let version = try await database.reader.query("show server_version")
        return Bench(
            database: database,
            ledger: try await database.ledger(named: .default),
            connection: connection,
            folder: folder,
            machine: Machine(
                postgres: try version.first?.get("server_version") ?? "",
                flush: try Machine.measuredFlush(in: folder)
            )
        )
    }

    /// Runs one statement, which may be one that no transaction allows, as the superuser.
    func execute(_ statement: String) async throws {
        try await Self.asSuperuser(database.configuration) { pool in
            try await pool.withConnection { try await $0.execute(script: statement) }
        }
    }

    private static func asSuperuser(
        _ configuration: PostgresConfiguration,
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        let pool = PostgresPool(configuration, limit: 1)
        do {
            try await body(pool)
        } catch {
            await pool.close()
            throw error
        }
        await pool.close()
    }
}

/// Prints a line of the results, at once also where standard output is a file.
func say(_ line: String) {
    FileHandle.standardOutput.write(Data("\(line)\n".utf8))
}

/// Tells people on standard error what is going on.
func note(_ line: String) {
    FileHandle.standardError.write(Data("\(line)\n".utf8))
}
