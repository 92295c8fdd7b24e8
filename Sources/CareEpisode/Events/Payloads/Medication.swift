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
    init(reading object: ObjectReader) {
        name = object.requiredString("name")
        rxcui = object.string("rxcui")
        ndc = object.string("ndc")
        form = object.string("form")
        strength = object.string("strength")
        orderID = object.string("order_id")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("form", form)
        writer.member("name", name)
        writer.member("ndc", ndc)
        writer.member("order_id", orderID)
        writer.member("rxcui", rxcui)
        writer.member("strength", strength)
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
    init(reading object: ObjectReader) {
        dose = object.positiveNumber("dose")
        unit = object.string("unit")
        route = object.string("route")
        frequency = object.string("frequency")
        timesPerDay = object.positiveNumber("times_per_day")
        asNeeded = object.flag("as_needed")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("as_needed", asNeeded)
        writer.member("dose", dose)
        writer.member("frequency", frequency)
        writer.member("route", route)
        writer.member("times_per_day", timesPerDay)
        writer.member("unit", unit)
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
    init(reading object: ObjectReader) {
        medication = object.requiredObject("medication", else: Medication(name: ""))
        regimen = object.object("regimen")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("medication", medication)
        writer.member("regimen", regimen)
    }
}
