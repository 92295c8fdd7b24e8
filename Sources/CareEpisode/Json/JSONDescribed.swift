/// A value that an answer is made of: how it is written, and what it may be.
public protocol JSONDescribed: Sendable {
    /// What its JSON may be, in JSON Schema (2020-12).
    static var schema: AnswerJSON { get }
    /// As it is written.
    var json: AnswerJSON { get }
}

/// A value that is written as text.
public protocol JSONText: JSONDescribed, CustomStringConvertible {}

extension JSONText {
    /// The text.
    public var json: AnswerJSON { .string(description) }
}

/// An object that is described once, by the list of its members.
public protocol JSONObject: JSONDescribed {
    /// Its members, in the order in which they are written.
    static var fields: [JSONField<Self>] { get }
}

extension JSONObject {
    /// An object of these members and no others.
    public static var schema: AnswerJSON { .schema(of: fields) }
    /// The members with their values.
    public var json: AnswerJSON { .object(fields: Self.fields, of: self) }
}

extension AnswerJSON {
    /// The members with the values that they have in a value.
    public static func object<Root>(fields: [JSONField<Root>], of root: Root) -> AnswerJSON {
        var members: [(name: String, value: AnswerJSON)] = []
        members.reserveCapacity(fields.count)
        for field in fields {
            if let value = field.read(root) { members.append((field.name, value)) }
        }
        return .object(members)
    }

    /// What such an object may be.
    public static func schema<Root>(of fields: [JSONField<Root>]) -> AnswerJSON {
        [
            "type": "object",
            "properties": .object(fields.map { ($0.name, $0.schema()) }),
            "required": .array(fields.filter(\.isRequired).map { .string($0.name) }),
            "additionalProperties": false,
        ]
    }

    /// A list of what a schema describes.
    public static func schema(listOf items: AnswerJSON) -> AnswerJSON {
        ["type": "array", "items": items]
    }

    /// One of several schemas.
    public static func schema(oneOf schemas: [AnswerJSON]) -> AnswerJSON {
        schemas.count == 1 ? schemas[0] : ["oneOf": .array(schemas)]
    }

    /// A text of a format that JSON Schema knows, such as `date-time`.
    public static func schema(format: String) -> AnswerJSON {
        ["type": "string", "format": .string(format)]
    }

    /// What a schema describes, or null.
    public var orNull: AnswerJSON {
        guard case .object(let members) = self, !members.isEmpty else { return self }
        guard members.contains(where: { $0.name == "type" }) else {
            return ["oneOf": [self, ["type": "null"]]]
        }
        return .object(
            members.map { name, value in
                switch (name, value) {
                case ("type", _): (name, [value, "null"])
                case ("enum", .array(let codes)): (name, .array(codes + [.null]))
                default: (name, value)
                }
            }
        )
    }
}
