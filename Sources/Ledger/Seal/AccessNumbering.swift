import CareEpisode
import Postgres

/// Gives the settled rows of a ledger's access log their numbers, 1, 2, 3…, in the order of their
/// entries.
///
/// An entry is given before its transaction is committed, so that a lower one may appear after a higher
/// one. Whoever inserts holds the table's lock for it from before it is given, shared with all who insert,
/// and nobody waits for it: this looks at who holds it. Who cannot insert cannot hold it either.
struct AccessNumbering: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription

    /// The most rows that are numbered at once.
    static let batchLimit: Int64 = 4_096

    /// Entries up to which rows are settled, once those transactions are over that were writing.
    struct Mark: Sendable {
        let entry: Int64
        var writers: Set<String>
        let since = ContinuousClock.now
    }

    /// How far entries have been given, and then who is writing: who begins later is given higher ones.
    func mark() async throws -> Mark {
        let rows = try await database.reader.query("select last_value from access_log_entry_seq")
        return Mark(entry: try rows[0].get("last_value"), writers: try await writers())
    }

    /// The transactions that are writing to access logs.
    func writers() async throws -> Set<String> {
        let rows = try await database.reader.query(
            """
            select virtualtransaction as writer
            from pg_locks
            where locktype = 'relation' and mode = 'RowExclusiveLock' and granted
            and database = (select oid from pg_database where datname = current_database())
            and relation = 'access_log'::regclass
            """
        )
        return Set(try rows.map { try $0.get("writer", as: String.self) })
    }

    /// The last number that was given, and to which entry; zeros where none was.
    static func last(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws -> (number: Int64, entry: Int64) {
        let rows = try await database.reader.query(
            """
            select number, entry from access_entry
            where ledger_id = \(ledger.id.rawValue)
            order by number desc
            limit 1
            """
        )
        guard let row = rows.first else { return (0, 0) }
        return (try row.get("number"), try row.get("entry"))
    }

    /// Numbers the rows after the last one that has a number, up to an entry, some at a time.
    ///
    /// - Parameter entry: rows up to it are settled.
    /// - Returns: the last number and its entry, and the rows that have numbers now, with their leaves;
    ///   where not all of what is settled has, there is more.
    /// - Throws: ``SealError/leaseLost`` where somebody else seals.
    func number(
        after last: (number: Int64, entry: Int64),
        through entry: Int64,
        _ registry: SealRegistry,
        _ lease: SealLease
    ) async throws -> (number: Int64, entry: Int64, rows: [AccessRow], isAll: Bool) {
        let found = try await database.reader.query(
            """
            select \(KeptAccess.columns)
            from access_log a
            where a.ledger_id = \(ledger.id.rawValue)
            and a.entry > \(last.entry) and a.entry <= \(entry)
            order by a.entry
            limit \(Self.batchLimit)
            """
        )
        var rows: [AccessRow] = []
        for row in found {
            let number = last.number + Int64(rows.count) + 1
            guard let kept = try? KeptAccess(row) else {
                throw SealError.damaged(.content, at: Position(number))
            }
            rows.append(AccessRow(numbering: kept, number, in: ledger.name))
        }
        let isAll = rows.count < Self.batchLimit
        guard let newest = rows.last else { return (last.number, last.entry, [], isAll) }
        try await registry.insert(rows, lease)
        return (newest.number, newest.entry, rows, isAll)
    }
}
