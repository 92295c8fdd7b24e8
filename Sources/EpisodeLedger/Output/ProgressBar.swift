import Documents
import Glibc
import Synchronization

/// How far work has got, on standard error when that is a terminal and work lasts over a second.
final class ProgressBar: Sendable {
    private struct State {
        var shownAt: ContinuousClock.Instant?
    }

    private static let isTerminal = isatty(STDERR_FILENO) == 1
    private static let isShown = Atomic(false)

    private let title: String
    private let unit: String
    private let began = ContinuousClock.now
    private let state = Mutex(State())

    init(_ title: String, unit: String) {
        self.title = title
        self.unit = unit
    }

    /// Tells how much is done, of how much where that is known.
    func update(_ done: Int64, of total: Int64? = nil) {
        guard Self.isTerminal else { return }
        let now = ContinuousClock.now
        guard began.duration(to: now) > .seconds(1) else { return }
        let isDue = state.withLock { state in
            if let shownAt = state.shownAt, shownAt.duration(to: now) < .milliseconds(100) {
                return false
            }
            state.shownAt = now
            return true
        }
        guard isDue else { return }
        var line = "\r\u{1B}[K\(title) "
        if let total, total > 0 {
            let share = min(1, Double(done) / Double(total))
            let filled = Int(share * 30)
            line += "[" + String(repeating: "#", count: filled)
            line += String(repeating: ".", count: 30 - filled) + "] \(Int(share * 100)) % "
            line += "\(Words.grouped(done)) of \(Words.grouped(total)) \(unit)"
        } else {
            line += "\(Words.grouped(done)) \(unit)"
        }
        Self.isShown.store(true, ordering: .relaxed)
        Console.write(Array(line.utf8), to: STDERR_FILENO)
    }

    /// Removes the bar.
    func finish() {
        Self.clearLine()
    }

    /// Makes room for a line on standard error.
    static func clearLine() {
        guard isShown.exchange(false, ordering: .relaxed) else { return }
        Console.write(Array("\r\u{1B}[K".utf8), to: STDERR_FILENO)
    }
}
