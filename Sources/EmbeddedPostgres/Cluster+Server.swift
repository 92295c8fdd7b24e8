internal import Glibc

extension Cluster {
    /// Waits for the server, which is started if need be, to accept connections.
    func run(
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
        let grace = ContinuousClock.now + .seconds(2)
        var orphans = Postmaster.processes(of: location.cluster)
        while !orphans.isEmpty {
            // They leave when they notice; those that compute notice late. Killing them loses
            // nothing: what was not committed is undone by the recovery.
            if ContinuousClock.now > grace { for orphan in orphans { kill(orphan, SIGKILL) } }
            guard ContinuousClock.now < deadline else {
                throw timedOut("processes of a killed server to end: \(orphans)")
            }
            try await Task.sleep(for: .milliseconds(20))
            orphans = Postmaster.processes(of: location.cluster)
        }
        if Postmaster.exists(postmaster.processID) {
            unlink(Postmaster.fileName(in: location.cluster))
        }
    }

    func stop(with installation: Installation) async throws {
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
}
