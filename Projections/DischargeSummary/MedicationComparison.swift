import CareEpisode

/// The medications of an episode at its admission and at its end.
struct MedicationComparison {
    private typealias Lineage = MedicationCourse.Lineage
    private typealias State = DischargeSummary.MedicationState
    private typealias Outcome = DischargeSummary.MedicationOutcome
    private typealias Prescription = DischargeSummary.Prescription

    private let course: MedicationCourse
    private let fold: DischargeSummaryFold
    private let admittedAt: Instant
    private let changesOf: [MedicationCourse.LineageID: [MedicationCourse.Change]]
    /// The regimens as the events give them, without what carries over.
    private let given: [MedicationCourse.LineageID: [EventID: Regimen]]

    /// A lineage at a moment: one of its intervals, and the hold if it is held.
    private struct Moment {
        let interval: Int
        var hold: (eventID: EventID, since: Instant)?
    }

    /// - Throws: a refusal where a recorded payload is none of its type.
    init(_ course: MedicationCourse, _ fold: DischargeSummaryFold) throws {
        self.course = course
        self.fold = fold
        admittedAt = fold.course.admission.time
        changesOf = Dictionary(
            grouping: course.changes.filter { $0.lineage != nil },
            by: { $0.lineage ?? MedicationCourse.LineageID(eventID: $0.eventID) }
        )
        var payloads: [EventID: Regimen] = [:]
        for entry in fold.history.entries where entry.type == .medicationAdjusted {
            if case .medicationAdjusted(let data) = try entry.decode() {
                payloads[entry.eventID] = data.regimen
            }
        }
        var given: [MedicationCourse.LineageID: [EventID: Regimen]] = [:]
        for lineage in course.lineages {
            var regimens: [EventID: Regimen] = [:]
            for interval in lineage.intervals {
                regimens[interval.eventID] =
                    lineage.id.index != nil && interval.eventID == lineage.id.eventID
                    ? interval.regimen : payloads[interval.eventID]
            }
            given[lineage.id] = regimens
        }
        self.given = given
    }

    func medications() -> DischargeSummary.Medications {
        var medications = DischargeSummary.Medications(
            atAdmission: [],
            atDischarge: [],
            continued: [],
            changed: [],
            new: [],
            held: [],
            stopped: [],
            startedAndStopped: []
        )
        for lineage in course.lineages {
            let before = atAdmission(lineage)
            let after = atEnd(lineage)
            if let before { medications.atAdmission.append(state(lineage, before)) }
            if let after { medications.atDischarge.append(state(lineage, after)) }
            switch (before, after) {
            case (_, .some(let after)) where after.hold != nil:
                medications.held.append(held(lineage, after))
            case (.some(let before), .some(let after)):
                if isSame(lineage, before, after) {
                    medications.continued.append(continued(lineage, after))
                } else {
                    medications.changed.append(changed(lineage, before, after))
                }
            case (nil, .some(let after)):
                medications.new.append(new(lineage, after))
            case (.some, nil):
                medications.stopped.append(stopped(lineage))
            case (nil, nil):
                guard wasTaken(lineage) else { continue }
                medications.startedAndStopped.append(startedAndStopped(lineage))
            }
        }
        return medications
    }

    // MARK: - Moments

    private func atAdmission(_ lineage: Lineage) -> Moment? {
        let begun = lineage.intervals.lastIndex { $0.from <= admittedAt }
        let inForce = lineage.intervals.lastIndex { interval in
            interval.from <= admittedAt && interval.to.map { $0 > admittedAt } ?? true
        }
        if let inForce { return Moment(interval: inForce) }
        guard let begun else { return nil }
        // Neither stopped nor resumed since it was held.
        let earlier = changes(lineage).filter { $0.at <= admittedAt && $0.change != .unchanged }
        let holds = earlier.reversed().prefix { $0.change == .hold }
        guard lineage.intervals[begun].endedBy == MedicationChange.hold.rawValue,
            let first = holds.last
        else { return nil }
        return Moment(interval: begun, hold: (first.eventID, first.at))
    }

