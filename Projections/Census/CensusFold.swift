import CareEpisode

/// Folds an effective history into an episode's census.
struct CensusFold {
    private let calendar: LocalCalendar
    private var stays: [EpisodeCensus.Stay] = []
    private var flags: [EpisodeFlag] = []
    private var clientID = ""
    private var end: (entry: EffectiveHistory.Entry, reason: String, details: EpisodeEnd)?

    /// - Parameter calendar: of the ledger's zone: days of a length of stay are its days.
    init(calendar: LocalCalendar) {
        self.calendar = calendar
    }

    /// - Returns: nil for an episode without a known, unretracted admission.
    static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        calendar: LocalCalendar
    ) throws -> EpisodeCensus? {
        var fold = CensusFold(calendar: calendar)
        return try fold.run(episode, history)
    }

    private mutating func run(
        _ episode: EpisodeID,
        _ history: EffectiveHistory
    ) throws -> EpisodeCensus? {
        guard let admission = history.entries.first(where: { $0.type == .admitted }) else {
            return nil
        }
        var isBegun = false
        for entry in history.entries where entry.type.changesStays {
            if entry.eventID == admission.eventID { isBegun = true }
            try walk(entry, isBegun: isBegun)
        }
        let sessions = try SessionTally(
            history.entries,
            from: admission.time,
            to: end?.entry.time
        )
        flags += sessions.flags
        let ended = end.map { end in
            let lastContact = lastContact(end.entry, end.details, sessions, from: admission.time)
            return EpisodeCensus.End(
                at: end.entry.time,
                reason: end.reason,
                lastContactAt: lastContact,
                lengthOfStayDays: lengthOfStay(from: admission.time, to: lastContact)
            )
        }
        return EpisodeCensus(
            episodeID: episode,
            clientID: clientID,
            admittedAt: admission.time,
            stays: stays,
            end: ended,
            sessions: sessions.counted,
            flags: flags
        )
    }

    /// Takes one entry that can begin, change or end a stay.
    private mutating func walk(_ entry: EffectiveHistory.Entry, isBegun: Bool) throws {
        guard isBegun, end == nil else {
            return flags.append(conflict(entry))
        }
        switch try entry.decode() {
        case .admitted(let admitted):
            clientID = admitted.clientID
            stays.append(
                EpisodeCensus.Stay(
                    program: admitted.program,
                    track: admitted.track?.rawValue,
                    levelOfCare: admitted.levelOfCare,
                    from: entry.time,
                    startReason: entry.type.rawValue
                )
            )
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
        default:
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
        end = (entry, reason, details)
    }

    private func conflict(_ entry: EffectiveHistory.Entry) -> EpisodeFlag {
        EpisodeFlag(flag: .lifeCycleConflict, at: entry.time, eventIDs: [entry.eventID])
    }

    // MARK: - Length of stay

    /// What the end says, else the start of the last attended session, else the end.
    ///
    /// A contact outside the episode is flagged and replaced by the end.
    private mutating func lastContact(
        _ entry: EffectiveHistory.Entry,
        _ details: EpisodeEnd,
        _ sessions: SessionTally,
        from admission: Instant
    ) -> Instant {
        guard let stated = details.lastContactAt else {
            return sessions.lastAttendedAt ?? entry.time
        }
        if stated < admission || stated > entry.time {
            flags.append(
                EpisodeFlag(flag: .outsideEpisode, at: entry.time, eventIDs: [entry.eventID])
            )
            return entry.time
        }
        return stated
    }

    /// Days from admission to last contact: both count for outpatients, as TEDS counts them; for
    /// inpatient and residential levels the nights count, at least one.
    private func lengthOfStay(from admission: Instant, to lastContact: Instant) -> Int {
        let days = calendar.date(of: lastContact) - calendar.date(of: admission)
        switch current.levelOfCare {
        case .inpatient, .residential: return max(1, days)
        default: return days + 1
        }
    }
}

extension EventType {
    /// Whether an event of this type can begin, change or end a stay.
    var changesStays: Bool {
        switch self {
        case .admitted, .steppedDown, .steppedUp, .programChanged, .completed, .discharged: true
        default: false
        }
    }
}
