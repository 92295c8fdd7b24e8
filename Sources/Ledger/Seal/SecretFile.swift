import Glibc

/// A file with a secret, whose holder is believed: it is opened once, and what is asked of it is asked
/// of what was opened.
public enum SecretFile {
    /// Who put the file there.
    public enum Origin: Sendable {
        /// This program: it is no link, and nobody else may read it.
        case program
        /// An operator or what manages certificates: it may be reached by links, and a group may read
        /// it.
        case given
        /// An operator: it holds no secret, but says who may what, so that nobody else may change it.
        case deciding
    }

    /// Makes sure that nobody else can change a file that says who may what; what is no file, such as a pipe,
    /// is whoever's opened it.
    ///
    /// - Throws: ``SealError/file(_:reason:)``.
    public static func checkDeciding(_ path: String) throws(SealError) {
        var status = stat()
        guard stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { return }
        if let reason = fault(status, .deciding, user: geteuid()) {
            throw .file(path, reason: reason)
        }
    }

    /// The bytes of a secret; nil where there is no file.
    ///
    /// Whoever owns a key file can put another key there. So it must be this user's or the superuser's.
    ///
    /// - Parameters:
    ///   - path: where it is.
    ///   - origin: who put it there.
    ///   - limit: the most bytes that are read.
    /// - Throws: ``SealError/file(_:reason:)``, which says what to do and nothing of the secret.
    public static func read(
        _ path: String,
        from origin: Origin,
        limit: Int
    ) throws(SealError) -> [UInt8]? {
        // What is no file, such as a pipe, is not waited for.
        let flags = O_RDONLY | O_NONBLOCK | O_CLOEXEC | (origin == .program ? O_NOFOLLOW : 0)
        let descriptor = open(path, flags)
        guard descriptor >= 0 else {
            switch errno {
            case ENOENT: return nil
            case ELOOP where origin == .program:
                throw .file(path, reason: "it is a link: name the file itself")
            default: throw PrivateFile.failure(path)
            }
        }
        defer { close(descriptor) }
        var status = stat()
        guard fstat(descriptor, &status) == 0 else { throw PrivateFile.failure(path) }
        if let reason = fault(status, origin, user: geteuid()) {
            throw .file(path, reason: reason)
        }
        return try PrivateFile.read(descriptor, path, from: 0, limit: limit)
    }

    /// What is wrong with a file that holds a secret; nil for nothing.
    static func fault(_ status: stat, _ origin: Origin, user: uid_t) -> String? {
        guard status.st_mode & S_IFMT == S_IFREG else { return "it is not a file" }
        guard status.st_uid == user || status.st_uid == 0 else {
            return origin == .deciding
                ? "it belongs to another user, who could change it: chown it"
                : "it belongs to another user, who could put another key there: chown it"
        }
        switch origin {
        case .program where status.st_mode & 0o077 != 0:
            return "others may read the signing key: chmod 600 it"
        case .given where status.st_mode & 0o027 != 0:
            return "others may read or change it: chmod 640 it"
        case .deciding where status.st_mode & 0o022 != 0:
            return "others may change it, and it says who may what: chmod go-w it"
        default: return nil
        }
    }
}
