import Synchronization

/// A state that tasks can wait for.
final class Observed<State: Sendable>: Sendable {
    private typealias Waker = CheckedContinuation<Void, Never>

    private struct Waiter: Sendable {
        let isOver: @Sendable (borrowing State) -> Bool
        let waker: Waker
    }

    private struct Contents {
        var state: State
        var waiters: [Int: Waiter] = [:]
        var nextTicket = 0
    }

    private let contents: Mutex<Contents>

    init(_ state: State) {
        contents = Mutex(Contents(state: state))
    }

    /// Reads the state, or changes in it what nobody waits for.
    func withLock<Result>(_ body: (inout sending State) -> sending Result) -> sending Result {
        contents.withLock { contents in body(&contents.state) }
    }

    /// Changes the state, and wakes those whose wait that ends.
    func update(_ change: (inout State) -> Void) {
        let woken = contents.withLock { contents in
            change(&contents.state)
            var woken: [Waker] = []
            for (ticket, waiter) in contents.waiters where waiter.isOver(contents.state) {
                contents.waiters[ticket] = nil
                woken.append(waiter.waker)
            }
            return woken
        }
        for waker in woken { waker.resume() }
    }

    /// Waits until something holds, or the task is cancelled.
    func wait(until isOver: @escaping @Sendable (borrowing State) -> Bool) async {
        await wait(newTicket(), isOver)
    }

    /// Waits until something holds, for a time, or until the task is cancelled.
    func wait(
        atMost limit: Duration,
        until isOver: @escaping @Sendable (borrowing State) -> Bool
    ) async {
        let (ticket, deadline) = (newTicket(), ContinuousClock.now + limit)
        let alarm = Task {
            try? await Task.sleep(until: deadline)
            self.end(ticket)
        }
        await wait(ticket, until: deadline, isOver)
        alarm.cancel()
    }

    private func newTicket() -> Int {
        contents.withLock { contents in
            contents.nextTicket += 1
            return contents.nextTicket
        }
    }

    private func end(_ ticket: Int) {
        contents.withLock { $0.waiters.removeValue(forKey: ticket) }?.waker.resume()
    }

    private func wait(
        _ ticket: Int,
        until deadline: ContinuousClock.Instant? = nil,
        _ isOver: @escaping @Sendable (borrowing State) -> Bool
    ) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { (waker: Waker) in
                let isNow = contents.withLock { contents in
                    if isOver(contents.state) || Task.isCancelled { return true }
                    // The alarm may have come before there was anybody to wake.
                    if let deadline, deadline <= .now { return true }
                    contents.waiters[ticket] = Waiter(isOver: isOver, waker: waker)
                    return false
                }
                if isNow { waker.resume() }
            }
        } onCancel: {
            end(ticket)
        }
    }
}
