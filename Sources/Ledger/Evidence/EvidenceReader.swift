import CareEpisode
import Postgres

/// Reads events with their evidence, in the order of positions, by binary COPY.
struct EvidenceReader: Sendable {
    /// The most positions of one statement: none runs long, and no snapshot is held for long.
    static let pageLimit: Int64 = 4_096

    let database: LedgerDatabase
    let ledger: LedgerDescription

    /// Calls the body for each row there is between two positions.
    ///
    /// - Parameters:
    ///   - after: the position before the first.
    ///   - through: the last, at most ``pageLimit`` further.
    func rows(
        after: Position,
        through: Position,
        _ body: (EvidenceRow) throws -> Void
    ) async throws {
        precondition(through.rawValue - after.rawValue <= Self.pageLimit)
        var decoder = BinaryCopyDecoder()
        try await database.reader.withConnection { connection in
            try await connection.copyOut(
                """
                copy (
                    select \(raw: EvidenceRow.columns)
                    from event
                    where ledger_id = \(raw: String(ledger.id.rawValue))
                    and position > \(raw: String(after.rawValue))
                    and position <= \(raw: String(through.rawValue))
                    order by position
                ) to stdout (format binary)
                """
            ) { message in
                try decoder.decode(message) { row in try body(EvidenceRow(&row)) }
            }
        }
    }
}
