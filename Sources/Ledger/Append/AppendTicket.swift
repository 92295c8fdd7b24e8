import Synchronization

/// A request on its way: submitted in order now, its outcome awaited later.
public final class AppendTicket: Sendable {
    let request: AppendRequest
    /// Of each of the request's events: the life cycle accepts one as it is or not at all.
    let bytes: [EventBytes]
    /// When it was submitted.
    public let submittedAt: ContinuousClock.Instant
    private let state = Mutex(State.queued(nil))
    private let isDecisionKept = Atomic(false)

    private typealias Waiter = CheckedContinuation<AppendOutcome, any Error>

    private enum State {
        case queued(Waiter?)
        case taken(Waiter?)
        case settled(Result<AppendOutcome, any Error>)
    }

    init(_ request: AppendRequest, bytes: [EventBytes] = []) {
        self.request = request
        self.bytes = bytes
        submittedAt = .now
    }

    /// Whether the request's decision is in the access log; certain once the outcome is.
    public var keepsDecision: Bool { isDecisionKept.load(ordering: .acquiring) }

    /// The decision is on disk.
    func decisionIsKept() { isDecisionKept.store(true, ordering: .releasing) }

    /// The outcome, where it is certain already.
    var settled: Result<AppendOutcome, any Error>? {
        state.withLock { if case .settled(let result) = $0 { result } else { nil } }
    }

    /// Waits for the outcome; call once.
    ///
    /// Cancelling withdraws a request that nobody has looked at yet. One that is being appended is
    /// waited for, since its events may be on disk.
    ///
    /// - Throws: ``AppendError``, or `CancellationError` where the request was withdrawn.
    public func outcome() async throws -> AppendOutcome {
        try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { (waiter: Waiter) in
                let settled = state.withLock { state -> Result<AppendOutcome, any Error>? in
                    switch state {
                    case .queued where Task.isCancelled:
                        state = .settled(.failure(CancellationError()))
                        return .failure(CancellationError())
                    case .queued: state = .queued(waiter)
                    case .taken: state = .taken(waiter)
                    case .settled(let result): return result
                    }
                    return nil
                }
                if let settled { waiter.resume(with: settled) }
            }
        } onCancel: {
            withdraw()
        }
    }

    /// Ends the wait for the outcome.
    ///
    /// The waiter gets ``AppendError/unavailable`` where nobody has looked at the request yet, and so
    /// nobody will; ``AppendError/outcomeUnknown`` where it may be recorded yet.
    public func giveUp() {
        // Looked at and settled under one lock: nobody takes it up in between.
        let (waiter, error) = state.withLock { state -> (Waiter?, AppendError) in
            let (waiter, error): (Waiter?, AppendError)
            switch state {
            case .queued(let some): (waiter, error) = (some, .unavailable)
            case .taken(let some): (waiter, error) = (some, .outcomeUnknown)
            case .settled: return (nil, .unavailable)
            }
            state = .settled(.failure(error))
            return (waiter, error)
        }
        waiter?.resume(throwing: error)
    }

    /// Whether the outcome is told.
    var isSettled: Bool { settled != nil }

    private func withdraw() {
        let waiter = state.withLock { state -> Waiter? in
            guard case .queued(let waiter?) = state else { return nil }
            state = .settled(.failure(CancellationError()))
            return waiter
        }
        waiter?.resume(throwing: CancellationError())
    }

    /// Whether it was not withdrawn; from now on it cannot be.
    func take() -> Bool {
        state.withLock { state in
            switch state {
            case .queued(let waiter):
                state = .taken(waiter)
                return true
            case .taken: return true
            case .settled: return false
            }
        }
    }

    /// Tells the outcome; the first one counts.
    func settle(_ result: Result<AppendOutcome, any Error>) {
        let waiter = state.withLock { state -> Waiter? in
            let waiter: Waiter?
            switch state {
            case .queued(let some), .taken(let some): waiter = some
            case .settled: return nil
            }
            state = .settled(result)
            return waiter
        }
        waiter?.resume(with: result)
    }
}