    private func atEnd(_ lineage: Lineage) -> Moment? {
        let last = lineage.intervals.count - 1
        if let hold = lineage.hold {
            return Moment(interval: last, hold: (hold.eventID, hold.since))
        }
        let interval = lineage.intervals[last]
        let isInForce = interval.to == nil || interval.endedBy == MedicationCourse.episodeEnd
        return isInForce ? Moment(interval: last) : nil
    }

    /// Whether it was in force for any time in the episode.
    private func wasTaken(_ lineage: Lineage) -> Bool {
        firstTaken(lineage) != nil
    }

    private func firstTaken(_ lineage: Lineage) -> Int? {
        lineage.intervals.firstIndex { interval in
            interval.to.map { $0 > interval.from && $0 > admittedAt } ?? true
        }
    }

    private func isSame(_ lineage: Lineage, _ one: Moment, _ other: Moment) -> Bool {
        let (before, after) = (lineage.intervals[one.interval], lineage.intervals[other.interval])
        return before.regimen == after.regimen
            && before.medication.isSameProduct(as: after.medication)
    }

    // MARK: - Statements

    private func state(_ lineage: Lineage, _ moment: Moment) -> DischargeSummary.Element<State> {
        let interval = lineage.intervals[moment.interval]
        return fold.element(
            State(
                lineage: lineage.id,
                prescription: prescription(interval),
                from: interval.from,
                prescriber: interval.prescriber,
                reason: interval.reason,
                heldSince: moment.hold?.since
            ),
            events(lineage, moment)
        )
    }

    private func continued(
        _ lineage: Lineage,
        _ after: Moment
    ) -> DischargeSummary.Element<Outcome> {
        let interval = lineage.intervals[after.interval]
        return fold.element(
            outcome(lineage, .continued(from: interval.from), interval),
            events(lineage, after)
        )
    }

    private func changed(
        _ lineage: Lineage,
        _ before: Moment,
        _ after: Moment
    ) -> DischargeSummary.Element<Outcome> {
        let first = lineage.intervals[before.interval]
        let last = lineage.intervals[after.interval]
        let steps = changes(lineage).filter { $0.at > admittedAt && $0.change != .unchanged }
        return fold.element(
            outcome(lineage, .changed(before: prescription(first)), last, steps),
            events(lineage, before) + events(lineage, after) + steps.map(\.eventID)
        )
    }

    private func new(_ lineage: Lineage, _ after: Moment) -> DischargeSummary.Element<Outcome> {
        let first = lineage.intervals[firstTaken(lineage) ?? 0]
        let steps = changes(lineage).filter { $0.change != .unchanged }
        var outcome = outcome(
            lineage,
            .new(startedAt: first.from),
            lineage.intervals[after.interval],
            steps
        )
        (outcome.prescriber, outcome.reason) = (first.prescriber, first.reason)
        return fold.element(outcome, events(lineage, after) + steps.map(\.eventID))
    }

    private func held(_ lineage: Lineage, _ after: Moment) -> DischargeSummary.Element<Outcome> {
        var outcome = outcome(
            lineage,
            .held(since: after.hold?.since ?? admittedAt),
            lineage.intervals[after.interval]
        )
        (outcome.prescriber, outcome.reason) = (lineage.hold?.prescriber, lineage.hold?.reason)
        return fold.element(outcome, events(lineage, after))
    }

    /// The last interval that was in force for any time.
    private func lastTaken(_ lineage: Lineage) -> Int {
        lineage.intervals.lastIndex { $0.to != $0.from } ?? lineage.intervals.count - 1
    }

