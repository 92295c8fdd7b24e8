/// A medication as it is ordered.
public struct Medication: Hashable, Sendable {
    /// The name the site uses.
    public var name: String
    /// RxNorm's concept identifier.
    public var rxcui: String?
    /// The national drug code.
    public var ndc: String?
    /// The dose form, such as tablet.
    public var form: String?
    /// The strength, such as 10 mg.
    public var strength: String?
    /// The id of the order: changes of one order share it.
    public var orderID: String?

    /// Everything that is required, and what else is known.
    public init(
        name: String,
        rxcui: String? = nil,
        ndc: String? = nil,
        form: String? = nil,
        strength: String? = nil,
        orderID: String? = nil
    ) {
        self.name = name
        self.rxcui = rxcui
        self.ndc = ndc
        self.form = form
        self.strength = strength
        self.orderID = orderID
    }
}

extension Medication: PayloadObject {
    static var blank: Self { Self(name: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("form", .text, &form)
        field.required("name", .nonEmptyText, &name, order: 1)
        field.optional("ndc", .text, &ndc)
        field.optional("order_id", .text, &orderID)
        field.optional("rxcui", .text, &rxcui)
        field.optional("strength", .text, &strength)
    }
}

/// How a medication is taken.
public struct Regimen: Hashable, Sendable {
    /// The dose, greater than 0, in `unit`.
    public var dose: Double?
    /// The unit of the dose.
    public var unit: String?
    /// The route.
    public var route: String?
    /// How often, as it was ordered.
    public var frequency: String?
    /// How often a day, greater than 0.
    public var timesPerDay: Double?
    /// Whether it is taken only as needed.
    public var asNeeded: Bool?

    /// What is known.
    public init(
        dose: Double? = nil,
        unit: String? = nil,
        route: String? = nil,
        frequency: String? = nil,
        timesPerDay: Double? = nil,
        asNeeded: Bool? = nil
    ) {
        self.dose = dose
        self.unit = unit
        self.route = route
        self.frequency = frequency
        self.timesPerDay = timesPerDay
        self.asNeeded = asNeeded
    }
}

extension Regimen: PayloadObject {
    static var blank: Self { Self() }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("as_needed", .flag, &asNeeded)
        field.optional("dose", .positiveNumber, &dose)
        field.optional("frequency", .text, &frequency)
        field.optional("route", .text, &route)
        field.optional("times_per_day", .positiveNumber, &timesPerDay)
        field.optional("unit", .text, &unit)
    }
}

/// A medication that the client arrives on.
public struct ArrivalMedication: Hashable, Sendable {
    /// The medication.
    public var medication: Medication
    /// How it is taken.
    public var regimen: Regimen?

    /// Everything that is required, and what else is known.
    public init(
        medication: Medication,
        regimen: Regimen? = nil
    ) {
        self.medication = medication
        self.regimen = regimen
    }
}

extension ArrivalMedication: PayloadObject {
    static var blank: Self { Self(medication: .blank) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("medication", .object(), &medication, order: 1)
        field.optional("regimen", .object(), &regimen)
    }
}
