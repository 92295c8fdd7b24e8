public import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime

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

    /// The census of a date.
    ///
    /// - Parameters:
    ///   - date: not after today.
    ///   - effectiveAt: the instant up to which entries take part: just before the date's 24:00,
    ///     or now.
    ///   - program: only this program; nil for all.
    ///   - knowledge: nil answers from the tables.
    public func date(
        _ date: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        knowledge: Knowledge? = nil
    ) async throws -> (CensusOfDate, ReadModelBasis) {
        let (models, basis) = try await episodes(
            overlapping: calendar.instants(from: date, through: date),
            effectiveAt: effectiveAt,
            knowledge: knowledge
        )
        let answer = CensusOfDate(
            date,
            models,
            effectiveAt: effectiveAt,
            program: program,
            calendar: calendar
        )
        return (answer, basis)
    }

    /// The census of every day of a period.
    ///
    /// - Parameters:
    ///   - from: the first date.
    ///   - to: the last date, not after today.
    ///   - effectiveAt: as for a date, of the last one.
    ///   - program: only this program; nil for all.
    ///   - knowledge: nil answers from the tables.
    public func period(
        from: CalendarDate,
        to: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        knowledge: Knowledge? = nil
    ) async throws -> (CensusTally, ReadModelBasis) {
        let (models, basis) = try await episodes(
            overlapping: calendar.instants(from: from, through: to),
            effectiveAt: effectiveAt,
            knowledge: knowledge
        )
        let tally = CensusTally(
            models,
            from: from,
            to: to,
            program: program,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
        return (tally, basis)
    }

    /// Every episode, by admission.
    ///
    /// - Parameters:
    ///   - filter: which are wanted.
    ///   - effectiveAt: only what happened up to then takes part.
    ///   - knowledge: nil answers from the tables.
    public func episodes(
        _ filter: EpisodeFilter = EpisodeFilter(),
        effectiveAt: Instant,
        knowledge: Knowledge? = nil
    ) async throws -> (EpisodeList, ReadModelBasis) {
        let (models, basis) = try await episodes(
            overlapping: nil,
            effectiveAt: effectiveAt,
            knowledge: knowledge
        )
        return (EpisodeList(models, filter, effectiveAt: effectiveAt), basis)
    }

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
        guard let knowledge else {
            return try await stored(effectiveAt: effectiveAt) { ledger, generation in
                (
                    CensusRows.wholeEpisodes(ledger, generation, time),
                    CensusRows.wholeStays(ledger, generation, time)
                )
            }
        }
        return try await folded(choice, effectiveAt: effectiveAt, knowledge: knowledge)
    }

    /// Episodes as they were known: from the tables those with a stay that overlaps a time, with
    /// those stays alone; from the events all that can have one.
    func episodes(
        overlapping time: Range<Instant>?,
        effectiveAt: Instant,
        knowledge: Knowledge?
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        guard let knowledge else {
            return try await stored(effectiveAt: effectiveAt) { ledger, generation in
                let (from, to) = (time?.lowerBound, time?.upperBound)
                return (
                    CensusRows.episodes(ledger, generation, from: from, to: to),
                    CensusRows.stays(ledger, generation, from: from, to: to)
                )
            }
        }
        return try await folded(.enrolled(in: time), effectiveAt: effectiveAt, knowledge: knowledge)
    }

    private func folded(
        _ choice: EpisodeChoice,
        effectiveAt: Instant,
        knowledge: Knowledge
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        try await model.histories.run(
            of: choice,
            known: knowledge,
            fold(effectiveAt: effectiveAt)
        )
    }

    /// Episodes from the tables, as two statements select them and their stays.
    private func stored(
        effectiveAt: Instant,
        _ selection: @Sendable (LedgerID, Int32) -> (episodes: SQL, stays: SQL)
    ) async throws -> ([EpisodeCensus], ReadModelBasis) {
        var (models, basis) = try await model.withTables { connection, generation, basis in
            let selected = selection(ledger.id, generation)
            let results = try await connection.pipeline([selected.episodes, selected.stays])
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
