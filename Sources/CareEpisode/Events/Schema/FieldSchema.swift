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

    private mutating func add(_ name: StaticString, _ schema: AnswerJSON, order: Int? = nil) {
        properties.append(("\(name)", schema))
        if let order { lacking.append((order, "\(name)")) }
    }

    mutating func required(_ name: StaticString, _ value: inout String, order: Int) {
        add(name, .text(name, isEmptyAllowed: false), order: order)
    }

    mutating func required(_ name: StaticString, _ value: inout Bool, order: Int) {
        add(name, ["type": "boolean"], order: order)
    }

    mutating func required(
        _ name: StaticString,
        _ value: inout Int,
        in range: ClosedRange<Int>,
        order: Int
    ) {
        add(name, .integers(range), order: order)
    }

    mutating func required(_ name: StaticString, _ value: inout EventID, order: Int) {
        add(name, .uuid, order: order)
    }

    mutating func required(_ name: StaticString, _ value: inout Replacement, order: Int) {
        let description: AnswerJSON = "All the fields anew, valid for the type of the target."
        add(name, ["type": "object", "description": description], order: order)
    }

    mutating func required<Code: ClosedCode>(
        _ name: StaticString,
        _ value: inout Code,
        order: Int
    ) {
        add(name, .codes(Code.self), order: order)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout Part,
        order: Int
    ) {
        add(name, Part.schema, order: order)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout [Part],
        order: Int
    ) {
        add(name, .list(Part.schema, atLeast: 1), order: order)
    }

    mutating func optional(_ name: StaticString, _ value: inout String?) {
        add(name, .text(name, isEmptyAllowed: true))
    }

    mutating func optional(_ name: StaticString, _ value: inout [String]?) {
        add(name, .list(.text("", isEmptyAllowed: true)))
    }

    mutating func optional(_ name: StaticString, _ value: inout Bool?) {
        add(name, ["type": "boolean"])
    }

    mutating func optional(
        _ name: StaticString,
        _ value: inout Int?,
        in range: ClosedRange<Int>
    ) {
        add(name, .integers(range))
    }

    mutating func optional(_ name: StaticString, _ value: inout Double?, atMost most: Int?) {
        let largest: AnswerJSON = .integer(most.map { Int64($0) } ?? JSONLimits.largestInteger)
        add(name, ["type": "number", "exclusiveMinimum": 0, "maximum": largest])
    }

    mutating func optional(_ name: StaticString, _ value: inout Instant?) { add(name, .instant) }

    mutating func optional(_ name: StaticString, _ value: inout CalendarDate?) {
        add(name, ["type": "string", "format": "date"])
    }

    mutating func optional<Code: ClosedCode>(_ name: StaticString, _ value: inout Code?) {
        add(name, .codes(Code.self))
    }

    mutating func optional<Code: OpenCode>(_ name: StaticString, _ value: inout Code?) {
        add(name, .text(name, isEmptyAllowed: false))
    }

    mutating func optional<Part: PayloadObject>(_ name: StaticString, _ value: inout Part?) {
        add(name, Part.schema)
    }

    mutating func optional<Part: PayloadObject>(_ name: StaticString, _ value: inout [Part]?) {
        add(name, .list(Part.schema))
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
    static let uuid: AnswerJSON = ["type": "string", "format": "uuid"]
    static let instant: AnswerJSON = ["type": "string", "format": "date-time"]

    static func codes<Code: ClosedCode>(_ type: Code.Type) -> AnswerJSON {
        codes(Array(Code.allCases))
    }

    static func codes(_ codes: [some ClosedCode]) -> AnswerJSON {
        ["type": "string", "enum": .array(codes.map { .string($0.rawValue) })]
    }

    static func list(_ items: AnswerJSON, atLeast least: Int64 = 0) -> AnswerJSON {
        [
            "type": "array", "items": items, "minItems": .integer(least),
            "maxItems": .integer(Int64(JSONLimits.arrayElements)),
        ]
    }

    fileprivate static func text(_ name: StaticString, isEmptyAllowed: Bool) -> AnswerJSON {
        let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return [
            "type": "string", "minLength": isEmptyAllowed ? 0 : 1,
            "maxLength": .integer(Int64(JSONLimits.scalars(of: bytes))),
        ]
    }

    fileprivate static func integers(_ range: ClosedRange<Int>) -> AnswerJSON {
        [
            "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
            "maximum": .integer(min(Int64(range.upperBound), JSONLimits.largestInteger)),
        ]
    }
}
