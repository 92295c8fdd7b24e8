import CLibPQ
import Glibc

/// Opens sessions on a helper thread: name resolution and reading certificates block in libpq.
struct Dialer {
    let configuration: PostgresConfiguration
    /// True once nobody waits for the session any more.
    let isAbandoned: @Sendable () -> Bool

    private enum Attempt {
        case connected
        case silent
        case failed(String)
    }

    /// Opens a session, or says why not.
    func open() -> Result<Session, PostgresError> {
        var keywords = configuration.connectionKeywords()
        var hosts = HostList(keywords)
        let notices = NoticeSink(configuration.noticeHandler)
        while true {
            guard let connection = start(keywords) else {
                return .failure(failure("out of memory"))
            }
            notices.install(on: connection)
            switch attempt(connection) {
            case .connected:
                guard PQsetnonblocking(connection, 1) == 0, PQenterPipelineMode(connection) == 1
                else {
                    PQfinish(connection)
                    return .failure(failure("libpq refused non-blocking pipeline mode"))
                }
                return .success(Session(connection, notices: notices))
            case .failed(let reason):
                PQfinish(connection)
                return .failure(failure(reason))
            case .silent:
                let host = PQhost(connection).map { String(cString: $0) } ?? ""
                let port = PQport(connection).map { String(cString: $0) } ?? ""
                PQfinish(connection)
                guard !isAbandoned(), hosts.remove(host: host, port: port) else {
                    return .failure(
                        failure("\(host) did not answer within \(configuration.connectTimeout)")
                    )
                }
                keywords = hosts.applied(to: keywords)
            }
        }
    }

    private func failure(_ reason: String) -> PostgresError {
        PostgresError(.connectionFailed, reason)
    }

    private func start(_ keywords: [(keyword: String, value: String)]) -> OpaquePointer? {
        let names = keywords.map { strdup($0.keyword) }
        let values = keywords.map { strdup($0.value) }
        defer { for text in names + values { free(text) } }
        let cNames = names.map { UnsafePointer($0) } + [nil]
        let cValues = values.map { UnsafePointer($0) } + [nil]
        return PQconnectStartParams(cNames, cValues, 0)
    }

    private func attempt(_ connection: OpaquePointer) -> Attempt {
        guard PQstatus(connection) != CONNECTION_BAD else { return .failed(reason(connection)) }
        var host = currentHost(connection)
        var deadline = ContinuousClock.now.advanced(by: configuration.connectTimeout)
        var events = Int16(POLLOUT)
        while true {
            guard isReady(connection, events, deadline) else { return .silent }
            switch PQconnectPoll(connection) {
            case PGRES_POLLING_OK: return .connected
            case PGRES_POLLING_READING: events = Int16(POLLIN)
            case PGRES_POLLING_WRITING: events = Int16(POLLOUT)
            default: return .failed(reason(connection))
            }
            let now = currentHost(connection)
            if now != host {
                host = now
                deadline = .now.advanced(by: configuration.connectTimeout)
            }
        }
    }

    /// Waits for the socket; false if the deadline passes or nobody waits any more.
    private func isReady(
        _ connection: OpaquePointer,
        _ events: Int16,
        _ deadline: ContinuousClock.Instant
    ) -> Bool {
        while !isAbandoned() {
            var descriptor = pollfd(fd: PQsocket(connection), events: events, revents: 0)
            // Looks up now and then whether anybody still waits.
            let timeout = min(PollTimeout.milliseconds(until: deadline), 250)
            if poll(&descriptor, 1, timeout) > 0 { return true }
            if deadline <= .now { return false }
        }
        return false
    }

    private func currentHost(_ connection: OpaquePointer) -> [String] {
        [PQhost(connection), PQhostaddr(connection), PQport(connection)].map { text in
            text.map { String(cString: $0) } ?? ""
        }
    }

    private func reason(_ connection: OpaquePointer) -> String {
        PQerrorMessage(connection).map { ServerMessage.trimmed($0) } ?? "unknown reason"
    }
}
