import CareEpisode

/// The lineages of an episode while its history is walked, found by order, concept, name and
/// substance.
struct LineageBook {
    /// A lineage is in one state at a time.
    enum State: Int, CaseIterable {
        case open, held, closed
    }

    /// What a change applies to.
    enum Match: Equatable {
        case none
        case one(Int, MatchCriterion)
        case several([Int], MatchCriterion)
    }

    /// In the order in which they were opened.
    private(set) var lineages: [MedicationCourse.Lineage] = []
    private var states: [State] = []
    private var keys: [MedicationKey] = []
    /// The interval in force or last in force: what was emptied comes after it.
    private var current: [Int] = []
    /// The lineages of one state by one criterion's value, the last changed last.
    private var places: [[String: [Int]]] = Array(
        repeating: [:],
        count: State.allCases.count * MatchCriterion.allCases.count
    )
    /// The latest position of a stop: only what stands before it can find a closed lineage open.
    private var lastStop: Position = .zero

    func state(of lineage: Int) -> State { states[lineage] }

    /// The interval in force, or the last one that was.
    func interval(of lineage: Int) -> MedicationCourse.Interval {
        lineages[lineage].intervals[current[lineage]]
    }

    // MARK: - Finding

    /// What is sought: criterion by criterion, and for each in the order of the states.
    ///
    /// A lineage whose stop was recorded after the change counts as open.
    func match(_ sought: SoughtMedication, among states: [State]) -> Match {
        for criterion in sought.criteria {
            for state in states {
                let found = sought.narrowed(
                    candidates(sought, criterion, state)
                        + (state == .open ? stoppedLater(sought, criterion) : []),
                    interval(of:)
                )
                switch found.count {
                case 0: continue
                case 1: return .one(found[0], criterion)
                default: return .several(found, criterion)
                }
            }
        }
        return .none
    }

    /// The one lineage of an order that a stop has ended which was recorded after the change.
    func stopped(_ sought: SoughtMedication) -> Int? {
        let found = sought.narrowed(stoppedLater(sought, .orderID), interval(of:))
        return found.count == 1 ? found[0] : nil
    }

    /// The latest closed lineage that is sought.
    func lastClosed(_ sought: SoughtMedication) -> (lineage: Int, criterion: MatchCriterion)? {
        for criterion in sought.criteria {
            if let last = candidates(sought, criterion, .closed).last { return (last, criterion) }
        }
        return nil
    }

    /// The open arrivals without an order and without a change, of the same product or else of the
    /// same substance: an order that is new goes on with one of them.
    func arrivals(_ sought: SoughtMedication) -> (found: [Int], criterion: MatchCriterion)? {
        let arrivals = lineages.indices.filter { lineage in
            guard lineages[lineage].isOnArrival, states[lineage] == .open,
                lineages[lineage].intervals.count == 1, keys[lineage].orderID == nil
            else { return false }
            let regimen = lineages[lineage].intervals[0].regimen
            return (regimen?.asNeeded == true) == sought.isAsNeeded
                && !(regimen?.isSingleDose ?? false)
        }
        guard !arrivals.isEmpty else { return nil }
        for criterion in sought.criteria where criterion != .orderID {
            let found = arrivals.filter { lineage in
                let arrival = lineages[lineage].intervals[0]
                guard criterion == .substance else {
                    let value = sought.key[criterion]
                    return value != nil && value == keys[lineage][criterion]
                        && sought.fits(arrival.medication, arrival.regimen)
                }
                return sought.isSubstance(of: arrival.medication, arrival.regimen)
            }
            if !found.isEmpty { return (found, criterion) }
        }
        return nil
    }

    private func candidates(
        _ sought: SoughtMedication,
        _ criterion: MatchCriterion,
        _ state: State
    ) -> [Int] {
        var found: [Int]
        if criterion == .substance {
            found = states.indices.filter { lineage in
                guard states[lineage] == state else { return false }
                let interval = interval(of: lineage)
                return sought.isSubstance(of: interval.medication, interval.regimen)
            }
        } else {
            guard let value = sought.key[criterion] else { return [] }
            found = places[Self.table(state, criterion)][value] ?? []
        }
        if sought.sparesOrders, criterion != .orderID {
            found.removeAll { keys[$0].orderID != nil }
        }
        return found
    }

