/// A diagnosis at admission or at the end.
public struct Diagnosis: Hashable, Sendable {
    /// The code system.
    public var system: DiagnosisSystem
    /// The code, as the site writes it.
    public var code: String
    /// The diagnosis in words.
    public var description: String?
    /// Whether it is the reason for the stay.
    public var role: DiagnosisRole?

    /// Everything that is required, and what else is known.
    public init(
        system: DiagnosisSystem,
        code: String,
        description: String? = nil,
        role: DiagnosisRole? = nil
    ) {
        self.system = system
        self.code = code
        self.description = description
        self.role = role
    }
}

extension Diagnosis: PayloadObject {
    static var blank: Self { Self(system: .icd10CM, code: "") }

    mutating func visit(_ field: inout some FieldVisitor) {
        field.required("code", .nonEmptyText, &code, order: 2)
        field.optional("description", .text, &description)
        field.optional("role", .code(), &role)
        field.required("system", .code(), &system, order: 1)
    }
}
