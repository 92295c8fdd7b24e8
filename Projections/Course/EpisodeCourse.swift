import CareEpisode

/// The course of an episode: its stays, its sessions, its end.
///
/// What the census, the medication review and the discharge summary agree on.
struct EpisodeCourse {
    /// The admission in force.
    let admission: EffectiveHistory.Entry
    /// What it says.
    private(set) var admitted: Admitted
    /// In order; at least one.
    private(set) var stays: [EpisodeCensus.Stay] = []
    /// The first end after the admission; nil while the episode is open.
    private(set) var ending: Ending?
    /// The sessions, each counted once.
    private(set) var sessions: SessionTally
    /// `life_cycle_conflict`, the flags of the sessions, and `outside_episode` of a last contact.
    private(set) var flags: [EpisodeFlag] = []

    /// An end in force.
    struct Ending {
        /// What was recorded.
        let entry: EffectiveHistory.Entry
        /// `completed`, or a discharge reason.
        let reason: String
        /// What it says.
        let details: EpisodeEnd
        /// The last contact with the client.
        fileprivate(set) var lastContactAt: Instant
        /// Days, by the rule of TEDS for the last level of care.
        fileprivate(set) var lengthOfStayDays = 0
    }

    /// Walks an effective history; nil without a known, unretracted admission.
    ///
    /// - Parameters:
    ///   - history: of one episode.
    ///   - calendar: of the ledger's zone: days of a length of stay are its days.
    /// - Throws: a refusal where a recorded payload is none of its type.
    init?(_ history: EffectiveHistory, calendar: LocalCalendar) throws {
        guard let admission = history.entries.first(where: { $0.type == .admitted }),
            case .admitted(let admitted) = try admission.decode()
        else { return nil }
        self.admission = admission
        self.admitted = admitted
        sessions = try SessionTally([], from: admission.time, to: nil)
        var isBegun = false
        for entry in history.entries where entry.type.changesStays {
            if entry.eventID == admission.eventID { isBegun = true }
            try walk(entry, isBegun: isBegun)
        }
        sessions = try SessionTally(history.entries, from: admission.time, to: ending?.entry.time)
        flags += sessions.flags
        guard var ending else { return }
        ending.lastContactAt = lastContact(ending)
        ending.lengthOfStayDays = lengthOfStay(to: ending.lastContactAt, calendar)
        self.ending = ending
    }

    /// Takes one entry that can begin, change or end a stay.
    private mutating func walk(_ entry: EffectiveHistory.Entry, isBegun: Bool) throws {
        guard isBegun, ending == nil else {
            return flags.append(conflict(entry))
        }
        if entry.eventID == admission.eventID {
            stays.append(
                EpisodeCensus.Stay(
                    program: admitted.program,
                    track: admitted.track?.rawValue,
                    levelOfCare: admitted.levelOfCare,
                    from: entry.time,
                    startReason: entry.type.rawValue
                )
            )
            return
        }
        switch try entry.decode() {
        case .steppedDown(let step), .steppedUp(let step):
            // A direction that no longer fits: its levels fit each other, so the first does not.
            if step.fromLevel != current.levelOfCare { flags.append(conflict(entry)) }
            change(entry, to: step.toLevel, step.program, step.track)
        case .programChanged(let changed):
            change(entry, to: nil, changed.program, changed.track)
        case .completed(let details):
            close(entry, reason: "completed", details)
        case .discharged(let discharged):
            close(entry, reason: discharged.reason.rawValue, discharged.end)
        case .admitted, .sessionAttended, .sessionMissed, .familySessionHeld, .medicationAdjusted,
            .entryCorrected, .entryRetracted:
            break
        }
    }

    private var current: EpisodeCensus.Stay { stays[stays.count - 1] }

    private mutating func change(
        _ entry: EffectiveHistory.Entry,
        to level: LevelOfCare?,
        _ program: String?,
        _ track: Track?
    ) {
        let before = current
        var next = before
        next.levelOfCare = level ?? before.levelOfCare
        next.program = program ?? before.program
        next.track = track?.rawValue ?? before.track
        guard next != before else { return }
        stays[stays.count - 1].to = entry.time
        stays[stays.count - 1].endReason = entry.type.rawValue
        next.from = entry.time
        next.startReason = entry.type.rawValue
        stays.append(next)
    }

    private mutating func close(
        _ entry: EffectiveHistory.Entry,
        reason: String,
        _ details: EpisodeEnd
    ) {
        stays[stays.count - 1].to = entry.time
        stays[stays.count - 1].endReason = reason
        ending = Ending(
            entry: entry,
            reason: reason,
            details: details,
            lastContactAt: entry.time
        )
    }

    private func conflict(_ entry: EffectiveHistory.Entry) -> EpisodeFlag {
        EpisodeFlag(flag: .lifeCycleConflict, at: entry.time, eventIDs: [entry.eventID])
    }

    // MARK: - Length of stay

    /// What the end says, else the start of the last attended session, else the end.
    ///
    /// A contact outside the episode is flagged and replaced by the end.
    private mutating func lastContact(_ ending: Ending) -> Instant {
        let end = ending.entry.time
        guard let stated = ending.details.lastContactAt else {
            return sessions.lastAttendedAt ?? end
        }
        if stated < admission.time || stated > end {
            flags.append(
                EpisodeFlag(flag: .outsideEpisode, at: end, eventIDs: [ending.entry.eventID])
            )
            return end
        }
        return stated
    }

    /// Days from admission to last contact: both count for outpatients, as TEDS counts them; for
    /// inpatient and residential levels the nights count, at least one.
    private func lengthOfStay(to lastContact: Instant, _ calendar: LocalCalendar) -> Int {
        let days = calendar.date(of: lastContact) - calendar.date(of: admission.time)
        switch current.levelOfCare {
        case .inpatient, .residential: return max(1, days)
        default: return days + 1
        }
    }
}
