import Glibc
import Synchronization

/// Standard output and standard error.
enum Console {
    /// Writes to standard output; a reader that has gone away ends the program quietly.
    static func write(_ bytes: [UInt8]) {
        write(bytes, to: STDOUT_FILENO)
    }

    /// Writes a line to standard output.
    static func print(_ line: String) {
        write(Array(line.utf8) + [0x0A])
    }

    /// Writes a line of JSON to standard output.
    static func print(_ json: [UInt8]) {
        write(json + [0x0A])
    }

    /// Writes a line to standard error.
    static func note(_ line: String) {
        ProgressBar.clearLine()
        write(Array(line.utf8) + [0x0A], to: STDERR_FILENO)
    }

    static func write(_ bytes: [UInt8], to file: Int32) {
        bytes.withUnsafeBytes { buffer in
            var rest = buffer[...]
            while !rest.isEmpty {
                let written = Glibc.write(file, rest.baseAddress, rest.count)
                if written < 0 {
                    if errno == EINTR || errno == EAGAIN { continue }
                    // Nobody reads any more (`… | head`): there is nothing left to do.
                    if file == STDOUT_FILENO { exit(ExitStatus.brokenPipe.rawValue) }
                    return
                }
                rest = rest.dropFirst(written)
            }
        }
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
    /// Stopped by Ctrl-C.
    case interrupted = 130
    /// The reader of the output has gone.
    case brokenPipe = 141
}
