public import CareEpisode
public import ProjectionRuntime

extension CensusQuery {
    /// How long clients stay in the services of a period, and how these ended.
    ///
    /// - Parameters:
    ///   - from: the first date.
    ///   - to: the last date, not after today.
    ///   - effectiveAt: only what happened up to then takes part.
    ///   - program: only this program; nil for all.
    ///   - level: only this level of care; nil for all.
    ///   - knowledge: nil answers from the tables.
    /// - Throws: `ProjectionError.rebuildNeeded` where the tables are of another version.
    public func retention(
        from: CalendarDate,
        to: CalendarDate,
        effectiveAt: Instant,
        program: String? = nil,
        levelOfCare level: LevelOfCare? = nil,
        knowledge: Knowledge? = nil
    ) async throws -> (Retention, ReadModelBasis) {
        let time = calendar.instants(from: from, through: to)
        let (models, basis) = try await wholeEpisodes(
            time,
            among: .enrolled(in: time),
            effectiveAt: effectiveAt,
            knowledge: knowledge
        )
        let retention = Retention(
            models,
            from: from,
            to: to,
            program: program,
            levelOfCare: level,
            effectiveAt: effectiveAt,
            calendar: calendar
        )
        return (retention, basis)
    }
}
