#if canImport(Darwin)
    internal import Darwin
#else
    internal import Glibc
#endif

/// One process's use of a cluster; ends when it is dropped, or the process dies.
struct Membership: Sendable {
    let connection: ConnectionString
    let installation: Installation
    /// Held in shared mode by every user of the cluster.
    let users: FileLock
}

/// A cluster that several processes share.
///
/// Two locks, which die with the process that holds them, so that nothing is ever stale:
/// `start.lock` is held while the cluster is made, started or stopped; `users.lock` is held in
/// shared mode by each user. Who can take the latter alone, under the former, is the last user.
struct Cluster: Sendable {
    static let userName = "episode_ledger"
    static let databaseName = "episode_ledger"

    let location: ClusterLocation
    let options: EmbeddedPostgres.Options
    let log: @Sendable (String) -> Void

    init(
        options: EmbeddedPostgres.Options,
        log: @escaping @Sendable (String) -> Void
    ) async throws {
        self.options = options
        self.log = log
        location = try await ClusterLocation(
            dataDirectory: options.dataDirectory,
            systemFolder: options.systemFolder,
            log: log
        )
    }

    // MARK: Entering and leaving

    /// Makes the cluster if there is none, starts it if it does not run, and becomes a user of it.
    func enter() async throws -> Membership {
        let deadline = ContinuousClock.now + options.startTimeout
        let starting = try lock("start.lock")
        let isMine = try await starting.acquire(.exclusive, before: deadline) {
            log(
                "waiting for another process that starts or stops the cluster in \(location.folder)"
            )
        }
        guard isMine else {
            throw timedOut("another process to start or stop the cluster in \(location.folder)")
        }
        defer { starting.release() }
        let users = try lock("users.lock")
        // Only held alone by who holds start.lock, but a dying process may still cling to it.
        guard try await users.acquire(.shared, before: deadline) else {
            throw timedOut("another process to let go of \(location.folder)/users.lock")
        }
        let installation = try await options.locator.installation(
            for: dataVersion(),
            in: location.cluster
        )
        do {
            if FileStatus(location.cluster) == nil || dataVersion() == nil {
                try await create(with: installation)
            }
            let connection = try await run(with: installation, users, before: deadline)
            return Membership(
                connection: connection,
                installation: installation,
                users: users
            )
        } catch {
            await stopUnlessUsed(users, with: installation)
            throw error
        }
    }

    /// Stops being a user, and stops the server if that was the last one.
    func leave(_ membership: Membership) async {
        // An unstructured task, because it does not inherit cancellation: after Ctrl-C the server is
        // stopped like at any other end.
        await Task { await leaveUncancelled(membership) }.value
    }

    private func leaveUncancelled(_ membership: Membership) async {
        do {
            let starting = try lock("start.lock")
            let deadline = ContinuousClock.now + options.stopTimeout
            guard try await starting.acquire(.exclusive, before: deadline) else {
                // Whoever holds it for so long becomes a user, and stops the server in the end.
                log("another process is starting or stopping the cluster: left it running")
                return
            }
            // In this order: the next one to hold start.lock must be able to become a user.
            defer {
                membership.users.release()
                starting.release()
            }
            guard membership.users.attempt(.exclusive) else { return }
            try await stop(with: membership.installation)
        } catch {
            log("the cluster could not be stopped: \(error)")
        }
    }

    /// Ends what a failed start may have begun.
    private func stopUnlessUsed(_ users: FileLock, with installation: Installation) async {
        defer { users.release() }
        guard users.attempt(.exclusive) else { return }
        await Task {
            do { try await stop(with: installation) } catch {
                log("the cluster could not be stopped: \(error)")
            }
        }.value
    }

    private func lock(_ name: String) throws -> FileLock {
        try FileLock(path: "\(location.folder)/\(name)", owner: location.owner)
    }

    // MARK: Making

    /// The major version of PostgreSQL that made the cluster; nil if there is none.
    private func dataVersion() -> Int? {
        readSmallFile("\(location.cluster)/PG_VERSION")
            .flatMap { Int($0.prefix(while: \.isNumber)) }
    }

    /// Makes a cluster with its database, beside its place, and moves it there when it is complete.
    private func create(with installation: Installation) async throws {
        guard FileStatus(location.cluster) == nil else {
            throw EmbeddedPostgresError(
                code: .dataFolderUnusable,
                message:
                    "\(location.cluster) exists, but is not a cluster. Remove it or choose another folder."
            )
        }
        log("creating a PostgreSQL \(installation.majorVersion) cluster in \(location.cluster)")
        await removeUnfinished()
        let random = String(UInt64.random(in: .min ... .max), radix: 36)
        let unfinished = "\(location.folder)/\(location.unfinishedClusterPrefix)\(random)"
        guard mkdir(unfinished, 0o700) == 0 else {
            throw EmbeddedPostgresError.unusable("\(unfinished) cannot be made", errno)
        }
        do {
            try giveFolder(unfinished, to: location.user)
            try await fill(unfinished, with: installation)
        } catch {
            await Task { await removeUnfinished() }.value
            throw error
        }
        guard rename(unfinished, location.cluster) == 0 else {
            throw EmbeddedPostgresError.unusable("\(location.cluster) cannot be made", errno)
        }
        flushFolder(location.folder)
    }

