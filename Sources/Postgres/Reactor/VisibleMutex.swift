#if THREAD_SANITIZER
    import Glibc

    /// Stands in for the standard library's `Mutex` when the tests run under ThreadSanitizer.
    ///
    /// That one waits inside a library that is not instrumented: the sanitizer does not see it
    /// taken there, and reports every access under it as a race. It does see a pthread mutex.
    ///
    /// `@unchecked Sendable`: the value is touched under the mutex only.
    struct Mutex<Value>: ~Copyable, @unchecked Sendable {
        private let mutex: UnsafeMutablePointer<pthread_mutex_t>
        private let value: UnsafeMutablePointer<Value>

        init(_ initial: consuming sending Value) {
            mutex = .allocate(capacity: 1)
            pthread_mutex_init(mutex, nil)
            value = .allocate(capacity: 1)
            value.initialize(to: initial)
        }

        deinit {
            pthread_mutex_destroy(mutex)
            mutex.deallocate()
            value.deinitialize(count: 1)
            value.deallocate()
        }

        borrowing func withLock<Result, Failure: Error>(
            _ body: (inout Value) throws(Failure) -> Result
        ) throws(Failure) -> Result {
            pthread_mutex_lock(mutex)
            defer { pthread_mutex_unlock(mutex) }
            return try body(&value.pointee)
        }
    }
#endif
