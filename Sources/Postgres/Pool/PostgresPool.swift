import CLibPQ
import Glibc
import Synchronization

/// Lends connections, at most `limit` at a time.
///
/// A connection that broke, timed out or was cancelled is closed, never lent again, and its place is
/// free once the server has been told, or a second later if it says nothing. One that was idle for a
/// while, or when another was given up, is asked whether it still works before it is lent.
///
/// A session is opened for the pool, not for the caller who asked: it is there for the next one when
/// that caller has gone.
public final class PostgresPool: Sendable {
    /// How busy the pool is.
    public struct Statistics: Sendable, Hashable {
        /// Connections that wait to be lent.
        public var idle: Int
        /// Connections lent, or being opened.
        public var leased: Int
        /// Sessions being closed.
        public var closing: Int
        /// Callers waiting.
        public var waiting: Int
    }

    /// A connection that nobody uses.
    ///
    /// `@unchecked Sendable`: it is in the pool's state, under its lock, or on its way to the one
    /// caller that leases it; nobody else has a reference.
    private struct Parked: @unchecked Sendable {
        let connection: PostgresConnection
    }

    private typealias Machine = PoolStateMachine<Parked>

    private enum Grant: Sendable {
        case connection(Parked, opened: ContinuousClock.Instant, since: ContinuousClock.Instant)
        case failed(PostgresError)
        case closed
    }

    /// For whom connections are lent to the task; nil where nobody's share counts.
    @TaskLocal public static var shareholder: Int64?

    private struct State {
        var machine: Machine
        var shares: PoolShares
        var sharing: [Int: OneShot<Bool>] = [:]
        var callers: [Int: OneShot<Grant>] = [:]
        /// When a session was last given up.
        var lastLoss: ContinuousClock.Instant?
        var drained: [OneShot<Bool>] = []
    }

    /// A lease, with what the pool needs to know when it ends.
    private struct Lease {
        let connection: PostgresConnection
        let opened: ContinuousClock.Instant
        var share: PoolShares.Holder?
    }

    /// How the pool's sessions are opened.
    public let configuration: PostgresConfiguration
    private let hasShares: Bool
    private let waitTimeout: Duration
    private let checkAfter: Duration
    private let maximumAge: Duration
    private let reactor = SocketReactor.shared
    private let state: Mutex<State>

    /// A pool without connections; they are opened as they are needed.
    ///
    /// `waitLimit` callers may queue, each for up to `waitTimeout`. Connections idle for `checkAfter`
    /// are tried before they are lent, and those older than `maximumAge` are closed. Beside
    /// others one ``shareholder`` has at most `shareLimit` of them at a time, and alone all but one, so
    /// that whoever comes finds one; nil for all.
    public init(
        _ configuration: PostgresConfiguration,
        limit: Int = 8,
        shareLimit: Int? = nil,
        waitLimit: Int = 1000,
        waitTimeout: Duration = .seconds(10),
        checkAfter: Duration = .seconds(5),
        maximumAge: Duration = .seconds(1800)
    ) {
        self.configuration = configuration
        hasShares = shareLimit != nil
        self.waitTimeout = waitTimeout
        self.checkAfter = checkAfter
        self.maximumAge = maximumAge
        state = Mutex(
            State(
                machine: Machine(limit: limit, waitLimit: waitLimit, maximumAge: maximumAge),
                shares: PoolShares(
                    limit: shareLimit ?? limit,
                    all: max(limit - 1, shareLimit ?? limit),
                    waitLimit: waitLimit
                )
            )
        )
    }

    /// How busy the pool is now.
    public var statistics: Statistics {
        state.withLock { state in
            Statistics(
                idle: state.machine.idle.count,
                leased: state.machine.leased + state.machine.dialling,
                closing: state.machine.closing,
                waiting: state.machine.waitingCount + state.shares.waitingCount
            )
        }
    }

    /// Lends a connection for as long as `body` runs.
    ///
    /// Throws `.poolExhausted` if none became free in time or too many callers waited already,
    /// `.connectionFailed` if a new one could not be opened, `.poolClosed`, `.cancelled`, and what
    /// `body` throws. `deadline` is for getting the connection.
    public func withConnection<Result: Sendable>(
        deadline: ContinuousClock.Instant? = nil,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let lease = try await acquire(deadline, for: hasShares ? Self.shareholder : nil)
        defer { release(lease) }
        return try await body(lease.connection)
    }

