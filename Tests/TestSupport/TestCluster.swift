public import Glibc
import Synchronization

/// What keeps a test from getting its server.
public struct TestClusterError: Error, CustomStringConvertible {
    /// What is missing and what to install.
    public var description: String
}

/// A throwaway PostgreSQL cluster: a Unix socket in a short folder under /tmp, nothing synced.
///
/// `TestCluster.shared` is one per test process and is removed at its exit; what a killed process
/// left behind is removed by the next one. `withPrivateCluster` gives a test a server of its own that
/// it may kill.
public final class TestCluster: Sendable {
    /// The folder with data, socket and log.
    public let folder: String
    /// The port of the socket, and of TCP on 127.0.0.1 if the cluster listens there.
    public let port: Int
    /// The superuser of the cluster.
    public static let user = "postgres"

    private static let prefix = "/tmp/el-pg-"
    private static let databases = Atomic<Int>(0)
    private static let clusters = Atomic<Int>(0)

    private static let sharedResult: Result<TestCluster, TestClusterError> = {
        removeStaleClusters()
        do throws(TestClusterError) {
            let cluster = try TestCluster.start()
            sharedFolder.withLock { $0 = cluster.folder }
            // exit() runs this; a killed process leaves the cluster to the next one.
            atexit {
                if let folder = TestCluster.sharedFolder.withLock({ $0 }) {
                    TestCluster.destroy(folder)
                }
            }
            return .success(cluster)
        } catch {
            return .failure(error)
        }
    }()

    private static let sharedFolder = Mutex<String?>(nil)

    /// The process's cluster, started at first use.
    public static var shared: TestCluster {
        get throws { try sharedResult.get() }
    }

    private init(folder: String, port: Int) {
        self.folder = folder
        self.port = port
    }

    /// The URL of one of the cluster's databases.
    public func url(database: String = "postgres", user: String = TestCluster.user) -> String {
        "postgresql:///\(database)?host=\(folder)&port=\(port)&user=\(user)"
    }

    // MARK: Databases

    /// Creates a database, lends its URL, and drops it afterwards, sessions and all.
    ///
    /// With a `template` the database is a copy of that one, which nobody may be connected to.
    public static func withDatabase<Result>(
        template: String? = nil,
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        let cluster = try shared
        return try await cluster.withDatabase(template: template, body)
    }

    /// Creates a database of this cluster for as long as `body` runs.
    public func withDatabase<Result>(
        template: String? = nil,
        _ body: (String) async throws -> Result
    ) async throws -> Result {
        let number = Self.databases.wrappingAdd(1, ordering: .relaxed).newValue
        let name = "test_\(getpid())_\(number)"
        try await sql("create database \(name) template \(template ?? "template0")")
        do {
            let result = try await body(url(database: name))
            try await sql("drop database if exists \(name) with (force)")
            return result
        } catch {
            _ = try? await sql("drop database if exists \(name) with (force)")
            throw error
        }
    }

    /// Creates a database that stays, for use as a template; `prepare` fills it.
    public func createTemplate(
        _ name: String,
        _ prepare: (String) async throws -> Void
    ) async throws {
        try await sql("create database \(name) template template0")
        try await prepare(url(database: name))
    }

    /// Runs SQL with psql as the superuser, and returns what it printed, unaligned.
    @discardableResult
    public func sql(_ text: String, database: String = "postgres") async throws -> String {
        let result = await runningProgram([
            try Self.binary("psql"), "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", folder,
            "-p", "\(port)", "-U", Self.user, "-d", database, "-c", text,
        ])
        guard result.status == 0 else {
            throw TestClusterError(description: "psql: \(result.output)\nin: \(text)")
        }
        return result.output
    }

    // MARK: A server of one's own

    /// Starts a cluster for one test, with settings added to its configuration.
    ///
    /// `files` are written into the data folder, readable by the server alone (keys, certificates).
    public static func withPrivateCluster<Result>(
        settings: [String] = [],
        files: [String: String] = [:],
        port: Int = 5432,
        accessRules: String? = nil,
        _ body: (TestCluster) async throws -> Result
    ) async throws -> Result {
        let cluster = try start(
            settings: settings,
            files: files,
            port: port,
            accessRules: accessRules
        )
        defer { destroy(cluster.folder) }
        return try await body(cluster)
    }

