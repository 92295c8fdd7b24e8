import Synchronization

/// A value that one party hands to one waiting task, once.
///
/// The first of value, deadline and cancellation wins; `settle` tells the others that they lost, so
/// that a value nobody takes (a connection, a place in the pool) goes back to its owner.
final class OneShot<Value: Sendable>: Sendable {
    enum Outcome: Sendable {
        case value(Value)
        case timedOut
        case cancelled
    }

    private enum State {
        case empty
        case waiting(CheckedContinuation<Outcome, Never>)
        case settled(Outcome)
        case taken
    }

    private let state = Mutex(State.empty)

    /// True once the outcome is fixed.
    var isSettled: Bool {
        state.withLock { state in
            switch state {
            case .empty, .waiting: false
            case .settled, .taken: true
            }
        }
    }

    /// Fixes the outcome.
    ///
    /// - Returns: false if it was already fixed: the value was not taken over.
    @discardableResult
    func settle(_ outcome: Outcome) -> Bool {
        let (won, waiting): (Bool, CheckedContinuation<Outcome, Never>?) = state.withLock { state in
            switch state {
            case .empty:
                state = .settled(outcome)
                return (true, nil)
            case .waiting(let continuation):
                state = .taken
                return (true, continuation)
            case .settled, .taken:
                return (false, nil)
            }
        }
        waiting?.resume(returning: outcome)
        return won
    }

    /// Waits for the outcome.
    ///
    /// Call once. With `cancellable: false` cancellation is ignored.
    func wait(
        until deadline: ContinuousClock.Instant?,
        reactor: SocketReactor,
        cancellable: Bool = true
    ) async -> Outcome {
        let timer = deadline.map { reactor.schedule(at: $0) { self.settle(.timedOut) } }
        defer { if let timer { reactor.cancelTimer(timer) } }
        guard cancellable else { return await outcome() }
        return await withTaskCancellationHandler {
            await outcome()
        } onCancel: {
            settle(.cancelled)
        }
    }

    private func outcome() async -> Outcome {
        await withCheckedContinuation { continuation in
            let settled: Outcome? = state.withLock { state in
                if case .settled(let outcome) = state {
                    state = .taken
                    return outcome
                }
                state = .waiting(continuation)
                return nil
            }
            if let settled { continuation.resume(returning: settled) }
        }
    }
}
