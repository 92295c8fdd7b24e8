import CLibPQ
import Glibc

/// Several places asked for a connection, one after the other and at the same time.
struct DialRace {
    /// A connection that is being made.
    private struct Attempt {
        let connection: OpaquePointer
        let place: Endpoint
        var deadline: ContinuousClock.Instant
        var events = Int16(POLLOUT)
        /// Whether the place has answered before: nobody waits for it alone.
        var isAgain = false
    }

    private let configuration: PostgresConfiguration
    private let plan: DialPlan
    private let notices: NoticeSink
    private var waiting: [Endpoint]
    private var nextStart = ContinuousClock.now
    private var attempts: [Attempt] = []
    private var reasons: [String]
    /// Those that refused, or answered and are not of the preferred kind: while another one is silent,
    /// they are asked again, since they may have started, or been promoted, meanwhile.
    private var again: [Endpoint] = []
    /// A server that answered and is not of the preferred kind.
    private var fallback: Attempt?
    private var winner: Attempt?

    init(
        _ configuration: PostgresConfiguration,
        _ plan: DialPlan,
        _ places: [Endpoint],
        reasons: [String]
    ) {
        self.configuration = configuration
        self.plan = plan
        self.reasons = reasons
        waiting = places
        notices = NoticeSink(configuration.noticeHandler)
    }

    /// Runs until a server is found, none is left to ask, or nobody waits any more.
    mutating func run(isAbandoned: () -> Bool) -> Result<Session, PostgresError> {
        defer { finishOthers() }
        while winner == nil {
            guard !isAbandoned() else { return .failure(failure("nobody waits any more")) }
            if !waiting.isEmpty, attempts.isEmpty || nextStart <= .now {
                startNext()
                continue
            }
            if attempts.allSatisfy(\.isAgain) { break }
            if waiting.isEmpty, !again.isEmpty, nextStart <= .now { askAgain() }
            waitForSockets()
            dropSilent()
        }
        if let winner { return session(winner, isPreferred: true) }
        guard let last = fallback else { return .failure(failure(reasons.joined(separator: "\n"))) }
        fallback = nil
        return session(last, isPreferred: false)
    }

    private func failure(_ reason: String) -> PostgresError {
        PostgresError(.connectionFailed, reason)
    }

    private func session(_ attempt: Attempt, isPreferred: Bool) -> Result<Session, PostgresError> {
        let connection = attempt.connection
        guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1 else {
            PQfinish(connection)
            return .failure(failure("libpq refused non-blocking pipeline mode"))
        }
        return .success(
            Session(
                connection,
                notices: notices,
                place: attempt.place,
                keywords: plan.keywords,
                isPreferred: isPreferred
            )
        )
    }

    private mutating func startNext() {
        let place = waiting.removeFirst()
        nextStart = .now + Dialer.headStart
        start(place)
    }

    private mutating func askAgain() {
        nextStart = .now + Dialer.headStart
        let places = again
        again = []
        for place in places { start(place, isAgain: true) }
    }

    private mutating func start(_ place: Endpoint, isAgain: Bool = false) {
        guard let connection = LibPQ.start(plan.keywords + place.keywords) else {
            return reasons.append("out of memory")
        }
        notices.install(on: connection)
        guard PQstatus(connection) != CONNECTION_BAD else {
            refused(connection, place)
            return
        }
        attempts.append(
            Attempt(
                connection: connection,
                place: place,
                deadline: .now + patience,
                isAgain: isAgain
            )
        )
    }

    /// How long a place that is asked now may take.
    private var patience: Duration {
        fallback == nil || configuration.isForWriting
            ? configuration.connectTimeout : min(Dialer.headStart, configuration.connectTimeout)
    }

    /// Sleeps until a socket is ready or something else is due, and goes on with those that are.
    private mutating func waitForSockets() {
        var sockets = attempts.map {
            pollfd(fd: PQsocket($0.connection), events: $0.events, revents: 0)
        }
        var due = attempts.map(\.deadline)
        if !waiting.isEmpty || !again.isEmpty { due.append(nextStart) }
        let end = due.min() ?? .now
        // Looks up now and then whether anybody still waits.
        let timeout = min(PollTimeout.milliseconds(until: end), 250)
        guard poll(&sockets, nfds_t(sockets.count), timeout) > 0 else { return }
        for index in sockets.indices.reversed() where sockets[index].revents != 0 {
            goOn(index)
        }
    }

    private mutating func goOn(_ index: Int) {
        switch PQconnectPoll(attempts[index].connection) {
        case PGRES_POLLING_READING: attempts[index].events = Int16(POLLIN)
        case PGRES_POLLING_WRITING: attempts[index].events = Int16(POLLOUT)
        case PGRES_POLLING_OK: answered(attempts.remove(at: index))
        default:
            let failed = attempts.remove(at: index)
            refused(failed.connection, failed.place)
        }
    }

    private mutating func refused(_ connection: OpaquePointer, _ place: Endpoint) {
        let reason = reason(connection)
        if !reasons.contains(reason) { reasons.append(reason) }
        PQfinish(connection)
        again.append(place)
    }

    private mutating func answered(_ attempt: Attempt) {
        if winner == nil, isPreferred(attempt.connection) {
            winner = attempt
        } else if winner == nil, fallback == nil {
            fallback = attempt
            if configuration.isForWriting { again.append(attempt.place) }
            let end = ContinuousClock.now + patience
            for index in attempts.indices {
                attempts[index].deadline = min(attempts[index].deadline, end)
            }
        } else {
            if configuration.isForWriting { again.append(attempt.place) }
            PQfinish(attempt.connection)
        }
    }

    /// Whether the server is of the preferred kind, by what it has told while connecting.
    private func isPreferred(_ connection: OpaquePointer) -> Bool {
        func isOn(_ name: String) -> Bool {
            PQparameterStatus(connection, name).map { String(cString: $0) == "on" } ?? false
        }
        switch plan.preference {
        case .none: return true
        case .primary: return !isOn("in_hot_standby") && !isOn("default_transaction_read_only")
        case .standby: return isOn("in_hot_standby")
        }
    }

    private mutating func dropSilent() {
        let now = ContinuousClock.now
        for attempt in attempts where attempt.deadline <= now {
            reasons.append(
                "\(attempt.place.description) did not answer within \(configuration.connectTimeout)"
            )
            PQfinish(attempt.connection)
        }
        attempts.removeAll { $0.deadline <= now }
    }

    private mutating func finishOthers() {
        for attempt in attempts { PQfinish(attempt.connection) }
        if let fallback { PQfinish(fallback.connection) }
        attempts = []
        fallback = nil
    }

    private func reason(_ connection: OpaquePointer) -> String {
        PQerrorMessage(connection).map { ServerMessage.trimmed($0) } ?? "unknown reason"
    }
}
