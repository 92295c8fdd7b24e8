/// Who holds which of the pool's places: pure bookkeeping, told the time, sending nothing.
///
/// A place is held by an idle connection, by a lease, by a dial, or by a session that is being closed.
/// There are never more than `limit`. Callers wait, and dials go on for the pool: a session goes to
/// whoever has waited longest when it is there, or becomes idle. Generic over the connection so that
/// tests drive it without a server.
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
        /// Wait under this ticket; `dials` says that one more session is to be opened.
        case wait(Int, dials: Bool)
        case refuse(Refusal)
    }

    /// Why a caller gets nothing.
    enum Refusal: Equatable {
        case closed
        case tooManyWaiting
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
    private(set) var dialling = 0
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

    /// How many callers wait beyond those for whom a session is being opened.
    var waitingCount: Int { max(0, waiting.count - dialling) }

    /// Whether the pool is closed and every session ended.
    ///
    /// What is being opened is closed when it is there, and nobody waits for that.
    var isDrained: Bool { isClosed && idle.isEmpty && leased == 0 && closing == 0 }

    /// A caller wants a connection.
    mutating func acquire() -> Acquire {
        guard !isClosed else { return .refuse(.closed) }
        // The one used last: the others grow old and are retired.
        if let recent = idle.popLast() {
            leased += 1
            return .lend(recent)
        }
        waiting.append(nextTicket + 1)
        let dials = beginsDial()
        guard waitingCount <= waitLimit else {
            waiting.removeLast()
            return .refuse(.tooManyWaiting)
        }
        nextTicket += 1
        return .wait(nextTicket, dials: dials)
    }

    /// A caller found its idle connection dead, and waits for another one before all others.
    ///
    /// - Returns: its ticket, and whether one more session is to be opened; nil once the pool is closed.
    mutating func replaced() -> (ticket: Int, dials: Bool)? {
        precondition(leased > 0, "nothing was leased")
        leased -= 1
        guard !isClosed else { return nil }
        nextTicket += 1
        waiting.insert(nextTicket, at: 0)
        return (nextTicket, beginsDial())
    }

    /// A caller has stopped waiting, or has taken its grant; the dial goes on for the pool.
    mutating func stoppedWaiting(_ ticket: Int) {
        waiting.removeAll { $0 == ticket }
    }

    /// A lease ended with a connection that can be lent again, or with one that nobody has had yet.
    mutating func release(
        _ connection: Connection,
        opened: ContinuousClock.Instant,
        now: ContinuousClock.Instant,
        isNew: Bool = false
    ) -> Release {
        precondition(leased > 0, "nothing was leased")
        guard !isClosed, isNew || opened.duration(to: now) < maximumAge else {
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
    /// - Returns: whether one more is to be opened.
    mutating func sessionEnded() -> Bool {
        precondition(closing > 0, "no session was being closed")
        closing -= 1
        return beginsDial()
    }

    /// A session was opened: it counts as leased until it is released.
    mutating func dialSucceeded() {
        precondition(dialling > 0, "nothing was being opened")
        dialling -= 1
        leased += 1
    }

    /// A session could not be opened.
    ///
    /// - Returns: the caller to be told, the one who has waited longest, unless others that are being
    ///   opened are enough for all; and whether one more is to be opened.
    mutating func dialFailed() -> (caller: Int?, dials: Bool) {
        precondition(dialling > 0, "nothing was being opened")
        dialling -= 1
        let caller = waiting.count > dialling ? waiting.removeFirst() : nil
        return (caller, beginsDial())
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

    /// Takes a place for a dial, if there is one and somebody waits for whom nothing is being opened.
    private mutating func beginsDial() -> Bool {
        guard !isClosed, leased + dialling + closing + idle.count < limit, dialling < waiting.count
        else { return false }
        dialling += 1
        return true
    }
}
