public import Postgres

/// The right to do one thing, until it ends or somebody takes it.
///
/// Whoever seals ledger 3 holds the lease in the row of `sealer` with `ledger_id = 3`. Such a row has
/// the columns `epoch`, `lease_holder` and `lease_until`. Each holder gets an epoch of its own, and
/// what it writes counts only in a transaction that ``fence(_:setting:if:)`` has begun. Time is the
/// database's alone: a lease is judged by the start of the statement that asks. One that ends later than
/// any lease may was taken while the database's clock was ahead, and holds nobody off.
public struct Lease: Sendable {
    /// Where a lease is kept.
    public struct Row: Hashable, Sendable {
        let table: String
        let ledger: LedgerID
        let name: String?

        /// Names a row.
        ///
        /// - Parameters:
        ///   - table: which has the columns of a lease.
        ///   - ledger: its `ledger_id`.
        ///   - name: its `name`; nil where the ledger alone is the table's primary key.
        public init(_ table: String, of ledger: LedgerID, named name: String? = nil) {
            self.table = table
            self.ledger = ledger
            self.name = name
        }

        /// The condition that finds it.
        var key: SQL {
            let condition: SQL = "ledger_id = \(ledger.rawValue)"
            return name.map { "\(condition) and name = \($0)" } ?? condition
        }
    }

    /// The longest that a lease lasts without a sign of life, in seconds.
    public static let longest: Double = 120

    /// Whether somebody holds the lease of a row.
    ///
    /// - Parameter end: the column that says when it ends.
    public static func isHeld(_ end: SQL = "lease_until") -> SQL {
        """
        coalesce(
            \(end) > statement_timestamp()
            and \(end) <= statement_timestamp() + make_interval(secs => \(longest)), false
        )
        """
    }

    /// Whether the holder of a row has said nothing for a day: its lease ended then, or lies further ahead
    /// than any that is renewed, since the clock was ahead.
    ///
    /// - Parameter end: the column that says when it ends.
    public static func isDead(_ end: SQL = "lease_until") -> SQL {
        """
        (\(end) < statement_timestamp() - interval '1 day'
            or \(end) > statement_timestamp() + interval '1 day')
        """
    }

    /// Of this holder; the next one has a greater.
    public let epoch: Int64
    let row: Row
    let seconds: Double

    /// Takes a lease that nobody holds.
    ///
    /// - Parameters:
    ///   - row: where it is kept; the row is there already.
    ///   - holder: who takes it, for people.
    ///   - seconds: how long it lasts without a sign of life.
    ///   - condition: what must hold besides.
    ///   - seizing: when it is taken although somebody holds it.
    ///   - setting: what else is set, such as `folded = 0`.
    ///   - columns: what else is returned of the row.
    /// - Returns: nil where somebody holds it, or the condition does not hold.
    public static func acquire(
        _ row: Row,
        holder: String,
        seconds: Double,
        if condition: SQL = "true",
        seizing: SQL = "false",
        setting: SQL? = nil,
        returning columns: SQL = "epoch",
        _ connection: PostgresConnection
    ) async throws -> (lease: Lease, row: PostgresRow)? {
        precondition(seconds <= longest, "a lease lasts at most \(longest) s")
        let rows = try await connection.query(
            """
            update \(raw: row.table)
            set epoch = epoch + 1, lease_holder = \(holder),
                lease_until = statement_timestamp() + make_interval(secs => \(seconds))\
            \(further(setting))
            where \(row.key) and (\(condition))
            and (not \(isHeld()) or (\(seizing)))
            returning epoch as lease_epoch, \(columns)
            """
        )
        guard let found = rows.first else { return nil }
        let lease = Lease(epoch: try found.get("lease_epoch"), row: row, seconds: seconds)
        return (lease, found)
    }

    /// Takes the row's lock to the end of the transaction, and keeps the lease.
    ///
    /// - Parameters:
    ///   - connection: in a transaction, whose writes count with it.
    ///   - setting: what else is set, such as `position = 7`.
    ///   - condition: what must hold besides, such as `position = 6`.
    /// - Returns: false where the lease is lost or handed back, or the condition does not hold: then
    ///   nothing may be written.
    public func fence(
        _ connection: PostgresConnection,
        setting: SQL? = nil,
        if condition: SQL = "true"
    ) async throws -> Bool {
        try await connection.query(
            """
            update \(raw: row.table)
            set lease_until = statement_timestamp() + make_interval(secs => \(seconds))\
            \(Self.further(setting))
            where \(row.key) and epoch = \(epoch) and lease_until is not null and (\(condition))
            """
        ).affectedRows == 1
    }

    /// Keeps the lease; false where it is lost.
    public func renew(_ pool: PostgresPool, setting: SQL? = nil) async throws -> Bool {
        try await pool.withConnection { try await fence($0, setting: setting) }
    }

    /// Hands the lease back, so that the next holder need not wait until it ends.
    ///
    /// Does nothing where it is lost.
    public func release(_ connection: PostgresConnection) async throws {
        _ = try await connection.query(
            """
            update \(raw: row.table)
            set lease_holder = null, lease_until = null
            where \(row.key) and epoch = \(epoch)
            """
        )
    }

    /// The same, in a transaction of its own.
    public func release(_ pool: PostgresPool) async throws {
        try await pool.withConnection { try await release($0) }
    }

    private static func further(_ setting: SQL?) -> SQL {
        guard let setting else { return "" }
        return ", \(setting)"
    }
}