    /// Runs a streaming replica of this cluster for as long as `body` runs.
    public func withReplica<Result>(
        _ body: (TestCluster) async throws -> Result
    ) async throws -> Result {
        let replica = try Self.folder()
        defer { Self.destroy(replica) }
        let copied = await runningProgram(
            try Self.asServerUser([
                Self.binary("pg_basebackup"), "-h", folder, "-p", "\(port)", "-U", Self.user, "-D",
                "\(replica)/data", "-R", "-X", "stream", "-c", "fast", "--no-sync",
            ])
        )
        guard copied.status == 0 else {
            throw TestClusterError(description: "pg_basebackup: \(copied.output)")
        }
        // The last line of a setting counts.
        Self.append(
            "unix_socket_directories = '\(replica)'\n",
            to: "\(replica)/data/postgresql.conf"
        )
        try Self.launch(folder: replica)
        return try await body(TestCluster(folder: replica, port: port))
    }

    /// The process of the postmaster.
    public var postmaster: pid_t? { Self.postmaster(of: folder) }

    /// Kills the postmaster and every backend at once, as a power cut does.
    public func killEverything() {
        guard let postmaster else { return }
        // Stopped first, so that it cannot start anything while its children are killed.
        kill(postmaster, SIGSTOP)
        for child in ListedProcess.all where child.parent == postmaster { kill(child.id, SIGKILL) }
        kill(postmaster, SIGKILL)
    }

    /// Starts the server again after `killEverything` or `stop`.
    public func restart() async throws {
        // Both name the killed process, which may still be there as a zombie.
        unlink("\(folder)/data/postmaster.pid")
        unlink("\(folder)/.s.PGSQL.\(port).lock")
        var started = await runningProgram(try Self.startCommand(folder))
        // On a busy machine the killed processes hold their shared memory for a moment longer.
        for _ in 0..<20 where started.status != 0 {
            started = await runningProgram(try Self.startCommand(folder))
        }
        try Self.check(started, folder)
    }

    /// Stops the server the way an administrator does in a hurry.
    public func stop() async throws {
        let result = await runningProgram(
            try Self.asServerUser([
                Self.binary("pg_ctl"), "-D", "\(folder)/data", "-m", "fast", "-w", "stop",
            ])
        )
        guard result.status == 0 else { throw TestClusterError(description: result.output) }
    }

    // MARK: Starting and removing

    private static func start(
        settings: [String] = [],
        files: [String: String] = [:],
        port: Int = 5432,
        accessRules: String? = nil
    ) throws(TestClusterError) -> TestCluster {
        let folder = try folder()
        do throws(TestClusterError) {
            let made = runProgram(
                try asServerUser([
                    binary("initdb"), "-D", "\(folder)/data", "-U", user, "--auth=trust",
                    "-E", "UTF8", "--locale=C.UTF-8", "--no-sync", "--no-instructions",
                ])
            )
            guard made.status == 0 else {
                throw TestClusterError(description: "initdb: \(made.output)")
            }
            let configuration =
                [
                    "listen_addresses = ''", "unix_socket_directories = '\(folder)'",
                    "port = \(port)", "fsync = off", "synchronous_commit = off",
                    "full_page_writes = off", "max_connections = 800", "shared_buffers = 128MB",
                    "max_wal_size = 1GB", "log_min_messages = warning", "autovacuum = on",
                ] + settings
            append(
                configuration.joined(separator: "\n") + "\n",
                to: "\(folder)/data/postgresql.conf"
            )
            for (name, content) in files {
                let path = "\(folder)/data/\(name)"
                append(content, to: path)
                chmod(path, 0o600)
                if getuid() == 0 { own(path) }
            }
            if let accessRules {
                let path = "\(folder)/data/pg_hba.conf"
                truncate(path, 0)
                append(accessRules + "\n", to: path)
            }
            try launch(folder: folder)
            return TestCluster(folder: folder, port: port)
        } catch {
            destroy(folder)
            throw error
        }
    }

    /// A new folder of the server's user.
    private static func folder() throws(TestClusterError) -> String {
        let number = clusters.wrappingAdd(1, ordering: .relaxed).newValue
        let folder = "\(prefix)\(getpid())-\(number)"
        guard mkdir(folder, 0o700) == 0 else {
            throw TestClusterError(description: "\(folder) cannot be made")
        }
        if getuid() == 0 { own(folder) }
        return folder
    }

