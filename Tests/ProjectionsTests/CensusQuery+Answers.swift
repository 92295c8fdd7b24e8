import CareEpisode
import ProjectionRuntime

@testable import Projections

/// What the questions make of a query's episodes, without a question.
extension CensusQuery {
    /// The census of a date.
    ///
    /// - Parameters:
    ///   - date: not after today.
    ///   - effectiveAt: the instant up to which entries take part: just before the date's 24:00,
    ///     or now.
    ///   - program: only this program; nil for all.
    ///   - knowledge: nil answers from the tables.
    func date(
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
    func period(
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
    func episodes(
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

    /// The outcomes of a period.
    func outcomes(
        from: CalendarDate,
        to: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        by unit: PeriodOutcomes.Unit = .episode,
        knowledge: Knowledge? = nil
    ) async throws -> (PeriodOutcomes, ReadModelBasis) {
        let time = calendar.instants(from: from, through: to)
        let (models, basis) = try await wholeEpisodes(
            time,
            among: .enrolled(in: time),
            effectiveAt: effectiveAt,
            knowledge: knowledge
        )
        let outcomes = PeriodOutcomes(
            models,
            from: from,
            to: to,
            program: program,
            by: unit,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
        return (outcomes, basis)
    }
}
