/// Describes the fields of an object in JSON Schema (2020-12).
struct FieldSchema: FieldVisitor {
    private var properties: [(name: String, value: AnswerJSON)] = []
    private var lacking: [(order: Int, name: String)] = []

    /// The schema of an object with the fields that were visited, and no others.
    func object(_ rules: [(name: String, value: AnswerJSON)]) -> AnswerJSON {
        var members: [(name: String, value: AnswerJSON)] = [
            ("type", "object"), ("properties", .object(properties)),
        ]
        if !lacking.isEmpty {
            let required = lacking.sorted { $0.order < $1.order }.map { AnswerJSON.string($0.name) }
            members.append(("required", .array(required)))
        }
        return .object(members + [("additionalProperties", false)] + rules)
    }

    mutating func required<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value,
        order: Int
    ) {
        properties.append(("\(name)", kind.schema(name)))
        lacking.append((order, "\(name)"))
    }

    mutating func optional<Kind: FieldKind>(
        _ name: StaticString,
        _ kind: Kind,
        _ value: inout Kind.Value?
    ) {
        properties.append(("\(name)", kind.schema(name)))
    }
}

extension PayloadObject {
    /// The object in JSON Schema.
    static var schema: AnswerJSON { schema(adding: []) }

    /// The object in JSON Schema, with rules that are not those of all such objects.
    static func schema(adding more: [(name: String, value: AnswerJSON)]) -> AnswerJSON {
        var fields = blank
        var schema = FieldSchema()
        fields.visit(&schema)
        return schema.object(rules + more)
    }
}

extension AnswerJSON {
    static func codes(_ codes: [some ClosedCode]) -> AnswerJSON {
        ["type": "string", "enum": .array(codes.map { .string($0.rawValue) })]
    }

    static func list(_ items: AnswerJSON, atLeast least: Int64 = 0) -> AnswerJSON {
        [
            "type": "array", "items": items, "minItems": .integer(least),
            "maxItems": .integer(Int64(JSONLimits.arrayElements)),
        ]
    }
}
