import CLibPQ
import Glibc

/// One session with the server, used by one task at a time.
///
/// Deliberately not `Sendable`: it is lent to a closure and must not leave it. Methods run where
/// their caller runs and suspend, never block, while the server works.
///
/// Every call has a deadline. When it passes, or the task is cancelled, the server is asked to stop,
/// and the session goes on once it has. Where it has not within a moment, and behind a pooler, the
/// session is given up. The error says whether the statement may have been committed.
public final class PostgresConnection {
    let session: Session
    let configuration: PostgresConfiguration
    let reactor: SocketReactor
    var statements: StatementCache
    /// The role to act as in each transaction, where the session keeps no settings.
    private var transactionRole: String?
    /// Whether settings last for the whole session.
    ///
    /// They do where nothing stands in between, or nothing that shows. A pooler that shows gets them
    /// with each transaction, whether or not it lends whole sessions: nothing is left behind in its own.
    private(set) var keepsSettings: Bool
    /// Whether the session acts as its role, with its settings.
    private(set) var isSetUp = false
    /// Whether the server has refused a write: it is a standby, or closed to writing.
    private var refusesWrites = false
    private var isInCall = false
    /// That the server was asked to stop the call that is running, and why.
    var stop: CallStop?
    /// Why the session was given up; the `PGconn` must not be touched afterwards.
    private(set) var spent: PostgresError?
    /// False while the pool keeps the connection.
    var isLent = true
    var notifications: [NotificationListener.Notification] = []
    var keepsNotifications = false

    init(
        _ session: Session,
        _ configuration: PostgresConfiguration,
        _ reactor: SocketReactor
    ) {
        keepsSettings = configuration.pooling == .session
        self.session = session
        self.configuration = configuration
        self.reactor = reactor
        statements = StatementCache(limit: configuration.preparedStatementLimit)
    }

    deinit {
        session.close(sendCancel: false, reactor: reactor)
    }

    /// Opens a session, lends it to `body` and closes it.
    ///
    /// For what needs a session of its own; everything else leases one from a `PostgresPool`.
    public static func withConnection<Result>(
        _ configuration: PostgresConfiguration,
        deadline: ContinuousClock.Instant? = nil,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        let connection = try await open(configuration, deadline: deadline)
        defer { connection.close() }
        return try await body(connection)
    }

    /// Opens a session and sets it up.
    static func open(
        _ configuration: PostgresConfiguration,
        deadline: ContinuousClock.Instant? = nil,
        reactor: SocketReactor = .shared
    ) async throws(PostgresError) -> PostgresConnection {
        // The dialer keeps each address's time; this one ends what it cannot, name resolution.
        let dialling =
            ContinuousClock.now + configuration.connectTimeout
            + Dialer.limit(configuration)
        let session = try await dial(
            configuration,
            until: deadline.map { min($0, dialling) } ?? dialling,
            reactor: reactor
        )
        guard reactor.add(session.socket) else {
            session.close(sendCancel: false, reactor: reactor)
            throw PostgresError(.connectionFailed, "the socket cannot be watched")
        }
        let connection = PostgresConnection(session, configuration, reactor)
        do {
            try await connection.setUp(until: deadline)
        } catch {
            connection.close()
            throw error
        }
        return connection
    }

    private static func dial(
        _ configuration: PostgresConfiguration,
        until deadline: ContinuousClock.Instant,
        reactor: SocketReactor
    ) async throws(PostgresError) -> Session {
        let handover = OneShot<Result<Session, PostgresError>>()
        let dialer = Dialer(configuration: configuration, isAbandoned: { handover.isSettled })
        let started = BlockingCalls.onHelperThread {
            let result = dialer.open()
            if !handover.settle(.value(result)), case .success(let session) = result {
                session.close(sendCancel: false, reactor: reactor)
            }
        }
        guard started else {
            throw PostgresError(.connectionFailed, "no thread left")
        }
        switch await handover.wait(until: deadline, reactor: reactor) {
        case .value(let result): return try result.get()
        case .timedOut:
            throw PostgresError(.connectionFailed, "no host answered in time")
        case .cancelled:
            throw PostgresError(.cancelled, "while connecting", connectionIsUsable: false)
        }
    }

