import Synchronization

/// Has those who want the same thing at the same time get it by one call.
public final class SingleFlight<Key: Hashable & Sendable, Value: Sendable>: Sendable {
    private let calls = Mutex<[Key: Task<Value, any Error>]>([:])

    /// Nobody wants anything yet.
    public init() {}

    /// What `make` returns, of this call or of one for the same key that is under way.
    ///
    /// A caller that is cancelled leaves the call to the others.
    public func value(
        _ key: Key,
        _ make: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        try await calls.withLock { calls in
            if let call = calls[key] { return call }
            let call = Task {
                // Those who come from now on might want something newer.
                defer { self.calls.withLock { $0[key] = nil } }
                return try await make()
            }
            calls[key] = call
            return call
        }.value
    }
}
