internal import Glibc

/// One process's use of a cluster; ends when it is dropped, or the process dies.
struct Membership: Sendable {
    let connection: ConnectionString
    let installation: Installation
    /// Held in shared mode by every user of the cluster.
    let users: FileLock
}

/// A cluster that several processes share.
///
/// Three locks, which die with the processes that hold them, so that nothing is ever stale, and which
/// the kernel shows in every container and name space: `start.lock` is held while the cluster is made,
/// started or stopped; `users.lock` is held in shared mode by each user, and who can take it alone,
/// under the former, is the last user; ``ServerLock`` is held by the server.
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
            do {
                // A cluster that could not be made has no server.
                guard dataVersion() != nil else { return }
                // A server whose start was interrupted can be seen to run soon, or is gone.
                try await settle { !$0.isUnsettled }
                try await stop(with: installation)
            } catch {
                log("the cluster could not be stopped: \(error)")
            }
        }.value
    }

    private func lock(_ name: String) throws -> FileLock {
        try FileLock(path: "\(location.folder)/\(name)", owner: location.owner)
    }

    /// Runs a command that is known to exist, with its failures in words.
    func bounded(_ command: Command) async throws -> Command.Result {
        do {
            return try await command.run()
        } catch is Command.TimedOut {
            throw timedOut("\(splitPath(command.program).name) in \(command.folder)")
        } catch let error as CancellationError {
            throw error
        } catch {
            // A program that is interrupted half-way can fail in other ways.
            try Task.checkCancellation()
            throw EmbeddedPostgresError(
                code: .startFailed,
                message: "\(command.program) could not be run in \(command.folder): \(error)"
            )
        }
    }

    func timedOut(_ what: String) -> EmbeddedPostgresError {
        EmbeddedPostgresError(code: .timedOut, message: "Waited too long for \(what).")
    }
}