    /// Makes the session's settings, and acts as its role.
    ///
    /// - Parameter deadline: it takes no longer than connecting may, either.
    func setUp(until deadline: ContinuousClock.Instant?) async throws(PostgresError) {
        let end = ContinuousClock.now + configuration.connectTimeout
        let limit = CallLimit(deadline: deadline.map { min($0, end) } ?? end)
        var statements = [keepsSettings ? sessionSettings : settings(includingRole: false)]
        if let role = configuration.role {
            // From version 16 on, membership alone does not allow SET ROLE.
            let privilege = serverVersion >= 160_000 ? "SET" : "MEMBER"
            statements.append(
                """
                select
                    rolname::text as role,
                    pg_catalog.set_config('role', rolname, \(!keepsSettings) or \(isNotServer))
                from pg_catalog.pg_roles
                where rolname = \(role) and pg_catalog.pg_has_role(current_user, oid, \(privilege))
                """
            )
        }
        let results = try await run(statements, limit, addsPrefix: false)
        if keepsSettings, let row = results[0].first {
            keepsSettings = (try? row.get("keeps", as: Bool.self)) ?? true
        }
        if !keepsSettings, configuration.role != nil, let row = results.last?.first {
            transactionRole = try? row.get("role", as: String.self)
        }
        isSetUp = true
    }

    /// Whether another process answers than the one that was connected to: a pooler stands between.
    private var isNotServer: SQL {
        "pg_catalog.pg_backend_pid() operator(pg_catalog.<>) \(processID)"
    }

    /// Makes the settings for the session, or behind a pooler for this transaction.
    private var sessionSettings: SQL {
        """
        select
            pg_catalog.set_config(name, value, \(isNotServer)),
            not \(isNotServer) as keeps
        from unnest(\(configuration.settings.map(\.name)), \(configuration.settings.map(\.value)))
            as setting (name, value)
        """
    }

    /// Makes the settings for one transaction.
    private func settings(includingRole: Bool = true) -> SQL {
        // What a transaction's isolation is by default does not matter once it has begun.
        var settings = configuration.settings.filter {
            $0.name.lowercased() != "default_transaction_isolation"
        }
        if includingRole, let transactionRole { settings.append(("role", transactionRole)) }
        return """
            select pg_catalog.set_config(name, value, true)
            from unnest(\(settings.map(\.name)), \(settings.map(\.value))) as setting (name, value)
            """
    }

    /// What has to come first in a pipeline where the session keeps no settings.
    ///
    /// The isolation is a statement of its own: the server takes it only before it has looked at
    /// anything, and a SELECT has. SET TRANSACTION would do the same, with a warning each time.
    var pipelinePrefix: [SQL] {
        guard !keepsSettings, !isInTransaction else { return [] }
        let isolation = configuration.settings.last {
            $0.name.lowercased() == "default_transaction_isolation"
        }
        let first: [SQL] =
            isolation.map { ["set transaction_isolation = \(raw: SQL.quoted(literal: $0.value))"] }
            ?? []
        return first + [settings()]
    }

    // MARK: What a caller can ask for

    /// The server's version as a number: 150018 is 15.18.
    public var serverVersion: Int { spent == nil ? Int(PQserverVersion(session.connection)) : 0 }

    /// The process of this session on the server.
    public var processID: Int32 { spent == nil ? PQbackendPID(session.connection) : 0 }

    /// Whether the server follows another one, as it said when the session began, or has said since.
    var isOnStandby: Bool {
        spent == nil
            && PQparameterStatus(session.connection, "in_hot_standby")
                .map { String(cString: $0) == "on" } ?? false
    }

    /// Whether an explicit transaction is open.
    public var isInTransaction: Bool {
        spent == nil && PQtransactionStatus(session.connection) != PQTRANS_IDLE
    }

