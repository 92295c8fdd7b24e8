/// A five-character SQLSTATE, as listed in PostgreSQL's appendix A.
public struct SQLState: RawRepresentable, Hashable, Sendable, CustomStringConvertible {
    /// The five characters.
    public var rawValue: String

    /// Takes the five characters as they are.
    public init(rawValue: String) { self.rawValue = rawValue }

    private static let names: [String: String] = [
        "0A000": "feature_not_supported",
        "08000": "connection_exception",
        "08006": "connection_failure",
        "21000": "cardinality_violation",
        "22001": "string_data_right_truncation",
        "22003": "numeric_value_out_of_range",
        "22007": "invalid_datetime_format",
        "22008": "datetime_field_overflow",
        "22012": "division_by_zero",
        "22021": "character_not_in_repertoire",
        "22023": "invalid_parameter_value",
        "22P02": "invalid_text_representation",
        "22P03": "invalid_binary_representation",
        "22P04": "bad_copy_file_format",
        "23502": "not_null_violation",
        "23503": "foreign_key_violation",
        "23505": "unique_violation",
        "23514": "check_violation",
        "25001": "active_sql_transaction",
        "25006": "read_only_sql_transaction",
        "25P02": "in_failed_sql_transaction",
        "25P03": "idle_in_transaction_session_timeout",
        "26000": "invalid_sql_statement_name",
        "28000": "invalid_authorization_specification",
        "28P01": "invalid_password",
        "2BP01": "dependent_objects_still_exist",
        "3D000": "invalid_catalog_name",
        "3F000": "invalid_schema_name",
        "40001": "serialization_failure",
        "40P01": "deadlock_detected",
        "42501": "insufficient_privilege",
        "42601": "syntax_error",
        "42703": "undefined_column",
        "42704": "undefined_object",
        "42710": "duplicate_object",
        "42804": "datatype_mismatch",
        "42883": "undefined_function",
        "42P01": "undefined_table",
        "42P04": "duplicate_database",
        "42P05": "duplicate_prepared_statement",
        "42P06": "duplicate_schema",
        "42P07": "duplicate_table",
        "53000": "insufficient_resources",
        "53100": "disk_full",
        "53200": "out_of_memory",
        "53300": "too_many_connections",
        "53400": "configuration_limit_exceeded",
        "55000": "object_not_in_prerequisite_state",
        "55006": "object_in_use",
        "55P03": "lock_not_available",
        "57014": "query_canceled",
        "57P01": "admin_shutdown",
        "57P02": "crash_shutdown",
        "57P03": "cannot_connect_now",
        "57P04": "database_dropped",
        "57P05": "idle_session_timeout",
        "58030": "io_error",
        "P0001": "raise_exception",
        "P0002": "no_data_found",
        "XX000": "internal_error",
        "XX001": "data_corrupted",
    ]

    /// The condition's name in PostgreSQL's appendix A, where this module knows it.
    public var conditionName: String? { Self.names[rawValue] }

    /// The code and, where known, its condition name: `23505 unique_violation`.
    public var description: String {
        guard let conditionName else { return rawValue }
        return "\(rawValue) \(conditionName)"
    }

    /// Whether the same transaction, sent again, may well succeed.
    ///
    /// Serialization failure, deadlock, a lock not available in time, and a server that is starting,
    /// stopping or short of connections, or has ended a session or a transaction that took too long.
    public var isRetryable: Bool {
        switch self {
        case .serializationFailure, .deadlockDetected, .lockNotAvailable, .tooManyConnections,
            .idleInTransactionEnded, .transactionEnded:
            true
        default: rawValue.hasPrefix("08") || rawValue.hasPrefix("57P")
        }
    }

    /// Whether the server cannot do it now, and the request is not to blame: it takes no writes (25006),
    /// or has run out of space, memory or connections (class 53).
    ///
    /// Sending the same at once does not help; a caller may well come back later.
    public var isRefusedForNow: Bool {
        self == .readOnlyTransaction || rawValue.hasPrefix("53")
    }

    /// 0A000, among others "cached plan must not change result type".
    public static let featureNotSupported = SQLState(rawValue: "0A000")
    /// 23505.
    public static let uniqueViolation = SQLState(rawValue: "23505")
    /// 25001: what must come first in a transaction does not.
    public static let activeTransaction = SQLState(rawValue: "25001")
    /// 25006: a write in a read-only transaction or on a standby.
    public static let readOnlyTransaction = SQLState(rawValue: "25006")
    /// 26000: the prepared statement does not exist (any more).
    public static let invalidStatementName = SQLState(rawValue: "26000")
    /// 40001.
    public static let serializationFailure = SQLState(rawValue: "40001")
    /// 40P01.
    public static let deadlockDetected = SQLState(rawValue: "40P01")
    /// 42501.
    public static let insufficientPrivilege = SQLState(rawValue: "42501")
    /// 53300.
    public static let tooManyConnections = SQLState(rawValue: "53300")
    /// 55P03: `lock_timeout` or `nowait`.
    public static let lockNotAvailable = SQLState(rawValue: "55P03")
    /// 57014: cancelled on request or by `statement_timeout`.
    public static let queryCanceled = SQLState(rawValue: "57014")
    /// 57P01: the backend was terminated or the server is shutting down.
    public static let adminShutdown = SQLState(rawValue: "57P01")
    /// 57P02: another backend crashed.
    public static let crashShutdown = SQLState(rawValue: "57P02")
    /// 57P03: the server is starting up.
    public static let cannotConnectNow = SQLState(rawValue: "57P03")
    /// 25P03: the session was idle in a transaction for longer than `idle_in_transaction_session_timeout`.
    public static let idleInTransactionEnded = SQLState(rawValue: "25P03")
    /// 25P04: the transaction took longer than `transaction_timeout`, of PostgreSQL 17 and later.
    public static let transactionEnded = SQLState(rawValue: "25P04")
    /// 57P05: the session was idle for longer than `idle_session_timeout`.
    public static let idleSessionEnded = SQLState(rawValue: "57P05")
}
