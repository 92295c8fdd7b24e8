internal import Glibc

extension Cluster {
    /// How a server is reached, if it accepts connections.
    func reach(
        _ postmaster: Postmaster,
        with installation: Installation
    ) async throws -> ConnectionString? {
        guard let connection = postmaster.connection, postmaster.status == "ready",
            SocketFolder.isGenuine(connection, of: location.user)
        else { return nil }
        let command = Command(
            installation.program("pg_isready"),
            [
                "-h", connection.socketFolder, "-p", "\(connection.port)", "-t", "5",
                "-U", connection.user, "-d", connection.database,
            ]
        )
        return try await bounded(command).succeeded ? connection : nil
    }

    /// Whether a server that cannot be seen works on this cluster's files, and not on those of
    /// another folder, of which this one may be a copy: whether it sees a file that was just made.
    ///
    /// - Returns: Nil if it cannot be asked.
    func serves(
        _ connection: ConnectionString,
        with installation: Installation
    ) async throws -> Bool? {
        let name = "episode_ledger.\(String(UInt64.random(in: .min ... .max), radix: 36))"
        let path = "\(location.cluster)/\(name)"
        let descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw EmbeddedPostgresError.unusable("\(path) cannot be made", errno)
        }
        close(descriptor)
        defer { unlink(path) }
        let sql = "select size from pg_stat_file('\(name)', missing_ok => true)"
        let uri = connection.uri + "&connect_timeout=5"
        let result = try await bounded(
            Command(installation.program("psql"), [uri, "-XAtqc", sql])
        )
        return result.succeeded ? result.output == "0\n" : nil
    }

    /// Looks for a server that has no lock, since the program of before has started it, and that
    /// cannot be seen, since it did so in another container.
    ///
    /// - Returns: How it is reached; nil if there is none.
    /// - Throws: ``EmbeddedPostgresError/Code/runsElsewhere`` if there may be one, and no way to it.
    func olderServer(
        _ users: FileLock,
        with installation: Installation
    ) async throws -> ConnectionString? {
        guard FileStatus(Postmaster.fileName(in: location.cluster)) != nil,
            NameSpace.ofServer(in: location.cluster) == nil
        else { return nil }
        let postmaster = Postmaster(of: location.cluster)
        if let connection = postmaster?.connection,
            SocketFolder.isGenuine(connection, of: location.user),
            SocketFolder.hasListener(connection)
        {
            switch try await serves(connection, with: installation) {
            case true?: return connection
            case false?: break
            case nil: throw unreachable(postmaster)
            }
        }
        // Its processes can be seen from outside of its container. Its users can be told anywhere, by
        // their lock; one that has none, and cannot be seen, is past telling.
        guard ServerProcess.all(of: location.cluster).isEmpty, users.attempt(.exclusive) else {
            throw unreachable(postmaster, mayBeDead: true)
        }
        guard users.attempt(.shared) else { throw timedOut("users.lock") }
        return nil
    }

    /// The refusal to start a second server beside one that cannot be reached.
    ///
    /// - Parameter mayBeDead: Whether only its users are known to live.
    func unreachable(
        _ postmaster: Postmaster?,
        mayBeDead: Bool = false
    ) -> EmbeddedPostgresError {
        let socket = postmaster?.socketFolder.map { " (\($0))" } ?? ""
        let finding =
            mayBeDead
            ? "An older version of this program uses \(location.cluster), and its PostgreSQL may run"
            : "PostgreSQL runs in \(location.cluster) already, but it was started"
        return EmbeddedPostgresError(
            code: .runsElsewhere,
            message: """
                \(finding) in another container or name space, with a socket\(socket) that cannot be \
                reached from here. Nothing was changed. Run this command there, stop what uses the \
                data folder there, or let both containers see the same /tmp.
                """
        )
    }
}
