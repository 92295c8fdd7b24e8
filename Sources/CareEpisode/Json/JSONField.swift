/// A member of an object: its name, what its value may be, and how the value is read.
///
/// A list of them writes the object and describes it, so that the two cannot differ:
/// `[JSONField("program", \.program), JSONField("to", \.to)]`.
public struct JSONField<Root>: Sendable {
    /// The member's name.
    public let name: String
    /// Whether it is always there; where it has no value, it is null.
    let isRequired: Bool
    /// What its value may be.
    let schema: @Sendable () -> AnswerJSON
    /// Its value; nil where it is left out.
    let read: @Sendable (Root) -> AnswerJSON?

    /// A member that is always there.
    public init<Value: JSONDescribed>(
        _ name: String,
        _ read: @escaping @Sendable (Root) -> Value
    ) {
        self.init(name, true, { Value.schema }, { read($0).json })
    }

    /// A member whose value is written and described by hand.
    public init(
        _ name: String,
        schema: AnswerJSON,
        _ read: @escaping @Sendable (Root) -> AnswerJSON
    ) {
        self.init(name, true, { schema }, { read($0) })
    }

    /// A member that is a list of objects with these members.
    public init<Part>(
        _ name: String,
        _ read: @escaping @Sendable (Root) -> [Part],
        of fields: [JSONField<Part>]
    ) {
        self.init(
            name,
            true,
            { .schema(listOf: .schema(of: fields)) },
            { .array(read($0).map { .object(fields: fields, of: $0) }) }
        )
    }

    /// A member that is an object with these members, or null.
    public init<Part>(
        _ name: String,
        _ read: @escaping @Sendable (Root) -> Part?,
        of fields: [JSONField<Part>]
    ) {
        self.init(
            name,
            true,
            { AnswerJSON.schema(of: fields).orNull },
            { read($0).map { .object(fields: fields, of: $0) } ?? .null }
        )
    }

    /// A member that is left out where it has no value.
    public static func optional<Value: JSONDescribed>(
        _ name: String,
        _ read: @escaping @Sendable (Root) -> Value?
    ) -> Self {
        Self(name, false, { Value.schema }, { read($0)?.json })
    }

    /// A member that always has a value in the objects that have it, though not in all that `read`
    /// is called for.
    public static func present<Value: JSONDescribed>(
        _ name: String,
        _ read: @escaping @Sendable (Root) -> Value?
    ) -> Self {
        Self(name, true, { Value.schema }, { read($0)?.json })
    }

    private init(
        _ name: String,
        _ isRequired: Bool,
        _ schema: @escaping @Sendable () -> AnswerJSON,
        _ read: @escaping @Sendable (Root) -> AnswerJSON?
    ) {
        self.name = name
        self.isRequired = isRequired
        self.schema = schema
        self.read = read
    }

    /// The same member under another name.
    public func renamed(_ name: String) -> Self { Self(name, isRequired, schema, read) }

    /// The same member of a whole that has the object as a part.
    public func lifted<Whole>(
        _ part: @escaping @Sendable (Whole) -> Root
    ) -> JSONField<Whole> {
        JSONField<Whole>(name, isRequired, schema, { read(part($0)) })
    }
}
