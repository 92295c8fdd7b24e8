import Synchronization

/// Appends to one ledger: many requests in one commit.
///
/// Requests that arrive while a batch is being flushed make up the next one; there is no timer.
/// Any number of sequencers, in any number of processes, may serve one ledger: what makes the
/// record right is the lock on its head and the unique keys, not there being one of them.
public final class Sequencer: Sendable {
    /// The ledger that is written.
    public let ledger: LedgerDescription
    /// Where committed events are handed over to the followers of this process.
    public let feed: LiveFeed

    private let database: LedgerDatabase
    private let timeout: Duration?
    private let state: Mutex<State>

    private struct State {
        var queue: SequencerQueue
        var isRunning = false
        /// Those whose wait has a limit, and some whose outcome is told.
        var waiting: [AppendTicket] = []
        var idle: CheckedContinuation<Void, Never>?
    }

    /// Makes a sequencer; ``run()`` makes it work.
    ///
    /// - Parameters:
    ///   - timeout: after which a timed request's wait ends with ``AppendError/unavailable`` or
    ///     ``AppendError/outcomeUnknown``; nil for never.
    ///   - feed: the ledger's in this process.
    public convenience init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        timeout: Duration? = nil,
        feed: LiveFeed = LiveFeed()
    ) {
        self.init(
            database,
            ledger: ledger,
            timeout: timeout,
            feed: feed,
            limits: SequencerQueue.Limits()
        )
    }

    init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        timeout: Duration? = nil,
        feed: LiveFeed = LiveFeed(),
        limits: SequencerQueue.Limits
    ) {
        self.database = database
        self.ledger = ledger
        self.timeout = timeout
        self.feed = feed
        state = Mutex(State(queue: SequencerQueue(limits: limits)))
    }

    /// Runs a sequencer for the length of a closure, and serves what was submitted before it ends.
    public static func with<Result: Sendable>(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        _ body: @Sendable (Sequencer) async throws -> Result
    ) async throws -> Result {
        let sequencer = Sequencer(database, ledger: ledger)
        let announcer = Announcer(database, ledger: ledger, feed: sequencer.feed)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { await sequencer.run() }
            group.addTask { await announcer.run() }
            do {
                let result = try await body(sequencer)
                sequencer.stop()
                try await group.waitForAll()
                return result
            } catch {
                sequencer.stop()
                throw error
            }
        }
    }

    /// Tells other processes of what is appended here, until ``run()`` has ended.
    public func announce() async {
        await Announcer(database, ledger: ledger, feed: feed).run()
    }

    /// Appends, and returns when the outcome is certain and on disk.
    ///
    /// - Throws: ``AppendError``, or `CancellationError` where the task was cancelled before the
    ///   request was looked at.
    public func append(_ request: AppendRequest) async throws -> AppendOutcome {
        try await submit(request).outcome()
    }

    /// Puts a request in the queue: requests are decided in the order of these calls.
    ///
    /// - Parameters:
    ///   - request: what to append.
    ///   - isTimed: whether the wait ends when the sequencer's timeout is over.
    /// - Throws: ``AppendError/overloaded`` and ``AppendError/stopped``.
    public func submit(
        _ request: AppendRequest,
        isTimed: Bool = false
    ) throws(AppendError) -> AppendTicket {
        precondition(
            (1...AppendRequest.eventLimit).contains(request.events.count),
            "a request has 1 to \(AppendRequest.eventLimit) events"
        )
        let bytes = request.events.map { EventBytes($0, of: request, ledger: ledger.name) }
        let ticket = AppendTicket(request, bytes: bytes)
        let (submission, idle) = state.withLock { state in
            let submission = state.queue.submit(ticket)
            if isTimed, timeout != nil, case .queued = submission { state.waiting.append(ticket) }
            guard case .queued(wake: true) = submission else { return (submission, nil as Waker?) }
            defer { state.idle = nil }
            return (submission, state.idle)
        }
        switch submission {
        case .queued: idle?.resume()
        case .overloaded: throw .overloaded
        case .stopped: throw .stopped
        }
        return ticket
    }

    private typealias Waker = CheckedContinuation<Void, Never>

    /// Takes no more requests; ``run()`` returns when those that wait have been served.
    public func stop() {
        let idle = state.withLock { state in
            state.queue.stop()
            defer { state.idle = nil }
            return state.idle
        }
        idle?.resume()
    }

    /// Serves requests until ``stop()``, or until the task is cancelled: then requests that wait
    /// end with ``AppendError/stopped``.
    public func run() async {
        state.withLock { state in
            precondition(!state.isRunning, "a sequencer runs once")
            state.isRunning = true
        }
        await withTaskGroup { group in
            if let timeout { group.addTask { await self.endWaits(after: timeout) } }
            await withTaskCancellationHandler {
                await work()
            } onCancel: {
                stop()
            }
            group.cancelAll()
        }
        feed.finish()
    }

    private func work() async {
        var worker = BatchWorker(database: database, ledger: ledger, feed: feed)
        while let batch = await nextBatch(besides: worker.deferredEvents) {
            await worker.process(batch)
            // Those who were just told their outcome may ask for more before the next batch:
            // worth waiting for, unless half as many wait already.
            if state.withLock({ $0.queue.count }) < batch.count / 2 { await Task.yield() }
        }
    }

    /// Ends the waits that last too long: one clock for all, since one for each would cost more than
    /// the append.
    private func endWaits(after timeout: Duration) async {
        while !Task.isCancelled {
            let old = ContinuousClock.now - timeout
            let (late, oldest) = state.withLock { state in
                state.waiting.removeAll(where: \.isSettled)
                let late = state.waiting.filter { $0.submittedAt <= old }
                return (late, state.waiting.lazy.map(\.submittedAt).filter { $0 > old }.min())
            }
            for ticket in late { ticket.giveUp() }
            // Whoever comes meanwhile waits longer than that.
            let next = (oldest ?? .now) + timeout
            // Those whose outcome is told are not held for long.
            let sweep = ContinuousClock.now + .seconds(1)
            try? await Task.sleep(until: min(sweep, max(next, .now + .milliseconds(100))))
        }
    }

    /// The tickets of the next batch; nil when stopped and nothing is left.
    private func nextBatch(besides deferred: Int) async -> [AppendTicket]? {
        while true {
            let (batch, isStopped) = state.withLock { state in
                (state.queue.take(besides: deferred), state.queue.isStopped)
            }
            if Task.isCancelled {
                for ticket in batch { ticket.settle(.failure(AppendError.stopped)) }
                if batch.isEmpty && deferred == 0 { return nil }
                if batch.isEmpty { return [] }
                continue
            }
            if !batch.isEmpty || deferred > 0 { return batch }
            if isStopped { return nil }
            await withCheckedContinuation { (waker: Waker) in
                let wakeNow = state.withLock { state in
                    if state.queue.queuedEvents > 0 || state.queue.isStopped { return true }
                    state.idle = waker
                    return false
                }
                if wakeNow { waker.resume() }
            }
        }
    }
}
