import Synchronization

/// Asks work to end, and lets it sleep until then.
public final class StopSignal: Sendable {
    private let requested = Atomic(false)

    /// Nobody has asked yet.
    public init() {}

    /// Whether the work is to end.
    public var isRequested: Bool { requested.load(ordering: .acquiring) }

    /// Asks the work to end; for good.
    public func request() { requested.store(true, ordering: .releasing) }

    /// Sleeps, but not much beyond the request.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while !isRequested {
            let rest = ContinuousClock.now.duration(to: end)
            guard rest > .zero else { return }
            try await Task.sleep(for: min(.milliseconds(100), rest))
        }
    }
}
