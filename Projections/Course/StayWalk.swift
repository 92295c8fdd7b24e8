import CareEpisode

extension Course {
    /// One unbroken time in one program and level of care, and what put it in force.
    @dynamicMemberLookup
    struct Stay {
        /// As the census has it.
        fileprivate(set) var row: EpisodeCensus.Stay
        /// The event that named the track in force; the admission where none ever did.
        fileprivate(set) var trackNamedBy: EventID
        /// The hours a week that were planned: since the stay began, and as changed within it.
        fileprivate var plans: [(from: Instant, hours: Double?)]

        /// A field of the row.
        subscript<Value>(dynamicMember field: KeyPath<EpisodeCensus.Stay, Value>) -> Value {
            row[keyPath: field]
        }

        /// Hours a week as last stated before a time; nil where none ever were.
        func plannedHours(before time: Instant) -> Double? {
            (plans.last { $0.from < time } ?? plans[0]).hours
        }
    }
}

/// Takes the admission, transfers and ends of a history one by one.
struct StayWalk {
    /// In order; at least one.
    private(set) var stays: [Course.Stay]
    /// The first end after the admission.
    private(set) var end: End?
    /// `life_cycle_conflict`.
    private(set) var flags: [EpisodeFlag] = []
    private let admission: EventID
    private var isBegun = false

    /// An end as it was recorded.
    struct End {
        let entry: EffectiveHistory.Entry
        let reason: EndReason
        let details: EpisodeEnd
    }

    init(_ admission: EffectiveHistory.Entry, _ admitted: Admitted) {
        self.admission = admission.eventID
        stays = [
            Course.Stay(
                row: EpisodeCensus.Stay(
                    program: admitted.program,
                    levelOfCare: admitted.levelOfCare,
                    from: admission.time,
                    startReason: .admission,
                    openedBy: admission.eventID,
                    tracks: .init(admitted.track?.rawValue, from: admission.time),
                    schedules: .init(admitted.schedule?.rawValue, from: admission.time)
                ),
                trackNamedBy: admission.eventID,
                plans: [(admission.time, admitted.plannedHoursPerWeek)]
            )
        ]
    }

    /// The last stay.
    var current: Course.Stay { stays[stays.count - 1] }

    /// Takes an entry that can begin, change or end a stay.
    ///
    /// - Throws: a refusal where its payload is none of its type.
    mutating func take(_ entry: EffectiveHistory.Entry) throws {
        if entry.eventID == admission {
            isBegun = true
            return
        }
        guard isBegun, end == nil else { return flagConflict(entry) }
        switch try entry.decode() {
        case .steppedDown(let step): take(entry, step, .steppedDown)
        case .steppedUp(let step): take(entry, step, .steppedUp)
        case .programChanged(let changed):
            change(
                entry,
                .programChanged,
                to: current.levelOfCare,
                changed.program,
                track: changed.track,
                schedule: changed.schedule,
                plannedHours: changed.plannedHoursPerWeek
            )
        case .completed(let details): close(entry, .completed, details)
        case .discharged(let data): close(entry, .discharged(data.reason), data.end)
        // Of several admissions the first is in force; the others change no stay.
        case .admitted, .sessionAttended, .sessionMissed, .familySessionHeld, .medicationAdjusted,
            .entryCorrected, .entryRetracted:
            break
        }
    }

    private mutating func take(
        _ entry: EffectiveHistory.Entry,
        _ step: LevelStep,
        _ transfer: Transfer
    ) {
        // A direction that no longer fits: its levels fit each other, so the first does not.
        if step.fromLevel != current.levelOfCare { flagConflict(entry) }
        change(
            entry,
            transfer,
            to: step.toLevel,
            step.program,
            track: step.track,
            schedule: step.schedule,
            plannedHours: step.plannedHoursPerWeek
        )
    }

    /// Closes the stay and opens the next, if program or level of care change; a track, a schedule
    /// and a plan alone change within the stay.
    private mutating func change(
        _ entry: EffectiveHistory.Entry,
        _ transfer: Transfer,
        to level: LevelOfCare,
        _ program: String?,
        track: Track?,
        schedule: Schedule?,
        plannedHours: Double?
    ) {
        var stay = current
        let plan = (entry.time, plannedHours ?? stay.plans[stay.plans.count - 1].hours)
        let program = program ?? stay.program
        if let track, track.rawValue != stay.track { stay.trackNamedBy = entry.eventID }
        if level != stay.levelOfCare || program != stay.program {
            stays[stays.count - 1].row.to = entry.time
            stays[stays.count - 1].row.endReason = .transfer(transfer)
            stay.row = EpisodeCensus.Stay(
                program: program,
                levelOfCare: level,
                from: entry.time,
                startReason: .transfer(transfer),
                openedBy: entry.eventID,
                tracks: .init(track?.rawValue ?? stay.track, from: entry.time),
                schedules: .init(schedule?.rawValue ?? stay.schedules.last, from: entry.time)
            )
            stay.plans = [plan]
            stays.append(stay)
        } else {
            if let track { stay.row.tracks.name(track.rawValue, from: entry.time) }
            if let schedule { stay.row.schedules.name(schedule.rawValue, from: entry.time) }
            stay.plans.append(plan)
            stays[stays.count - 1] = stay
        }
    }

    private mutating func close(
        _ entry: EffectiveHistory.Entry,
        _ reason: EndReason,
        _ details: EpisodeEnd
    ) {
        stays[stays.count - 1].row.to = entry.time
        stays[stays.count - 1].row.endReason = .end(reason)
        end = End(entry: entry, reason: reason, details: details)
    }

    private mutating func flagConflict(_ entry: EffectiveHistory.Entry) {
        flags.append(
            EpisodeFlag(flag: .lifeCycleConflict, at: entry.time, eventIDs: [entry.eventID])
        )
    }
}
