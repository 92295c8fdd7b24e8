import Dispatch
import Glibc

/// Small files outside the database that must survive a power failure, or be read by nobody else.
///
/// Every call may block on the disk: `BlockingFile.run` keeps that off the cooperative threads.
enum PrivateFile {
    /// What is wrong with the last call, for people.
    static var lastError: String { String(cString: strerror(errno)) }

    /// The failure of the last call on a file.
    static func failure(_ path: String) -> SealError { .file(path, reason: lastError) }

    /// Makes the folder of a file, where it is not there; readable by nobody else if nothing is said.
    static func makeFolder(of path: String, mode: mode_t = 0o700) throws(SealError) {
        guard let slash = path.lastIndex(of: "/"), slash != path.startIndex else { return }
        let folder = String(path[..<slash])
        if mkdir(folder, mode) == 0 || errno == EEXIST { return }
        guard errno == ENOENT else { throw failure(folder) }
        try makeFolder(of: folder, mode: mode)
        guard mkdir(folder, mode) == 0 || errno == EEXIST else { throw failure(folder) }
    }

    /// Makes what was renamed or created in the folder of a file last.
    static func flushFolder(of path: String) {
        let folder = path.lastIndex(of: "/").map { String(path[..<$0]) } ?? "."
        let descriptor = open(folder.isEmpty ? "/" : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return }
        fsync(descriptor)
        close(descriptor)
    }

    /// The bytes of a file from an offset on; nil where there is none.
    static func read(
        _ path: String,
        from offset: Int = 0,
        limit: Int
    ) throws(SealError) -> [UInt8]? {
        let descriptor = open(path, O_RDONLY | O_CLOEXEC)
        guard descriptor >= 0 else {
            if errno == ENOENT { return nil }
            throw failure(path)
        }
        defer { close(descriptor) }
        return try read(descriptor, path, from: offset, limit: limit)
    }

    static func read(
        _ descriptor: Int32,
        _ path: String,
        from offset: Int,
        limit: Int
    ) throws(SealError) -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: limit)
        var count = 0
        while count < limit {
            let got = bytes.withUnsafeMutableBytes {
                pread(
                    descriptor,
                    $0.baseAddress?.advanced(by: count),
                    limit - count,
                    off_t(offset + count)
                )
            }
            if got < 0 && errno == EINTR { continue }
            guard got >= 0 else { throw failure(path) }
            if got == 0 { break }
            count += got
        }
        bytes.removeLast(limit - count)
        return bytes
    }

    /// Writes everything at an offset.
    static func write(
        _ bytes: [UInt8],
        to descriptor: Int32,
        _ path: String,
        at offset: Int
    ) throws(SealError) {
        var done = 0
        while done < bytes.count {
            let wrote = bytes.withUnsafeBytes {
                pwrite(
                    descriptor,
                    $0.baseAddress?.advanced(by: done),
                    bytes.count - done,
                    off_t(offset + done)
                )
            }
            if wrote < 0 && errno == EINTR { continue }
            guard wrote > 0 else { throw failure(path) }
            done += wrote
        }
    }

    /// The name under which a file is written before it takes its place.
    static func unfinished(_ path: String) -> String { "\(path).\(getpid()).new" }

    /// Makes a file that was not there, and is no link.
    ///
    /// Its name can be guessed, and others may write into the folder. What an earlier process of that
    /// number has left is removed.
    ///
    /// - Returns: below 0 where it cannot be made; `errno` says why.
    static func create(_ path: String, mode: mode_t = 0o600) -> Int32 {
        unlink(path)
        return open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)
    }

    /// Puts a file in the place of another, whole or not at all, readable by nobody else.
    static func replace(_ path: String, with bytes: [UInt8]) throws(SealError) {
        let new = unfinished(path)
        let descriptor = create(new)
        guard descriptor >= 0 else { throw failure(new) }
        defer { close(descriptor) }
        try write(bytes, to: descriptor, new, at: 0)
        guard fsync(descriptor) == 0, rename(new, path) == 0 else { throw failure(path) }
        flushFolder(of: path)
    }

    private static let queue = DispatchQueue(label: "episode-ledger files", attributes: .concurrent)

    /// Runs calls that may block on a thread of their own.
    static func run<Result: Sendable>(
        _ body: @escaping @Sendable () throws -> Result
    ) async throws -> Result {
        try await withCheckedThrowingContinuation { continuation in
            queue.async { continuation.resume(with: Swift.Result(catching: body)) }
        }
    }
}
