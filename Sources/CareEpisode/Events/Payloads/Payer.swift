/// Who pays, and what was authorized.
public struct Payer: Hashable, Sendable {
    /// The kind of payer.
    public var `class`: PayerClass
    /// The payer's number of the authorization.
    public var authorizationNumber: String?
    /// How much is authorized, in `unit`.
    public var authorizedUnits: Int?
    /// What the authorization counts.
    public var unit: AuthorizationUnit?
    /// The first date of the authorization.
    public var authorizedFromDate: CalendarDate?
    /// The last date of the authorization.
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
    static var blank: Self { Self(class: .other) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("authorization_number", .text, &authorizationNumber)
        field.optional("authorized_from_date", .date, &authorizedFromDate)
        field.optional("authorized_to_date", .date, &authorizedToDate)
        field.optional("authorized_units", .integer(0...Int.max), &authorizedUnits)
        field.required("class", .code(), &`class`, order: 1)
        field.optional("unit", .code(), &unit)
    }
}
