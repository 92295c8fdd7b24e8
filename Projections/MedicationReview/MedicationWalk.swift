import CareEpisode

/// Takes the entries of a history one by one.
struct MedicationWalk {
    private let end: Instant?
    private var orders: OrderNames
    private var book = LineageBook()
    private var changes: [MedicationCourse.Change] = []
    private var flags: [MedicationFlag] = []

    init(_ steps: [MedicationStep], end: Instant?) {
        self.end = end
        orders = OrderNames()
        for step in steps {
            guard case .change(let change) = step.content else { continue }
            orders.read(change, step.entry)
        }
    }

    mutating func finish() -> MedicationCourse {
        if let end { book.closeAll(at: end) }
        return MedicationCourse(
            lineages: book.lineages,
            changes: changes,
            flags: flags,
            endedAt: end
        )
    }

    private static func isVoid(_ entry: EffectiveHistory.Entry, _ end: Instant?) -> Bool {
        end.map { entry.time >= $0 } ?? false
    }

    mutating func take(_ step: MedicationStep) {
        let entry = step.entry
        let isVoid = Self.isVoid(entry, end)
        switch step.content {
        case .arrival(let medications):
            arrive(entry, medications)
        case .change where isVoid:
            flag(.afterEnd, entry)
        case .change(let data):
            apply(Applied(entry: entry, data: data))
        }
        if step.isLate { flag(.lateEntry, entry) }
    }

    private mutating func flag(_ flag: MedicationFlag.Flag, _ entry: EffectiveHistory.Entry) {
        flags.append(MedicationFlag(flag: flag, at: entry.time, eventIDs: [entry.eventID]))
    }

    // MARK: - Arrival

    private mutating func arrive(
        _ entry: EffectiveHistory.Entry,
        _ medications: [ArrivalMedication]
    ) {
        for (index, arrival) in medications.enumerated() {
            book.open(
                MedicationCourse.LineageID(eventID: entry.eventID, index: index),
                MedicationCourse.Interval(
                    medication: arrival.medication,
                    regimen: arrival.regimen,
                    from: entry.time,
                    startedBy: EventType.admitted.rawValue,
                    eventID: entry.eventID,
                    position: entry.position
                ),
                MedicationKey(arrival.medication)
            )
            orders.name(arrival.medication)
        }
    }

    // MARK: - Changes

    /// A change on its way into the course.
    private struct Applied {
        let entry: EffectiveHistory.Entry
        let data: MedicationAdjusted
        /// What is changed: the medication replaced, else the one named; a start replaces nothing.
        let key: MedicationKey
        init(entry: EffectiveHistory.Entry, data: MedicationAdjusted) {
            self.entry = entry
            self.data = data
            let replaced = data.change == .start ? nil : data.replaces
            key = MedicationKey(replaced ?? data.medication)
        }

        var lineageID: MedicationCourse.LineageID {
            MedicationCourse.LineageID(eventID: entry.eventID)
        }

