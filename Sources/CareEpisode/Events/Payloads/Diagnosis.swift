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
    init(reading object: ObjectReader) {
        system = object.requiredCode("system") ?? .icd10CM
        code = object.requiredString("code")
        description = object.string("description")
        role = object.code("role")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("code", code)
        writer.member("description", description)
        writer.member("role", role)
        writer.member("system", system)
    }
}
