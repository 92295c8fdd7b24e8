/// The exact level that an authorisation names, such as ASAM 2.1.
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
    init(reading object: ObjectReader) {
        system = object.requiredString("system")
        code = object.requiredString("code")
    }

    func writeMembers(to writer: inout CanonicalWriter) {
        writer.member("code", code)
        writer.member("system", system)
    }
}
