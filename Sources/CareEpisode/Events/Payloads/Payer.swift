/// Who pays, and what was authorised.
public struct Payer: Hashable, Sendable {
    /// The kind of payer.
    public var `class`: PayerClass
    /// The payer's number of the authorisation.
    public var authorizationNumber: String?
    /// How much is authorised, in `unit`.
    public var authorizedUnits: Int?
    /// What the authorisation counts.
    public var unit: AuthorizationUnit?
    /// The first date of the authorisation.
    public var authorizedFromDate: CalendarDate?
    /// The last date of the authorisation.
    public var authorizedToDate: CalendarDate?

    /// Everything that is required, and what else is known.
    public init(
        `class`: PayerClass,
        authorizationNumber: String? = nil,
        authorizedUnits: Int? = nil,
        unit: AuthorizationUnit? = nil,
        authorizedFromDate: CalendarDate? = nil,
        authorizedToDate: CalendarDate? = nil
    ) {
        self.`class` = `class`
        self.authorizationNumber = authorizationNumber
        self.authorizedUnits = authorizedUnits
        self.unit = unit
        self.authorizedFromDate = authorizedFromDate
        self.authorizedToDate = authorizedToDate
    }
}

extension Payer: PayloadObject {
    init(reading object: ObjectReader) {
        `class` = object.requiredCode("class") ?? .other
        authorizationNumber = object.string("authorization_number")
        authorizedUnits = object.integer("authorized_units", atLeast: 0)
        unit = object.code("unit")
        authorizedFromDate = object.date("authorized_from_date")
        authorizedToDate = object.date("authorized_to_date")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("authorization_number", authorizationNumber)
        writer.member("authorized_from_date", authorizedFromDate)
        writer.member("authorized_to_date", authorizedToDate)
        writer.member("authorized_units", authorizedUnits)
        writer.member("class", `class`)
        writer.member("unit", unit)
    }
}