        /// The medication of a lineage that goes on with this change.
        ///
        /// A change with a regimen renews it; the order stays where the change names none, but for
        /// a switch, which is another medication's.
        func renewed(_ before: Medication) -> Medication {
            guard data.regimen != nil else { return before }
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
                position: entry.position
            )
        }
    }

    /// What a change did, as far as it touched a lineage.
    private struct Effect {
        var lineage: MedicationCourse.LineageID?
        var before: Regimen?
        var after: Regimen?
    }

    private mutating func apply(_ change: Applied) {
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
    }

    private func fallsBack(_ key: MedicationKey) -> Bool {
        key.orderID.map { !orders.isNamed($0) } ?? true
    }

    private func match(_ change: Applied, _ states: [LineageBook.State]) -> LineageBook.Match {
        // Another order of the same medication is another course: it is not stopped with this one.
        let sparesOrders =
            change.key.orderID != nil && [.stop, .hold].contains(change.data.change)
        return book.match(
            change.key,
            fallsBack: fallsBack(change.key),
            among: states,
            sparesOrders: sparesOrders
        )
    }

    /// Opens a lineage of its own, to be found by what the change names.
    @discardableResult
    private mutating func open(
        _ change: Applied,
        _ interval: MedicationCourse.Interval
    ) -> Int {
        let isNamed = change.data.replaces == nil
        let key = isNamed ? change.key : MedicationKey(change.data.medication)
        return book.open(change.lineageID, interval, key)
    }

    private mutating func open(_ change: Applied, _ regimen: Regimen?) -> Effect {
        open(change, change.interval(regimen))
        return Effect(lineage: change.lineageID, after: regimen)
    }

    /// Goes on with a lineage.
    private mutating func advance(_ lineage: Int, _ change: Applied) -> Effect {
        let before = book.regimen(of: lineage)
        let after = change.data.regimen?.carrying(before) ?? before
        var interval = change.interval(after)
        interval.medication = change.renewed(book.medication(of: lineage))
        book.advance(lineage, to: interval, MedicationKey(interval.medication))
        return Effect(lineage: book.lineages[lineage].id, before: before, after: after)
    }

    private mutating func start(_ change: Applied) -> Effect {
        let stops = orders.stopsEmptying(change.entry, change.key)
        guard stops.isEmpty else { return startNever(change, stops) }
        let found = book.match(change.key, fallsBack: false, among: [.open, .held])
        switch found {
        case .one(let lineage):
            if book.state(of: lineage) == .held, change.data.regimen != nil {
                flag(.changedWhileHeld, change.entry)
            }
            return advance(lineage, change)
        case .several:
            flag(.ambiguousChange, change.entry)
            return open(change, change.data.regimen)
        case .none:
            return open(change, change.data.regimen)
        }
    }

    /// A start that was stopped before it took effect: it touches nothing else.
    private mutating func startNever(_ change: Applied, _ stops: [OrderNames.Use]) -> Effect {
        let lineage = open(change, change.interval(change.data.regimen))
        book.close(lineage, at: change.entry.time, by: .stop)
        // A stop of the same instant comes after this entry, and raises the flag itself.
        for stop in stops where stop.time < change.entry.time {
            flagNever(start: change.entry.eventID, stop: stop.eventID, at: change.entry.time)
        }
        return Effect(lineage: change.lineageID)
    }

    private mutating func flagNever(start: EventID, stop: EventID, at time: Instant) {
        flags.append(
            MedicationFlag(flag: .stoppedBeforeStarted, at: time, eventIDs: [start, stop])
        )
    }

    private mutating func adjust(_ change: Applied) -> Effect {
        switch match(change, [.open, .held]) {
        case .one(let lineage):
            if book.state(of: lineage) == .held { flag(.changedWhileHeld, change.entry) }
            return advance(lineage, change)
        case .several:
            flag(.ambiguousChange, change.entry)
        case .none:
            flag(.unmatchedChange, change.entry)
        }
        return open(change, change.data.regimen)
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
                )
            )
        }
    }

    private mutating func review(_ change: Applied) -> Effect {
        touch(change) { book, lineage in
            book.touch(lineage, change.entry.eventID, at: change.entry.time)
        }
    }

    /// Applies what opens no interval.
    private mutating func touch(
        _ change: Applied,
        _ body: (inout LineageBook, Int) -> Void
    ) -> Effect {
        switch match(change, [.open, .held]) {
        case .one(let lineage):
            let before = book.regimen(of: lineage)
            body(&book, lineage)
            return Effect(
                lineage: book.lineages[lineage].id,
                before: before,
                after: book.state(of: lineage) == .open ? before : nil
            )
        case .several:
            flag(.ambiguousChange, change.entry)
        case .none:
            flag(.unmatchedChange, change.entry)
        }
        return Effect()
    }

    private mutating func stop(_ change: Applied) -> Effect {
        // A void start is none that could be emptied.
        let starts = orders.startsEmptied(by: change.entry, change.key).filter { start in
            end.map { start.time < $0 } ?? true
        }
        for start in starts where start.time == change.entry.time {
            flagNever(start: start.eventID, stop: change.entry.eventID, at: start.time)
        }
        switch match(change, [.open, .held]) {
        case .one(let lineage):
            let before = book.regimen(of: lineage)
            book.close(lineage, at: change.entry.time, by: .stop)
            book.touch(lineage, change.entry.eventID, at: change.entry.time)
            return Effect(lineage: book.lineages[lineage].id, before: before)
        case .several:
            flag(.ambiguousChange, change.entry)
        case .none:
            if starts.isEmpty { flag(.stopWithoutStart, change.entry) }
        }
        return Effect()
    }

    private mutating func resume(_ change: Applied) -> Effect {
        switch match(change, [.held, .open]) {
        case .one(let lineage):
            if book.state(of: lineage) == .open { flag(.resumeWithoutHold, change.entry) }
            return advance(lineage, change)
        case .several:
            flag(.ambiguousChange, change.entry)
            return open(change, change.data.regimen)
        case .none:
            flag(.resumeWithoutHold, change.entry)
        }
        if let closed = book.lastClosed(change.key, fallsBack: fallsBack(change.key)) {
            let last = book.regimen(of: closed)
            return open(change, change.data.regimen?.carrying(last) ?? last)
        }
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
        change == .start
            && (regimen?.dose == nil || regimen?.route == nil || regimen?.frequency == nil)
    }
}