    /// Runs a transaction on a connection of the pool; see `PostgresConnection.withTransaction`.
    ///
    /// One that only reads may run several times; see ``reading(deadline:_:)``.
    public func withTransaction<Result: Sendable>(
        _ options: TransactionOptions = .readCommitted,
        deadline: ContinuousClock.Instant? = nil,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        guard options.isReadOnly else {
            return try await withConnection(deadline: deadline) { connection in
                try await connection.withTransaction(options, deadline: deadline, body)
            }
        }
        return try await reading(deadline: deadline) { connection in
            try await connection.withTransaction(options, deadline: deadline, body)
        }
    }

    /// Runs one statement on a connection of the pool; see ``reading(deadline:_:)``.
    public func query(
        _ sql: SQL,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> PostgresRows {
        try await reading(deadline: deadline) { connection in
            try await connection.query(sql, deadline: deadline)
        }
    }

    /// Runs statements in one round trip on a connection of the pool; see ``reading(deadline:_:)``.
    public func pipeline(
        _ statements: [SQL],
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> [PostgresRows] {
        try await reading(deadline: deadline) { connection in
            try await connection.pipeline(statements, deadline: deadline)
        }
    }

    /// Closes the pool: refuses new callers, ends idle sessions, and waits for the lent ones.
    ///
    /// A cancelled task does not wait.
    public func close() async {
        let drained = OneShot<Bool>()
        let (idle, callers) = state.withLock { state in
            let (idle, waiting) = state.machine.close()
            let callers = waiting.compactMap { state.callers.removeValue(forKey: $0) }
            if state.machine.isDrained {
                drained.settle(.value(true))
            } else {
                state.drained.append(drained)
            }
            return (idle, callers)
        }
        for caller in callers { caller.settle(.value(.closed)) }
        for parked in idle { endSession(parked.connection) }
        _ = await drained.wait(until: nil, reactor: reactor)
    }

    // MARK: Leasing

    /// Lends a connection once it is the turn of whoever it is for.
    private func acquire(
        _ deadline: ContinuousClock.Instant?,
        for holder: PoolShares.Holder?
    ) async throws(PostgresError) -> Lease {
        guard let holder else { return try await acquire(deadline) }
        try await takeShare(of: holder, deadline)
        do {
            var lease = try await acquire(deadline)
            lease.share = holder
            return lease
        } catch {
            giveBackShare(of: holder)
            throw error
        }
    }

    private func takeShare(
        of holder: PoolShares.Holder,
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) {
        let (decision, turn) = state.withLock { state in
            let decision = state.shares.acquire(holder)
            guard case .wait(let ticket) = decision else { return (decision, OneShot<Bool>?.none) }
            let turn = OneShot<Bool>()
            state.sharing[ticket] = turn
            return (decision, turn)
        }
        switch decision {
        case .proceed: return
        case .refuse:
            throw PostgresError(.poolExhausted, "too many callers are waiting for a connection")
        case .wait(let ticket):
            guard let turn else { preconditionFailure("a waiting caller has a turn") }
            let limit = ContinuousClock.now.advanced(by: waitTimeout)
            let outcome = await turn.wait(
                until: deadline.map { min($0, limit) } ?? limit,
                reactor: reactor
            )
            let waited = state.withLock { state in
                state.sharing[ticket] = nil
                return state.shares.stoppedWaiting(ticket, holder)
            }
            if case .value = outcome { return }
            // His turn came when he had just stopped waiting.
            if !waited { giveBackShare(of: holder) }
            if case .cancelled = outcome {
                throw PostgresError(
                    .cancelled,
                    "while waiting for a connection",
                    connectionIsUsable: false
                )
            }
            throw PostgresError(.poolExhausted, "no connection became free in time")
        }
    }

    private func giveBackShare(of holder: PoolShares.Holder) {
        let next = state.withLock { state in
            state.shares.release(holder).compactMap { state.sharing.removeValue(forKey: $0) }
        }
        for turn in next { turn.settle(.value(true)) }
    }

    private func acquire(
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) -> Lease {
        guard !Task.isCancelled else {
            throw PostgresError(
                .cancelled,
                "before a connection was leased",
                connectionIsUsable: false
            )
        }
        let (decision, caller) = state.withLock { state in
            let decision = state.machine.acquire()
            guard case .wait(let ticket, _) = decision else {
                return (decision, OneShot<Grant>?.none)
            }
            return (decision, Self.newCaller(ticket, &state))
        }
        switch decision {
        case .lend(let idle):
            return try await checked(
                idle.connection.connection,
                idle.opened,
                idle.since,
                deadline
            )
        case .wait(let ticket, let dials):
            guard let caller else { preconditionFailure("a waiting caller has a ticket") }
            if dials { dial() }
            return try await wait(ticket, caller, deadline)
        case .refuse(.closed): throw Self.closed
        case .refuse(.tooManyWaiting):
            throw PostgresError(.poolExhausted, "too many callers are waiting for a connection")
        }
    }

    private static func newCaller(_ ticket: Int, _ state: inout State) -> OneShot<Grant> {
        let caller = OneShot<Grant>()
        state.callers[ticket] = caller
        return caller
    }

    private func wait(
        _ ticket: Int,
        _ caller: OneShot<Grant>,
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) -> Lease {
        let limit = ContinuousClock.now.advanced(by: waitTimeout)
        let outcome = await caller.wait(
            until: deadline.map { min($0, limit) } ?? limit,
            reactor: reactor
        )
        let isDialling = state.withLock { state in
            state.machine.stoppedWaiting(ticket)
            state.callers[ticket] = nil
            return state.machine.dialling > 0
        }
        switch outcome {
        case .value(.connection(let parked, let opened, let since)):
            return try await checked(parked.connection, opened, since, deadline)
        case .value(.failed(let error)): throw error
        case .value(.closed): throw Self.closed
        case .timedOut where isDialling:
            throw PostgresError(.connectionFailed, "no host answered in time")
        case .timedOut:
            throw PostgresError(.poolExhausted, "no connection became free in time")
        case .cancelled:
            throw PostgresError(
                .cancelled,
                "while waiting for a connection",
                connectionIsUsable: false
            )
        }
    }

    /// Lends a connection that was idle or has just been opened; if it has died meanwhile, a new one.
    private func checked(
        _ connection: PostgresConnection,
        _ opened: ContinuousClock.Instant,
        _ since: ContinuousClock.Instant,
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) -> Lease {
        connection.isLent = true
        let lease = Lease(connection: connection, opened: opened)
        var works = connection.looksAlive()
        if works, !connection.isSetUp {
            do {
                try await connection.setUp(until: deadline)
            } catch {
                connection.close()
                release(lease)
                throw error
            }
            return lease
        }
        // What has taken one session may have taken those that were idle then.
        let isDoubtful = state.withLock { state in state.lastLoss.map { since <= $0 } ?? false }
        if works, isDoubtful || since.duration(to: .now) >= checkAfter {
            works = await connection.answers(within: .seconds(2))
        }
        if works { return lease }
        // The place goes to the session that takes its turn: the dead one has nothing to tell.
        connection.close()
        let next = state.withLock { state -> (Int, OneShot<Grant>, Bool)? in
            guard let (ticket, dials) = state.machine.replaced() else { return nil }
            return (ticket, Self.newCaller(ticket, &state), dials)
        }
        guard let (ticket, caller, dials) = next else {
            tellDrained()
            throw Self.closed
        }
        if dials { dial() }
        return try await wait(ticket, caller, deadline)
    }

    // MARK: Dialling

    /// Opens a session for the pool, on a helper thread.
    private func dial() {
        let dialer = Dialer(
            configuration: configuration,
            isAbandoned: { [self] in state.withLock { $0.machine.isClosed } }
        )
        let started = BlockingCalls.onHelperThread { [self] in
            switch dialer.open() {
            case .success(let session): dialled(session)
            case .failure(let error): dialFailed(error)
            }
        }
        if !started { dialFailed(PostgresError(.connectionFailed, "no thread left")) }
    }

    private func dialled(_ session: Session) {
        guard reactor.add(session.socket) else {
            session.close(sendCancel: false, reactor: reactor)
            return dialFailed(PostgresError(.connectionFailed, "the socket cannot be watched"))
        }
        let connection = PostgresConnection(session, configuration, reactor)
        connection.isLent = false
        state.withLock { $0.machine.dialSucceeded() }
        hand(Parked(connection: connection), opened(session), isNew: true)
    }

    /// When a session counts as opened: one that is not of the preferred kind of server is used for some
    /// seconds, since that server may not be the one to talk to any more; of those that are there to
    /// write, for one call.
    private func opened(_ session: Session) -> ContinuousClock.Instant {
        let age: Duration = configuration.isForWriting ? .zero : Self.secondChoiceAge
        return session.isPreferred ? .now : .now - max(maximumAge - age, .zero)
    }

    private static let secondChoiceAge: Duration = .seconds(10)

    private func dialFailed(_ error: PostgresError) {
        let (caller, dials) = state.withLock { state in
            let (ticket, dials) = state.machine.dialFailed()
            return (ticket.flatMap { state.callers.removeValue(forKey: $0) }, dials)
        }
        caller?.settle(.value(.failed(error)))
        if dials { dial() }
    }

    // MARK: Taking back

    private func release(_ lease: Lease) {
        let connection = lease.connection
        let isReusable = connection.isReusable
        connection.isLent = false
        defer { if let holder = lease.share { giveBackShare(of: holder) } }
        guard isReusable else {
            state.withLock { state in
                state.machine.discarded()
                state.lastLoss = .now
            }
            endSession(connection)
            return
        }
        hand(Parked(connection: connection), lease.opened)
    }

    /// Gives a connection to the caller who has waited longest, or keeps it.
    private func hand(_ parked: Parked, _ opened: ContinuousClock.Instant, isNew: Bool = false) {
        while true {
            let (action, caller) = state.withLock { state in
                let action = state.machine.release(
                    parked,
                    opened: opened,
                    now: .now,
                    isNew: isNew
                )
                guard case .grant(let ticket, _) = action else {
                    return (action, OneShot<Grant>?.none)
                }
                return (action, state.callers.removeValue(forKey: ticket))
            }
            switch action {
            case .keep: return
            case .close(let parked): return endSession(parked.connection)
            case .grant(_, let idle):
                let grant = Grant.connection(parked, opened: idle.opened, since: idle.since)
                if let caller, caller.settle(.value(grant)) { return }
            // The caller has just stopped waiting: the next one, then.
            }
        }
    }

    /// Closes a session that the machine counts as closing.
    private func endSession(_ connection: PostgresConnection) {
        connection.close()
        connection.session.whenFinished { [self] in
            if state.withLock({ $0.machine.sessionEnded() }) { dial() }
            tellDrained()
        }
    }

    /// Tells those who close the pool, once every session has ended.
    private func tellDrained() {
        let drained = state.withLock { state in
            guard state.machine.isDrained else { return [OneShot<Bool>]() }
            defer { state.drained = [] }
            return state.drained
        }
        for closing in drained { closing.settle(.value(true)) }
    }

    private static var closed: PostgresError {
        PostgresError(.poolClosed, "")
    }
}

extension PostgresConnection {
    /// Whether an idle session looks alive from here: no end of the stream, no last words.
    func looksAlive() -> Bool {
        guard spent == nil else { return false }
        // Last words and the end of the stream are read one after the other.
        for _ in 0..<8 {
            var descriptor = pollfd(fd: session.socket, events: Int16(POLLIN), revents: 0)
            guard poll(&descriptor, 1, 0) > 0 else { break }
            guard PQconsumeInput(session.connection) == 1 else { return false }
            collectNotifications()
        }
        return PQstatus(session.connection) == CONNECTION_OK
    }

    /// Whether the server answers an empty round trip in time.
    func answers(within duration: Duration) async -> Bool {
        do {
            _ = try await run([], CallLimit(deadline: .now.advanced(by: duration)))
            return true
        } catch {
            return false
        }
    }
}
