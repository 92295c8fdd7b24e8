import CareEpisode
import Postgres
import TransparencyLog

/// What a tree has a leaf of: an event, or an entry of the access log.
protocol ProvenRow {
    /// Where it stands in the tree, from 1.
    var place: Int64 { get }
    /// When the database had it.
    var time: Instant { get }
    /// The 112 bytes of its leaf.
    var entryBytes: [UInt8] { get }
    /// A line of JSON with all that the entry commits to.
    func line(in ledger: LedgerName) -> String
    /// Recomputes the leaf, and says what is wrong.
    func check(ledger: LedgerName) -> (leaf: TreeHash, fault: EvidenceFault.Kind?)
}

extension EventRow: ProvenRow {
    var place: Int64 { position.rawValue }
    var time: Instant { recordedAt }
    var entryBytes: [UInt8] { entry }
    func line(in _: LedgerName) -> String { EvidenceLine.write(self) }
}

extension AccessRow: ProvenRow {
    var place: Int64 { number }
    var time: Instant { kept?.at ?? Instant(microseconds: 0) }
    var entryBytes: [UInt8] { kept.map { Self.entry($0, number, commitment) } ?? [] }
    func line(in ledger: LedgerName) -> String { AccessLine.write(self, in: ledger) }
}

/// Reads what one of a ledger's trees is over, in order.
struct LeafReader: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription
    let tree: LedgerTree

    /// Calls the body for each row there is between two places.
    ///
    /// - Parameter through: at most ``EvidenceReader/pageLimit`` further.
    func rows(
        after: Int64,
        through: Int64,
        _ body: (any ProvenRow) throws -> Void
    ) async throws {
        switch tree {
        case .events:
            try await EvidenceReader(database: database, ledger: ledger)
                .rows(after: Position(after), through: Position(through)) { try body($0) }
        case .access:
            for row in try await accesses(after: after, through: through) { try body(row) }
        }
    }

    /// The numbered rows of the access log between two numbers.
    func accesses(after: Int64, through: Int64) async throws -> [AccessRow] {
        precondition(through - after <= EvidenceReader.pageLimit)
        return try await database.reader.query(
            """
            select \(AccessRow.columns)
            from access_entry e
            left join access_log a on a.ledger_id = e.ledger_id and a.entry = e.entry
            where e.ledger_id = \(ledger.id.rawValue) and e.number > \(after) and e.number <= \(through)
            order by e.number
            """
        ).map(AccessRow.init)
    }

    /// The last place that something stands at; 0 where nothing does.
    func last() async throws -> Int64 {
        switch tree {
        case .events:
            try await EventReader(database, ledger: ledger).head().position.rawValue
        case .access:
            try await AccessNumbering.last(database, ledger).number
        }
    }
}
