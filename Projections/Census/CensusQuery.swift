public import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime

/// Asks the census of one ledger, for any two clocks.
public struct CensusQuery: Sendable {
    let model: ReadModel<CensusProjection>
    let ledger: LedgerDescription
    private let kept: KeptModels?

    /// A ledger's census.
    ///
    /// - Parameter kept: what is kept of the tables between questions; nil for nothing.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        kept: KeptModels? = nil
    ) throws {
        model = ReadModel(try CensusProjection(ledger), database, ledger: ledger)
        self.ledger = ledger
        self.kept = kept
    }

    /// That of the ledger a question is about.
    init(_ context: LedgerContext) throws {
        try self.init(context.database, ledger: context.ledger, kept: context.kept)
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
        if let knowledge { return try await folded(choice, effectiveAt, knowledge) }
        let (models, basis) = try await stored(since: time.lowerBound) {
            CensusRows.whole(time, $0, $1)
        }
        return try await asOf(effectiveAt, models.filter { $0.overlaps(time) }, basis)
    }

    /// Episodes as they were known: from the tables those with a stay that overlaps a time, with
    /// those stays alone; from the events all that can have one.
    func episodes(
        overlapping time: Range<Instant>?,
        effectiveAt: Instant,
        knowledge: Knowledge?
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        if let knowledge {
            return try await folded(.enrolled(in: time), effectiveAt, knowledge)
        }
        let (models, basis) = try await stored(since: time?.lowerBound) {
            CensusRows.overlapping(time, $0, $1)
        }
        let overlapping = time.map { time in models.compactMap { $0.stays(overlapping: time) } }
        return try await asOf(effectiveAt, overlapping ?? models, basis)
    }

    /// Episodes that are chosen from the events.
    private func folded(
        _ choice: EpisodeChoice,
        _ effectiveAt: Instant,
        _ knowledge: Knowledge
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        try await model.histories.run(
            of: choice,
            known: knowledge,
            fold(effectiveAt: effectiveAt)
        )
    }

    /// Episodes that two statements select from the tables, or what is kept of them, which may be more.
    ///
    /// - Parameter from: what ended earlier is not wanted; nil where everything is.
    private func stored(
        since from: Instant?,
        _ selection: @Sendable (LedgerID, Int32) -> [SQL]
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        let id = ledger.id
        if let kept, let from, from >= kept.start {
            return try await model.keptModels(notEndedBefore: from, kept) {
                connection,
                generation,
                start,
                episodes in
                try await CensusRows.notOver(before: start, episodes, id, generation, connection)
            }
        }
        return try await model.withTables { connection, generation, basis in
            let results = try await connection.pipeline(selection(id, generation))
            return (try CensusRows.models(episodes: results[0], stays: results[1]), basis)
        }
    }

    /// Episodes of which only what happened up to a time takes part, where the rows do not tell.
    private func asOf(
        _ effectiveAt: Instant,
        _ models: [EpisodeCensus],
        _ basis: ReadModelBasis
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        // Parked episodes cannot be folded: their last good rows answer.
        let doubtful = Set(models.filter { $0.needsFold(at: effectiveAt) }.map(\.episodeID))
            .subtracting(basis.parked)
        guard !doubtful.isEmpty else { return (models, basis) }
        let folded = try await model.folded(
            doubtful.sorted(),
            through: basis.position,
            effectiveAt: effectiveAt
        )
        let certain = models.compactMap {
            doubtful.contains($0.episodeID) ? folded[$0.episodeID] : $0
        }
        return (certain, basis)
    }
}
