internal import Glibc

extension Cluster {
    /// Waits for the server, which is started if need be, to accept connections.
    func run(
        with installation: Installation,
        _ users: FileLock,
        before deadline: ContinuousClock.Instant
    ) async throws -> ConnectionString {
        var silentSince: ContinuousClock.Instant?
        var unsettledSince: ContinuousClock.Instant?
        while true {
            var silent: Postmaster?
            switch try ServerState(of: location.cluster) {
            case .stopped(let lock):
                if let connection = try await olderServer(users, with: installation) {
                    return connection
                }
                try await start(with: installation, lock, before: deadline)
            case .running(let postmaster):
                if let connection = try await reach(postmaster, with: installation) {
                    return connection
                }
                silent = postmaster
            case .elsewhere(let postmaster):
                if let connection = try await reach(postmaster, with: installation),
                    try await serves(connection, with: installation) == true
                {
                    return connection
                }
                silent = postmaster
            case .unsettled(let orphans):
                let since = unsettledSince ?? .now
                unsettledSince = since
                // They leave when they notice; those that compute notice late. Killing them loses
                // nothing: what was not committed is undone by the recovery.
                if ContinuousClock.now - since > .seconds(2) {
                    for orphan in orphans { kill(orphan, SIGKILL) }
                }
            }
            // A start may take as long as a recovery takes, up to the deadline.
            if let silent, silent.status == "ready" || silent.status == "stopping" {
                let since = silentSince ?? .now
                silentSince = since
                let isStopping = silent.status == "stopping"
                if ContinuousClock.now - since > (isStopping ? options.stopTimeout : .seconds(5)) {
                    try await stopSilent(silent, users, with: installation)
                    silentSince = nil
                }
            }
            guard ContinuousClock.now < deadline else {
                throw timedOut("PostgreSQL in \(location.cluster) to start, or to end")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    /// Stops a server that runs but serves nobody: its socket was removed, or its end got stuck.
    private func stopSilent(
        _ postmaster: Postmaster,
        _ users: FileLock,
        with installation: Installation
    ) async throws {
        guard case .running = try ServerState(of: location.cluster) else {
            throw unreachable(postmaster)
        }
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
        _ lock: ServerLock,
        before deadline: ContinuousClock.Instant
    ) async throws {
        let socket = try SocketFolder(for: location)
        try socket.prepare()
        // PostgreSQL refuses to start where the number in this file is that of any process of its
        // user, and where the file is damaged. The lock is ours: whatever it says is of the past. (A
        // server that was started without the lock, and that nothing here can see, still has its
        // shared memory, which PostgreSQL looks for besides.)
        if unlink(Postmaster.fileName(in: location.cluster)) == 0 {
            log("PostgreSQL was not stopped in order: it recovers now")
        }
        unlink(NameSpace.optionsFile(in: location.cluster))
        let serverLog = ServerLog(cluster: location.cluster)
        serverLog.rotate()
        let logged = serverLog.size
        let settings = ServerSettings.enforced(options, socketFolder: socket.path)
        let seconds = max(1, (deadline - ContinuousClock.now).components.seconds)
        // Relative paths, as pg_ctl hands them to a shell. It puts the server in a session of its
        // own, with its output going to the log: nothing of ours stays open in it but the lock.
        var command = control(
            installation,
            [
                "start", "-w", "-t", "\(seconds)", "-l", ServerLog.name,
                "-o", ServerSettings.commandLine(settings),
            ],
            timeout: .seconds(seconds + 10)
        )
        command.inheritedDescriptor = lock.descriptor
        let result = try await bounded(command)
        withExtendedLifetime(lock) {}
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

    /// Stops the server if it can be signaled from here.
    func stop(with installation: Installation) async throws {
        switch try ServerState(of: location.cluster) {
        case .unsettled: return
        case .stopped: SocketFolder.remove(try SocketFolder(for: location).path)
        case .elsewhere:
            log("PostgreSQL was started in another container or name space: left it running there")
        case .running(let postmaster): try await stop(postmaster, with: installation)
        }
    }

    private func stop(_ postmaster: Postmaster, with installation: Installation) async throws {
        // A fast stop can hang (PostgreSQL 15, when it comes while the server recovers from the
        // death of a backend), or take long for its checkpoint. An immediate stop loses nothing
        // either: the next start reads the log instead. It kills what does not end in five seconds.
        let modes = [("fast", options.stopTimeout), ("immediate", .seconds(60))]
        for (mode, limit) in postmaster.status == "stopping" ? modes.suffix(1) : modes[...] {
            let seconds = max(1, limit.components.seconds)
            let result = try await bounded(
                control(
                    installation,
                    ["stop", "-m", mode, "-w", "-t", "\(seconds)"],
                    timeout: .seconds(seconds + 10)
                )
            )
            // It may have ended by itself, so that there was nothing to stop.
            if !result.succeeded, case .running = try ServerState(of: location.cluster) { continue }
            // It has removed its file, and is gone a moment later.
            try await settle(until: \.isStopped)
            SocketFolder.remove(postmaster.socketFolder)
            return
        }
        throw timedOut("PostgreSQL in \(location.cluster) to stop")
    }

    /// Waits, for five seconds at most, for the server to be in a state.
    func settle(until isReached: (ServerState) -> Bool) async throws {
        let deadline = ContinuousClock.now + .seconds(5)
        while try !isReached(ServerState(of: location.cluster)), ContinuousClock.now < deadline {
            try await Task.sleep(for: .milliseconds(10))
        }
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
