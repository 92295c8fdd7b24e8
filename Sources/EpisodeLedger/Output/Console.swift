import Documents
import Glibc
import Synchronization

/// Standard output and standard error.
enum Console {
    /// What is written at once, so that a write to a pipe that has room does not block.
    private static let pipeChunk = 4_096
    /// To what nobody reads at his own pace.
    private static let fileChunk = 1 << 20

    private struct Output {
        /// Why standard output takes no more.
        var failure: Int32?
        var onFailure: (@Sendable () -> Void)?
    }

    private static let output = Mutex(Output())

    /// Has a command ended, instead of the program at once, when standard output takes no more.
    static func whenOutputFails(_ body: @escaping @Sendable () -> Void) {
        output.withLock { $0.onFailure = body }
    }

    /// Says on standard error why standard output takes no more, unless its reader has gone away:
    /// to `… | head` that is nothing wrong.
    ///
    /// - Returns: the status to end with; nil while standard output takes everything.
    static func reportOutputFailure() -> ExitStatus? {
        guard let failure = output.withLock({ $0.failure }) else { return nil }
        if failure == EPIPE { return .brokenPipe }
        note("error: cannot write to standard output: \(String(cString: strerror(failure)))")
        return .failed
    }

    /// Looks whether standard output's reader has gone away, for those who have nothing to write.
    static func checkReader() {
        var state = pollfd(fd: STDOUT_FILENO, events: 0, revents: 0)
        if poll(&state, 1, 0) == 1, state.revents & Int16(POLLERR) != 0 { fail(EPIPE) }
    }

    /// Writes to standard output; once that takes no more, nothing.
    static func write(_ bytes: [UInt8]) {
        guard output.withLock({ $0.failure == nil }) else { return }
        if let failure = write(bytes, to: STDOUT_FILENO) { fail(failure) }
    }

    private static func fail(_ failure: Int32) {
        let onFailure = output.withLock { output in
            output.failure = failure
            return output.onFailure
        }
        if let onFailure { return onFailure() }
        exit((reportOutputFailure() ?? .failed).rawValue)
    }

    /// Writes a line for people to standard output, what a terminal would obey made visible.
    static func print(_ line: String) {
        write(Array(line.printable.utf8) + [0x0A])
    }

    /// Writes a line of JSON to standard output.
    static func print(_ json: [UInt8]) {
        write(json + [0x0A])
    }

    /// Writes what people read to standard output.
    static func print(_ document: Document) {
        for line in document.text.split(separator: "\n", omittingEmptySubsequences: false) {
            print(String(line))
        }
    }

    /// Writes a line to standard error.
    static func note(_ line: String) {
        ProgressBar.clearLine()
        write(Array(line.utf8) + [0x0A], to: STDERR_FILENO)
    }

    /// Writes everything, unless the task is cancelled while the reader takes nothing.
    ///
    /// - Returns: the number of the error that kept it from that.
    @discardableResult
    static func write(_ bytes: [UInt8], to file: Int32) -> Int32? {
        let chunkSize = waitsForReader(file) ? pipeChunk : fileChunk
        return bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                guard waitForRoom(file) else { return nil }
                let written = Glibc.write(file, rest.baseAddress, min(rest.count, chunkSize))
                if written < 0 {
                    if errno == EINTR || errno == EAGAIN { continue }
                    return errno
                }
                rest = rest.dropFirst(written)
            }
            return nil
        }
    }

    /// Whether somebody reads what is written, such as a program behind a pipe or a terminal.
    private static func waitsForReader(_ file: Int32) -> Bool {
        var status = stat()
        guard fstat(file, &status) == 0 else { return true }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return false
        case S_IFCHR: return isatty(file) == 1
        default: return true
        }
    }

    /// Waits for a reader that is slow; false where the task was cancelled meanwhile.
    private static func waitForRoom(_ file: Int32) -> Bool {
        var state = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
        while poll(&state, 1, 100) == 0 {
            if Task.isCancelled { return false }
        }
        return true
    }
}

extension Slice where Base == UnsafeRawBufferPointer {
    fileprivate var baseAddress: UnsafeRawPointer? {
        UnsafeRawBufferPointer(rebasing: self).baseAddress
    }
}

/// The program's exit codes.
enum ExitStatus: Int32 {
    /// Done.
    case done = 0
    /// The operation failed: a conflict, a database that is away, a verification that fails.
    case failed = 1
    /// Input was refused, also when only some lines were.
    case refused = 2
    /// Nothing is wrong, and a replica has not got to all that was to be verified.
    case notThereYet = 3
    /// Stopped by Ctrl-C.
    case interrupted = 130
    /// The reader of the output has gone.
    case brokenPipe = 141
}