    /// Runs one statement in one round trip; outside a transaction it is one of its own.
    ///
    /// Throws `PostgresError`, which says whether the connection is usable.
    public func query(
        _ sql: SQL,
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> PostgresRows {
        try await run([sql], limit(deadline))[0]
    }

    /// Runs statements in one round trip; outside a transaction they are one.
    ///
    /// If one fails, the error is that statement's, the later ones are skipped, and outside a
    /// transaction the earlier ones are rolled back. Rows of all statements are held in memory.
    public func pipeline(
        _ statements: [SQL],
        deadline: ContinuousClock.Instant? = nil
    ) async throws -> [PostgresRows] {
        try await run(statements, limit(deadline))
    }

    /// Runs a transaction: committed when `body` returns, rolled back when it throws.
    ///
    /// A rollback runs also in a cancelled task. Throws what `body` throws; `.transactionAborted` if
    /// `body` swallowed the error of a statement, so that nothing could be committed; an error with
    /// `mayHaveCommitted` if the answer to the commit never came. Transactions do not nest.
    public func withTransaction<Result>(
        _ options: TransactionOptions = .readCommitted,
        deadline: ContinuousClock.Instant? = nil,
        _ body: (PostgresConnection) async throws -> Result
    ) async throws -> Result {
        guard !isInTransaction else {
            throw PostgresError(.invalidUse, "a transaction is open already")
        }
        try await begin(options, deadline)
        let result: Result
        do {
            result = try await body(self)
        } catch {
            await rollBack()
            throw error
        }
        let committed = try await run(["commit"], limit(deadline), commits: true)
        guard committed[0].commandTag != "ROLLBACK" else {
            throw PostgresError(
                .transactionAborted,
                "a statement had failed, so everything was rolled back"
            )
        }
        return result
    }

    /// Runs several statements given as one text, without parameters: migrations.
    ///
    /// Unless the text has its own `begin` and `commit`, it is one transaction. Rows are dropped.
    public func execute(
        script: String,
        deadline: ContinuousClock.Instant? = nil
    ) async throws {
        try await runScript(script, limit(deadline))
    }

    // MARK: Transactions

    private func begin(
        _ options: TransactionOptions,
        _ deadline: ContinuousClock.Instant?
    ) async throws(PostgresError) {
        var statements = [options.begin]
        if !keepsSettings { statements.append(settings()) }
        do {
            _ = try await run(statements, limit(deadline), addsPrefix: false)
        } catch {
            // `begin` may have worked and a setting failed.
            if spent == nil, isInTransaction { await rollBack() }
            throw options.isReadOnly ? error : refusedToWrite(error)
        }
    }

    /// A standby answers `begin … read write` with codes of its own: it takes no writes, as any other
    /// that is asked to write says with 25006.
    private func refusedToWrite(_ error: PostgresError) -> PostgresError {
        guard let state = error.sqlState,
            state == .featureNotSupported || state == .activeTransaction
        else { return error }
        refusesWrites = true
        var error = error
        error.message?.sqlState = .readOnlyTransaction
        return error
    }

    private func rollBack() async {
        guard spent == nil else { return }
        let limit = CallLimit(
            deadline: .now.advanced(by: .seconds(5)),
            isCancellable: false
        )
        do {
            _ = try await run(["rollback"], limit, addsPrefix: false)
        } catch {
            // Closing the session rolls back as well.
            if spent == nil { _ = spend(error, sendCancel: false) }
        }
    }

    // MARK: The life of the session

    /// Begins a call: refuses what the connection's state does not allow.
    func beginCall() throws(PostgresError) {
        precondition(isLent, "a connection was used after it had gone back to the pool")
        if let spent {
            throw PostgresError(
                .connectionLost,
                "the connection was given up earlier (\(spent.code))"
            )
        }
        guard !isInCall else {
            throw PostgresError(.invalidUse, "another call is running on the connection")
        }
        isInCall = true
    }

    /// Ends a call.
    func endCall() {
        isInCall = false
        stop = nil
    }

    /// The limit of a call that names a deadline or none.
    func limit(_ deadline: ContinuousClock.Instant?) -> CallLimit {
        CallLimit(deadline: deadline ?? .now.advanced(by: configuration.callTimeout))
    }

    /// The limit of a COPY: as long as it moves, unless a deadline is named.
    func copyLimit(_ deadline: ContinuousClock.Instant?) -> CallLimit {
        CallLimit(deadline: deadline, timeout: configuration.callTimeout)
    }

    /// Gives the session up.
    ///
    /// The error is returned for the caller to throw: it says that the connection is not usable.
    func spend(_ error: PostgresError, sendCancel: Bool) -> PostgresError {
        var error = error
        error.connectionIsUsable = false
        guard spent == nil else { return error }
        spent = error
        session.close(sendCancel: sendCancel, reactor: reactor)
        return error
    }

    /// Closes the session.
    func close() {
        let closed = PostgresError(.connectionLost, "closed")
        _ = spend(closed, sendCancel: false)
    }

    /// Whether the pool may lend the connection again.
    ///
    /// A session that is there to write and was refused it is not: its server has become a standby,
    /// and the name may lead elsewhere by now.
    var isReusable: Bool {
        spent == nil && !isInCall && !isInTransaction
            && !(refusesWrites && configuration.isForWriting)
    }

    /// The error that a statement ended with, after taking note of what it says of the server.
    func refused(_ message: ServerMessage, _ context: String, _ statement: String?) -> PostgresError
    {
        if message.sqlState == .readOnlyTransaction { refusesWrites = true }
        return PostgresError(.server, context, message: message, statement: statement)
    }
}