    private func stopped(_ lineage: Lineage) -> DischargeSummary.Element<Outcome> {
        let last = lastTaken(lineage)
        let stop = changes(lineage).last { $0.change == .stop }
        var outcome = outcome(
            lineage,
            .stopped(at: stop?.at ?? lineage.intervals[last].to ?? admittedAt),
            lineage.intervals[last]
        )
        (outcome.prescriber, outcome.reason) = (stop?.prescriber, stop?.reason)
        let events = events(lineage, Moment(interval: last))
        return fold.element(outcome, events + [stop?.eventID].compactMap { $0 })
    }

    private func startedAndStopped(_ lineage: Lineage) -> DischargeSummary.Element<Outcome> {
        let last = lastTaken(lineage)
        let first = lineage.intervals[firstTaken(lineage) ?? 0]
        let steps = changes(lineage).filter { $0.change != .unchanged }
        let stop = steps.last { $0.change == .stop }
        var outcome = outcome(
            lineage,
            .startedAndStopped(
                startedAt: first.from,
                stoppedAt: stop?.at ?? lineage.intervals[last].to ?? first.from
            ),
            lineage.intervals[last],
            steps
        )
        (outcome.prescriber, outcome.reason) = (stop?.prescriber, stop?.reason)
        return fold.element(
            outcome,
            events(lineage, Moment(interval: last)) + steps.map(\.eventID)
        )
    }

    private func outcome(
        _ lineage: Lineage,
        _ kind: Outcome.Kind,
        _ interval: MedicationCourse.Interval,
        _ steps: [MedicationCourse.Change] = []
    ) -> Outcome {
        Outcome(
            lineage: lineage.id,
            prescription: prescription(interval),
            kind: kind,
            prescriber: interval.prescriber,
            reason: interval.reason,
            steps: steps.map(DischargeSummary.MedicationStep.init)
        )
    }

    private func prescription(_ interval: MedicationCourse.Interval) -> Prescription {
        Prescription(medication: interval.medication, regimen: interval.regimen)
    }

    // MARK: - Events

    private func changes(_ lineage: Lineage) -> [MedicationCourse.Change] {
        changesOf[lineage.id] ?? []
    }

    /// What a lineage's state at a moment comes from: its first event, which it is named after, the
    /// one that opened the interval, those whose parts of the regimen carried over, and the hold.
    private func events(_ lineage: Lineage, _ moment: Moment) -> [EventID] {
        let interval = lineage.intervals[moment.interval]
        var events = [lineage.id.eventID, interval.eventID]
        if let hold = moment.hold { events.append(hold.eventID) }
        for field in CarriedField.allCases where interval.regimen.map(field.isIn) ?? false {
            let giver = lineage.intervals[...moment.interval].last { interval in
                given[lineage.id]?[interval.eventID].map(field.isIn) ?? false
            }
            if let giver { events.append(giver.eventID) }
        }
        return events
    }
}

/// The parts of a regimen that carry over from one interval to the next.
private enum CarriedField: CaseIterable {
    case dose, route, frequency, timesPerDay, asNeeded

    func isIn(_ regimen: Regimen) -> Bool {
        switch self {
        case .dose: regimen.dose != nil || regimen.unit != nil
        case .route: regimen.route != nil
        case .frequency: regimen.frequency != nil
        case .timesPerDay: regimen.timesPerDay != nil
        case .asNeeded: regimen.asNeeded != nil
        }
    }
}

extension Medication {
    /// Whether this names what another names: one concept, or one name where either has none, and
    /// no other form or strength.
    fileprivate func isSameProduct(as other: Medication) -> Bool {
        func agree(_ one: String?, _ other: String?) -> Bool {
            one == nil || other == nil || one == other
        }
        guard agree(form, other.form), agree(strength, other.strength) else { return false }
        if let rxcui, let concept = other.rxcui { return rxcui == concept }
        return MedicationKey(self).name == MedicationKey(other).name
    }
}

extension DischargeSummary.MedicationStep {
    fileprivate init(_ change: MedicationCourse.Change) {
        self.init(
            at: change.at,
            change: change.change,
            medication: change.medication,
            regimen: change.toRegimen,
            prescriber: change.prescriber,
            reason: change.reason
        )
    }
}
