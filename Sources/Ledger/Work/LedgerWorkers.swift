import CareEpisode
import Postgres
import Synchronization

/// Runs the work of every ledger, also of those that are created later.
///
/// What fails is begun again, and the others go on. `serve` and `projections run` have one each.
public final class LedgerWorkers: Sendable {
    /// How often new ledgers are looked for.
    private static let lookInterval: Duration = .seconds(2)
    /// How long what has failed for good waits before it is begun again: a newer program may have
    /// been replaced meanwhile.
    private static let restartPause: Duration = .seconds(5)

    /// What a ledger needs.
    public struct Assignment: Sendable {
        /// Says when the ledger's head has moved.
        public var feed: LiveFeed
        /// What is to be done.
        public var work: [any LeasedWork]

        /// What is to be done for a ledger.
        public init(feed: LiveFeed, work: [any LeasedWork]) {
            self.feed = feed
            self.work = work
        }
    }

    /// What is told of what goes wrong: of which ledger, and in which work; nil where the ledgers cannot
    /// be listed, or the ledger's work cannot be begun.
    public typealias Trouble = @Sendable (LedgerDescription?, (any LeasedWork)?, any Error) -> Void

    private let database: LedgerDatabase
    private let stopSignal = StopSignal()
    private let running = Mutex<[LedgerID: [any LeasedWork]]>([:])
    private let onTrouble: Trouble

    /// Makes the supervisor.
    ///
    /// - Parameters:
    ///   - database: where the ledgers are.
    ///   - onTrouble: told what goes wrong, the same not more often than once a minute; no health
    ///     information.
    public init(_ database: LedgerDatabase, onTrouble: @escaping Trouble) {
        self.database = database
        self.onTrouble = onTrouble
    }

    /// Works until ``stop()`` or cancellation; returns when leases have been handed back.
    ///
    /// - Parameter assignment: asked once for each ledger; again where it throws.
    public func run(_ assignment: (LedgerDescription) async throws -> Assignment) async {
        let throttle = TroubleThrottle()
        await withDiscardingTaskGroup { group in
            while !stopSignal.isRequested, !Task.isCancelled {
                do {
                    for ledger in try await database.ledgers() where !isRunning(ledger) {
                        do {
                            start(ledger, try await assignment(ledger), &group)
                        } catch {
                            if throttle.isNew(error) { onTrouble(ledger, nil, error) }
                        }
                    }
                } catch {
                    if !Task.isCancelled, throttle.isNew(error) { onTrouble(nil, nil, error) }
                }
                try? await stopSignal.sleep(for: Self.lookInterval)
            }
        }
    }

    /// Has everything end after what it is at.
    public func stop() {
        stopSignal.request()
        for work in running.withLock({ $0.values.flatMap(\.self) }) { work.stop() }
    }

    private func isRunning(_ ledger: LedgerDescription) -> Bool {
        running.withLock { $0[ledger.id] != nil }
    }

    private func start(
        _ ledger: LedgerDescription,
        _ assignment: Assignment,
        _ group: inout DiscardingTaskGroup
    ) {
        running.withLock { $0[ledger.id] = assignment.work }
        // Stopped meanwhile: nobody else would tell this work.
        if stopSignal.isRequested { for work in assignment.work { work.stop() } }
        for work in assignment.work {
            group.addTask { await self.keepRunning(work, ledger, assignment.feed) }
        }
    }

    private func keepRunning(
        _ work: any LeasedWork,
        _ ledger: LedgerDescription,
        _ feed: LiveFeed
    ) async {
        let throttle = TroubleThrottle()
        let tell: @Sendable (any Error) -> Void = { error in
            if throttle.isNew(error) { self.onTrouble(ledger, work, error) }
        }
        while !stopSignal.isRequested, !Task.isCancelled {
            do {
                try await work.run(feed: feed, onTrouble: tell)
                return
            } catch {
                guard !stopSignal.isRequested, !Task.isCancelled else { return }
                tell(error)
                try? await stopSignal.sleep(for: Self.restartPause)
            }
        }
    }
}

/// What was reported last, so that a trouble that lasts is reported once a minute and not with every try.
private final class TroubleThrottle: Sendable {
    private static let pause: Duration = .seconds(60)

    private let last = Mutex<(text: String, at: ContinuousClock.Instant)?>(nil)

    func isNew(_ error: any Error) -> Bool {
        let text = "\(error)"
        return last.withLock { last in
            if let last, last.text == text, .now < last.at + Self.pause { return false }
            last = (text, .now)
            return true
        }
    }
}
