import CareEpisode

/// Which orders were named, started and stopped.
struct OrderNames {
    /// An entry that starts or stops a medication.
    struct Use {
        let eventID: EventID
        let time: Instant
        let position: Position
        let knownAt: Instant

        init(_ step: MedicationStep) {
            eventID = step.entry.eventID
            time = step.entry.time
            position = step.entry.position
            knownAt = step.knownAt
        }

        /// As what ends a lineage.
        var stop: MedicationCourse.Stop {
            MedicationCourse.Stop(eventID: eventID, at: time, position: position)
        }
    }

    /// In the order of the history, those after the effective time last.
    private let steps: [MedicationStep]
    private var startsOf: [String: [Use]] = [:]
    private var stopsOf: [String: [Use]] = [:]
    /// The orders that a start has up to the effective time.
    private var started: Set<String> = []
    private var named: Set<String> = []
    /// The stops that were found to cancel a start, by the start.
    private var cancelling: [EventID: [Use]] = [:]

    /// - Parameters:
    ///   - steps: up to the effective time.
    ///   - ahead: those after it.
    init(_ steps: [MedicationStep], ahead: [MedicationStep]) {
        self.steps = ahead.isEmpty ? steps : steps + ahead
        for (place, step) in self.steps.enumerated() {
            guard case .change(let change) = step.content,
                let orderID = change.medication.orderID
            else { continue }
            switch change.change {
            case .start:
                startsOf[orderID, default: []].append(Use(step))
                if place < steps.count { started.insert(orderID) }
            case .stop: stopsOf[orderID, default: []].append(Use(step))
            default: break
            }
        }
    }

    /// Takes note of a name as the history is walked.
    mutating func name(_ medication: Medication) {
        if let orderID = medication.orderID { named.insert(orderID) }
    }

    /// Whether an entry before this one names the order.
    func wasNamed(_ orderID: String) -> Bool { named.contains(orderID) }

    /// Whether an earlier entry names the order, or any start has it.
    func isNamed(_ orderID: String) -> Bool {
        named.contains(orderID) || started.contains(orderID)
    }

    /// The stops that cancel a start: of its order, effective at or before it and recorded after it;
    /// and those that were found to.
    func stopsEmptying(_ start: EffectiveHistory.Entry, _ key: MedicationKey) -> [Use] {
        let found = cancelling[start.eventID] ?? []
        guard let orderID = key.orderID, let stops = stopsOf[orderID] else { return found }
        let ofOrder = stops.filter { $0.time <= start.time && $0.position > start.position }
        return ofOrder + found.filter { stop in !ofOrder.contains { $0.eventID == stop.eventID } }
    }

    /// The starts of its order that a stop cancels.
    func startsEmptied(by stop: EffectiveHistory.Entry, _ key: MedicationKey) -> [Use] {
        guard let orderID = key.orderID, let starts = startsOf[orderID] else { return [] }
        return starts.filter { $0.time >= stop.time && $0.position < stop.position }
    }

    /// The starts that lie after a stop, were recorded before it, and have what it names.
    ///
    /// Under one order they are one course, all of which is meant, as by a stop of that order.
    ///
    /// - Returns: those of the one course; none where several courses have it.
    func startsAhead(
        of stop: EffectiveHistory.Entry,
        _ sought: SoughtMedication
    ) -> (found: [Use], criterion: MatchCriterion)? {
        let ahead = steps.compactMap { step -> (use: Use, data: MedicationAdjusted)? in
            guard step.entry.time > stop.time, step.entry.position < stop.position,
                case .change(let data) = step.content, data.change == .start
            else { return nil }
            return (Use(step), data)
        }
        guard !ahead.isEmpty else { return nil }
        for criterion in sought.criteria where criterion != .orderID {
            let found = ahead.filter { start in
                let medication = start.data.medication
                if sought.sparesOrders, medication.orderID != nil { return false }
                guard criterion == .substance else {
                    let value = MedicationKey(medication)[criterion]
                    return value != nil && value == sought.key[criterion]
                }
                return sought.isSubstance(of: medication, start.data.regimen)
            }
            guard !found.isEmpty else { continue }
            let regular = found.filter { !($0.data.regimen?.isSingleDose ?? false) }
            let meant = regular.isEmpty ? found : regular
            guard let orderID = meant[0].data.medication.orderID else {
                return (meant.count == 1 ? [meant[0].use] : [], criterion)
            }
            guard meant.allSatisfy({ $0.data.medication.orderID == orderID }) else {
                return ([], criterion)
            }
            let course = ahead.filter { $0.data.medication.orderID == orderID }
            return (course.map(\.use), criterion)
        }
        return nil
    }

    /// Takes note that a stop cancels a start.
    mutating func cancel(_ start: Use, by stop: Use) {
        cancelling[start.eventID, default: []].append(stop)
    }
}
