import CareEpisode
import ProjectionRuntime

extension CensusQuery {
    /// The statistics of a question.
    ///
    /// - Throws: `ProjectionError.rebuildNeeded` where the tables are of another version.
    func statistics(
        _ question: StatisticsQuestion,
        _ firstDayOfWeek: Weekday?
    ) async throws -> (Statistics, ReadModelBasis) {
        // Whose end lies before the period may come back in it.
        let first = question.from.adding(days: -Statistics.readmissionDays)
        let (models, basis) = try await wholeEpisodes(
            calendar.instants(from: first, through: question.to),
            effectiveAt: question.effectiveAt,
            knowledge: question.clocks.knowledge
        )
        return (question.statistics(models, calendar, firstDayOfWeek), basis)
    }
}
