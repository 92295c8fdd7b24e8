import CareEpisode
import Ledger
import Postgres

/// How much is narrowed down at once.
enum Narrowing {
    /// The most episodes, or events, of one transaction that narrows down.
    static let limit = 256
    /// The most refused episodes that a worker remembers.
    static let memoryLimit = 10_000
    /// The most of them that a batch of more events takes along.
    static let aloneLimit = 64
}

/// Writes a batch of which the database refuses rows: in halves, down to each episode that it refuses.
///
/// That one is parked. Its rows are those of the longest part of its history, from its beginning, that
/// the database takes; where it takes none that has more than the rows that are there, these stay. Each
/// attempt is a savepoint of the transaction that writes the batch, so that rows and checkpoint go
/// together as always. One bad episode of `n` takes twice log₂(n) attempts and the logarithm of the
/// number of its new events; should all of them be bad, twice `n` and those logarithms.
struct NarrowedBatch<Projection: EpisodeProjection>: Sendable {
    /// An episode's events, by version.
    typealias History = (episode: EpisodeID, events: [HistoryEvent])

    let registry: ProjectionRegistry<Projection>
    let generation: Int32
    /// What the rows that are there reflect.
    let after: Position
    /// What the histories reach to.
    let through: Position

    /// Replaces the rows of some episodes, and parks those whose rows the database refuses.
    ///
    /// - Parameters:
    ///   - histories: of the episodes.
    ///   - connection: in a transaction.
    /// - Returns: the episodes that were refused.
    func write(
        _ histories: ArraySlice<History>,
        _ connection: PostgresConnection
    ) async throws -> Set<EpisodeID> {
        guard let first = histories.first else { return [] }
        var batch = emptyBatch
        for history in histories {
            batch.add(history.episode, EpisodeHistory(history.events))
            await Task.yield()
        }
        guard let refusal = try await refusal(of: batch, connection) else { return [] }
        guard histories.count == 1 else {
            let middle = histories.startIndex + histories.count / 2
            let early = try await write(histories[..<middle], connection)
            return early.union(try await write(histories[middle...], connection))
        }
        try await writeLongestPart(of: first, connection)
        try await registry.park(
            [(first.episode, "the database refuses its rows: SQLSTATE \(refusal)")],
            generation: generation,
            through: through,
            connection
        )
        return [first.episode]
    }

    /// A batch of whole histories.
    private var emptyBatch: FoldedBatch<Projection> {
        FoldedBatch(registry.projection, ledger: registry.ledger.id, generation: generation)
    }

    /// Leaves the rows of the longest part of a history that is taken, found by halves.
    private func writeLongestPart(
        of history: History,
        _ connection: PostgresConnection
    ) async throws {
        var taken = history.events.prefix { $0.position <= after }.count
        var (refused, isWritten) = (history.events.count, false)
        while refused - taken > 1 {
            let middle = (taken + refused) / 2
            var batch = emptyBatch
            let isFolded = batch.add(history.episode, history.events, foldingFirst: middle)
            if isFolded, try await refusal(of: batch, connection) == nil {
                (taken, isWritten) = (middle, true)
            } else {
                refused = middle
            }
        }
        guard !isWritten, registry.projection.tables.contains(where: \.isInsertOnly) else { return }
        // What single events say counts even where no other rows of theirs can be had.
        var batch = emptyBatch
        batch.add(history.episode, history.events, foldingFirst: 0)
        _ = try await refusal(of: batch, connection)
    }

    /// Why the database refuses the rows of a batch, of which nothing stays then; nil where it has taken
    /// them.
    private func refusal(
        of batch: FoldedBatch<Projection>,
        _ connection: PostgresConnection
    ) async throws -> SQLState? {
        _ = try await connection.query("savepoint part_of_batch")
        do {
            try await registry.write(batch, generation: generation, through: through, connection)
            // What would be checked at the commit is refused here, where it is known whose it is.
            _ = try await connection.pipeline([
                "set constraints all immediate", "release savepoint part_of_batch",
            ])
            return nil
        } catch let error as PostgresError where error.isAboutValues {
            _ = try await connection.pipeline([
                "rollback to savepoint part_of_batch", "release savepoint part_of_batch",
            ])
            return error.sqlState
        }
    }
}
