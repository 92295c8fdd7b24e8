/// How long a call may take, and what its failure means.
struct CallLimit {
    /// When the call ends at the latest.
    var deadline: ContinuousClock.Instant?
    /// How long the other side may be silent, for COPY, whose whole length nobody knows.
    var timeout: Duration?
    /// Whether a cancelled task ends the call.
    var isCancellable = true
    /// Whether the failure of the connection leaves open what was committed.
    var isInDoubt = false
    /// Whether a call that has to end is stopped on the server, and the session goes on.
    var isStoppable = false

    /// Whether the task is cancelled, and that ends the call.
    var isCancelled: Bool { isCancellable && Task.isCancelled }

    /// When the wait that begins now ends.
    var nextWaitEnds: ContinuousClock.Instant? {
        guard let timeout else { return deadline }
        let end = ContinuousClock.now.advanced(by: timeout)
        return deadline.map { min($0, end) } ?? end
    }
}

/// Isolation and access of a transaction.
public struct TransactionOptions: Sendable, Hashable {
    /// The SQL standard's levels as PostgreSQL has them.
    public enum Isolation: String, Sendable {
        /// Each statement sees what was committed before it began.
        case readCommitted = "read committed"
        /// All statements see what was committed before the first.
        case repeatableRead = "repeatable read"
        /// As if transactions ran one after the other; may fail with 40001.
        case serializable = "serializable"
    }

    /// The isolation level.
    public var isolation: Isolation
    /// Whether writes are refused.
    public var isReadOnly: Bool

    /// A transaction of the given kind.
    public init(isolation: Isolation, isReadOnly: Bool = false) {
        self.isolation = isolation
        self.isReadOnly = isReadOnly
    }

    /// Read committed, read-write.
    public static let readCommitted = TransactionOptions(isolation: .readCommitted)
    /// One snapshot for all statements, read-write.
    public static let repeatableRead = TransactionOptions(isolation: .repeatableRead)
    /// Serializable, read-write.
    public static let serializable = TransactionOptions(isolation: .serializable)
    /// One snapshot for all statements, nothing is written.
    public static let readOnlySnapshot = TransactionOptions(
        isolation: .repeatableRead,
        isReadOnly: true
    )

    var begin: SQL {
        let access = isReadOnly ? "read only" : "read write"
        // Said in full: nothing of a transaction is what the server, the database or the user has set.
        return "begin isolation level \(raw: isolation.rawValue) \(raw: access) not deferrable"
    }
}
