import CareEpisode
import Postgres
public import TransparencyLog

/// Verifies a ledger in its database: every event from its columns and bytes, the tree and its
/// stored tiles, every checkpoint that was kept, in the database and outside it.
///
/// Nothing that is stored is believed: leaves are recomputed, never read. Events that are appended
/// meanwhile are left to the next verification. A replica that is behind what was signed outside it is
/// told apart from a ledger that was cut off: ``VerificationReport/shortfall``.
public struct LedgerVerification: Sendable {
    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let log: CheckpointLog?
    private let pinned: [NoteVerifierKey]
    private let kept: [SignedCheckpoint]

    /// Prepares a verification.
    ///
    /// - Parameters:
    ///   - database: where the ledger is.
    ///   - ledger: what is verified.
    ///   - log: the checkpoints kept outside the database, where they are at hand: keys that signed
    ///     in it count.
    ///   - pinned: the keys that are known to be the ledger's. Without any and without a log, those
    ///     that the database has registered show no more than that it agrees with itself, which
    ///     the report says.
    ///   - kept: checkpoints that somebody kept: the ledger must lead to them.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        log: CheckpointLog?,
        pinned: [NoteVerifierKey] = [],
        kept: [SignedCheckpoint] = []
    ) {
        self.database = database
        self.ledger = ledger
        self.log = log
        self.pinned = pinned
        self.kept = kept
    }

    /// Verifies everything up to the head.
    ///
    /// - Parameter progress: told how many events were checked, and how many there are.
    /// - Returns: what was looked at and found; damage is not thrown.
    /// - Throws: what keeps it from looking: a database that is away, a log that cannot be read.
    public func run(
        progress: @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> VerificationReport {
        let began = ContinuousClock.now
        var report = VerificationReport()
        let reader = EventReader(database, ledger: ledger)
        let isReplica = try await reader.head().isReplica
        // First what was signed, then the head: what is signed meanwhile does not count.
        var witnesses = try await Witnesses(
            database,
            ledger,
            .events,
            log,
            pinned.filter { tree(of: $0.name) == .events },
            kept.filter { tree(of: $0.checkpoint.origin) == .events },
            isReplica: isReplica,
            &report
        )
        let head = try await reader.head().position
        var audit = TreeAudit()
        let store = TileStore(database, ledger: ledger)
        let events = EvidenceReader(database: database, ledger: ledger)
        var after = Position.zero
        while after < head {
            try Task.checkCancellation()
            let through = try await pageEnd(after: after, head: head)
            var page = try await witnesses.page(through: through, &report)
            let (audited, reported) = try await follow(
                events,
                (max(after, Position(through.rawValue - EvidenceReader.pageLimit)), through),
                audit,
                report,
                &page
            )
            (audit, report) = (audited, reported)
            audit.missing(through: through, &report)
            try await store.compare(&audit, through: through, sealed: witnesses.size, &report)
            after = through
            progress(after.rawValue, head.rawValue)
        }
        witnesses.checkHead(head, proven: audit.proven, &report)
        if witnesses.awaited > 0 {
            report.shortfall = ReplicaShortfall(
                events: head.rawValue,
                expected: witnesses.awaited
            )
        }
        report.episodes = audit.episodes
        report.proven = audit.proven
        try await checkEnds(head, &report)
        try await store.checkCount(&report)
        report.unsealed = max(0, head.rawValue - witnesses.size)
        if report.unsealed > 0 {
            report.unsealedSince = try await recordedAt(Position(witnesses.size + 1))
        }
        let accesses = AccessVerification(
            database,
            ledger: ledger,
            log: log.map { SealingPlace.accessLog(beside: $0) },
            pinned: pinned.filter { tree(of: $0.name) == .access },
            kept: kept.filter { tree(of: $0.checkpoint.origin) == .access },
            isReplica: isReplica
        )
        try await accesses.run(&report)
        report.duration = began.duration(to: .now)
        return report
    }

    private func tree(of origin: String) -> LedgerTree {
        LedgerTree(ofOrigin: origin, in: ledger.name)
    }

    /// Where a page ends: where there are no events for long, just before the next one.
    private func pageEnd(after: Position, head: Position) async throws -> Position {
        let limit = EvidenceReader.pageLimit
        guard head.rawValue - after.rawValue > limit else { return head }
        let rows = try await database.reader.query(
            """
            select min(position) as next from event
            where ledger_id = \(ledger.id.rawValue) and position > \(after.rawValue)
            """
        )
        let next = try rows.first?.get("next", as: Int64?.self) ?? .max
        let end = after.rawValue + limit
        return next <= end ? Position(end) : min(head, Position(next - 1))
    }

    /// One page of events, in which the root is compared wherever something was signed.
    private func follow(
        _ events: EvidenceReader,
        _ range: (after: Position, through: Position),
        _ audit: TreeAudit,
        _ report: VerificationReport,
        _ page: inout [Witnesses.Statement]
    ) async throws -> (TreeAudit, VerificationReport) {
        var (audit, report) = (audit, report)
        var due = page[...]
        try await events.rows(after: range.after, through: range.through) { row in
            let (leaf, fault) = row.check(ledger: ledger.name)
            if let fault { report.add(fault, at: row.position) }
            audit.follow(row, at: row.position, leaf: leaf, &report)
            while let next = due.first, next.checkpoint.size <= row.position.rawValue {
                audit.compare(
                    next.checkpoint,
                    from: next.source,
                    isVouched: next.isVouched,
                    &report
                )
                due.removeFirst()
            }
        }
        return (audit, report)
    }

    /// Nothing lies before the first position or beyond the head, and the head is where the events end.
    private func checkEnds(_ head: Position, _ report: inout VerificationReport) async throws {
        let rows = try await database.reader.query(
            """
            select h.position as head,
                coalesce((
                    select min(e.position) from event e where e.ledger_id = h.ledger_id
                ), 1) as first,
                coalesce((
                    select max(e.position) from event e where e.ledger_id = h.ledger_id
                ), 0) as last,
                coalesce((
                    select max(c.size) from checkpoint c where c.ledger_id = h.ledger_id
                ), 0) as sealed,
                coalesce((select s.size from sealer s where s.ledger_id = h.ledger_id), 0) as sealer
            from ledger_head h
            where h.ledger_id = \(ledger.id.rawValue)
            """
        )
        guard let row = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
        let now = try row.get("head", as: Int64.self)
        let last = try row.get("last", as: Int64.self)
        // Readers of an episode would see it, and no tree has it.
        let first = try row.get("first", as: Int64.self)
        if first < 1 { report.add(.unexpected, at: Position(rawValue: first)) }
        if last > now {
            report.add(.unexpected, at: Position(now + 1), through: Position(last))
        }
        if last < now && last >= head.rawValue {
            report.add(.missing, at: Position(last + 1), through: Position(now))
        }
        let sealed = try row.get("sealed", as: Int64.self)
        let sealer = try row.get("sealer", as: Int64.self)
        if sealed != sealer {
            report.add(
                .checkpoint("the newest checkpoint is of size \(sealed), the sealer says \(sealer)")
            )
        }
    }

    private func recordedAt(_ position: Position) async throws -> Instant? {
        let rows = try await database.reader.query(
            """
            select recorded_at from event
            where ledger_id = \(ledger.id.rawValue) and position = \(position.rawValue)
            """
        )
        // Somebody may have written a time there that nobody can read.
        let recordedAt: Instant? = try rows.first?.get("recorded_at")
        return recordedAt.flatMap { LogEntry.times.contains($0.microseconds) ? $0 : nil }
    }
}
