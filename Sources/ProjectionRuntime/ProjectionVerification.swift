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
    /// Parked episodes keep rows of an earlier time and are left out, with a notice; so is a read
    /// model that nobody has asked for yet, or that another version of the fold has filled.
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

    /// The rows of a table's episodes, each row as the bytes of binary COPY, in no order.
    private typealias Rows = [EpisodeID: [[[UInt8]]]]

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
                ) { try Self.collect($0, &decoder, index, tables.count, &rows) }
            }
            return (rows, basis)
        }
        let parked = Set(basis.parked)
        var folded: Rows = [:]
        var newest: [EpisodeID: Position] = [:]
        var failed: Set<EpisodeID> = []
        let scan = EpisodeScan(database, ledger: ledger, through: basis.position)
        try await scan.read(range) { episode, events in
            newest[episode] = events.last?.position
            do {
                try fold(episode, events, &folded)
            } catch {
                failed.insert(episode)
            }
        }
        var findings: Findings = ([], [])
        for episode in Set(stored.keys).union(folded.keys).union(failed).sorted() {
            if parked.contains(episode) {
                findings.notices.append(
                    "\(projection.name): episode \(episode) is parked, not compared"
                )
            } else if failed.contains(episode) || !same(stored[episode], folded[episode]) {
                findings.faults.append(
                    EvidenceFault(
                        .readModel(
                            "\(projection.name): the rows of episode \(episode) are not what its "
                                + "events lead to"
                        ),
                        at: newest[episode]
                    )
                )
            }
        }
        return findings
    }

    private func fold(
        _ episode: EpisodeID,
        _ events: [HistoryEvent],
        _ folded: inout Rows
    ) throws {
        var rows = EncodedRows(projection.tables, ledger: ledger.id, generation: 0)
        projection.encode(episode, events, after: .zero, into: &rows)
        if let model = try projection.fold(episode, events) {
            projection.encode(model, into: &rows)
        }
        for index in rows.tables.indices {
            var decoder = BinaryCopyDecoder()
            try rows.bytes(index).withUnsafeBytes {
                try Self.collect($0, &decoder, index, rows.tables.count, &folded)
            }
        }
    }

    private func same(_ stored: [[[UInt8]]]?, _ folded: [[[UInt8]]]?) -> Bool {
        let (stored, folded) = (stored ?? [], folded ?? [])
        guard stored.count == folded.count else { return false }
        return zip(stored, folded).allSatisfy { stored, folded in
            stored.count == folded.count
                && stored.sorted(by: { $0.lexicographicallyPrecedes($1) })
                    == folded.sorted(by: { $0.lexicographicallyPrecedes($1) })
        }
    }

    /// Adds the rows of a message: for each episode every field after it, with its length.
    private static func collect(
        _ message: UnsafeRawBufferPointer,
        _ decoder: inout BinaryCopyDecoder,
        _ table: Int,
        _ count: Int,
        _ rows: inout Rows
    ) throws {
        try decoder.decode(message) { row in
            var bytes: [UInt8] = []
            _ = try row.nextBytes()  // the ledger
            _ = try row.nextBytes()  // the generation
            let episode = try row.next(EpisodeID.self)
            while row.column < row.columns {
                let field = try row.nextBytes()
                withUnsafeBytes(of: Int32(field?.count ?? -1)) { bytes += $0 }
                if let field { bytes += field }
            }
            rows[episode, default: Array(repeating: [], count: count)][table].append(bytes)
        }
    }
}
