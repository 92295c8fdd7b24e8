import CLibPQ

/// An error or notice as the server sent it.
public struct ServerMessage: Sendable, Hashable {
    /// `ERROR`, `FATAL`, `WARNING`, `NOTICE` …, never localised.
    ///
    /// Nil when libpq made the message.
    public var severity: String?
    /// Nil when libpq made the message itself, as it does when the connection breaks.
    public var sqlState: SQLState?
    /// The primary message.
    ///
    /// May contain values.
    public var message: String
    /// May contain values.
    public var detail: String?
    /// The server's hint.
    public var hint: String?
    /// Where in which function it happened.
    ///
    /// May contain values.
    public var context: String?
    /// The schema, table, column and constraint the server names.
    public var schema, table, column, constraint: String?
}

extension ServerMessage {
    init(_ result: OpaquePointer?) {
        func field(_ code: Int) -> String? {
            PQresultErrorField(result, CInt(code)).map { String(cString: $0) }
        }
        severity = field(LIBPQ_DIAG_SEVERITY)
        sqlState = field(LIBPQ_DIAG_SQLSTATE).map(SQLState.init(rawValue:))
        message =
            field(LIBPQ_DIAG_MESSAGE)
            ?? PQresultErrorMessage(result).map { ServerMessage.trimmed($0) } ?? ""
        detail = field(LIBPQ_DIAG_DETAIL)
        hint = field(LIBPQ_DIAG_HINT)
        context = field(LIBPQ_DIAG_CONTEXT)
        schema = field(LIBPQ_DIAG_SCHEMA)
        table = field(LIBPQ_DIAG_TABLE)
        column = field(LIBPQ_DIAG_COLUMN)
        constraint = field(LIBPQ_DIAG_CONSTRAINT)
    }

    static func trimmed(_ message: UnsafePointer<CChar>) -> String {
        var text = String(cString: message)
        while text.last?.isNewline ?? false { text.removeLast() }
        return text
    }

    /// FATAL and PANIC end the session.
    var endsSession: Bool { severity == "FATAL" || severity == "PANIC" }
}

/// A notice or warning the server sent beside its results.
public typealias PostgresNotice = ServerMessage
