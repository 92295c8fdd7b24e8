/// The unit of a dose: equal up to case and synonyms, grams converted.
struct DoseUnit: Hashable {
    /// What is compared: `mg` for all of g, mg and mcg.
    let name: String
    /// How many of it one unit is.
    let factor: Double

    /// - Parameter text: as it was written.
    init(_ text: String) {
        let plain = text.lowercased().split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
        switch plain {
        case "mg": (name, factor) = ("mg", 1)
        case "g", "gm": (name, factor) = ("mg", 1_000)
        case "mcg", "ug", "µg", "μg": (name, factor) = ("mg", 0.001)
        case "unit", "units", "iu": (name, factor) = ("units", 1)
        default: (name, factor) = (plain, 1)
        }
    }

    /// Whether it is an amount, and not a rate or a concentration.
    var isAmount: Bool {
        !name.contains("/") && !name.contains("%") && !name.split(separator: " ").contains("per")
    }

    /// Whether amounts of several products add up: two tablets of different strengths do not.
    var addsUp: Bool { ["mg", "units", "meq"].contains(name) }
}

/// How much, in a unit that can be compared.
struct DoseAmount: Hashable {
    let number: Double
    let unit: DoseUnit

    /// Nil where either is unknown.
    init?(_ number: Double?, _ unit: String?) {
        guard let number, let unit else { return nil }
        self.unit = DoseUnit(unit)
        self.number = (number * self.unit.factor).rounded(toDigits: 12)
    }

    static func == (one: Self, other: Self) -> Bool {
        one.number == other.number && one.unit.name == other.unit.name
    }

    func hash(into hasher: inout Hasher) {
        hasher.combine(number)
        hasher.combine(unit.name)
    }
}
