import CareEpisode

/// The medications of an episode at its admission and at its end.
struct MedicationComparison {
    private typealias Lineage = MedicationCourse.Lineage
    private typealias State = DischargeSummary.MedicationState
    private typealias Outcome = DischargeSummary.MedicationOutcome
    private typealias Prescription = DischargeSummary.Prescription

    /// Just after what takes effect at the end, or at the time of an interim summary.
    private let course: MedicationCourse
    private let fold: DischargeSummaryFold
    private let changesOf: [MedicationCourse.LineageID: [MedicationCourse.Change]]
    /// The regimens as the events give them, without what carries over.
    private let given: [MedicationCourse.LineageID: [EventID: Regimen]]

    /// A lineage at a moment: one of its intervals, and the hold if it is held.
    private struct Moment {
        let interval: Int
        var hold: (eventID: EventID, since: Instant)?
    }

    /// A lineage at the admission and at the end.
    private struct Compared {
        let lineage: Lineage
        var before: Moment?
        let after: Moment?
        /// The lineage that stands for it at the admission, where it is another one of the same
        /// substance.
        var origin: Lineage?
    }

    /// - Throws: a refusal where a recorded payload is none of its type.
    init(_ course: MedicationCourse, whole: MedicationCourse, _ fold: DischargeSummaryFold) throws {
        self.course = course
        self.fold = fold
        changesOf = Dictionary(
            grouping: whole.changes.filter { $0.lineage != nil },
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
        var medications = DischargeSummary.Medications()
        for compared in paired(course.lineages.map(compare)) {
            let lineage = compared.lineage
            let before = compared.before.map { (compared.origin ?? lineage, $0) }
            if let before { medications.atAdmission.append(state(before.0, before.1)) }
            if let after = compared.after {
                medications.atDischarge.append(state(lineage, after))
            }
            switch (before, compared.after) {
            case (_, .some(let after)) where after.hold != nil:
                medications.held.append(held(lineage, before, after))
            case (.some(let before), .some(let after)):
                if compared.origin == nil, isSame(before, (lineage, after)) {
                    let from = lineage.intervals[after.interval].from
                    medications.continued.append(outcome(lineage, .continued(from: from), after))
                } else {
                    medications.changed.append(changed(lineage, before, after))
                }
            case (nil, .some(let after)):
                medications.new.append(new(lineage, after))
            case (.some(let before), nil):
                medications.stopped.append(stopped(lineage, before.1))
            case (nil, nil):
                guard firstTaken(lineage) != nil else { continue }
                medications.startedAndStopped.append(startedAndStopped(lineage))
            }
        }
        return medications
    }

    private func compare(_ lineage: Lineage) -> Compared {
        Compared(lineage: lineage, before: atAdmission(lineage), after: atEnd(lineage))
    }

    /// One that is only there at the admission and one that is only there at the end are one where
    /// they are the same substance, such as another strength or brand.
    private func paired(_ compared: [Compared]) -> [Compared] {
        guard compared.contains(where: { $0.before != nil && $0.after == nil }) else {
            return compared
        }
        var compared = compared
        var taken: Set<Int> = []
        for place in compared.indices {
            guard compared[place].before == nil, let after = compared[place].after else { continue }
            let last = compared[place].lineage.intervals[after.interval]
            let origin = compared.indices.first { other in
                guard !taken.contains(other), compared[other].after == nil,
                    let before = compared[other].before
                else { return false }
                return compared[other].lineage.intervals[before.interval]
                    .isSameSubstance(as: last)
            }
            guard let origin else { continue }
            taken.insert(origin)
            compared[place].before = compared[origin].before
            compared[place].origin = compared[origin].lineage
        }
        return compared.indices.filter { !taken.contains($0) }.map { compared[$0] }
    }

    // MARK: - Moments

    /// The lineage just after the admission's entry; nil where it was neither in force nor held.
    ///
    /// What took effect at the same instant and was recorded later is course of care.
    private func atAdmission(_ lineage: Lineage) -> Moment? {
        let begun = lineage.intervals.indices.last {
            !fold.isAfterAdmission(lineage.intervals[$0].eventID) && !isEmptied(lineage, $0)
        }
        guard let begun else { return nil }
        if let stop = lineage.stop, !fold.isAfterAdmission(stop.eventID) { return nil }
        let before = changes(lineage).filter {
            !fold.isAfterAdmission($0.eventID) && $0.change != .unchanged
        }
        switch before.last?.change {
        case .hold:
            // Since the first of them: another one of what is held changes nothing.
            let holds = before.reversed().prefix { $0.change == .hold }
            return Moment(interval: begun, hold: holds.last.map { ($0.eventID, $0.at) })
        default:
            return Moment(interval: begun)
        }
    }

    /// Whether an interval was cancelled before it took effect: by a stop that is no change of its
    /// own lineage, or that was in force already.
    private func isEmptied(_ lineage: Lineage, _ place: Int) -> Bool {
        lineage.intervals[place].isEmptied
            && (place > 0 || !changes(lineage).contains { $0.change == .stop })
    }

    private func atEnd(_ lineage: Lineage) -> Moment? {
        let last = lineage.intervals.count - 1
        // A single dose is no course that anybody goes on with.
        guard !lineage.intervals[last].isSingleDose else { return nil }
        if let hold = lineage.hold {
            return Moment(interval: last, hold: (hold.eventID, hold.since))
        }
        return lineage.isOpen ? Moment(interval: last) : nil
    }

    private func firstTaken(_ lineage: Lineage) -> Int? {
        lineage.intervals.firstIndex { interval in
            fold.isAfterAdmission(interval.eventID) && interval.to != interval.from
        }
    }

    private func isSame(_ one: (Lineage, Moment), _ other: (Lineage, Moment)) -> Bool {
        let before = one.0.intervals[one.1.interval]
        let after = other.0.intervals[other.1.interval]
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

    private func changed(
        _ lineage: Lineage,
        _ before: (lineage: Lineage, moment: Moment),
        _ after: Moment
    ) -> DischargeSummary.Element<Outcome> {
        let first = before.lineage.intervals[before.moment.interval]
        return outcome(
            lineage,
            .changed(before: prescription(first)),
            after,
            steps(before.lineage, lineage),
            besides: events(before.lineage, before.moment)
        )
    }

    private func new(_ lineage: Lineage, _ after: Moment) -> DischargeSummary.Element<Outcome> {
        let first = lineage.intervals[firstTaken(lineage) ?? 0]
        return outcome(
            lineage,
            .new(startedAt: first.from),
            after,
            steps(lineage),
            decided: (first.prescriber, first.reason)
        )
    }

    private func held(
        _ lineage: Lineage,
        _ before: (lineage: Lineage, moment: Moment)?,
        _ after: Moment
    ) -> DischargeSummary.Element<Outcome> {
        let origin = origin(before, of: (lineage, after))
        let since = after.hold?.since ?? fold.course.admission.time
        return outcome(
            lineage,
            .held(since: since, before: origin?.prescription),
            after,
            steps(before?.lineage ?? lineage, lineage),
            decided: (lineage.hold?.prescriber, lineage.hold?.reason),
            besides: origin?.events ?? []
        )
    }

    private func stopped(
        _ lineage: Lineage,
        _ before: Moment
    ) -> DischargeSummary.Element<Outcome> {
        let after = Moment(interval: lastTaken(lineage))
        let last = lineage.intervals[after.interval]
        let origin = origin((lineage, before), of: (lineage, after))
        let steps = steps(lineage)
        let stop = steps.last { $0.change == .stop }
        return outcome(
            lineage,
            .stopped(at: stop?.at ?? last.to ?? last.from, before: origin?.prescription),
            after,
            steps,
            decided: (stop?.prescriber, stop?.reason),
            besides: origin?.events ?? []
        )
    }

    /// What was prescribed at the admission, with its events, where it is another than what was
    /// taken last.
    private func origin(
        _ before: (lineage: Lineage, moment: Moment)?,
        of after: (Lineage, Moment)
    ) -> (prescription: Prescription, events: [EventID])? {
        guard let before, !isSame(before, after) else { return nil }
        return (
            prescription(before.lineage.intervals[before.moment.interval]),
            events(before.lineage, before.moment)
        )
    }

    /// The last interval that was in force for any time, what the client arrived on among them.
    private func lastTaken(_ lineage: Lineage) -> Int {
        lineage.intervals.lastIndex {
            $0.to != $0.from || !fold.isAfterAdmission($0.eventID)
        } ?? lineage.intervals.count - 1
    }

    private func startedAndStopped(_ lineage: Lineage) -> DischargeSummary.Element<Outcome> {
        let last = lastTaken(lineage)
        let first = lineage.intervals[firstTaken(lineage) ?? 0]
        let steps = steps(lineage)
        let stop = steps.last { $0.change == .stop }
        let end = stop?.at ?? lineage.intervals[last].to ?? first.from
        return outcome(
            lineage,
            .startedAndStopped(startedAt: first.from, stoppedAt: end),
            Moment(interval: last),
            steps,
            decided: (stop?.prescriber, stop?.reason)
        )
    }

    /// What became of a lineage, told at a moment, with the steps to it.
    ///
    /// - Parameters:
    ///   - decided: by whom, and why; those of the moment's interval where nothing is said.
    ///   - events: further events that it rests on.
    private func outcome(
        _ lineage: Lineage,
        _ kind: Outcome.Kind,
        _ moment: Moment,
        _ steps: [MedicationCourse.Change] = [],
        decided: (prescriber: String?, reason: MedicationReason?)? = nil,
        besides events: [EventID] = []
    ) -> DischargeSummary.Element<Outcome> {
        let interval = lineage.intervals[moment.interval]
        let (prescriber, reason) = decided ?? (interval.prescriber, interval.reason)
        return fold.element(
            Outcome(
                lineage: lineage.id,
                prescription: prescription(interval),
                kind: kind,
                prescriber: prescriber,
                reason: reason,
                steps: steps.map(DischargeSummary.MedicationStep.init)
            ),
            self.events(lineage, moment) + events + steps.map(\.eventID)
        )
    }

    private func prescription(_ interval: MedicationCourse.Interval) -> Prescription {
        Prescription(medication: interval.medication, regimen: interval.regimen)
    }

    // MARK: - After the end

    /// What takes effect later, lineage by lineage.
    ///
    /// - Parameters:
    ///   - whole: with what lies after the end.
    ///   - isPlanned: whether a later event counts.
    func afterDischarge(
        _ whole: MedicationCourse,
        where isPlanned: (EventID) -> Bool
    ) -> [DischargeSummary.Element<DischargeSummary.MedicationPlan>] {
        guard whole.changes.count > course.changes.count else { return [] }
        return whole.lineages.compactMap { lineage in
            let emptied = lineage.intervals.filter { $0.to == $0.from }.map(\.eventID)
            var last: MedicationChange?
            let steps = changes(lineage).filter { change in
                // After its stop nothing of a lineage takes effect.
                let isInForce =
                    lineage.stop.map { change.eventID == $0.eventID || change.at < $0.at } ?? true
                guard change.change != .unchanged, isInForce, !emptied.contains(change.eventID)
                else { return false }
                // Another hold of what is held changes nothing.
                defer { last = change.change }
                return change.at > fold.openUntil && isPlanned(change.eventID)
                    && !(change.change == .hold && last == .hold)
            }
            guard let first = steps.first else { return nil }
            let now = course.lineage(lineage.id)
            let moment = now.flatMap(atEnd)
            let interval = moment.flatMap { moment in now?.intervals[moment.interval] }
            return fold.element(
                DischargeSummary.MedicationPlan(
                    lineage: lineage.id,
                    prescription: Prescription(
                        medication: interval?.medication ?? first.medication,
                        regimen: interval?.regimen
                    ),
                    steps: steps.map(DischargeSummary.MedicationStep.init)
                ),
                steps.map(\.eventID)
                    + (now.flatMap { now in moment.map { events(now, $0) } } ?? [])
            )
        }
    }

    // MARK: - Events

    private func changes(_ lineage: Lineage) -> [MedicationCourse.Change] {
        changesOf[lineage.id] ?? []
    }

    /// What was decided in the course of care, but for reviews.
    private func steps(_ lineage: Lineage) -> [MedicationCourse.Change] {
        changes(lineage).filter {
            $0.at <= fold.openUntil && fold.isAfterAdmission($0.eventID) && $0.change != .unchanged
        }
    }

    /// The same of a lineage and of the one that stands for it at the admission.
    private func steps(_ before: Lineage, _ lineage: Lineage) -> [MedicationCourse.Change] {
        before.id == lineage.id
            ? steps(lineage)
            : (steps(before) + steps(lineage)).sorted {
                (fold.place(of: $0.eventID)) < (fold.place(of: $1.eventID))
            }
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
