public import CareEpisode
import Ledger
public import ProjectionRuntime

extension CensusQuery {
    /// How everybody attends who is enrolled at a time.
    ///
    /// - Parameters:
    ///   - effectiveAt: the time; only what happened up to then takes part.
    ///   - program: only this program; nil for all.
    ///   - settings: what was set when what is told was known.
    ///   - knowledge: nil answers from the tables.
    /// - Throws: `ProjectionError.rebuildNeeded` where the tables are of another version.
    public func attendance(
        effectiveAt: Instant,
        program: String? = nil,
        settings: AttendanceSettings = AttendanceSettings(),
        knowledge: Knowledge? = nil
    ) async throws -> (AttendanceList, ReadModelBasis) {
        var (models, basis) = try await wholeEpisodes(
            effectiveAt..<effectiveAt.advanced(bySeconds: 1),
            among: .enrolled(at: effectiveAt),
            effectiveAt: effectiveAt,
            knowledge: knowledge
        )
        let time = AttendanceTime(effectiveAt, calendar, settings)
        let list = AttendanceList(models, program: program, at: time)
        basis.settings = list.settings
        return (list, basis)
    }

    /// An episode's row: what a comparison of two knowledge times folds.
    func attendanceFold(
        effectiveAt: Instant,
        program: String?,
        settings: AttendanceSettings
    ) -> @Sendable (EpisodeID, EffectiveHistory) throws -> AttendanceList.Enrolled? {
        { [calendar, fold = fold(effectiveAt: effectiveAt)] episode, history in
            var settings = settings
            settings.ledger = settings.ledger.known(at: history.knownAt)
            let time = AttendanceTime(effectiveAt, calendar, settings)
            return try fold(episode, history).flatMap {
                AttendanceList.Enrolled($0, program: program, at: time)
            }
        }
    }
}
