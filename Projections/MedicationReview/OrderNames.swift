import CareEpisode

/// Which orders were named, started and stopped.
struct OrderNames {
    /// An entry that starts or stops an order.
    struct Use {
        let eventID: EventID
        let time: Instant
        let position: Position

        init(_ entry: EffectiveHistory.Entry) {
            eventID = entry.eventID
            time = entry.time
            position = entry.position
        }
    }

    private var starts: [String: [Use]] = [:]
    private var stops: [String: [Use]] = [:]
    private var named: Set<String> = []

    /// Takes note of a start or stop, wherever in the history it stands.
    mutating func read(_ change: MedicationAdjusted, _ entry: EffectiveHistory.Entry) {
        guard let orderID = change.medication.orderID else { return }
        switch change.change {
        case .start: starts[orderID, default: []].append(Use(entry))
        case .stop: stops[orderID, default: []].append(Use(entry))
        default: break
        }
    }

    /// Takes note of a name as the history is walked.
    mutating func name(_ medication: Medication) {
        if let orderID = medication.orderID { named.insert(orderID) }
    }

    /// Whether an earlier entry names the order, or any start has it.
    func isNamed(_ orderID: String) -> Bool {
        named.contains(orderID) || starts[orderID] != nil
    }

    /// The stops that take effect at or before a start of their order and were recorded after it.
    func stopsEmptying(_ start: EffectiveHistory.Entry, _ key: MedicationKey) -> [Use] {
        guard let orderID = key.orderID, let stops = stops[orderID] else { return [] }
        return stops.filter { $0.time <= start.time && $0.position > start.position }
    }

    /// The starts that a stop empties.
    func startsEmptied(by stop: EffectiveHistory.Entry, _ key: MedicationKey) -> [Use] {
        guard let orderID = key.orderID, let starts = starts[orderID] else { return [] }
        return starts.filter { $0.time >= stop.time && $0.position < stop.position }
    }
}
