internal import Glibc

/// A lock on a file that the operating system releases when the process ends, however it ends.
final class FileLock: Sendable {
    enum Mode {
        case shared
        case exclusive
    }

    private let descriptor: Int32

    /// Opens the file at `path`, which is created for `owner` if missing.
    ///
    /// The descriptor is not inherited by programs that are started: a server that held the lock
    /// would count as a user of itself.
    init(path: String, owner: uid_t) throws {
        // Root may be opening this in a folder of somebody else, who could have put a link there.
        let flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW
        var descriptor = open(path, flags | O_CREAT | O_EXCL, 0o600)
        if descriptor >= 0 {
            if geteuid() != owner { _ = fchown(descriptor, owner, gid_t.max) }
        } else if errno == EEXIST {
            descriptor = open(path, flags)
        }
        guard descriptor >= 0 else {
            throw EmbeddedPostgresError.unusable("\(path) cannot be opened", errno)
        }
        self.descriptor = descriptor
    }

    deinit {
        // Closing is not enough while a child process that is being started shares the descriptor.
        release()
        close(descriptor)
    }

    /// Takes the lock, or changes its mode, if no other process is in the way.
    ///
    /// A change that fails may lose the lock that was held.
    func attempt(_ mode: Mode) -> Bool {
        flock(descriptor, (mode == .shared ? LOCK_SH : LOCK_EX) | LOCK_NB) == 0
    }

    /// Takes the lock, asking again every few milliseconds: a blocking call would block a thread
    /// of the cooperative pool.
    ///
    /// - Returns: Whether the lock was free before the deadline.
    func acquire(
        _ mode: Mode,
        before deadline: ContinuousClock.Instant,
        onWait: () -> Void = {}
    ) async throws -> Bool {
        let noticeAt = ContinuousClock.now + .seconds(2)
        var noticed = false
        while !attempt(mode) {
            let now = ContinuousClock.now
            if now >= deadline { return false }
            if !noticed, now >= noticeAt {
                noticed = true
                onWait()
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 5...25)))
        }
        return true
    }

    func release() {
        _ = flock(descriptor, LOCK_UN)
    }
}
