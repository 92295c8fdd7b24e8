import DequeModule
import Synchronization

/// Lets in so many at a time, in the order in which they came.
final class Gate: Sendable {
    private struct State {
        var free: Int
        var queue: Deque<Int> = []
        var waiting: [Int: CheckedContinuation<Bool, Never>] = [:]
        var nextTicket = 0
    }

    private let state: Mutex<State>

    init(_ places: Int) { state = Mutex(State(free: places)) }

    /// Waits for a place, which ``Place/leave()`` gives back.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    func enter() async throws -> Place {
        let ticket = state.withLock { state in
            state.nextTicket += 1
            return state.nextTicket
        }
        let isIn = await withTaskCancellationHandler {
            await withCheckedContinuation { waker in
                let now: Bool? = state.withLock { state in
                    if Task.isCancelled { return false }
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.queue.append(ticket)
                    state.waiting[ticket] = waker
                    return nil
                }
                if let now { waker.resume(returning: now) }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: ticket) }?.resume(returning: false)
        }
        guard isIn else { throw CancellationError() }
        return Place(self)
    }

    fileprivate func leave() {
        let next: CheckedContinuation<Bool, Never>? = state.withLock { state in
            while let ticket = state.queue.popFirst() {
                if let waker = state.waiting.removeValue(forKey: ticket) { return waker }
            }
            state.free += 1
            return nil
        }
        next?.resume(returning: true)
    }
}

/// A place behind a gate, until it is left.
public final class Place: Sendable {
    private let gate: Gate
    private let isLeft = Atomic(false)

    fileprivate init(_ gate: Gate) { self.gate = gate }

    deinit { leave() }

    /// Lets the next one in.
    public func leave() {
        if !isLeft.exchange(true, ordering: .acquiringAndReleasing) { gate.leave() }
    }
}
