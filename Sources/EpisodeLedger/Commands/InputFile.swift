import Dispatch
import Glibc

/// A file or standard input, read in chunks.
///
/// Reading may block, so it happens outside the cooperative pool, one bounded chunk at a time.
struct InputFile {
    private static let chunkSize = 1 << 18

    private let path: String
    private let file: Int32

    /// - Parameter path: a file's path, or - for standard input.
    init(path: String) throws {
        self.path = path
        file = path == "-" ? STDIN_FILENO : Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 { throw Self.failure(path, errno) }
    }

    func close() {
        if file != STDIN_FILENO { Glibc.close(file) }
    }

    /// The next bytes; none at the end.
    func read() async throws -> [UInt8] {
        while true {
            // Ctrl-C ends a program also while nobody types anything.
            try Task.checkCancellation()
            if let chunk = try await readIfThereIsAnything() { return chunk }
        }
    }

    /// The next bytes, or nil where none came for a while.
    private func readIfThereIsAnything() async throws -> [UInt8]? {
        let (path, file) = (path, file)
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                var state = pollfd(fd: file, events: Int16(POLLIN), revents: 0)
                guard poll(&state, 1, 100) > 0 else { return continuation.resume(returning: nil) }
                var chunk = [UInt8](repeating: 0, count: Self.chunkSize)
                let count = Glibc.read(file, &chunk, chunk.count)
                if count >= 0 {
                    chunk.removeSubrange(count...)
                    continuation.resume(returning: chunk)
                } else if errno == EINTR || errno == EAGAIN {
                    continuation.resume(returning: nil)
                } else {
                    continuation.resume(throwing: Self.failure(path, errno))
                }
            }
        }
    }

    private static func failure(_ path: String, _ number: Int32) -> Failure {
        let name = path == "-" ? "standard input" : path
        return .failed("\(name): \(String(cString: strerror(number)))")
    }
}
