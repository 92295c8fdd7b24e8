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
    init(reading object: ObjectReader) {
        id = object.requiredString("id")
        role = object.string("role")
        credential = object.string("credential")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("credential", credential)
        writer.member("id", id)
        writer.member("role", role)
    }
}
