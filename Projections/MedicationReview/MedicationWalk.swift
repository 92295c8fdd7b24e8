import CareEpisode

/// Takes the entries of a history one by one.
struct MedicationWalk {
    /// The end of the episode, and when that became known.
    private let end: (at: Instant, knownAt: Instant)?
    private var orders: OrderNames
    private var book = LineageBook()
    private var changes: [MedicationCourse.Change] = []
    private var flags: [MedicationFlag] = []

    init(
        _ steps: [MedicationStep],
        ahead: [MedicationStep],
        end: (at: Instant, knownAt: Instant)?
    ) {
        self.end = end
        orders = OrderNames(steps, ahead: ahead)
    }

    func finish() -> MedicationCourse {
        MedicationCourse(
            lineages: book.lineages,
            changes: changes,
            flags: flags,
            endedAt: end?.at
        )
    }

    mutating func take(_ step: MedicationStep) {
        let first = flags.count
        var lineages: [MedicationCourse.LineageID] = []
        switch step.content {
        case .arrival(let medications):
            lineages = arrive(step, medications)
        case .change(let data):
            lineages = [apply(Applied(step: step, data: data))].compactMap { $0 }
            // What was ordered before the end became known is the plan for the time after it.
            if let end, step.entry.time >= end.at, step.knownAt > end.knownAt {
                flag(.afterEnd, step.entry)
            }
        }
        if step.isLate { flag(.lateEntry, step.entry) }
        for place in flags[first...].indices where flags[place].lineages.isEmpty {
            flags[place].lineages = lineages
        }
    }

    /// Raises a flag of an entry; its lineages are put in when they are known.
    private mutating func flag(
        _ flag: MedicationFlag.Flag,
        _ entry: EffectiveHistory.Entry,
        of lineages: [Int] = []
    ) {
        flags.append(
            MedicationFlag(
                flag: flag,
                at: entry.time,
                eventIDs: [entry.eventID],
                lineages: lineages.map { book.lineages[$0].id }
            )
        )
    }

    // MARK: - Arrival

    private mutating func arrive(
        _ step: MedicationStep,
        _ medications: [ArrivalMedication]
    ) -> [MedicationCourse.LineageID] {
        for (index, arrival) in medications.enumerated() {
            book.open(
                MedicationCourse.LineageID(eventID: step.entry.eventID, index: index),
                MedicationCourse.Interval(
                    medication: arrival.medication,
                    regimen: arrival.regimen,
                    from: step.entry.time,
                    startedBy: EventType.admitted.rawValue,
                    eventID: step.entry.eventID,
                    position: step.entry.position,
                    knownAt: step.knownAt
                ),
                MedicationKey(arrival.medication)
            )
            orders.name(arrival.medication)
        }
        return medications.indices.map {
            MedicationCourse.LineageID(eventID: step.entry.eventID, index: $0)
        }
    }

    // MARK: - Changes

    /// A change on its way into the course.
    private struct Applied {
        let step: MedicationStep
        let data: MedicationAdjusted
        let sought: SoughtMedication

        init(step: MedicationStep, data: MedicationAdjusted) {
            self.step = step
            self.data = data
            sought = SoughtMedication(data, position: step.entry.position)
        }

        var entry: EffectiveHistory.Entry { step.entry }
        var key: MedicationKey { sought.key }

        var lineageID: MedicationCourse.LineageID {
            MedicationCourse.LineageID(eventID: entry.eventID)
        }

        /// The medication of a lineage that goes on with this change.
        ///
        /// A change with a regimen renews it; the order stays where the change names none, but for
        /// a switch, which is another medication's.
        func renewed(_ before: Medication) -> Medication {
            guard data.regimen != nil else {
                guard data.change == .start else { return before }
                // A start goes on by its order, which from now on is the lineage's.
                var medication = before
                medication.orderID = data.medication.orderID ?? before.orderID
                return medication
            }
            var medication = data.medication
            if data.change != .switch { medication.orderID = medication.orderID ?? before.orderID }
            return medication
        }

        func interval(_ regimen: Regimen?) -> MedicationCourse.Interval {
            MedicationCourse.Interval(
                medication: data.medication,
                regimen: regimen,
                from: entry.time,
                startedBy: data.change.rawValue,
                prescriber: data.prescriber,
                reason: data.reason,
                eventID: entry.eventID,
                position: entry.position,
                knownAt: step.knownAt
            )
        }
    }

