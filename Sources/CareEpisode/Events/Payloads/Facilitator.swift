/// Who held a session.
public struct Facilitator: Hashable, Sendable {
    /// The person's id at the site.
    public var id: String
    /// What the person does.
    public var role: String?
    /// The credential, such as LCSW.
    public var credential: String?

    /// Everything that is required, and what else is known.
    public init(
        id: String,
        role: String? = nil,
        credential: String? = nil
    ) {
        self.id = id
        self.role = role
        self.credential = credential
    }
}

extension Facilitator: PayloadObject {
    static var blank: Self { Self(id: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.optional("credential", .text, &credential)
        field.required("id", .nonEmptyText, &id, order: 1)
        field.optional("role", .text, &role)
    }
}
