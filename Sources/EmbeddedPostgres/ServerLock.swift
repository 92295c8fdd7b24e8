internal import Glibc

/// The lock that the processes of a cluster's server hold as long as one of them lives.
///
/// The server inherits the locked file and keeps it open without knowing of it. So the kernel gives
/// the lock back when the last of its processes is gone, however they end, and shows it to whoever
/// sees the file: in other containers and name spaces too, where process numbers mean nothing.
///
/// It lies on a file that is there as long as the cluster is, so that nobody removes it alone.
final class ServerLock: Sendable {
    /// What the server inherits.
    let descriptor: Int32

    /// Opens the file without taking the lock.
    init(cluster: String) throws {
        let path = "\(cluster)/PG_VERSION"
        descriptor = open(path, O_RDWR | O_NOFOLLOW | O_CLOEXEC)
        guard descriptor >= 0 else {
            throw EmbeddedPostgresError.unusable("\(path) cannot be opened", errno)
        }
    }

    // Not unlocked: a server that has inherited the file shares the lock.
    deinit { close(descriptor) }

    /// Takes the lock if no server lives.
    ///
    /// It may seem held for a moment when none does: a program that this process starts just then
    /// shares all open files until it runs.
    func attempt() -> Bool {
        flock(descriptor, LOCK_EX | LOCK_NB) == 0
    }
}
