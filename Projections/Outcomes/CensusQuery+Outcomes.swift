public import CareEpisode
public import ProjectionRuntime

extension CensusQuery {
    /// The outcomes of a period.
    ///
    /// - Parameters:
    ///   - from: the first date.
    ///   - to: the last date, not after today.
    ///   - effectiveAt: the instant up to which entries take part: just before the last date's
    ///     24:00, or now.
    ///   - program: only this program; nil for all.
    ///   - unit: what is counted.
    ///   - knowledge: nil answers from the tables.
    /// - Throws: `ProjectionError.rebuildNeeded` where the tables are of another version.
    public func outcomes(
        from: CalendarDate,
        to: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        by unit: PeriodOutcomes.Unit = .episode,
        knowledge: Knowledge? = nil
    ) async throws -> (PeriodOutcomes, ReadModelBasis) {
        // A service may have begun with a stay that lies before the period.
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
