/// The exact level that an authorization names, such as ASAM 2.1.
public struct LevelCode: Hashable, Sendable {
    /// The code system.
    public var system: String
    /// The code.
    public var code: String

    /// Everything that is required, and what else is known.
    public init(
        system: String,
        code: String
    ) {
        self.system = system
        self.code = code
    }
}

extension LevelCode: PayloadObject {
    static var blank: Self { Self(system: "", code: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("code", .nonEmptyText, &code, order: 2)
        field.required("system", .nonEmptyText, &system, order: 1)
    }
}