    private func fill(_ folder: String, with installation: Installation) async throws {
        func step(_ program: String, _ arguments: [String], input: String = "") async throws {
            var command = Command(program, arguments)
            command.user = location.commandUser
            command.folder = folder
            command.input = input
            command.timeout = options.startTimeout
            let result = try await bounded(command)
            guard result.succeeded else {
                let reason = result.output.split(separator: "\n").suffix(3).joined(separator: " ")
                throw EmbeddedPostgresError(
                    code: .creationFailed,
                    message: "\(splitPath(program).name) failed in \(location.folder): \(reason)"
                )
            }
        }
        // "trust": who can open the socket may connect. Its folder and the socket itself are open to
        // the cluster's user and root only, both of whom could read the data files anyway, and there
        // is no other way in.
        try await step(
            installation.program("initdb"),
            [
                "-D", ".", "--username=\(Self.userName)", "--auth=trust", "--encoding=UTF8",
                "--locale=\(locale)", "--data-checksums", "--no-instructions", "--no-sync",
            ]
        )
        try await step(
            "/bin/sh",
            ["-c", "cat >> postgresql.conf"],
            input: "\n# EpisodeLedger\n" + ServerSettings.file(ServerSettings.initial)
        )
        try await step(
            installation.program("postgres"),
            ["--single", "-D", ".", "-c", "exit_on_error=on", "postgres"],
            input: "create database \(Self.databaseName);\n"
        )
        if options.flushesToDisk {
            try await step(installation.program("initdb"), ["-D", ".", "--sync-only"])
        }
    }

    /// Text compares by code point: the same order on every machine and version.
    private var locale: String {
        #if os(Linux)
            "C.UTF-8"
        #else
            "C"
        #endif
    }

    /// Removes what processes that were killed while they made a cluster have left.
    private func removeUnfinished() async {
        let names = namesInFolder(location.folder)
            .filter { $0.hasPrefix(location.unfinishedClusterPrefix) }
        guard !names.isEmpty else { return }
        // If an orphan still writes there, some may stay, for the next time.
        let paths = names.map { "\(location.folder)/\($0)" }
        _ = try? await Command("/bin/rm", ["-rf", "--"] + paths).run()
    }

    // MARK: Running

