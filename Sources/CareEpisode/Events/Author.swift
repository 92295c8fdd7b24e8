/// Who states an event.
///
/// The principal that recorded it may be another.
public struct Author: Hashable, Sendable {
    /// The author's id at the site.
    public var id: String
    /// What the author does in the programme.
    public var role: AuthorRole

    /// An author.
    public init(id: String, role: AuthorRole) {
        self.id = id
        self.role = role
    }
}

extension Author: PayloadObject {
    init(reading object: ObjectReader) {
        id = object.requiredString("id")
        role = object.requiredCode("role") ?? .other
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("id", id)
        writer.member("role", role)
    }
}
