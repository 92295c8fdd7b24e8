internal import Glibc

/// A private PostgreSQL cluster for one machine.
///
/// The cluster lives in a data folder, listens on a Unix socket only, and is shared by every process
/// that names the same folder: the first starts it, later ones join it, the last one stops it.
/// That holds across containers of one machine: one whose `/tmp` has the server's socket joins it, and
/// one without is refused.
/// It survives `kill -9`, both of the processes that use it and of PostgreSQL itself; the next
/// ``withCluster(_:log:_:)`` recovers or joins what it finds.
///
/// ```swift
/// try await EmbeddedPostgres.withCluster { connection in
///     let configuration = try PostgresConfiguration(url: connection.uri)
/// }
/// ```
public enum EmbeddedPostgres {
    /// The oldest major version of PostgreSQL that is accepted.
    public static let oldestVersion = 15

    /// Where the cluster lies and how it is run.
    public struct Options: Sendable {
        /// The data folder, absolute or relative to the working directory; created if missing.
        public var dataDirectory: String

        /// Whether a commit waits for the disk: off only for clusters that tests throw away.
        public var flushesToDisk = true

        /// Further server settings, as in `postgresql.conf`; they win over those chosen here.
        public var settings: [(name: String, value: String)] = []

        /// How long a start, a crash recovery or another process's start may take.
        public var startTimeout: Duration = .seconds(300)

        /// How long the last user waits for the server's final checkpoint before it stops it without.
        public var stopTimeout: Duration = .seconds(30)

        /// Finds the PostgreSQL programs.
        public var locator: InstallationLocator = .system

        /// Where root's clusters lie when the user who runs them cannot reach the data folder.
        public var systemFolder = "/var/lib/episode-ledger"

        /// Options for one data folder.
        public init(dataDirectory: String = ".episode-ledger") {
            self.dataDirectory = dataDirectory
        }
    }

    /// Starts or joins the cluster, lends it to `body`, and stops it if nobody else uses it.
    ///
    /// Joining costs some 20 ms, starting some 200 ms, and the very first start two seconds.
    ///
    /// Cancelling the task interrupts a start that is under way and reaches `body` as usual; the
    /// cluster is stopped all the same. That the cluster could not be stopped is logged, not thrown:
    /// what was committed is safe, and the next start copes with whatever it finds.
    ///
    /// - Parameters:
    ///   - options: Where the cluster lies and how it is run.
    ///   - log: Takes lines for people: what is created, recovered, waited for.
    ///   - body: Works with the database while the cluster is guaranteed to be kept running.
    /// - Returns: What `body` returns.
    /// - Throws: ``EmbeddedPostgresError`` when there is no cluster to lend, or what `body` throws.
    public static func withCluster<Result>(
        _ options: Options = Options(),
        log: @escaping @Sendable (String) -> Void = { _ in },
        _ body: (ConnectionString) async throws -> Result
    ) async throws -> Result {
        let cluster = try await Cluster(options: options, log: log)
        let membership = try await cluster.enter()
        let result: Result
        do {
            result = try await body(membership.connection)
        } catch {
            await cluster.leave(membership)
            throw error
        }
        await cluster.leave(membership)
        return result
    }
}