    /// What a change did, as far as it touched a lineage.
    private struct Effect {
        var lineage: MedicationCourse.LineageID?
        var matchedBy: MatchCriterion?
        var before: Regimen?
        var after: Regimen?
    }

    /// Returns the lineage that the change touched.
    private mutating func apply(_ change: Applied) -> MedicationCourse.LineageID? {
        let effect =
            switch change.data.change {
            case .start: start(change)
            case .resume: resume(change)
            case .hold: hold(change)
            case .stop: stop(change)
            case .unchanged: review(change)
            case .increase, .decrease, .changeFrequency, .changeRoute, .switch: adjust(change)
            }
        let recorded = MedicationCourse.Change(
            eventID: change.entry.eventID,
            at: change.entry.time,
            change: change.data.change,
            lineage: effect.lineage,
            matchedBy: effect.matchedBy,
            medication: change.data.medication,
            fromRegimen: effect.before,
            toRegimen: effect.after,
            prescriber: change.data.prescriber,
            reason: change.data.reason
        )
        if recorded.hasWrongDirection { flag(.directionMismatch, change.entry) }
        if change.data.lacksReason { flag(.noReason, change.entry) }
        if change.data.hasIncompleteRegimen { flag(.incompleteRegimen, change.entry) }
        changes.append(recorded)
        orders.name(change.data.medication)
        if let replaced = change.data.replaces { orders.name(replaced) }
        return effect.lineage
    }

    /// What a change looks for, with what bars it from falling back from its order.
    private func sought(_ change: Applied) -> SoughtMedication {
        guard let orderID = change.key.orderID else { return change.sought }
        var sought = change.sought
        sought.fallsBack = !orders.isNamed(orderID)
        // Another order of the same medication is another course: it is not stopped with this one.
        sought.sparesOrders = [.stop, .hold].contains(change.data.change)
        return sought
    }

    private func match(_ change: Applied, _ states: [LineageBook.State]) -> LineageBook.Match {
        book.match(sought(change), among: states)
    }

    /// Opens a lineage of its own, to be found by what the change names.
    @discardableResult
    private mutating func open(
        _ change: Applied,
        _ interval: MedicationCourse.Interval
    ) -> Int {
        let isNamed = change.data.change == .start || change.data.replaces == nil
        return book.open(
            change.lineageID,
            interval,
            isNamed ? change.key : MedicationKey(change.data.medication)
        )
    }

    private mutating func open(
        _ change: Applied,
        _ regimen: Regimen?,
        by criterion: MatchCriterion? = nil
    ) -> Effect {
        open(change, change.interval(regimen))
        return Effect(lineage: change.lineageID, matchedBy: criterion, after: regimen)
    }

    /// Goes on with a lineage; what a stop has cancelled leaves an empty interval.
    private mutating func advance(
        _ lineage: Int,
        _ change: Applied,
        by criterion: MatchCriterion
    ) -> Effect {
        let last = book.interval(of: lineage)
        let after = change.data.regimen?.carrying(last.regimen) ?? last.regimen
        var interval = change.interval(after)
        interval.medication = change.renewed(last.medication)
        let id = book.lineages[lineage].id
        if let stop = stopped(lineage) {
            book.addEmptied(lineage, interval)
            flagNever(change.entry, stop: stop.eventID, [lineage])
            return Effect(lineage: id, matchedBy: criterion, before: last.regimen)
        }
        book.advance(lineage, to: interval, MedicationKey(interval.medication))
        return Effect(lineage: id, matchedBy: criterion, before: last.regimen, after: after)
    }

    /// The stop of a lineage that counts as open since it was recorded after the change.
    private func stopped(_ lineage: Int) -> MedicationCourse.Stop? {
        book.state(of: lineage) == .closed ? book.lineages[lineage].stop : nil
    }

