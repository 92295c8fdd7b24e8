internal import Glibc

/// The folder of the server's socket, which is what guards the cluster: it asks for no password.
///
/// It is not in the data folder, as the path of a socket may have 107 bytes at most.
struct SocketFolder: Sendable {
    let path: String
    /// Only a part of the socket's name.
    static let port = 5432
    private let owner: SystemUser

    init(for location: ClusterLocation) {
        owner = location.user
        path = "/tmp/.epl-\(location.user.userID)-\(shortHash(location.folder))"
    }

    /// Makes the folder ready for a server that is about to start.
    ///
    /// A killed server has left its socket there, and a file with its number. PostgreSQL removes
    /// them, but not while there is a process of that number, be it another one or a dead one that
    /// nobody has waited for, as in a container whose first process is not an `init`.
    func prepare() throws {
        try secure()
        unlink("\(path)/.s.PGSQL.\(Self.port)")
        unlink("\(path)/.s.PGSQL.\(Self.port).lock")
    }

    /// Makes the folder, or makes sure that nobody but its owner can use it.
    private func secure() throws {
        if mkdir(path, 0o700) == 0 {
            try giveFolder(path, to: owner)
            return
        }
        guard errno == EEXIST else { throw EmbeddedPostgresError.unusable(path, errno) }
        guard let status = FileStatus(path) else {
            throw EmbeddedPostgresError.unusable(path, errno)
        }
        let isPrivate = status.isFolder && status.permissions & 0o077 == 0
        if isPrivate, status.owner == owner.userID { return }
        if isPrivate, status.owner == geteuid() {
            // Root was killed between making the folder and giving it away.
            try giveFolder(path, to: owner)
            return
        }
        // Anybody may make folders in /tmp. Whoever made this one could stand between us and the
        // server, or connect to it.
        throw EmbeddedPostgresError(
            code: .socketFolderUnsafe,
            message: """
                \(path), the folder for the server's socket, exists and is not a folder that only \
                the user \(owner.name) can use. Find out who made it, and remove it.
                """
        )
    }

    /// Removes the folder after the server has gone.
    func remove() {
        _ = rmdir(path)
    }
}
