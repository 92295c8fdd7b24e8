internal import Glibc

/// A user of the operating system.
struct SystemUser: Sendable, Hashable {
    let name: String
    let userID: uid_t
    let groupID: gid_t

    static var current: SystemUser {
        SystemUser(userID: geteuid())
            ?? SystemUser(name: "\(geteuid())", userID: geteuid(), groupID: getegid())
    }
}

extension SystemUser {
    init?(named name: String) {
        self.init { entry, buffer, size, result in getpwnam_r(name, entry, buffer, size, result) }
    }

    init?(userID: uid_t) {
        self.init { entry, buffer, size, result in getpwuid_r(userID, entry, buffer, size, result) }
    }

    private init?(
        _ lookUp: (
            UnsafeMutablePointer<passwd>, UnsafeMutablePointer<CChar>, Int,
            UnsafeMutablePointer<UnsafeMutablePointer<passwd>?>
        ) -> Int32
    ) {
        var entry = passwd()
        var found: UnsafeMutablePointer<passwd>?
        let size = 1 << 16
        let buffer = UnsafeMutablePointer<CChar>.allocate(capacity: size)
        defer { buffer.deallocate() }
        guard lookUp(&entry, buffer, size, &found) == 0, found != nil else { return nil }
        self.init(
            name: String(cString: entry.pw_name),
            userID: entry.pw_uid,
            groupID: entry.pw_gid
        )
    }

    /// Who runs a cluster in a folder of `owner`.
    ///
    /// PostgreSQL refuses to run as root, so that root hands over to the owner of the folder or,
    /// when root owns it, to an unprivileged user.
    static func clusterUser(forFolderOf owner: uid_t) throws -> SystemUser {
        guard geteuid() == 0 else { return .current }
        if owner != 0, let user = SystemUser(userID: owner) { return user }
        if let user = SystemUser(named: "postgres") ?? SystemUser(named: "nobody"),
            user.userID != 0
        {
            return user
        }
        throw EmbeddedPostgresError(
            code: .noUnprivilegedUser,
            message: """
                PostgreSQL refuses to run as root, and there is neither a user postgres nor a user \
                nobody to run it. Create one (useradd --system postgres) or start as another user.
                """
        )
    }
}

extension EmbeddedPostgresError {
    static func nameless(_ userID: uid_t) -> EmbeddedPostgresError {
        EmbeddedPostgresError(
            code: .userWithoutName,
            message: """
                The user \(userID) has no name on this machine, and PostgreSQL makes no cluster for a \
                user without one. Give it a name (useradd --no-create-home --uid \(userID) NAME; in a \
                container, run as a user that its image knows), or name a database with --database.
                """
        )
    }
}
