/// Who states an event.
///
/// The principal that recorded it may be another.
public struct Author: Hashable, Sendable {
    /// The author's id at the site.
    public var id: String
    /// What the author does in the program.
    public var role: AuthorRole

    /// An author.
    public init(id: String, role: AuthorRole) {
        self.id = id
        self.role = role
    }
}

extension Author: PayloadObject {
    static var blank: Self { Self(id: "", role: .other) }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("id", .nonEmptyText, &id, order: 1)
        field.required("role", .code(), &role, order: 2)
    }
}
