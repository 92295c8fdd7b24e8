/// What went wrong between this program and PostgreSQL.
///
/// `description` is safe to log: it names the kind of failure, the SQLSTATE and the constraint, but
/// never a value, because values are health information. `debugDescription` has everything the
/// server said and is for an operator at a terminal.
public struct PostgresError: Error, Sendable, CustomStringConvertible, CustomDebugStringConvertible
{
    /// The kind of failure.
    public struct Code: Hashable, Sendable, CustomStringConvertible {
        private let name: String

        /// The connection string or a setting makes no sense.
        public static let invalidConfiguration = Code(name: "invalid configuration")
        /// No connection could be opened.
        public static let connectionFailed = Code(name: "connection failed")
        /// An open connection broke.
        public static let connectionLost = Code(name: "connection lost")
        /// The server refused a statement; the SQLSTATE says why.
        public static let server = Code(name: "server error")
        /// A transaction could not be committed because one of its statements had failed.
        public static let transactionAborted = Code(name: "transaction aborted")
        /// The commit was to wait for a standby, and somebody has ended the wait.
        public static let unconfirmed = Code(name: "commit not confirmed")
        /// A value could not be read as the Swift type asked for.
        public static let decoding = Code(name: "decoding failed")
        /// The task was cancelled.
        public static let cancelled = Code(name: "cancelled")
        /// The deadline of the call passed.
        public static let timedOut = Code(name: "timed out")
        /// No connection became free in time, or too many callers were waiting already.
        public static let poolExhausted = Code(name: "pool exhausted")
        /// The pool is closed.
        public static let poolClosed = Code(name: "pool closed")
        /// The call is not possible in the connection's state, or the statement cannot be sent.
        public static let invalidUse = Code(name: "invalid use")
        /// The server answered something that does not belong to the protocol's state.
        public static let protocolViolation = Code(name: "protocol violation")

        /// The kind in words.
        public var description: String { name }

        /// Whether a failure of this kind leaves a connection to go on with, as a rule.
        fileprivate var leavesConnection: Bool {
            ![
                .invalidConfiguration, .connectionFailed, .connectionLost, .poolExhausted,
                .poolClosed,
            ].contains(self)
        }
    }

    /// The kind of failure.
    public var code: Code
    /// What this module was doing, or what it needs.
    ///
    /// Holds no values.
    public var context: String
    /// What the server said, if it said anything.
    ///
    /// May hold values.
    public var message: ServerMessage?
    /// The text of the failed statement.
    ///
    /// It holds no parameters, those travel apart from it.
    public var statement: String?
    /// Whether the connection may go on to be used.
    public var connectionIsUsable: Bool
    /// Whether the statements may have taken effect all the same.
    ///
    /// True when something was sent and the connection ended before an answer came: only sending the
    /// same again under the same keys tells.
    public var mayHaveCommitted: Bool

    /// - Parameter connectionIsUsable: Without it, as it is by the rule for the kind of failure.
    init(
        _ code: Code,
        _ context: String,
        message: ServerMessage? = nil,
        statement: String? = nil,
        connectionIsUsable: Bool? = nil,
        mayHaveCommitted: Bool = false
    ) {
        self.code = code
        self.context = context
        self.message = message
        self.statement = statement
        self.connectionIsUsable = connectionIsUsable ?? code.leavesConnection
        self.mayHaveCommitted = mayHaveCommitted
    }

    /// The server's SQLSTATE, if it gave one.
    public var sqlState: SQLState? { message?.sqlState }
    /// The server's severity: `ERROR`, `FATAL`, `PANIC`.
    public var severity: String? { message?.severity }
    /// The violated constraint, if the server names one.
    public var constraint: String? { message?.constraint }
    /// The schema, if the server names one.
    public var schema: String? { message?.schema }
    /// The table, if the server names one.
    public var table: String? { message?.table }
    /// The column, if the server names one.
    public var column: String? { message?.column }

    /// The kind, SQLSTATE, constraint and context; never a value.
    public var description: String {
        var text = "PostgreSQL: \(code)"
        if let sqlState { text += " \(sqlState)" }
        if let constraint { text += " (constraint \(constraint))" }
        if !context.isEmpty { text += ": \(context)" }
        return text
    }

    /// Everything known, values included.
    public var debugDescription: String {
        var lines = [description]
        if let message {
            lines.append("message: \(message.message)")
            if let detail = message.detail { lines.append("detail: \(detail)") }
            if let hint = message.hint { lines.append("hint: \(hint)") }
            if let context = message.context { lines.append("where: \(context)") }
            if let schema { lines.append("schema: \(schema)") }
            if let table { lines.append("table: \(table)") }
            if let column { lines.append("column: \(column)") }
        }
        if let statement { lines.append("statement: \(statement)") }
        lines.append(
            "connection usable: \(connectionIsUsable), may have committed: \(mayHaveCommitted)"
        )
        return lines.joined(separator: "\n")
    }
}
