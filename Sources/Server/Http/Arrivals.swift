import Dispatch

/// What a thread that waits for work is woken by; a signal before it waits is not lost.
struct Arrivals: Sendable {
    private let semaphore = DispatchSemaphore(value: 0)

    func signal() { semaphore.signal() }
    func wait() { semaphore.wait() }
}
