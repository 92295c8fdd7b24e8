/// Who holds which of the pool's places: pure bookkeeping, told the time, sending nothing.
///
/// A place is held by an idle connection, by a lease (which may still be dialling), or by a session
/// that is being closed. There are never more than `limit`. Generic over the connection so that tests
/// drive it without a server.
struct PoolStateMachine<Connection> {
    /// An idle connection.
    struct Idle {
        var connection: Connection
        var since: ContinuousClock.Instant
        var opened: ContinuousClock.Instant
    }

    /// The answer to a caller who wants a connection.
    enum Acquire {
        case lend(Idle)
        case dial
        case wait(Int)
        case refuse(Refusal)
    }

    /// Why a caller gets nothing.
    enum Refusal: Equatable {
        case closed
        case tooManyWaiting
    }

    /// What a waiting caller is given.
    enum Grant {
        case connection(Idle)
        case dial
        case refused
    }

    /// What to do about a connection that came back.
    enum Release {
        case keep
        case grant(Int, Idle)
        case close(Connection)
    }

    let limit: Int
    let waitLimit: Int
    let maximumAge: Duration

    private(set) var idle: [Idle] = []
    private(set) var leased = 0
    private(set) var closing = 0
    private(set) var isClosed = false
    private var waiting: [Int] = []
    private var nextTicket = 0

    init(limit: Int, waitLimit: Int, maximumAge: Duration) {
        precondition(limit > 0 && waitLimit >= 0, "a pool needs room for a connection")
        self.limit = limit
        self.waitLimit = waitLimit
        self.maximumAge = maximumAge
    }

    /// How many callers wait.
    var waitingCount: Int { waiting.count }

    /// Whether the pool is closed and every session ended.
    var isDrained: Bool { isClosed && idle.isEmpty && leased == 0 && closing == 0 }

    /// A caller wants a connection.
    mutating func acquire() -> Acquire {
        guard !isClosed else { return .refuse(.closed) }
        // The one used last: the others grow old and are retired.
        if let recent = idle.popLast() {
            leased += 1
            return .lend(recent)
        }
        if leased + closing < limit {
            leased += 1
            return .dial
        }
        guard waiting.count < waitLimit else { return .refuse(.tooManyWaiting) }
        nextTicket += 1
        waiting.append(nextTicket)
        return .wait(nextTicket)
    }

    /// A caller has stopped waiting, or has taken its grant.
    mutating func stoppedWaiting(_ ticket: Int) {
        waiting.removeAll { $0 == ticket }
    }

    /// A lease ended with a connection that can be lent again.
    mutating func release(
        _ connection: Connection,
        opened: ContinuousClock.Instant,
        now: ContinuousClock.Instant
    ) -> Release {
        precondition(leased > 0, "nothing was leased")
        guard !isClosed, opened.duration(to: now) < maximumAge else {
            leased -= 1
            closing += 1
            return .close(connection)
        }
        let returned = Idle(connection: connection, since: now, opened: opened)
        guard let first = waiting.first else {
            leased -= 1
            idle.append(returned)
            return .keep
        }
        waiting.removeFirst()
        return .grant(first, returned)
    }

    /// A lease ended with a session that is being closed; its place is free when that is done.
    mutating func discarded() {
        precondition(leased > 0, "nothing was leased")
        leased -= 1
        closing += 1
    }

    /// A session has ended.
    ///
    /// - Returns: the caller who may dial now.
    mutating func sessionEnded() -> Int? {
        precondition(closing > 0, "no session was being closed")
        closing -= 1
        return passPlaceOn()
    }

    /// A lease ended without a session: dialling failed, or a grant to dial was not taken.
    ///
    /// - Returns: the caller who may dial now.
    mutating func dialFailed() -> Int? {
        precondition(leased > 0, "nothing was leased")
        leased -= 1
        return passPlaceOn()
    }

    /// Nobody gets a connection any more.
    ///
    /// - Returns: the idle connections, to be closed, and the callers, to be refused.
    mutating func close() -> (idle: [Connection], waiting: [Int]) {
        isClosed = true
        defer {
            closing += idle.count
            idle = []
            waiting = []
        }
        return (idle.map(\.connection), waiting)
    }

    private mutating func passPlaceOn() -> Int? {
        guard !isClosed, leased + closing + idle.count < limit, !waiting.isEmpty else { return nil }
        leased += 1
        return waiting.removeFirst()
    }
}
