import CareEpisode

/// Reads events with their evidence, in the order of positions, by COPY.
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
        _ body: (EventRow) throws -> Void
    ) async throws {
        precondition(through.rawValue - after.rawValue <= Self.pageLimit)
        try await database.copyEvents(
            .proving,
            of: ledger,
            where: "position > \(after) and position <= \(through)",
            by: "position",
            body
        )
    }

    /// The events of one episode up to a position, by version.
    ///
    /// - Throws: ``SealError/damaged(_:)`` where one stands before the first position: no tree has it.
    func rows(of episode: EpisodeID, through: Position) async throws -> [EventRow] {
        var rows: [EventRow] = []
        try await database.copyEvents(
            .proving,
            of: ledger,
            where: "episode_id = '\(episode)' and position <= \(through)",
            by: "version"
        ) { row in
            guard row.position > .zero else {
                throw SealError.damaged(.unexpected, at: row.position)
            }
            rows.append(row)
        }
        return rows
    }
}
