import CareEpisode

extension Course {
    /// One unbroken time in one program, track and level of care, and what put it in force.
    @dynamicMemberLookup
    struct Stay {
        /// As the census has it.
        fileprivate(set) var row: EpisodeCensus.Stay
        /// The event that opened it.
        let openedBy: EventID
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
                    track: admitted.track?.rawValue,
                    levelOfCare: admitted.levelOfCare,
                    from: admission.time,
                    startReason: .admission
                ),
                openedBy: admission.eventID,
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
                changed.track,
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
            step.track,
            plannedHours: step.plannedHoursPerWeek
        )
    }

    /// Closes the stay and opens the next, if anything changes that a stay consists of.
    private mutating func change(
        _ entry: EffectiveHistory.Entry,
        _ transfer: Transfer,
        to level: LevelOfCare,
        _ program: String?,
        _ track: Track?,
        plannedHours: Double?
    ) {
        let before = current
        let plan = (entry.time, plannedHours ?? before.plans[before.plans.count - 1].hours)
        var next = before.row
        next.levelOfCare = level
        next.program = program ?? next.program
        next.track = track?.rawValue ?? next.track
        guard next != before.row else { return stays[stays.count - 1].plans.append(plan) }
        next.from = entry.time
        next.startReason = .transfer(transfer)
        stays[stays.count - 1].row.to = entry.time
        stays[stays.count - 1].row.endReason = .transfer(transfer)
        stays.append(Course.Stay(row: next, openedBy: entry.eventID, plans: [plan]))
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
