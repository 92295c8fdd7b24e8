import CareEpisode
import Glibc
import Ledger
import Metrics
import Postgres
import ProjectionRuntime
import Synchronization

/// Lines of the log that wait for a thread of their own to write them.
///
/// Whoever logs never waits: where nobody reads standard error, such as a log driver that stands still,
/// lines beyond the limit are left out and counted, and the service goes on.
public final class LogQueue: Sendable {
    /// That of standard error.
    public static let standardError = LogQueue(STDERR_FILENO)

    /// The most bytes that wait.
    static let byteLimit = 1_048_576
    /// How long the thread lets lines gather: a wake-up for each would cost more than to write it.
    private static let pauseMicroseconds: UInt32 = 10_000
    /// How long a normal end waits for what has not been written.
    public static let flushTimeout: Duration = .seconds(2)

    private struct State {
        var lines: [[UInt8]] = []
        var bytes = 0
        /// What is being written, in bytes.
        var taken = 0
        /// Lines that were left out since that was told.
        var untold = 0
        var isRunning = false
        /// Whether the thread will look without being woken.
        var isAwake = false

        mutating func keep(_ line: [UInt8]) {
            lines.append(line)
            bytes += line.count
        }
    }

    private let descriptor: CInt
    private let limit: Int
    private let state = Mutex(State())
    private let arrivals = Arrivals()

    init(_ descriptor: CInt, limit: Int = byteLimit) {
        (self.descriptor, self.limit) = (descriptor, limit)
    }

    /// Has a line of text written, or left out where too many wait.
    public func put(_ line: String) { put(Array(line.utf8) + [0x0A]) }

    /// Has a line written, or left out where too many wait.
    func put(_ line: [UInt8]) {
        let (isKept, begins, wakes) = state.withLock { state -> (Bool, Bool, Bool) in
            guard state.bytes + state.taken + line.count <= limit else {
                state.untold += 1
                return (false, false, false)
            }
            // What is missing is told where it is missing.
            if state.untold > 0 { state.keep(Self.told(state.untold)) }
            state.untold = 0
            state.keep(line)
            defer { (state.isRunning, state.isAwake) = (true, true) }
            return (true, !state.isRunning, !state.isAwake)
        }
        guard isKept else { return count(1) }
        if begins, !BlockingCalls.onHelperThread({ self.run() }) {
            // Without a thread it is written here.
            state.withLock { ($0.isRunning, $0.isAwake) = (false, false) }
            return write(take() ?? [])
        }
        if wakes { arrivals.signal() }
    }

    /// Waits until everything is written, for a bounded time.
    ///
    /// - Returns: whether everything is.
    @discardableResult
    public func flush(atMost time: Duration = flushTimeout) async -> Bool {
        let end = ContinuousClock.now + time
        while state.withLock({ $0.bytes + $0.taken > 0 }) {
            guard .now < end else { return false }
            try? await Task.sleep(for: .milliseconds(5))
        }
        return true
    }

    private func count(_ lines: Int) {
        Counter(label: "episode_ledger_log_lines_dropped").increment(by: lines)
    }

    // MARK: - The thread

    private func run() {
        while true {
            arrivals.wait()
            repeat { usleep(Self.pauseMicroseconds) } while writeAll()
        }
    }

    /// Whether there was something to write.
    private func writeAll() -> Bool {
        guard let bytes = take() else { return false }
        write(bytes)
        return true
    }

    /// All that waits; from where there is nothing on, the thread has to be woken.
    private func take() -> [UInt8]? {
        state.withLock { state in
            guard !state.lines.isEmpty else {
                state.isAwake = false
                return nil
            }
            let bytes = Array(state.lines.joined())
            (state.lines, state.bytes, state.taken) = ([], 0, bytes.count)
            return bytes
        }
    }

    private static func told(_ lines: Int) -> [UInt8] {
        AnswerJSON.object([
            ("at", .instant(.now)), ("level", "warning"), ("message", "log lines were left out"),
            ("lines", .string("\(lines)")),
        ]).bytes + [0x0A]
    }

    /// Writes everything, in as many parts as the system takes.
    private func write(_ bytes: [UInt8]) {
        defer { state.withLock { $0.taken = 0 } }
        var rest = bytes[...]
        while !rest.isEmpty {
            let written = rest.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if written > 0 {
                rest = rest.dropFirst(written)
            } else if errno == EAGAIN {
                var ready = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
                _ = poll(&ready, 1, -1)
            } else if errno != EINTR {
                // Nobody is there any more.
                return count(rest.count { $0 == 0x0A })
            }
        }
    }
}
