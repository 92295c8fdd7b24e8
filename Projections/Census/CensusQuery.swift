public import CareEpisode
public import Ledger
import Postgres
import ProjectionRuntime

/// Asks the census of one ledger, for any two clocks.
public struct CensusQuery: Sendable {
    let model: ReadModel<CensusProjection>
    let ledger: LedgerDescription

    /// A ledger's census.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) throws {
        model = ReadModel(try CensusProjection(ledger), database, ledger: ledger)
        self.ledger = ledger
    }

    /// Days in the ledger's zone.
    public var calendar: LocalCalendar { model.projection.calendar }

    /// An episode's part of an answer: what a comparison of two knowledge times folds.
    public func fold(
        effectiveAt: Instant
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> EpisodeCensus? {
        { [projection = model.projection] in try projection.fold($0, $1.through(effectiveAt)) }
    }

    /// Whole episodes as they were known, with all of their stays: from the tables those that have a
    /// stay or a session in a time, from the events those that are chosen.
    func wholeEpisodes(
        _ time: Range<Instant>,
        among choice: EpisodeChoice = .all,
        effectiveAt: Instant,
        knowledge: Knowledge?
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        try await episodes(choice, effectiveAt: effectiveAt, knowledge) {
            CensusRows.whole(time, $0, $1)
        }
    }

    /// Episodes as they were known: from the tables those with a stay that overlaps a time, with
    /// those stays alone; from the events all that can have one.
    func episodes(
        overlapping time: Range<Instant>?,
        effectiveAt: Instant,
        knowledge: Knowledge?
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        try await episodes(.enrolled(in: time), effectiveAt: effectiveAt, knowledge) {
            CensusRows.overlapping(time, $0, $1)
        }
    }

    /// Episodes that are chosen from the events, or those that two statements select from the tables.
    private func episodes(
        _ choice: EpisodeChoice,
        effectiveAt: Instant,
        _ knowledge: Knowledge?,
        _ selection: @Sendable (LedgerID, Int32) -> [SQL]
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        if let knowledge {
            let fold = fold(effectiveAt: effectiveAt)
            return try await model.histories.run(of: choice, known: knowledge, fold)
        }
        var (models, basis) = try await model.withTables { connection, generation, basis in
            let results = try await connection.pipeline(selection(ledger.id, generation))
            return (try CensusRows.models(episodes: results[0], stays: results[1]), basis)
        }
        // Parked episodes cannot be folded: their last good rows answer.
        let parked = Set(basis.parked)
        let doubtful = Set(
            models.filter { $0.needsFold(at: effectiveAt) }.map(\.episodeID)
        ).subtracting(parked)
        if !doubtful.isEmpty {
            let folded = try await model.folded(
                doubtful.sorted(),
                through: basis.position,
                effectiveAt: effectiveAt
            )
            models = models.compactMap {
                doubtful.contains($0.episodeID) ? folded[$0.episodeID] : $0
            }
        }
        return (models, basis)
    }
}
