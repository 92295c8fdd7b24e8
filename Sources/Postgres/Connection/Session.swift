import CLibPQ
import Glibc
import Synchronization

/// Owns a `PGconn` and the key that cancels its statements.
///
/// `@unchecked Sendable`: the `PGconn` is touched by one party at a time: the helper thread that
/// opens it, then the one task that leases the connection, then, after `close`, the helper thread
/// that finishes it.
final class Session: @unchecked Sendable {
    let connection: OpaquePointer
    let socket: CInt
    /// Which of the places it is connected to.
    let place: Endpoint
    /// Whether the server is of the kind that is preferred; another one is put up with for a while.
    let isPreferred: Bool
    private let keywords: [(keyword: String, value: String)]
    private let cancelKey: CancelKey?
    private let notices: NoticeSink
    private let isClosed = Atomic<Bool>(false)
    private let end = Mutex(End.open)

    private enum End {
        case open
        case observed(@Sendable () -> Void)
        case over
    }

    /// How long a server may take to be told to stop, before the session counts as ended.
    private static let cancelLimit: Duration = .seconds(1)

    init(
        _ connection: OpaquePointer,
        notices: NoticeSink,
        place: Endpoint,
        keywords: [(keyword: String, value: String)],
        isPreferred: Bool
    ) {
        self.connection = connection
        self.notices = notices
        self.place = place
        self.keywords = keywords
        self.isPreferred = isPreferred
        socket = PQsocket(connection)
        cancelKey = PQgetCancel(connection).map(CancelKey.init)
    }

    /// Whether a commit since the last look did not wait for its standby to the end: somebody has ended
    /// the wait, and the server says that it is committed all the same.
    func takeUnconfirmed() -> Bool { notices.takeUnconfirmed() }

    /// Whether the server still takes connections; answered on a helper thread, at the latest after
    /// `seconds`.
    ///
    /// It says yes where it cannot be found out.
    func isServerThere(
        withinSeconds seconds: Int,
        _ answer: @escaping @Sendable (Bool) -> Void
    ) {
        let asked =
            keywords.filter { $0.keyword != "connect_timeout" } + place.keywords
            + [("connect_timeout", "\(seconds)")]
        if !BlockingCalls.onHelperThread({ answer(LibPQ.isThere(asked)) }) { answer(true) }
    }

    /// Asks the server, on a helper thread, to stop what it is doing for this session.
    ///
    /// Call from the task that has the session.
    /// - Returns: settled once the server has taken that in; it stops nothing that is sent after that.
    ///   Nil where the server cannot be asked.
    func askToStop() -> OneShot<Bool>? {
        // A copy of its own: the session may be closed while the server is being asked.
        guard let key = PQgetCancel(connection) else { return nil }
        let asked = OneShot<Bool>()
        let cancelKey = CancelKey(key)
        let isAsked = BlockingCalls.onHelperThread {
            asked.settle(.value(cancelKey.send()))
        }
        return isAsked ? asked : nil
    }

    /// Ends the session on a helper thread, after asking the server to stop what it is doing.
    ///
    /// A server that has fallen silent does not take that in: after a second the session counts as
    /// ended all the same, and the thread waits alone. The socket is forgotten before this returns,
    /// so that its number can be reused. A second call does nothing.
    func close(sendCancel: Bool, reactor: SocketReactor) {
        guard
            isClosed.compareExchange(expected: false, desired: true, ordering: .acquiring).exchanged
        else { return }
        reactor.forget(socket)
        let timer =
            sendCancel ? reactor.schedule(at: .now + Self.cancelLimit) { self.isOver() } : nil
        let finish: @Sendable () -> Void = {
            self.finish(sendCancel: sendCancel)
            if let timer { reactor.cancelTimer(timer) }
        }
        if !BlockingCalls.onHelperThread(finish) { finish() }
    }

    /// Runs `action` once the server has been told that the session is over; at once if it has been.
    func whenFinished(_ action: @escaping @Sendable () -> Void) {
        let isOver = end.withLock { end in
            if case .over = end { return true }
            end = .observed(action)
            return false
        }
        if isOver { action() }
    }

    private func finish(sendCancel: Bool) {
        // Best effort: `statement_timeout` ends what this cannot.
        if sendCancel { _ = cancelKey?.send() }
        PQfinish(connection)
        isOver()
    }

    private func isOver() {
        let observer: (@Sendable () -> Void)? = end.withLock { end in
            defer { end = .over }
            if case .observed(let action) = end { return action }
            return nil
        }
        observer?()
    }
}

/// Takes the notices that libpq would otherwise print to stderr.
final class NoticeSink: Sendable {
    private let handler: (@Sendable (PostgresNotice) -> Void)?
    private let isUnconfirmed = Atomic<Bool>(false)

    init(_ handler: (@Sendable (PostgresNotice) -> Void)?) { self.handler = handler }

    /// Installs the sink, which has to outlive the connection.
    func install(on connection: OpaquePointer) {
        _ = PQsetNoticeReceiver(
            connection,
            { context, result in
                guard let context else { return }
                Unmanaged<NoticeSink>.fromOpaque(context).takeUnretainedValue()
                    .received(result)
            },
            Unmanaged.passUnretained(self).toOpaque()
        )
    }

    /// Whether a commit since the last look did not wait for its standby to the end.
    func takeUnconfirmed() -> Bool {
        isUnconfirmed.exchange(false, ordering: .acquiringAndReleasing)
    }

    private func received(_ result: OpaquePointer?) {
        // Told by the server's own function, whatever language its texts are in.
        let source = PQresultErrorField(result, Int32(UInt8(ascii: "R")))
        if let source, String(cString: source) == "SyncRepWaitForLSN" {
            isUnconfirmed.store(true, ordering: .releasing)
        }
        guard let handler else { return }
        handler(PostgresNotice(result))
    }
}

/// Owns a `PGcancel`: what it takes to ask a server to stop what a session does.
///
/// `@unchecked Sendable`: a copy of address and key, which libpq makes for use from other threads; it
/// is read only, and freed with the last reference.
private final class CancelKey: @unchecked Sendable {
    private let key: OpaquePointer

    init(_ key: OpaquePointer) { self.key = key }

    deinit { PQfreeCancel(key) }

    /// Asks the server, and waits until it has taken that in.
    func send() -> Bool {
        var reason = [CChar](repeating: 0, count: 256)
        return PQcancel(key, &reason, CInt(reason.count)) == 1
    }
}
