import CareEpisode
import Synchronization

/// Denials that are looked up and written after their answers have left, so that the time of an answer
/// does not tell whether there is such a ledger.
final class LateDenials: Sendable {
    /// The most that wait.
    static let waitingLimit = 1_000
    /// How many are written at a time.
    private static let width = 4
    /// How long a normal end waits for those that are not written.
    static let flushTimeout: Duration = .seconds(2)

    typealias Denial = @Sendable () async -> Void

    /// How long a name that is no ledger's is not looked up again, and how many are remembered.
    private static let unknownFor: Duration = .seconds(2)
    static let unknownLimit = 1_000

    private let count = Atomic(0)
    private let unknown = Mutex<[LedgerName: ContinuousClock.Instant]>([:])
    private let (denials, queue) = AsyncStream.makeStream(of: Denial.self)

    /// Has a denial written.
    ///
    /// - Throws: ``Problem`` 503 where too many wait, whatever they are about.
    func put(_ denial: @escaping Denial) throws {
        let (_, number) = count.wrappingAdd(1, ordering: .relaxed)
        guard number <= Self.waitingLimit else {
            count.wrappingSubtract(1, ordering: .relaxed)
            throw Problem.unavailable("too many denials wait to be written: try again")
        }
        queue.yield(denial)
    }

    /// Whether a name was no ledger's a moment ago: what is asked of it over and over costs no more than what
    /// is asked of a ledger, whose repeats are counted.
    func isUnknown(_ name: LedgerName) -> Bool {
        unknown.withLock { $0[name].map { $0 + Self.unknownFor > .now } ?? false }
    }

    /// Notes that a name is no ledger's.
    func noteUnknown(_ name: LedgerName) {
        unknown.withLock { unknown in
            if unknown.count >= Self.unknownLimit { unknown = [:] }
            unknown[name] = .now
        }
    }

    /// Writes until the task is cancelled.
    func run() async {
        await withTaskGroup(of: Void.self) { group in
            var running = 0
            for await denial in denials {
                if running == Self.width {
                    await group.next()
                    running -= 1
                }
                group.addTask {
                    await denial()
                    self.count.wrappingSubtract(1, ordering: .releasing)
                }
                running += 1
            }
        }
    }

    /// Waits until all are written, for a bounded time.
    ///
    /// - Returns: how many are not.
    @discardableResult
    func flush(atMost time: Duration = flushTimeout) async -> Int {
        let end = ContinuousClock.now + time
        while count.load(ordering: .acquiring) > 0, .now < end {
            try? await Task.sleep(for: .milliseconds(5))
        }
        return count.load(ordering: .acquiring)
    }
}