    private mutating func start(_ change: Applied) -> Effect {
        let stops = orders.stopsEmptying(change.entry, change.key)
        guard stops.isEmpty else { return startNever(change, stops) }
        var sought = change.sought
        sought.fallsBack = false
        switch book.match(sought, among: [.open, .held]) {
        case .one(let lineage, let criterion):
            if book.state(of: lineage) == .held, change.data.regimen != nil {
                flag(.changedWhileHeld, change.entry)
            }
            return advance(lineage, change, by: criterion)
        case .several(let found, _):
            flag(.ambiguousChange, change.entry, of: found)
            return open(change, change.data.regimen)
        case .none:
            return startHere(change) ?? open(change, change.data.regimen)
        }
    }

    /// A new order of what the client arrived on goes on with it.
    private mutating func startHere(_ change: Applied) -> Effect? {
        guard let orderID = change.key.orderID, !orders.wasNamed(orderID),
            !change.sought.isSingleDose, let arrivals = book.arrivals(change.sought),
            arrivals.found.count == 1
        else { return nil }
        return advance(arrivals.found[0], change, by: arrivals.criterion)
    }

    /// A start that was stopped before it took effect: it belongs to the stopped lineage of its order,
    /// or to one of its own, and touches nothing else.
    private mutating func startNever(_ change: Applied, _ stops: [OrderNames.Use]) -> Effect {
        if let lineage = book.stopped(change.sought) {
            let before = book.interval(of: lineage).regimen
            book.addEmptied(lineage, change.interval(change.data.regimen))
            for stop in stops where stop.time < change.entry.time {
                flagNever(change.entry, stop: stop.eventID, [lineage])
            }
            return Effect(
                lineage: book.lineages[lineage].id,
                matchedBy: .orderID,
                before: before
            )
        }
        let lineage = open(change, change.interval(change.data.regimen))
        if let last = stops.max(by: { $0.position < $1.position }) {
            book.close(lineage, at: change.entry.time, by: last.stop, known: last.knownAt)
        }
        // A stop of the same instant comes after this entry, and raises the flag itself.
        for stop in stops where stop.time < change.entry.time {
            flagNever(change.entry, stop: stop.eventID, [lineage])
        }
        return Effect(lineage: change.lineageID)
    }

    private mutating func flagNever(
        _ entry: EffectiveHistory.Entry,
        stop: EventID,
        _ lineages: [Int]
    ) {
        flags.append(
            MedicationFlag(
                flag: .stoppedBeforeStarted,
                at: entry.time,
                eventIDs: [entry.eventID, stop],
                lineages: lineages.map { book.lineages[$0].id }
            )
        )
    }

    private mutating func adjust(_ change: Applied) -> Effect {
        switch match(change, [.open, .held]) {
        case .one(let lineage, let criterion):
            if book.state(of: lineage) == .held { flag(.changedWhileHeld, change.entry) }
            return advance(lineage, change, by: criterion)
        case .several(let found, _):
            flag(.ambiguousChange, change.entry, of: found)
        case .none:
            if let closed = book.lastClosed(sought(change)) {
                flag(.changedAfterStop, change.entry)
                return reopen(closed, change)
            }
            flag(.unmatchedChange, change.entry)
        }
        return open(change, change.data.regimen)
    }

    /// Opens a lineage of its own that goes on with the regimen of a closed one.
    private mutating func reopen(
        _ closed: (lineage: Int, criterion: MatchCriterion),
        _ change: Applied
    ) -> Effect {
        let last = book.interval(of: closed.lineage).regimen
        return open(
            change,
            change.data.regimen?.carrying(last) ?? last,
            by: closed.criterion
        )
    }

    private mutating func hold(_ change: Applied) -> Effect {
        touch(change) { book, lineage in
            book.hold(
                lineage,
                MedicationCourse.Hold(
                    eventID: change.entry.eventID,
                    since: change.entry.time,
                    prescriber: change.data.prescriber,
                    reason: change.data.reason
                ),
                known: change.step.knownAt
            )
        }
    }

    private mutating func review(_ change: Applied) -> Effect {
        touch(change) { book, lineage in
            book.touch(lineage, change.entry.eventID, at: change.entry.time)
        }
    }

