internal import Glibc

/// Where a cluster lies and which user runs it.
struct ClusterLocation: Sendable, Hashable {
    /// The folder that holds the locks and the cluster: the data folder, or root's stand-in for it.
    let folder: String
    /// The user whose folder that is.
    let owner: uid_t
    /// The user who runs the server.
    let user: SystemUser

    /// The folder that PostgreSQL calls its data directory.
    var cluster: String { "\(folder)/\(Self.clusterName)" }

    /// The prefix of folders in which a cluster is being made.
    var unfinishedClusterPrefix: String { "\(Self.clusterName).new-" }

    /// The user to pass to commands, nil for this process's own.
    var commandUser: SystemUser? { user.userID == geteuid() ? nil : user }

    static let clusterName = "postgresql"
}

extension ClusterLocation {
    /// Finds or makes the folder for the cluster.
    ///
    /// - Parameters:
    ///   - dataDirectory: What the user chose.
    ///   - systemFolder: Where root's clusters lie when `postgres` or `nobody` cannot reach what the
    ///     user chose. There, a cluster is named after the data folder's path, and the data folder
    ///     gets a link to it, so that it is found again after the data folder was moved.
    init(dataDirectory: String, systemFolder: String, log: (String) -> Void) async throws {
        guard !dataDirectory.isEmpty, !dataDirectory.utf8.contains(where: { $0 < 32 }) else {
            throw EmbeddedPostgresError(
                code: .dataFolderUnusable,
                message: "The data folder's name is empty or has control characters."
            )
        }
        let chosen = try Self.makeFolder(absolutePath(dataDirectory))
        let user = try SystemUser.clusterUser(forFolderOf: chosen.owner)
        let here = ClusterLocation(folder: chosen.path, owner: chosen.owner, user: user)
        guard geteuid() == 0, chosen.owner == 0 else {
            // Root's own user runs the cluster where the folder's owner has no name.
            if user.userID != chosen.owner, try await !Self.canReach(here.folder, user) {
                throw EmbeddedPostgresError.nameless(chosen.owner)
            }
            self = here
            return
        }
        self = try await Self.locationForRoot(here, systemFolder: systemFolder, log: log)
    }

    private static func makeFolder(_ path: String) throws -> (path: String, owner: uid_t) {
        // Root's folder lets the user who runs the server pass through it, and nobody list it.
        try createFolders(path, permissions: geteuid() == 0 ? 0o711 : 0o700)
        guard let real = realPath(path), let status = FileStatus(real), status.isFolder else {
            throw EmbeddedPostgresError.unusable(path, ENOTDIR)
        }
        guard FileStatus("\(real)/PG_VERSION") == nil else {
            throw EmbeddedPostgresError(
                code: .dataFolderUnusable,
                message: """
                    \(real) is the data directory of another PostgreSQL server. Choose a folder \
                    that holds nothing else.
                    """
            )
        }
        guard geteuid() == 0 || status.owner == geteuid() else {
            let name = SystemUser(userID: status.owner)?.name ?? "\(status.owner)"
            throw EmbeddedPostgresError(
                code: .dataFolderUnusable,
                message:
                    "\(real) belongs to the user \(name). Start as that user, or choose another folder."
            )
        }
        return (real, status.owner)
    }

    private static func locationForRoot(
        _ here: ClusterLocation,
        systemFolder: String,
        log: (String) -> Void
    ) async throws -> ClusterLocation {
        let user = here.user
        let reachable = try await canReach(here.folder, user)
        if let status = FileStatus(here.cluster) {
            if status.isFolder, !reachable {
                throw EmbeddedPostgresError(
                    code: .dataFolderUnusable,
                    message: """
                        \(here.folder) holds a cluster that the user \(user.name), who runs it, can no \
                        longer reach. Let that user pass through the folders above it (chmod o+x).
                        """
                )
            }
            if status.isLink, status.owner == 0, let target = realPath(here.cluster) {
                return ClusterLocation(folder: splitPath(target).folder, owner: 0, user: user)
            }
            // It may be there all the same, as seen from another container: an empty cluster in its
            // place would be a second history.
            if status.isLink, let target = linkTarget(here.cluster),
                FileStatus(splitPath(target).folder) == nil
            {
                throw EmbeddedPostgresError(
                    code: .dataFolderUnusable,
                    message: """
                        The cluster of \(here.folder) lies in \(splitPath(target).folder), which is \
                        not there. Make it visible here, or remove the link \(here.cluster) to begin \
                        with an empty one.
                        """
                )
            }
        }
        let away = ClusterLocation(
            folder: "\(systemFolder)/\(shortHash(here.folder))",
            owner: 0,
            user: user
        )
        let existsAway = FileStatus(away.cluster) != nil
        if reachable, !existsAway { return here }
        log(
            existsAway
                ? "using the cluster that was made for \(here.folder) in \(away.folder)"
                : "\(here.folder) cannot be reached by the user \(user.name): the cluster lies in \(away.folder)"
        )
        try createFolders(away.folder, permissions: 0o711)
        guard try await canReach(away.folder, user) else {
            throw EmbeddedPostgresError(
                code: .dataFolderUnusable,
                message:
                    "The user \(user.name) can reach neither \(here.folder) nor \(away.folder)."
            )
        }
        _ = symlink(away.cluster, here.cluster)
        return away
    }

    /// Whether the user can use a folder; asks the operating system, which knows of access lists.
    private static func canReach(_ folder: String, _ user: SystemUser) async throws -> Bool {
        var command = Command("/bin/sh", ["-c", "cd \"$1\"", "sh", folder])
        command.user = user
        return try await command.run().succeeded
    }
}
