import CareEpisode
import Postgres
import Synchronization

/// Runs the work of every ledger, also of those that are created later.
///
/// What fails is begun again, and the others go on. `serve` and `projections run` have one each.
public final class LedgerWorkers: Sendable {
    /// How often all ledgers are looked at.
    private static let lookInterval: Duration = .seconds(1)
    /// How long what has failed for good waits before it is begun again: a newer program may have
    /// been replaced meanwhile.
    private static let restartPause: Duration = .seconds(5)

    /// How much work begins at the same time: as many statements as there are connections.
    private static let beginLimit = 8

    /// What is told of what goes wrong: of which ledger, and in which work; nil where the ledgers cannot
    /// be listed, or the ledger's work cannot be begun.
    public typealias Trouble = @Sendable (LedgerDescription?, (any LeasedWork)?, any Error) -> Void

    private let database: LedgerDatabase
    private let feeds: LiveFeeds
    private let stopSignal = StopSignal()
    private let running = Mutex<[LedgerID: [any LeasedWork]]>([:])
    private let onTrouble: Trouble
    private let gate = Gate(beginLimit)

    /// Makes the supervisor.
    ///
    /// - Parameters:
    ///   - database: where the ledgers are.
    ///   - feeds: are told what looks at the ledgers find.
    ///   - onTrouble: told what goes wrong, the same not more often than once a minute; no health
    ///     information.
    public init(_ database: LedgerDatabase, feeds: LiveFeeds, onTrouble: @escaping Trouble) {
        self.database = database
        self.feeds = feeds
        self.onTrouble = onTrouble
    }

    /// Works until ``stop()`` or cancellation; returns when leases have been handed back.
    ///
    /// One statement a second looks at all ledgers, for everybody who waits in this process.
    ///
    /// - Parameter assignment: what is to be done for a ledger; asked once for each, again where it
    ///   throws.
    public func run(_ assignment: (LedgerDescription) async throws -> [any LeasedWork]) async {
        let throttle = TroubleThrottle()
        await withDiscardingTaskGroup { group in
            while !stopSignal.isRequested, !Task.isCancelled {
                let (isNew, failure) = await look()
                do {
                    for ledger in isNew ? try await database.ledgers() : []
                    where !isRunning(ledger) {
                        do {
                            start(ledger, try await assignment(ledger), &group)
                        } catch {
                            if throttle.isNew(error) { onTrouble(ledger, nil, error) }
                        }
                    }
                    if let failure { throw failure }
                } catch {
                    if !Task.isCancelled, throttle.isNew(error) { onTrouble(nil, nil, error) }
                }
                try? await stopSignal.sleep(for: Self.lookInterval)
            }
        }
    }

    /// Looks at all ledgers.
    ///
    /// - Returns: whether there may be some for which nothing is done yet, and why that is not known.
    private func look() async -> (isNew: Bool, failure: (any Error)?) {
        do {
            let found = try await feeds.look(database)
            return (running.withLock { running in found.contains { running[$0] == nil } }, nil)
        } catch {
            return (true, error)
        }
    }

    /// Has everything end after what it is at.
    public func stop() {
        stopSignal.request()
        for work in running.withLock({ $0.values.flatMap(\.self) }) { work.stop() }
        feeds.wake()
    }

    private func isRunning(_ ledger: LedgerDescription) -> Bool {
        running.withLock { $0[ledger.id] != nil }
    }

    private func start(
        _ ledger: LedgerDescription,
        _ assignment: [any LeasedWork],
        _ group: inout DiscardingTaskGroup
    ) {
        running.withLock { $0[ledger.id] = assignment }
        // Stopped meanwhile: nobody else would tell this work.
        if stopSignal.isRequested { for work in assignment { work.stop() } }
        let feed = feeds.feed(of: ledger.id)
        for work in assignment { group.addTask { await self.keepRunning(work, ledger, feed) } }
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
                try await work.run(feed: feed, gate: gate, onTrouble: tell)
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
