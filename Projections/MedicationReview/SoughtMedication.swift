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

    /// What a criterion compares; nil where there is nothing, and for substances, which are no text.
    subscript(criterion: MatchCriterion) -> String? {
        switch criterion {
        case .orderID: orderID
        case .rxcui: rxcui
        case .name: name
        case .substance: nil
        }
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

/// What a change looks for among lineages.
struct SoughtMedication {
    /// What is changed: the medication replaced, else the one named; a start replaces nothing.
    let medication: Medication
    let key: MedicationKey
    /// Where the change stands in its ledger.
    let position: Position
    /// Whether more than the order counts.
    var fallsBack = true
    /// Whether the fall-back passes over lineages that have an order.
    var sparesOrders = false
    private let change: MedicationChange
    private let regimen: Regimen?

    init(_ data: MedicationAdjusted, position: Position) {
        medication = (data.change == .start ? nil : data.replaces) ?? data.medication
        key = MedicationKey(medication)
        self.position = position
        change = data.change
        // A switch is found by what it replaces alone: its regimen is another medication's.
        regimen = data.change == .switch ? nil : data.regimen
    }

    /// In the order in which they count.
    var criteria: [MatchCriterion] { fallsBack ? MatchCriterion.allCases : [.orderID] }

    /// Whether it is taken as needed.
    var isAsNeeded: Bool { regimen?.asNeeded == true }
    /// Whether it is one dose.
    var isSingleDose: Bool { regimen?.isSingleDose ?? false }

    /// Whether the routes may be the same; a new route is not compared.
    func fits(_ other: Medication, _ regimen: Regimen?) -> Bool {
        change == .changeRoute
            || RouteGroup.fit(
                RouteGroup.of(medication, route: self.regimen?.route),
                RouteGroup.of(other, route: regimen?.route)
            )
    }

    /// Whether another has the same active ingredients, routes fitting.
    func isSubstance(of other: Medication, _ regimen: Regimen?) -> Bool {
        medication.hasSubstances(of: other) && fits(other, regimen)
    }

    /// Of several, those that are meant: no single doses, then the only one that is as frequent.
    func narrowed(
        _ found: [Int],
        _ interval: (Int) -> MedicationCourse.Interval
    ) -> [Int] {
        guard found.count > 1 else { return found }
        let regular = found.filter { !interval($0).isSingleDose }
        let courses = regular.isEmpty ? found : regular
        guard courses.count > 1, change != .changeFrequency, let regimen,
            regimen.frequency != nil || regimen.timesPerDay != nil
        else { return courses }
        let frequent = courses.filter { place in
            guard let other = interval(place).regimen else { return false }
            if let words = regimen.frequency {
                return other.frequency.map { Frequency.isSame(words, $0) } ?? false
            }
            return regimen.timesPerDay == other.timesPerDay
        }
        return frequent.count == 1 ? frequent : courses
    }
}