    /// Applies what opens no interval; it does nothing to what a stop has ended meanwhile.
    private mutating func touch(
        _ change: Applied,
        _ body: (inout LineageBook, Int) -> Void
    ) -> Effect {
        switch match(change, [.open, .held]) {
        case .one(let lineage, let criterion):
            let before = book.interval(of: lineage).regimen
            if stopped(lineage) == nil { body(&book, lineage) }
            return Effect(
                lineage: book.lineages[lineage].id,
                matchedBy: criterion,
                before: before,
                after: book.state(of: lineage) == .open ? before : nil
            )
        case .several(let found, _):
            flag(.ambiguousChange, change.entry, of: found)
        case .none:
            flag(.unmatchedChange, change.entry)
        }
        return Effect()
    }

    private mutating func stop(_ change: Applied) -> Effect {
        let use = OrderNames.Use(change.step)
        let starts = orders.startsEmptied(by: change.entry, change.key)
        for start in starts where start.time == change.entry.time {
            let lineage = book.lineages.lastIndex { lineage in
                lineage.intervals.contains { $0.eventID == start.eventID }
            }
            flags.append(
                MedicationFlag(
                    flag: .stoppedBeforeStarted,
                    at: start.time,
                    eventIDs: [start.eventID, change.entry.eventID],
                    lineages: lineage.map { [book.lineages[$0].id] } ?? []
                )
            )
        }
        var sought = sought(change)
        // The order of a start that lies ahead is that course and no other.
        if !starts.isEmpty { sought.fallsBack = false }
        switch book.match(sought, among: [.open, .held]) {
        case .one(let lineage, let criterion):
            let before = book.interval(of: lineage).regimen
            if stopped(lineage) == nil {
                flagSameInstant(change.entry, lineage)
                book.close(
                    lineage,
                    at: change.entry.time,
                    by: use.stop,
                    known: change.step.knownAt
                )
                book.touch(lineage, change.entry.eventID, at: change.entry.time)
            }
            return Effect(
                lineage: book.lineages[lineage].id,
                matchedBy: criterion,
                before: before
            )
        case .several(let found, _):
            flag(.ambiguousChange, change.entry, of: found)
        case .none:
            if !starts.isEmpty { return Effect(matchedBy: .orderID) }
            return stopAhead(change, use)
        }
        return Effect()
    }

    /// What was recorded before a stop and takes effect at the same instant never is in force.
    private mutating func flagSameInstant(_ stop: EffectiveHistory.Entry, _ lineage: Int) {
        let emptied = book.lineages[lineage].intervals.filter {
            $0.from == stop.time && $0.startedBy != EventType.admitted.rawValue
        }
        for interval in emptied {
            flags.append(
                MedicationFlag(
                    flag: .stoppedBeforeStarted,
                    at: stop.time,
                    eventIDs: [interval.eventID, stop.eventID],
                    lineages: [book.lineages[lineage].id]
                )
            )
        }
    }

    /// A stop of what is only ordered for later.
    private mutating func stopAhead(_ change: Applied, _ stop: OrderNames.Use) -> Effect {
        guard let ahead = orders.startsAhead(of: change.entry, sought(change)) else {
            flag(.stopWithoutStart, change.entry)
            return Effect()
        }
        guard !ahead.found.isEmpty else {
            flag(.ambiguousChange, change.entry)
            return Effect()
        }
        for start in ahead.found { orders.cancel(start, by: stop) }
        return Effect(matchedBy: ahead.criterion)
    }

    private mutating func resume(_ change: Applied) -> Effect {
        switch match(change, [.held, .open]) {
        case .one(let lineage, let criterion):
            if book.state(of: lineage) == .open { flag(.resumeWithoutHold, change.entry) }
            return advance(lineage, change, by: criterion)
        case .several(let found, _):
            flag(.ambiguousChange, change.entry, of: found)
            return open(change, change.data.regimen)
        case .none:
            flag(.resumeWithoutHold, change.entry)
        }
        if let closed = book.lastClosed(sought(change)) { return reopen(closed, change) }
        flag(.unmatchedChange, change.entry)
        return open(change, change.data.regimen)
    }
}

extension MedicationAdjusted {
    fileprivate var lacksReason: Bool {
        guard [.decrease, .switch, .hold, .stop].contains(change) else { return false }
        return reason?.code == nil && reason?.text == nil
    }

    fileprivate var hasIncompleteRegimen: Bool {
        if regimen?.dose != nil, regimen?.unit == nil { return true }
        return change == .start
            && (regimen?.dose == nil || regimen?.route == nil || regimen?.frequency == nil)
    }
}
