/// Work that one process at a time does for a ledger, under a lease: read models, seals, webhooks.
///
/// Any number of processes may run it; those without the lease stand by.
public protocol LeasedWork: Sendable {
    /// Asks it to end.
    var stopSignal: StopSignal { get }

    /// What a look at the tables finds when nobody holds the lease; see ``WorkCall``.
    var call: String { get }

    /// Takes the lease where it is free, works until it is stopped, and hands the lease back.
    ///
    /// - Parameters:
    ///   - feed: says when the head has moved.
    ///   - beginning: left as soon as the lease is held, so that the next one may begin.
    ///   - onTrouble: told what went wrong and did not end the turn; holds no health information.
    /// - Returns: false where somebody else holds the lease.
    func turn(
        _ feed: LiveFeed,
        _ beginning: Place,
        _ onTrouble: @escaping @Sendable (any Error) -> Void
    ) async throws -> Bool

    /// How long to wait after a failure before the next try; nil where that is of no use.
    func pause(after error: any Error) -> Duration?
}

extension LeasedWork {
    /// Works until ``stop()`` or cancellation.
    ///
    /// Failures are told and waited out. A stop hands the lease back; a cancellation leaves it to end
    /// by itself.
    ///
    /// - Parameters:
    ///   - feed: says when the head has moved.
    ///   - onTrouble: told what went wrong before each new try; holds no health information.
    /// - Throws: `CancellationError`, and a failure after which another try is of no use.
    public func run(
        feed: LiveFeed,
        onTrouble: @escaping @Sendable (any Error) -> Void = { _ in }
    ) async throws {
        try await run(feed: feed, gate: Gate(1), onTrouble: onTrouble)
    }

    /// The same, among others of whom not all may begin at the same time.
    func run(
        feed: LiveFeed,
        gate: Gate,
        onTrouble: @escaping @Sendable (any Error) -> Void
    ) async throws {
        while !stopSignal.isRequested {
            do {
                let looks = feed.seen.looks
                let beginning = try await gate.enter()
                defer { beginning.leave() }
                if stopSignal.isRequested { return }
                if try await turn(feed, beginning, onTrouble) { continue }
                beginning.leave()
                let (call, stopSignal) = (call, stopSignal)
                await feed.rest {
                    stopSignal.isRequested || $0.looks > looks && $0.calls.contains(call)
                }
                try Task.checkCancellation()
            } catch {
                try Task.checkCancellation()
                guard let pause = pause(after: error) else { throw error }
                onTrouble(error)
                try await stopSignal.sleep(for: pause)
            }
        }
    }

    /// Lets ``run(feed:onTrouble:)`` return after what it is at.
    public func stop() { stopSignal.request() }
}
