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
        try Course(history, calendar: calendar).map { EpisodeCensus(episode, $0) }
    }

    /// What the census says of a course.
    init(_ episode: EpisodeID, _ course: Course) {
        self.init(
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
