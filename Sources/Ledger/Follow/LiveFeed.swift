public import CareEpisode
import DequeModule
import Synchronization

/// What this process knows of a ledger's newest events: how far the head is, and the events that
/// were committed here last.
///
/// A hint, never the truth: a follower that finds a hole here reads the table.
public final class LiveFeed: Sendable {
    private let state = Mutex(State())
    private let limit: Int

    private struct State {
        var head = Position.zero
        /// Contiguous, oldest first.
        var recent: Deque<RecordedEvent> = []
        var waiters: [Int: (beyond: Position, waker: CheckedContinuation<Void, Never>)] = [:]
        var nextWaiter = 0
        var isFinished = false
    }

    /// - Parameter limit: how many of the newest events are kept for followers.
    public init(limit: Int = 4_096) {
        self.limit = limit
    }

    /// The newest position that was heard of.
    public var head: Position { state.withLock { $0.head } }

    /// The newest position that this process committed, of those that are kept.
    var published: Position? { state.withLock { $0.recent.last?.history.position } }

    /// The database turned out to be behind what was committed, as after a restore: forgets what it has
    /// no more.
    func goBack(to head: Position) {
        state.withLock { state in
            state.recent.removeAll()
            state.head = head
        }
    }

    /// Whether nothing more will be published.
    public var isFinished: Bool { state.withLock { $0.isFinished } }

    /// Hands over a batch that was committed by this process.
    func publish(_ events: [RecordedEvent]) {
        guard let first = events.first?.history.position, let last = events.last?.history.position
        else { return }
        let woken = state.withLock { state in
            if let newest = state.recent.last?.history.position,
                newest.rawValue + 1 != first.rawValue
            {
                // Another process appended in between: what is kept must have no hole.
                state.recent.removeAll()
            }
            state.recent.append(contentsOf: events)
            if state.recent.count > limit { state.recent.removeFirst(state.recent.count - limit) }
            return Self.advance(&state, to: last)
        }
        for waker in woken { waker.resume() }
    }

    /// Tells that the head has moved, by whatever way that was learned.
    public func headMoved(to position: Position) {
        let woken = state.withLock { Self.advance(&$0, to: position) }
        for waker in woken { waker.resume() }
    }

    /// Nothing more will be published: wakes everybody.
    func finish() {
        let woken = state.withLock { state in
            state.isFinished = true
            defer { state.waiters = [:] }
            return state.waiters.values.map(\.waker)
        }
        for waker in woken { waker.resume() }
    }

    private static func advance(
        _ state: inout State,
        to position: Position
    ) -> [CheckedContinuation<Void, Never>] {
        guard position > state.head else { return [] }
        state.head = position
        let woken = state.waiters.filter { $0.value.beyond < position }
        for key in woken.keys { state.waiters[key] = nil }
        return woken.values.map(\.waker)
    }

    /// The events directly after a position, where they are still kept here.
    func events(after position: Position, limit: Int) -> [RecordedEvent] {
        state.withLock { state in
            guard let first = state.recent.first?.history.position.rawValue,
                let last = state.recent.last?.history.position.rawValue,
                position.rawValue >= first - 1, position.rawValue < last
            else { return [] }
            let start = Int(position.rawValue + 1 - first)
            return Array(state.recent[start..<min(state.recent.count, start + limit)])
        }
    }

    /// Waits until the head is beyond a position, nothing more will come, or the task is cancelled.
    func wait(beyond position: Position) async {
        let ticket = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waker in
                let now = state.withLock { state in
                    if state.head > position || state.isFinished || Task.isCancelled { return true }
                    state.waiters[ticket] = (position, waker)
                    return false
                }
                if now { waker.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: ticket) }?.waker.resume()
        }
    }

    /// Waits until the head is beyond a position, or it is time to look anyway.
    public func wait(beyond position: Position, atMost limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.wait(beyond: position) }
            group.addTask { try? await Task.sleep(for: limit) }
            await group.next()
            // Of a feed that is finished nothing is heard any more: the time alone counts.
            if isFinished && head <= position { await group.next() }
            group.cancelAll()
        }
    }
}
