import CareEpisode

extension EpisodeCensus {
    /// Folds an effective history into an episode's census.
    ///
    /// - Returns: nil for an episode without a known, unretracted admission.
    static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        calendar: LocalCalendar
    ) throws -> EpisodeCensus? {
        guard let course = try Course(history, calendar: calendar) else { return nil }
        return EpisodeCensus(
            episodeID: episode,
            clientID: course.admitted.clientID,
            admittedAt: course.admission.time,
            origin: Origin(
                referralSource: course.admitted.referralSource?.rawValue,
                payerClass: course.admitted.payer?.class,
                priorLevelOfCare: course.admitted.priorLevelOfCare
            ),
            stays: course.stays.map(\.row),
            end: course.ending.map {
                End(
                    at: $0.entry.time,
                    reason: $0.reason,
                    lastContactAt: $0.lastContactAt,
                    lengthOfStayDays: $0.lengthOfStayDays
                )
            },
            sessions: course.sessions.counted,
            flags: course.flags
        )
    }
}