    private static func launch(folder: String) throws(TestClusterError) {
        try check(runProgram(try startCommand(folder)), folder)
    }

    private static func startCommand(_ folder: String) throws(TestClusterError) -> [String] {
        asServerUser([
            try binary("pg_ctl"), "-D", "\(folder)/data", "-l", "\(folder)/log", "-w", "-t", "60",
            "start",
        ])
    }

    private static func check(
        _ started: ProgramResult,
        _ folder: String
    ) throws(TestClusterError) {
        guard started.status == 0 else {
            let log = runProgram(["tail", "-n", "20", "\(folder)/log"]).output
            throw TestClusterError(description: "pg_ctl start: \(started.output)\n\(log)")
        }
    }

    private static func append(_ text: String, to path: String) {
        let descriptor = open(path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        precondition(descriptor >= 0, "\(path) cannot be written")
        defer { close(descriptor) }
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { write(descriptor, $0.baseAddress, $0.count) }
            precondition(written > 0, "\(path) cannot be written")
            rest = rest.dropFirst(written)
        }
    }

    private static func own(_ path: String) {
        guard let account = getpwnam(serverUser) else { return }
        chown(path, account.pointee.pw_uid, account.pointee.pw_gid)
    }

    private static func destroy(_ folder: String) {
        if let postmaster = postmaster(of: folder) {
            let stop = try? asServerUser([
                binary("pg_ctl"), "-D", "\(folder)/data", "-m", "immediate", "-w", "stop",
            ])
            if let stop { _ = runProgram(stop) }
            if kill(postmaster, 0) == 0, self.postmaster(of: folder) == postmaster {
                kill(postmaster, SIGKILL)
            }
        }
        _ = runProgram(["rm", "-rf", folder])
    }

    /// The live postmaster of a folder, by its pid file.
    private static func postmaster(of folder: String) -> pid_t? {
        let content = runProgram(["head", "-n", "1", "\(folder)/data/postmaster.pid"])
        guard content.status == 0,
            let process = pid_t(content.output.split(whereSeparator: \.isNewline).first ?? ""),
            kill(process, 0) == 0
        else { return nil }
        // The number may have been given to another program since.
        let name = ListedProcess(process)?.name ?? ""
        return name.hasPrefix("postgres") ? process : nil
    }

    private static func removeStaleClusters() {
        let listing = runProgram(["ls", "/tmp"]).output
        for name in listing.split(whereSeparator: \.isNewline) where name.hasPrefix("el-pg-") {
            let owner = name.dropFirst("el-pg-".count).prefix { $0 != "-" }
            guard let process = pid_t(String(owner)), kill(process, 0) != 0, errno == ESRCH else {
                continue
            }
            destroy("/tmp/\(name)")
        }
    }

    // MARK: Programs

    private static var serverUser: String { getpwnam("postgres") == nil ? "nobody" : "postgres" }

    /// `postgres` refuses to run as root.
    private static func asServerUser(_ arguments: [String]) -> [String] {
        guard getuid() == 0 else { return arguments }
        return ["setpriv", "--reuid", serverUser, "--regid", primaryGroup, "--clear-groups", "--"]
            + arguments
    }

    private static var primaryGroup: String {
        getpwnam(serverUser).map { "\($0.pointee.pw_gid)" } ?? "0"
    }

    private static let binaryFolder: String? = {
        var folders: [String] = []
        let configured = runProgram(["pg_config", "--bindir"])
        if configured.status == 0 {
            folders += configured.output.split(whereSeparator: \.isNewline).map(String.init)
        }
        let installed = runProgram(["sh", "-c", "ls -d /usr/lib/postgresql/*/bin | sort -rV"])
        if installed.status == 0 {
            folders += installed.output.split(whereSeparator: \.isNewline).map(String.init)
        }
        return folders.first { access("\($0)/initdb", X_OK) == 0 }
    }()

    /// The path of one of PostgreSQL's programs.
    public static func binary(_ name: String) throws(TestClusterError) -> String {
        guard let binaryFolder else {
            throw TestClusterError(
                description: """
                    These tests need a PostgreSQL server (initdb, postgres) and found none through \
                    pg_config or in /usr/lib/postgresql/*/bin. Install one: \
                    apt-get install postgresql
                    """
            )
        }
        return "\(binaryFolder)/\(name)"
    }
}
