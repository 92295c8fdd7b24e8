import CLibPQ
import Glibc
import Synchronization

/// What a socket can be waited for.
struct Readiness: OptionSet, Sendable {
    let rawValue: UInt8

    static let readable = Readiness(rawValue: 1)
    static let writable = Readiness(rawValue: 2)
}

/// How a wait ended.
enum WaitOutcome: Sendable {
    case ready(Readiness)
    case timedOut
    case cancelled
    case failed(errno: CInt)
}

/// Tells every connection of the process when it may call libpq again.
///
/// One thread sleeps in `epoll_wait`. A task that waits for a socket is suspended, so no thread of
/// the cooperative pool ever blocks on the network. Each wait has a ticket, which is what epoll
/// gives back: an event of an earlier wait, or of a closed socket whose number was given out again,
/// finds no ticket and is dropped.
final class SocketReactor: Sendable {
    /// The reactor all connections of the process share.
    ///
    /// Its thread ends with the process.
    static let shared = SocketReactor()

    private struct Registry {
        var waits: [UInt64: Waiting] = [:]
        /// Never later than the earliest deadline in `waits`.
        var nextSweep: ContinuousClock.Instant?
    }

    private struct Waiting {
        var deadline: ContinuousClock.Instant?
        var wake: Wake
    }

    private enum Wake {
        case task(CheckedContinuation<WaitOutcome, Never>)
        case timer(@Sendable () -> Void)

        func callAsFunction(_ outcome: WaitOutcome) {
            switch self {
            case .task(let continuation): continuation.resume(returning: outcome)
            case .timer(let action): action()
            }
        }
    }

    private let poll: CInt
    private let wakeup: CInt
    private let tickets = Atomic<UInt64>(1)
    private let registry = Mutex(Registry())

    init() {
        poll = libpq_epoll_create()
        wakeup = libpq_eventfd_create()
        precondition(poll >= 0 && wakeup >= 0, "no file descriptors left for the socket reactor")
        precondition(libpq_epoll_add_wakeup(poll, wakeup) == 0, "epoll refused its wake-up")
        let started = BlockingCalls.onHelperThread { self.run() }
        precondition(started, "no thread left for the socket reactor")
    }

    /// Makes a socket known.
    ///
    /// Call once, before the first wait.
    func add(_ socket: CInt) -> Bool {
        libpq_epoll_add(poll, socket) == 0
    }

    /// Forgets a socket.
    ///
    /// Call before the socket is closed: its number is reused at once.
    func forget(_ socket: CInt) {
        _ = libpq_epoll_remove(poll, socket)
    }