    private func stoppedLater(
        _ sought: SoughtMedication,
        _ criterion: MatchCriterion
    ) -> [Int] {
        guard sought.position < lastStop else { return [] }
        return candidates(sought, criterion, .closed).filter {
            lineages[$0].stop.map { sought.position < $0.position } ?? false
        }
    }

    // MARK: - Changing

    /// Opens a lineage with its first interval, to be found by the key of its medication.
    @discardableResult
    mutating func open(
        _ id: MedicationCourse.LineageID,
        _ interval: MedicationCourse.Interval,
        _ key: MedicationKey
    ) -> Int {
        let lineage = lineages.count
        lineages.append(
            MedicationCourse.Lineage(
                id: id,
                intervals: [interval],
                lastEventID: interval.eventID,
                lastEventAt: interval.from
            )
        )
        states.append(.open)
        keys.append(key)
        current.append(0)
        insert(lineage)
        return lineage
    }

    /// Closes the interval in force or ends the hold, and opens the next interval.
    mutating func advance(
        _ lineage: Int,
        to interval: MedicationCourse.Interval,
        _ key: MedicationKey
    ) {
        endInterval(lineage, at: interval.from, by: interval.startedBy, known: interval.knownAt)
        remove(lineage)
        current[lineage] = lineages[lineage].intervals.count
        lineages[lineage].intervals.append(interval)
        lineages[lineage].hold = nil
        states[lineage] = .open
        keys[lineage] = key
        insert(lineage)
        touch(lineage, interval.eventID, at: interval.from)
    }

    /// Adds an interval that a stop, recorded later, has emptied.
    mutating func addEmptied(_ lineage: Int, _ interval: MedicationCourse.Interval) {
        var interval = interval
        interval.to = interval.from
        interval.endedBy = MedicationChange.stop.rawValue
        interval.endKnownAt = interval.knownAt
        lineages[lineage].intervals.append(interval)
        touch(lineage, interval.eventID, at: interval.from)
    }

    /// Closes the interval in force; a lineage that is held already stays as it is.
    mutating func hold(_ lineage: Int, _ hold: MedicationCourse.Hold, known: Instant) {
        if states[lineage] == .open {
            endInterval(
                lineage,
                at: hold.since,
                by: MedicationChange.hold.rawValue,
                known: known
            )
            lineages[lineage].hold = hold
            move(lineage, to: .held)
        }
        touch(lineage, hold.eventID, at: hold.since)
    }

    /// Ends an open or held lineage.
    ///
    /// - Parameter time: when that takes effect: of a start that was stopped before, its own time.
    mutating func close(
        _ lineage: Int,
        at time: Instant,
        by stop: MedicationCourse.Stop,
        known: Instant
    ) {
        endInterval(lineage, at: time, by: MedicationChange.stop.rawValue, known: known)
        lineages[lineage].hold = nil
        lineages[lineage].stop = stop
        lastStop = max(lastStop, stop.position)
        move(lineage, to: .closed)
    }

    /// Remembers the last event about a lineage.
    mutating func touch(_ lineage: Int, _ event: EventID, at time: Instant) {
        lineages[lineage].lastEventID = event
        lineages[lineage].lastEventAt = time
    }

    private mutating func endInterval(
        _ lineage: Int,
        at time: Instant,
        by change: String,
        known: Instant
    ) {
        let last = lineages[lineage].intervals.count - 1
        guard lineages[lineage].intervals[last].to == nil else { return }
        lineages[lineage].intervals[last].to = time
        lineages[lineage].intervals[last].endedBy = change
        lineages[lineage].intervals[last].endKnownAt = known
    }

    private mutating func move(_ lineage: Int, to state: State) {
        remove(lineage)
        states[lineage] = state
        insert(lineage)
    }

    private mutating func insert(_ lineage: Int) {
        for criterion in MatchCriterion.allCases {
            guard let value = keys[lineage][criterion] else { continue }
            places[Self.table(states[lineage], criterion)][value, default: []].append(lineage)
        }
    }

    private mutating func remove(_ lineage: Int) {
        for criterion in MatchCriterion.allCases {
            guard let value = keys[lineage][criterion] else { continue }
            places[Self.table(states[lineage], criterion)][value]?.removeAll { $0 == lineage }
        }
    }

    private static func table(_ state: State, _ criterion: MatchCriterion) -> Int {
        let criterion =
            switch criterion {
            case .orderID: 0
            case .rxcui: 1
            case .name: 2
            case .substance: 3
            }
        return state.rawValue * MatchCriterion.allCases.count + criterion
    }
}
