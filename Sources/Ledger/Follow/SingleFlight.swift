import Synchronization

/// Has those who want the same thing at the same time get it by one call.
public final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private typealias Waiter = CheckedContinuation<Value, any Error>

    private struct State {
        var last = 0
        /// Who waits for each call that is under way.
        var calls: [Key: [Int: Waiter]] = [:]
    }

    private let state = Mutex(State())

    /// Nobody wants anything yet.
    public init() {}

    /// What `make` returns, of this call or of one for the same key that is under way.
    ///
    /// A caller that is cancelled goes at once, and leaves the call to the others.
    ///
    /// - Throws: what `make` throws; `CancellationError` where the caller is cancelled.
    public func value(
        _ key: Key,
        _ make: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        return try await withTaskCancellationHandler {
            try await withCheckedThrowingContinuation { waiter in
                let isFirst = state.withLock { state in
                    defer { state.calls[key, default: [:]][number] = waiter }
                    return state.calls[key] == nil
                }
                if isFirst { Task { await self.call(key, make) } }
                // Cancelled before there was a waiter.
                if Task.isCancelled { leave(key, number) }
            }
        } onCancel: {
            leave(key, number)
        }
    }

    /// How many wait for a call.
    func waiting(_ key: Key) -> Int { state.withLock { $0.calls[key]?.count ?? 0 } }

    private func call(_ key: Key, _ make: @Sendable () async throws -> Value) async {
        let result: Result<Value, any Error>
        do { result = .success(try await make()) } catch { result = .failure(error) }
        // Those who come from now on might want something newer.
        let waiters = state.withLock { $0.calls.removeValue(forKey: key) }
        for waiter in waiters?.values ?? [:].values { waiter.resume(with: result) }
    }

    private func leave(_ key: Key, _ number: Int) {
        state.withLock { $0.calls[key]?.removeValue(forKey: number) }?
            .resume(throwing: CancellationError())
    }
}
