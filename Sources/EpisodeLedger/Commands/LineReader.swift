import Dispatch
import Glibc

/// Reads lines from a file or from standard input.
///
/// Reading may block, so it happens outside the cooperative pool, one bounded chunk at a time.
struct LineReader {
    /// A line beyond this is not read to its end: no event is as long.
    static let lineLimit = 1 << 20
    private static let chunkSize = 1 << 18

    private let file: Int32
    private var buffer: [UInt8] = []
    private var start = 0
    private var isAtEnd = false
    private var number = 0

    /// One line without its newline, and its number from 1.
    struct Line {
        let number: Int
        /// Nil where it is longer than ``lineLimit``.
        let bytes: [UInt8]?
    }

    /// - Parameter path: a file's path, or - for standard input.
    init(path: String) throws {
        if path == "-" {
            file = STDIN_FILENO
            return
        }
        file = Glibc.open(path, O_RDONLY | O_CLOEXEC)
        if file < 0 {
            throw Failure.failed("\(path): \(String(cString: strerror(errno)))")
        }
    }

    func close() {
        if file != STDIN_FILENO { Glibc.close(file) }
    }

    /// The next line, whose newline may lack if it is the last one; nil at the end.
    mutating func next() async throws -> Line? {
        var isTooLong = false
        while true {
            if let end = buffer[start...].firstIndex(of: 0x0A) {
                defer { start = end + 1 }
                number += 1
                return Line(number: number, bytes: isTooLong ? nil : Array(buffer[start..<end]))
            }
            if isAtEnd {
                guard start < buffer.count || isTooLong else { return nil }
                defer { start = buffer.count }
                number += 1
                return Line(number: number, bytes: isTooLong ? nil : Array(buffer[start...]))
            }
            buffer.removeSubrange(..<start)
            start = 0
            if buffer.count > Self.lineLimit {
                isTooLong = true
                buffer.removeAll(keepingCapacity: true)
            }
            let chunk = try await read()
            isAtEnd = chunk.isEmpty
            buffer += chunk
        }
    }

    private func read() async throws -> [UInt8] {
        try Task.checkCancellation()
        let file = file
        return try await withCheckedThrowingContinuation { continuation in
            DispatchQueue.global().async {
                var chunk = [UInt8](repeating: 0, count: Self.chunkSize)
                while true {
                    let count = Glibc.read(file, &chunk, chunk.count)
                    if count >= 0 {
                        chunk.removeSubrange(count...)
                        continuation.resume(returning: chunk)
                        return
                    }
                    if errno != EINTR {
                        let reason = String(cString: strerror(errno))
                        continuation.resume(throwing: Failure.failed("cannot read: \(reason)"))
                        return
                    }
                }
            }
        }
    }
}
