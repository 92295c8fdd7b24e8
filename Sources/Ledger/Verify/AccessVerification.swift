import CareEpisode
import Postgres
import TransparencyLog

/// Verifies the access log of a ledger in its database: every numbered entry against its row, the
/// numbers, the tree and its stored tiles, every checkpoint that was kept, in the database and outside.
struct AccessVerification: Sendable {
    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let log: CheckpointLog?
    private let pinned: [NoteVerifierKey]
    private let kept: [SignedCheckpoint]
    private let isReplica: Bool

    /// - Parameters:
    ///   - log: the checkpoint log of the access log, where that of the ledger is at hand.
    ///   - pinned: keys of the access log that are known.
    ///   - kept: checkpoints of the access log that somebody kept.
    init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        log: CheckpointLog?,
        pinned: [NoteVerifierKey],
        kept: [SignedCheckpoint],
        isReplica: Bool
    ) {
        self.database = database
        self.ledger = ledger
        self.log = log
        self.pinned = pinned
        self.kept = kept
        self.isReplica = isReplica
    }

    /// Verifies all that has a number, and says how much has none.
    ///
    /// - Parameter report: what is found is added to it.
    func run(_ report: inout VerificationReport) async throws {
        do {
            let (findings, found) = try await verify()
            report.add(findings, found)
        } catch let error as PostgresError where error.isAboutSchema {
            // No program that is current takes a table or a column away.
            let state = error.sqlState.map { " (SQLSTATE \($0.rawValue))" } ?? ""
            report.add(
                .accessLog(
                    "its tables are not those of this program\(state): it cannot be verified",
                    number: nil,
                    through: nil
                )
            )
        }
    }

    private func verify() async throws -> (AccessLogFindings, VerificationReport) {
        var report = VerificationReport()
        // First what was signed, then what there is: what is signed meanwhile does not count.
        var witnesses = try await Witnesses(
            database,
            ledger,
            .access,
            log,
            pinned,
            kept,
            isReplica: isReplica,
            &report
        )
        let reader = LeafReader(database: database, ledger: ledger, tree: .access)
        let store = TileStore(database, ledger: ledger, tree: .access)
        let head = try await reader.last()
        var audit = TreeAudit()
        var (after, entry) = (Int64(0), Int64.min)
        while after < head {
            try Task.checkCancellation()
            let through = try await pageEnd(after: after, head: head)
            let page = try await witnesses.page(through: Position(through), &report)
            let first = max(after, through - EvidenceReader.pageLimit)
            let rows = try await reader.accesses(after: first, through: through)
            follow(rows, page, after: entry, &audit, &report)
            if let last = rows.last {
                try await checkUnnumbered(after: entry, rows, &report)
                entry = max(entry, last.entry)
            }
            let position = Position(through)
            audit.missing(through: position, &report)
            try await store.compare(&audit, through: position, sealed: witnesses.size, &report)
            after = through
        }
        witnesses.checkHead(Position(head), proven: audit.proven, &report)
        if witnesses.awaited > 0 {
            report.shortfall = ReplicaShortfall(
                events: head,
                expected: witnesses.awaited,
                noun: LedgerTree.access.noun
            )
        }
        try await store.checkCount(&report)
        try await checkEnds(&report)
        let status = try await AccessStatus(database, ledger: ledger)
        let findings = AccessLogFindings(
            entries: report.events,
            newest: report.newest,
            vouchers: report.vouchers,
            isVouched: report.isVouched,
            unsealed: status.unsealed,
            unsealedSince: status.unsealedSince
        )
        return (findings, report)
    }

    /// Where a page ends: where there are no numbers for long, just before the next one.
    private func pageEnd(after: Int64, head: Int64) async throws -> Int64 {
        let limit = EvidenceReader.pageLimit
        guard head - after > limit else { return head }
        let rows = try await database.reader.query(
            """
            select min(number) as next from access_entry
            where ledger_id = \(ledger.id.rawValue) and number > \(after)
            """
        )
        let next = try rows.first?.get("next", as: Int64?.self) ?? .max
        return next <= after + limit ? after + limit : min(head, next - 1)
    }

    /// One page of entries, in which the root is compared wherever something was signed.
    private func follow(
        _ rows: [AccessRow],
        _ page: [Witnesses.Statement],
        after entry: Int64,
        _ audit: inout TreeAudit,
        _ report: inout VerificationReport
    ) {
        var (entry, due) = (entry, page[...])
        for row in rows {
            let position = Position(rawValue: row.number)
            let (leaf, fault) = row.check(ledger: ledger.name)
            if let fault { report.add(fault, at: position) }
            if row.entry <= entry {
                report.add(.checkpoint("the entry is not one after that before it"), at: position)
            }
            entry = row.entry
            audit.follow(leaf: leaf, at: position, &report)
            while let next = due.first, next.checkpoint.size <= row.number {
                audit.compare(
                    next.checkpoint,
                    from: next.source,
                    isVouched: next.isVouched,
                    &report
                )
                due.removeFirst()
            }
        }
    }

    /// No row of the access log lies between those that have numbers.
    ///
    /// - Parameter page: those that have numbers, by number.
    private func checkUnnumbered(
        after entry: Int64,
        _ page: [AccessRow],
        _ report: inout VerificationReport
    ) async throws {
        let end = page.map(\.entry).max() ?? entry
        let rows = try await database.reader.query(
            """
            select count(*) as count, min(a.entry) as first from access_log a
            where a.ledger_id = \(ledger.id.rawValue) and a.entry > \(entry) and a.entry <= \(end)
            and not exists (
                select from access_entry e where e.ledger_id = a.ledger_id and e.entry = a.entry
            )
            """
        )
        let count = try rows[0].get("count", as: Int64.self)
        guard count > 0 else { return }
        let first = try rows[0].get("first", as: Int64.self)
        report.add(
            .checkpoint("before it the access log has rows without a number, \(count) of them"),
            at: page.first { $0.entry > first }.map { Position(rawValue: $0.number) }
        )
    }

    /// The sealer says what the newest checkpoint says, and nothing is numbered below 1.
    private func checkEnds(_ report: inout VerificationReport) async throws {
        let rows = try await database.reader.query(
            """
            select
                coalesce((
                    select max(c.size) from access_checkpoint c where c.ledger_id = l.ledger_id
                ), 0) as sealed,
                coalesce((
                    select s.access_size from sealer s where s.ledger_id = l.ledger_id
                ), 0) as sealer,
                coalesce((
                    select min(e.number) from access_entry e where e.ledger_id = l.ledger_id
                ), 1) as first
            from ledger l
            where l.ledger_id = \(ledger.id.rawValue)
            """
        )
        guard let row = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
        let first = try row.get("first", as: Int64.self)
        if first < 1 { report.add(.unexpected, at: Position(rawValue: first)) }
        let sealed = try row.get("sealed", as: Int64.self)
        let sealer = try row.get("sealer", as: Int64.self)
        if sealed != sealer {
            report.add(
                .checkpoint("the newest checkpoint is of size \(sealed), the sealer says \(sealer)")
            )
        }
    }
}

extension PostgresError {
    /// Whether a table, a column or the type of one is not what the statement takes it for.
    var isAboutSchema: Bool {
        ["42P01", "42703", "42883", "42804"].contains(sqlState?.rawValue)
    }
}
