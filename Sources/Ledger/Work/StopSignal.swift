/// Asks work to end, and lets it sleep until then.
public final class StopSignal: Sendable {
    private let requested = Observed(false)

    /// Nobody has asked yet.
    public init() {}

    /// Whether the work is to end.
    public var isRequested: Bool { requested.withLock { $0 } }

    /// Asks the work to end; for good.
    public func request() { requested.update { $0 = true } }

    /// Sleeps, but not beyond the request.
    ///
    /// - Throws: `CancellationError` where the task is cancelled.
    public func sleep(for duration: Duration) async throws {
        guard duration > .zero else { return }
        await requested.wait(atMost: duration) { $0 }
        try Task.checkCancellation()
    }
}
