internal import Glibc

/// The folder of the server's socket, which is what guards the cluster: it asks for no password.
///
/// It is not in the data folder, as the path of a socket may have 107 bytes at most. It is named after
/// the file that the cluster is, not after its path: two containers may each call another folder
/// `/data`, and share `/tmp`.
struct SocketFolder: Sendable {
    let path: String
    /// Only a part of the socket's name.
    static let port = 5432
    private let owner: SystemUser

    init(for location: ClusterLocation) throws {
        guard let cluster = FileIdentity(location.cluster) else {
            throw EmbeddedPostgresError.unusable(location.cluster, errno)
        }
        owner = location.user
        let name = shortHash("\(cluster.device):\(cluster.number)")
        path = "\(Self.prefix)\(location.user.userID)-\(name)"
    }

    private static let prefix = "/tmp/.epl-"

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

    /// Removes the folder of a server that has gone, if it is one of ours.
    static func remove(_ path: String?) {
        if let path, path.hasPrefix(prefix) { _ = rmdir(path) }
    }

    /// Whether a socket is the cluster's own: in another container, anybody may have made a folder of
    /// that name, and could stand between us and the server.
    static func isGenuine(_ connection: ConnectionString, of user: SystemUser) -> Bool {
        let socket = "\(connection.socketFolder)/.s.PGSQL.\(connection.port)"
        guard let folder = FileStatus(connection.socketFolder), folder.isFolder,
            folder.owner == user.userID || folder.owner == 0
        else { return false }
        return FileStatus(socket)?.owner == user.userID
    }

    /// Whether some process listens at a socket, even if it is too busy to answer.
    static func hasListener(_ connection: ConnectionString) -> Bool {
        let path = "\(connection.socketFolder)/.s.PGSQL.\(connection.port)"
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        // One byte is left for the end of the text.
        let fits = withUnsafeMutableBytes(of: &address.sun_path) { field in
            guard path.utf8.count < field.count else { return false }
            field.copyBytes(from: path.utf8)
            return true
        }
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue | SOCK_NONBLOCK.rawValue)
        let descriptor = socket(AF_UNIX, type, 0)
        guard fits, descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let size = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                connect(descriptor, $0, size)
            }
        }
        return result == 0 || errno == EAGAIN
    }
}
