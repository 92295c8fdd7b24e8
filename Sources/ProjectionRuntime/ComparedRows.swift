import CareEpisode
import Ledger
import Postgres

/// The rows of one episode in each table of a read model, each as the bytes of binary COPY: what is
/// compared is what is stored.
struct ComparedRows: Equatable {
    private var tables: [[[UInt8]]]

    /// No rows of so many tables.
    init(tables count: Int) { tables = Array(repeating: [], count: count) }

    /// Adds a row of a table: every field behind the episode, each with its length.
    mutating func append(_ row: [UInt8], to table: Int) { tables[table].append(row) }

    /// Whether the same rows are in each table, in whatever order.
    static func == (left: ComparedRows, right: ComparedRows) -> Bool {
        guard left.tables.count == right.tables.count else { return false }
        return zip(left.tables, right.tables).allSatisfy { left, right in
            left.count == right.count
                && left.sorted(by: { $0.lexicographicallyPrecedes($1) })
                    == right.sorted(by: { $0.lexicographicallyPrecedes($1) })
        }
    }
}

/// Makes the rows that events of an episode lead to.
struct ExpectedRows<Projection: EpisodeProjection>: Sendable {
    let projection: Projection
    let ledger: LedgerID

    /// The rows of an episode of which nothing is known.
    var none: ComparedRows { ComparedRows(tables: projection.tables.count) }

    /// The rows to be written.
    ///
    /// - Parameters:
    ///   - episode: whose.
    ///   - part: the events that are folded, by version; without any there is nothing to fold.
    ///   - singles: the events that make rows by themselves.
    func encoded(
        _ episode: EpisodeID,
        folding part: [HistoryEvent],
        singles: [HistoryEvent]
    ) throws -> EncodedRows {
        var rows = EncodedRows(projection.tables, ledger: ledger, generation: 0)
        projection.encode(episode, singles, after: .zero, into: &rows)
        if !part.isEmpty, let model = try projection.fold(episode, part) {
            projection.encode(model, into: &rows)
        }
        return rows
    }

    /// The same rows, to be compared.
    func compared(
        _ episode: EpisodeID,
        folding part: [HistoryEvent],
        singles: [HistoryEvent]
    ) throws -> ComparedRows {
        let encoded = try encoded(episode, folding: part, singles: singles)
        var rows = [episode: none]
        for index in projection.tables.indices where encoded.hasRows(index) {
            var decoder = BinaryCopyDecoder()
            try encoded.bytes(index).withUnsafeBytes {
                try Self.collect($0, &decoder, index, of: projection.tables.count, &rows)
            }
        }
        return rows[episode] ?? none
    }

    /// Adds the rows of a message of COPY to those of their episodes.
    static func collect(
        _ message: UnsafeRawBufferPointer,
        _ decoder: inout BinaryCopyDecoder,
        _ table: Int,
        of count: Int,
        _ rows: inout [EpisodeID: ComparedRows]
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
            rows[episode, default: ComparedRows(tables: count)].append(bytes, to: table)
        }
    }
}