    /// Suspends until the socket is ready, the deadline passes or the task is cancelled.
    ///
    /// At most one wait per socket at a time. With `cancellable: false` cancellation is ignored,
    /// which is how a rollback runs in a task that is already cancelled.
    func wait(
        for interest: Readiness,
        on socket: CInt,
        until deadline: ContinuousClock.Instant?,
        cancellable: Bool = true
    ) async -> WaitOutcome {
        let ticket = nextTicket()
        guard cancellable else {
            return await withCheckedContinuation { continuation in
                arm(ticket, interest, socket, deadline, continuation, cancellable: false)
            }
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                arm(ticket, interest, socket, deadline, continuation, cancellable: true)
            }
        } onCancel: {
            remove(ticket)?.wake(.cancelled)
        }
    }

    /// Calls `action` on the reactor's thread at the deadline, unless cancelled before.
    ///
    /// - Returns: the ticket to cancel it by.
    func schedule(
        at deadline: ContinuousClock.Instant,
        _ action: @escaping @Sendable () -> Void
    ) -> UInt64 {
        let ticket = nextTicket()
        let mustWake = registry.withLock { registry in
            registry.waits[ticket] = Waiting(deadline: deadline, wake: .timer(action))
            return Self.bringForward(&registry, deadline)
        }
        if mustWake { interrupt() }
        return ticket
    }

    /// Cancels a timer that has not fired.
    func cancelTimer(_ ticket: UInt64) {
        _ = remove(ticket)
    }

    private func nextTicket() -> UInt64 {
        tickets.wrappingAdd(1, ordering: .relaxed).oldValue
    }

    private func arm(
        _ ticket: UInt64,
        _ interest: Readiness,
        _ socket: CInt,
        _ deadline: ContinuousClock.Instant?,
        _ continuation: CheckedContinuation<WaitOutcome, Never>,
        cancellable: Bool
    ) {
        var events: UInt32 = 0
        if interest.contains(.readable) { events |= UInt32(LIBPQ_EPOLL_READ) }
        if interest.contains(.writable) { events |= UInt32(LIBPQ_EPOLL_WRITE) }
        var mustWake = false
        let refused: WaitOutcome? = registry.withLock { registry in
            // A task's cancelled flag is set before its handlers run. So either it is seen here, or
            // the handler takes this lock afterwards and finds the ticket.
            if cancellable && Task.isCancelled { return .cancelled }
            registry.waits[ticket] = Waiting(deadline: deadline, wake: .task(continuation))
            guard libpq_epoll_arm(poll, socket, events, ticket) == 0 else {
                registry.waits[ticket] = nil
                return .failed(errno: errno)
            }
            if let deadline { mustWake = Self.bringForward(&registry, deadline) }
            return nil
        }
        if let refused { continuation.resume(returning: refused) }
        if mustWake { interrupt() }
    }

    private func remove(_ ticket: UInt64) -> Waiting? {
        registry.withLock { $0.waits.removeValue(forKey: ticket) }
    }

    private static func bringForward(
        _ registry: inout Registry,
        _ deadline: ContinuousClock.Instant
    ) -> Bool {
        if let next = registry.nextSweep, next <= deadline { return false }
        registry.nextSweep = deadline
        return true
    }

    private func interrupt() {
        var one: UInt64 = 1
        _ = write(wakeup, &one, 8)
    }

    private func run() {
        let batch = LIBPQ_EPOLL_BATCH
        var readyTickets = [UInt64](repeating: 0, count: batch)
        var readyEvents = [UInt32](repeating: 0, count: batch)
        while true {
            let count = libpq_epoll_wait(poll, &readyTickets, &readyEvents, millisecondsToSleep())
            guard count >= 0 else {
                precondition(errno == EINTR, "epoll_wait failed with errno \(errno)")
                continue
            }
            for (ticket, events) in zip(readyTickets, readyEvents).prefix(Int(count)) {
                guard ticket != 0 else {
                    var drained: UInt64 = 0
                    _ = read(wakeup, &drained, 8)
                    continue
                }
                remove(ticket)?.wake(.ready(Self.readiness(of: events)))
            }
            for expired in takeExpired() { expired.wake(.timedOut) }
        }
    }

    private static func readiness(of events: UInt32) -> Readiness {
        var readiness: Readiness = []
        // A broken socket counts as readable: libpq finds out what happened by reading.
        let readable = UInt32(LIBPQ_EPOLL_READ) | UInt32(LIBPQ_EPOLL_BROKEN)
        if events & readable != 0 { readiness.insert(.readable) }
        if events & UInt32(LIBPQ_EPOLL_WRITE) != 0 { readiness.insert(.writable) }
        return readiness
    }

    private func millisecondsToSleep() -> CInt {
        guard let next = registry.withLock({ $0.nextSweep }) else { return -1 }
        return PollTimeout.milliseconds(until: next)
    }

    private func takeExpired() -> [Waiting] {
        registry.withLock { registry in
            let now = ContinuousClock.now
            guard let next = registry.nextSweep, next <= now else { return [] }
            var expired: [Waiting] = []
            var earliest: ContinuousClock.Instant?
            for (ticket, waiting) in registry.waits {
                guard let deadline = waiting.deadline else { continue }
                if deadline <= now {
                    expired.append(waiting)
                    registry.waits[ticket] = nil
                } else if earliest.map({ deadline < $0 }) ?? true {
                    earliest = deadline
                }
            }
            registry.nextSweep = earliest
            return expired
        }
    }
}

/// Turns a deadline into the timeout that `poll` and `epoll_wait` take.
enum PollTimeout {
    /// Whole milliseconds until the deadline, rounded up so that the deadline has passed afterwards.
    static func milliseconds(until deadline: ContinuousClock.Instant) -> CInt {
        let left = ContinuousClock.now.duration(to: deadline)
        guard left > .zero else { return 0 }
        let (seconds, attoseconds) = left.components
        guard seconds < 86_400 else { return 86_400_000 }
        return CInt(seconds * 1000 + (attoseconds + 999_999_999_999_999) / 1_000_000_000_000_000)
    }
}
