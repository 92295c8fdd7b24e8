import Glibc

/// Runs what libpq can only do blocking (connect, cancel, finish) outside the cooperative pool.
package enum BlockingCalls {
    private final class Work: Sendable {
        let body: @Sendable () -> Void
        init(_ body: @escaping @Sendable () -> Void) { self.body = body }
    }

    /// Runs the work on a thread of its own.
    ///
    /// Callers are rare and bounded (one per connection opened or closed, and a few that last as long
    /// as the process), so a thread each costs less than a pool of them would in code.
    /// - Returns: false if the system has no thread left; the work is not run then.
    package static func onHelperThread(_ body: @escaping @Sendable () -> Void) -> Bool {
        let work = Unmanaged.passRetained(Work(body))
        var thread = pthread_t()
        let failure = pthread_create(
            &thread,
            nil,
            { context in
                guard let context else { return nil }
                Unmanaged<Work>.fromOpaque(context).takeRetainedValue().body()
                return nil
            },
            work.toOpaque()
        )
        guard failure == 0 else {
            work.release()
            return false
        }
        pthread_detach(thread)
        return true
    }
}
