import CareEpisode

/// By what a medication is recognized.
struct MedicationKey: Hashable {
    let orderID: String?
    let rxcui: String?
    /// In lower case, trimmed, inner white space collapsed to one blank.
    let name: String

    init(_ medication: Medication) {
        orderID = medication.orderID
        rxcui = medication.rxcui
        name = Self.plain(medication.name)
    }

    private static func plain(_ name: String) -> String {
        var plain: [UInt8] = []
        plain.reserveCapacity(name.utf8.count)
        for byte in name.utf8 {
            switch byte {
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): plain.append(byte | 0x20)
            case UInt8(ascii: " "), 0x09...0x0D:
                if let last = plain.last, last != UInt8(ascii: " ") {
                    plain.append(UInt8(ascii: " "))
                }
            case 0x80...:
                // Letters and blanks beyond ASCII need Unicode's tables, which cost more.
                return name.lowercased().split(whereSeparator: \.isWhitespace)
                    .joined(separator: " ")
            default: plain.append(byte)
            }
        }
        if plain.last == UInt8(ascii: " ") { plain.removeLast() }
        return String(decoding: plain, as: UTF8.self)
    }
}

/// The lineages of an episode while its history is walked, found by order, concept and name.
struct LineageBook {
    /// A lineage is in one state at a time.
    enum State: Int, CaseIterable {
        case open, held, closed
    }

    /// What a change applies to.
    enum Match: Equatable {
        case none
        case one(Int)
        case several
    }

    /// By what is searched, in this order.
    fileprivate enum Criterion: Int, CaseIterable {
        case orderID, rxcui, name
    }

    /// In the order in which they were opened.
    private(set) var lineages: [MedicationCourse.Lineage] = []
    private var states: [State] = []
    private var keys: [MedicationKey] = []
    /// The lineages of one state by one criterion's value, the last changed last.
    private var places: [[String: [Int]]] = Array(
        repeating: [:],
        count: State.allCases.count * Criterion.allCases.count
    )

    func state(of lineage: Int) -> State { states[lineage] }

    /// The last known regimen of a lineage.
    func regimen(of lineage: Int) -> Regimen? { lineages[lineage].intervals.last?.regimen }

    /// The last medication of a lineage.
    func medication(of lineage: Int) -> Medication {
        let intervals = lineages[lineage].intervals
        return intervals[intervals.count - 1].medication
    }

    // MARK: - Finding

    /// What a key stands for: criterion by criterion, and for each in the order of the states.
    ///
    /// - Parameters:
    ///   - key: what the change names.
    ///   - fallsBack: whether concept and name count where the order finds nothing.
    ///   - states: the first in which anything is found decides.
    ///   - sparesOrders: whether the fall-back passes over lineages that have an order.
    func match(
        _ key: MedicationKey,
        fallsBack: Bool,
        among states: [State],
        sparesOrders: Bool = false
    ) -> Match {
        for criterion in fallsBack ? Criterion.allCases : [.orderID] {
            guard let value = key[criterion] else { continue }
            for state in states {
                var found: Int?
                for place in places[Self.table(state, criterion)][value] ?? [] {
                    if sparesOrders, criterion != .orderID, keys[place].orderID != nil { continue }
                    if found != nil { return .several }
                    found = place
                }
                if let found { return .one(found) }
            }
        }
        return .none
    }

    /// The latest closed lineage that a key stands for.
    func lastClosed(_ key: MedicationKey, fallsBack: Bool) -> Int? {
        for criterion in fallsBack ? Criterion.allCases : [.orderID] {
            guard let value = key[criterion] else { continue }
            if let last = places[Self.table(.closed, criterion)][value]?.last { return last }
        }
        return nil
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
        insert(lineage)
        return lineage
    }

    /// Closes the interval in force or ends the hold, and opens the next interval.
    mutating func advance(
        _ lineage: Int,
        to interval: MedicationCourse.Interval,
        _ key: MedicationKey
    ) {
        endInterval(lineage, at: interval.from, by: interval.startedBy)
        remove(lineage)
        lineages[lineage].intervals.append(interval)
        lineages[lineage].hold = nil
        states[lineage] = .open
        keys[lineage] = key
        insert(lineage)
        touch(lineage, interval.eventID, at: interval.from)
    }

    /// Closes the interval in force; a lineage that is held already stays as it is.
    mutating func hold(_ lineage: Int, _ hold: MedicationCourse.Hold) {
        if states[lineage] == .open {
            endInterval(lineage, at: hold.since, by: MedicationChange.hold.rawValue)
            lineages[lineage].hold = hold
            move(lineage, to: .held)
        }
        touch(lineage, hold.eventID, at: hold.since)
    }

    /// Ends an open or held lineage.
    mutating func close(_ lineage: Int, at time: Instant, by change: MedicationChange) {
        endInterval(lineage, at: time, by: change.rawValue)
        lineages[lineage].hold = nil
        move(lineage, to: .closed)
    }

    /// Ends everything; the holds in force are kept with the time until which they lasted.
    mutating func closeAll(at end: Instant) {
        for lineage in lineages.indices {
            endInterval(lineage, at: end, by: MedicationCourse.episodeEnd)
            lineages[lineage].hold?.until = end
        }
    }

    /// Remembers the last event about a lineage.
    mutating func touch(_ lineage: Int, _ event: EventID, at time: Instant) {
        lineages[lineage].lastEventID = event
        lineages[lineage].lastEventAt = time
    }

    private mutating func endInterval(_ lineage: Int, at time: Instant, by change: String) {
        let last = lineages[lineage].intervals.count - 1
        guard lineages[lineage].intervals[last].to == nil else { return }
        lineages[lineage].intervals[last].to = time
        lineages[lineage].intervals[last].endedBy = change
    }

    private mutating func move(_ lineage: Int, to state: State) {
        remove(lineage)
        states[lineage] = state
        insert(lineage)
    }

    private mutating func insert(_ lineage: Int) {
        for criterion in Criterion.allCases {
            guard let value = keys[lineage][criterion] else { continue }
            places[Self.table(states[lineage], criterion)][value, default: []].append(lineage)
        }
    }

    private mutating func remove(_ lineage: Int) {
        for criterion in Criterion.allCases {
            guard let value = keys[lineage][criterion] else { continue }
            places[Self.table(states[lineage], criterion)][value]?.removeAll { $0 == lineage }
        }
    }

    private static func table(_ state: State, _ criterion: Criterion) -> Int {
        state.rawValue * Criterion.allCases.count + criterion.rawValue
    }
}

extension MedicationKey {
    fileprivate subscript(criterion: LineageBook.Criterion) -> String? {
        switch criterion {
        case .orderID: orderID
        case .rxcui: rxcui
        case .name: name
        }
    }
}
