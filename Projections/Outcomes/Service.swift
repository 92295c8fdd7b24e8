import CareEpisode

extension EpisodeCensus {
    /// The unbroken times at one level of care, as TEDS counts them: a record for each service.
    ///
    /// Source: SAMHSA, TEDS-D 2007 report, chapter 2: a discharge for each transfer between services
    /// within an episode, with the length of stay in that service.
    struct Service {
        /// Of its last stay.
        let program: String
        /// Of all of its stays.
        let levelOfCare: LevelOfCare
        /// When the first of them began.
        let startedAt: Instant
        /// When it ended; nil while it lasts.
        let endedAt: Instant?
        /// Why: transferred where another level follows in the episode; nil while it lasts.
        let reason: EndReason?
        /// Days, by the level's own rule, to the transfer or the last contact; nil while it lasts.
        let lengthOfStayDays: Int?
    }

    /// In order; at least one.
    func services(_ calendar: LocalCalendar) -> [Service] {
        var levels: [[Stay]] = []
        for stay in stays {
            if levels.last?.last?.levelOfCare == stay.levelOfCare {
                levels[levels.count - 1].append(stay)
            } else {
                levels.append([stay])
            }
        }
        return levels.enumerated().map { index, stays in
            let (first, last) = (stays[0], stays[stays.count - 1])
            let isLast = index == levels.count - 1
            let contact = isLast ? end?.lastContactAt : last.to
            return Service(
                program: last.program,
                levelOfCare: last.levelOfCare,
                startedAt: first.from,
                endedAt: last.to,
                reason: isLast ? end?.reason : .discharged(.transferred),
                lengthOfStayDays: contact.map { contact in
                    last.levelOfCare.lengthOfStay(
                        days: calendar.date(of: contact) - calendar.date(of: first.from)
                    )
                }
            )
        }
    }
}
