public import CareEpisode
public import Ledger
import Postgres
import Synchronization

/// Compares the rows of a read model with what the events lead to.
///
/// Takes no lease and changes nothing. Each range of episodes is read in one snapshot with the
/// position that it reflects, and folded up to there, so that a worker may go on meanwhile.
public struct ProjectionVerification<Projection: EpisodeProjection>: Sendable {
    private let projection: Projection
    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let model: ReadModel<Projection>

    /// Prepares the comparison for one ledger.
    public init(_ projection: Projection, _ database: LedgerDatabase, ledger: LedgerDescription) {
        self.projection = projection
        self.database = database
        self.ledger = ledger
        model = ReadModel(projection, database, ledger: ledger)
    }

    /// Compares every episode, and adds what differs to a report.
    ///
    /// A parked episode keeps rows of an earlier time: those of its events up to one that cannot be
    /// folded or that the database refuses, which ``ParkedRows`` finds out; that is a notice. So is a
    /// read model that nobody has asked for yet, or that another version of the fold has filled.
    ///
    /// - Parameter head: the position up to which the episodes are looked for.
    /// - Throws: what keeps it from looking; differences are not thrown.
    public func run(
        through head: Position,
        _ report: inout VerificationReport
    ) async throws {
        guard head > .zero else { return }
        let ranges = EpisodeScan(database, ledger: ledger, through: head)
        do {
            let findings = Mutex<Findings>(([], []))
            try await ranges.forEachRange(parallelism: 1) { range in
                let (faults, notices) = try await compare(range)
                findings.withLock {
                    $0.faults += faults
                    $0.notices += notices
                }
            }
            let found = findings.withLock { $0 }
            for fault in found.faults { report.add(fault) }
            for name in found.notices { report.add(notice: name) }
            report.add(readModel: projection.name)
        } catch ProjectionError.rebuildNeeded(_, let stored, _) {
            report.add(
                notice: stored == 0
                    ? "\(projection.name): nobody has asked for it yet, nothing to compare"
                    : "\(projection.name): a rebuild is needed, its rows were not compared"
            )
        } catch ProjectionError.rebuilding {
            report.add(
                notice: "\(projection.name): it is being rebuilt, its rows were not compared"
            )
        }
    }

    private typealias Findings = (faults: [EvidenceFault], notices: [String])

    /// The rows of the tables' episodes.
    private typealias Rows = [EpisodeID: ComparedRows]

    private func compare(_ range: EpisodeRange) async throws -> Findings {
        let tables = projection.tables
        let (stored, basis) = try await model.withTables { connection, generation, basis in
            var rows: Rows = [:]
            for (index, table) in tables.enumerated() {
                var decoder = BinaryCopyDecoder()
                try await connection.copyOut(
                    """
                    copy (
                        select \(raw: table.columnNames)
                        from \(raw: table.qualifiedName)
                        where ledger_id = \(raw: String(ledger.id.rawValue))
                        and generation = \(raw: String(generation)) and \(raw: range.condition)
                    ) to stdout (format binary)
                    """
                ) {
                    try ExpectedRows<Projection>.collect(
                        $0,
                        &decoder,
                        index,
                        of: tables.count,
                        &rows
                    )
                }
            }
            return (rows, basis)
        }
        let parked = Set(basis.parked)
        let expected = ExpectedRows(projection: projection, ledger: ledger.id)
        var folded: Rows = [:]
        var newest: [EpisodeID: Position] = [:]
        var histories: [EpisodeID: [HistoryEvent]] = [:]
        let scan = EpisodeScan(database, ledger: ledger, through: basis.position)
        try await scan.read(range) { episode, events in
            newest[episode] = events.last?.position
            if parked.contains(episode) { histories[episode] = events }
            folded[episode] = try? expected.compared(episode, folding: events, singles: events)
        }
        var findings: Findings = ([], [])
        func tell(_ episode: EpisodeID, _ reason: String = "") {
            let rows = "\(projection.name): the rows of episode \(episode)"
            findings.faults.append(
                EvidenceFault(
                    .readModel("\(rows) are not what its events lead to\(reason)"),
                    at: newest[episode]
                )
            )
        }
        for episode in Set(stored.keys).union(newest.keys).sorted()
        where histories[episode] == nil && folded[episode] != stored[episode] ?? expected.none {
            tell(episode)
        }
        let inQuestion = histories.keys.sorted().map { episode in
            ParkedRows<Projection>.Episode(
                id: episode,
                events: histories[episode] ?? [],
                stored: stored[episode] ?? expected.none,
                whole: folded[episode]
            )
        }
        let verdicts = try await ParkedRows(expected: expected, database: database).judge(
            inQuestion
        )
        for (episode, verdict) in zip(inQuestion, verdicts) {
            switch verdict {
            case .explained(let reason):
                findings.notices.append(
                    "\(projection.name): episode \(episode.id) is parked: \(reason)"
                )
            case .unexplained(let reason): tell(episode.id, "; it is parked: \(reason)")
            }
        }
        return findings
    }
}