    /// Waits for the server, which is started if need be, to accept connections.
    private func run(
        with installation: Installation,
        _ users: FileLock,
        before deadline: ContinuousClock.Instant
    ) async throws -> ConnectionString {
        var silentSince: ContinuousClock.Instant?
        while true {
            switch Postmaster.state(of: location.cluster) {
            case .stopped:
                try await start(with: installation, before: deadline)
            case .died(let postmaster):
                log("PostgreSQL was not stopped in order: it recovers now")
                try await clear(after: postmaster, before: deadline)
                try await start(with: installation, before: deadline)
            case .running(let postmaster):
                if let connection = postmaster.connection, postmaster.status == "ready",
                    try await isReady(connection, installation)
                {
                    return connection
                }
                // A start may take as long as a recovery takes, up to the deadline.
                if postmaster.status == "ready" || postmaster.status == "stopping" {
                    let since = silentSince ?? .now
                    silentSince = since
                    let stopping = postmaster.status == "stopping"
                    if ContinuousClock.now - since > (stopping ? options.stopTimeout : .seconds(5))
                    {
                        try await stopSilent(postmaster, users, with: installation)
                        silentSince = nil
                    }
                }
            }
            guard ContinuousClock.now < deadline else {
                throw timedOut("PostgreSQL in \(location.cluster) to start")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private func isReady(
        _ connection: ConnectionString,
        _ installation: Installation
    ) async throws -> Bool {
        let command = Command(
            installation.program("pg_isready"),
            [
                "-h", connection.socketFolder, "-p", "\(connection.port)", "-t", "5",
                "-U", connection.user, "-d", connection.database,
            ]
        )
        return try await bounded(command).succeeded
    }

    /// Stops a server that runs but serves nobody: its socket was removed, or its end got stuck.
    private func stopSilent(
        _ postmaster: Postmaster,
        _ users: FileLock,
        with installation: Installation
    ) async throws {
        // Who is stopping has no users any more, whatever the lock says.
        guard postmaster.status == "stopping" || users.attempt(.exclusive) else {
            throw EmbeddedPostgresError(
                code: .startFailed,
                message: """
                    PostgreSQL (process \(postmaster.processID)) runs in \(location.cluster), but does \
                    not answer in \(postmaster.socketFolder ?? "its socket folder"), and other \
                    processes use it. Stop them, and it is restarted.
                    """
            )
        }
        log("PostgreSQL (process \(postmaster.processID)) does not answer: restarting it")
        try await stop(with: installation)
        guard users.attempt(.shared) else { throw timedOut("users.lock") }
    }

    private func start(
        with installation: Installation,
        before deadline: ContinuousClock.Instant
    ) async throws {
        let socket = SocketFolder(for: location)
        try socket.prepare()
        let serverLog = ServerLog(cluster: location.cluster)
        serverLog.rotate()
        let logged = serverLog.size
        let settings = ServerSettings.enforced(options, socketFolder: socket.path)
        let seconds = max(1, (deadline - ContinuousClock.now).components.seconds)
        // Relative paths, as pg_ctl hands them to a shell. It puts the server in a session of its
        // own, with its output going to the log: nothing of ours stays open in it.
        let result = try await bounded(
            control(
                installation,
                [
                    "start", "-w", "-t", "\(seconds)", "-l", ServerLog.name,
                    "-o", ServerSettings.commandLine(settings),
                ],
                timeout: .seconds(seconds + 10)
            )
        )
        guard !result.succeeded else { return }
        guard ContinuousClock.now < deadline else {
            throw timedOut("PostgreSQL in \(location.cluster) to start")
        }
        let reason =
            serverLog.failure(since: logged)
            ?? result.output.split(separator: "\n").suffix(2).joined(separator: " ")
        throw EmbeddedPostgresError(
            code: .startFailed,
            message: """
                PostgreSQL did not start in \(location.cluster): \(reason) (more in \(ServerLog.name) \
                there)
                """
        )
    }

    /// Clears away what hinders a start after the server was killed.
    ///
    /// PostgreSQL refuses to start while processes of the killed server are still at work, and while
    /// the number in its file is that of any process of its user, such as one that got it since.
    private func clear(
        after postmaster: Postmaster,
        before deadline: ContinuousClock.Instant
    ) async throws {
        let patience = ContinuousClock.now + .seconds(2)
        var orphans = Postmaster.processes(of: location.cluster)
        while !orphans.isEmpty {
            // They leave when they notice; those that compute notice late. Killing them loses
            // nothing: what was not committed is undone by the recovery.
            if ContinuousClock.now > patience { for orphan in orphans { kill(orphan, SIGKILL) } }
            guard ContinuousClock.now < deadline else {
                throw timedOut("processes of a killed server to end: \(orphans)")
            }
            try await Task.sleep(for: .milliseconds(20))
            orphans = Postmaster.processes(of: location.cluster)
        }
        #if os(Linux)
            if Postmaster.exists(postmaster.processID) {
                unlink(Postmaster.fileName(in: location.cluster))
            }
        #endif
    }

    private func stop(with installation: Installation) async throws {
        guard case .running(let postmaster) = Postmaster.state(of: location.cluster) else { return }
        let seconds = max(1, options.stopTimeout.components.seconds)
        // A fast stop can hang (PostgreSQL 15, when it comes while the server recovers from the
        // death of a backend), or take long for its checkpoint. An immediate stop loses nothing
        // either: the next start reads the log instead.
        let modes = postmaster.status == "stopping" ? ["immediate"] : ["fast", "immediate"]
        for mode in modes {
            let result = try await bounded(
                control(
                    installation,
                    ["stop", "-m", mode, "-w", "-t", "\(seconds)"],
                    timeout: .seconds(seconds + 10)
                )
            )
            if result.succeeded {
                SocketFolder(for: location).remove()
                return
            }
        }
        throw timedOut("PostgreSQL in \(location.cluster) to stop")
    }

    private func control(
        _ installation: Installation,
        _ arguments: [String],
        timeout: Duration
    ) -> Command {
        var command = Command(installation.program("pg_ctl"), arguments + ["-D", "."])
        command.user = location.commandUser
        command.folder = location.cluster
        command.timeout = timeout
        return command
    }

    /// Runs a command that is known to exist, with its failures in words.
    private func bounded(_ command: Command) async throws -> Command.Result {
        do {
            return try await command.run()
        } catch is Command.TimedOut {
            throw timedOut("\(splitPath(command.program).name) in \(command.folder)")
        } catch let error as CancellationError {
            throw error
        } catch {
            throw EmbeddedPostgresError(
                code: .startFailed,
                message: "\(command.program) could not be run in \(command.folder): \(error)"
            )
        }
    }

    private func timedOut(_ what: String) -> EmbeddedPostgresError {
        EmbeddedPostgresError(code: .timedOut, message: "Waited too long for \(what).")
    }
}
