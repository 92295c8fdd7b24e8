import CareEpisode
import ProjectionRuntime

/// The course of an episode: its stays, its sessions, its end, its medications.
///
/// Walked once for each fold, which asks it for what the read models agree on. A pure value of one
/// effective history.
struct Course {
    /// What it was walked from.
    let history: EffectiveHistory
    /// Of the ledger's zone: days of a length of stay are its days.
    let calendar: LocalCalendar
    /// The admission in force.
    let admission: EffectiveHistory.Entry
    /// What it says.
    let admitted: Admitted
    /// In order; at least one.
    let stays: [Stay]
    /// The first end after the admission; nil while the episode is open.
    let ending: Ending?
    /// The sessions, each counted once.
    let sessions: SessionTally
    /// `life_cycle_conflict`, the flags of the sessions, and `outside_episode` of a last contact.
    let flags: [EpisodeFlag]

    /// An end in force.
    struct Ending {
        /// What was recorded.
        let entry: EffectiveHistory.Entry
        /// Why.
        let reason: EndReason
        /// What it says.
        let details: EpisodeEnd
        /// The last contact with the client.
        let lastContactAt: Instant
        /// The event that says so.
        let lastContactBy: EventID
        /// Days, by the rule of TEDS for the last level of care.
        let lengthOfStayDays: Int
    }

    /// Walks an effective history; nil without a known, unretracted admission.
    ///
    /// - Parameters:
    ///   - history: of one episode.
    ///   - calendar: of the ledger's zone.
    /// - Throws: what makes a recorded payload none of its type.
    init?(_ history: EffectiveHistory, calendar: LocalCalendar) throws {
        guard let admission = history.entries.first(where: { $0.type == .admitted }),
            case .admitted(let admitted) = try admission.decode()
        else { return nil }
        var walk = StayWalk(admission, admitted)
        for entry in history.entries where entry.type.changesStays { try walk.take(entry) }
        let admissionDate = calendar.date(of: admission.time)
        let sessions = try SessionTally(
            history.entries,
            from: admissionDate,
            to: walk.end.map {
                SessionTally.End(
                    date: calendar.date(of: $0.entry.time),
                    knownAt: history.knowledgeTime(of: $0.entry)
                )
            },
            calendar
        )
        var flags = walk.flags + sessions.flags
        self.history = history
        self.calendar = calendar
        self.admission = admission
        self.admitted = admitted
        self.stays = walk.stays
        self.sessions = sessions
        ending = walk.end.map { end in
            let contact = Self.lastContact(end, from: admissionDate, sessions, calendar, &flags)
            let days = calendar.date(of: contact.at) - admissionDate
            return Ending(
                entry: end.entry,
                reason: end.reason,
                details: end.details,
                lastContactAt: contact.at,
                lastContactBy: contact.eventID,
                lengthOfStayDays: walk.current.levelOfCare.lengthOfStay(days: days)
            )
        }
        self.flags = flags
    }

    /// The course of a history that other folds may have walked already.
    static func of(_ history: EpisodeHistory, calendar: LocalCalendar) throws -> Course? {
        try history.once { try Course(history.effective(), calendar: calendar) }
    }

    /// What the end says, else the start of the last attended session, else the end.
    ///
    /// A contact on a date outside the episode is flagged and replaced by the end.
    private static func lastContact(
        _ end: StayWalk.End,
        from admissionDate: CalendarDate,
        _ sessions: SessionTally,
        _ calendar: LocalCalendar,
        _ flags: inout [EpisodeFlag]
    ) -> (at: Instant, eventID: EventID) {
        let entry = end.entry
        guard let stated = end.details.lastContactAt else {
            let last = sessions.lastAttended
            return (last?.start ?? entry.time, last?.entry.eventID ?? entry.eventID)
        }
        let dates = admissionDate...calendar.date(of: entry.time)
        guard dates.contains(calendar.date(of: stated)) else {
            flags.append(
                EpisodeFlag(flag: .outsideEpisode, at: entry.time, eventIDs: [entry.eventID])
            )
            return (entry.time, entry.eventID)
        }
        return (stated, entry.eventID)
    }

    /// The medications, lineage by lineage: ask once for each fold.
    ///
    /// Not part of the walk, since a census neither reads them nor parks for one that is damaged.
    ///
    /// - Parameter clock: by which it is told when something became known.
    /// - Throws: a refusal where a recorded payload is none of its type.
    func medications(knownBy clock: KnowledgeClock = .source) throws -> MedicationCourse {
        try MedicationCourse.fold(history, admission: self, knownBy: clock)
    }
}

extension LevelOfCare {
    /// Days from an admission to the last contact, so many dates later, at least 1: both count for
    /// outpatients, as TEDS counts them; for inpatient and residential levels the nights count.
    func lengthOfStay(days: Int) -> Int {
        switch self {
        case .inpatient, .residential: max(1, days)
        case .partialHospitalization, .intensiveOutpatient, .outpatient, .recoveryMonitoring:
            max(1, days + 1)
        }
    }
}
