/// What a member can hold: how it is read, and what JSON Schema says of it.
package protocol MemberKind<Value>: Sendable {
    associatedtype Value
    /// The value of a node; what is wrong with it is noted, and most often there is no value then.
    func read(_ node: Int, of object: ObjectReader) -> Value?
    /// The JSON Schema of a member of this name.
    func schema(_ name: StaticString) -> AnswerJSON
}

/// What a field of the catalog can hold: it can be written as well.
protocol FieldKind<Value>: MemberKind {
    func write(_ value: Value, to writer: inout CanonicalWriter)
}

extension FieldKind where Value: RawRepresentable<String> {
    func write(_ code: Value, to writer: inout CanonicalWriter) { writer.write(code.rawValue) }
}

extension FieldKind where Value: CanonicalValue {
    func write(_ value: Value, to writer: inout CanonicalWriter) { value.write(to: &writer) }
}

// MARK: - Texts and codes

package struct TextKind: FieldKind {
    let isEmptyAllowed: Bool

    package func read(_ node: Int, of object: ObjectReader) -> String? {
        guard let text = object.text(at: node) else { return nil }
        if text.isEmpty, !isEmptyAllowed { object.shape.refuse(node, "empty", "must not be empty") }
        return text
    }

    package func schema(_ name: StaticString) -> AnswerJSON {
        let bytes = UnsafeBufferPointer(start: name.utf8Start, count: name.utf8CodeUnitCount)
        return [
            "type": "string", "minLength": isEmptyAllowed ? 0 : 1,
            "maxLength": .integer(Int64(JSONLimits.scalars(of: bytes))),
        ]
    }
}

package struct TextsKind: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> [String]? {
        object.shape.elements(of: node).compactMap { object.text(at: $0) }
    }

    package func schema(_ name: StaticString) -> AnswerJSON { .list(TextKind.text.schema("")) }
}

package struct CodeKind<Code: ClosedCode>: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> Code? {
        guard let text = object.text(at: node) else { return nil }
        if let code = Code(rawValue: text) { return code }
        let list = Code.allCases.map(\.rawValue).joined(separator: ", ")
        object.shape.refuse(node, "unknown_code", "must be one of \(list)")
        return nil
    }

    package func schema(_ name: StaticString) -> AnswerJSON { Code.schema }
}

package struct OpenCodeKind<Code: OpenCode>: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> Code? {
        TextKind.nonEmptyText.read(node, of: object).map(Code.init(rawValue:))
    }

    package func schema(_ name: StaticString) -> AnswerJSON { TextKind.nonEmptyText.schema(name) }
}

// MARK: - Numbers and booleans

package struct IntegerKind: FieldKind {
    let range: ClosedRange<Int>

    package func read(_ node: Int, of object: ObjectReader) -> Int? {
        let shape = object.shape
        guard shape.accepts(node, .number, "an integer") else { return nil }
        let value = shape.document.nodes[node]
        guard value.flags.contains(.integerToken) else {
            shape.refuse(
                node,
                "wrong_type",
                "must be an integer, written without fraction and exponent"
            )
            return nil
        }
        let number = Int(shape.document.withText(value) { CanonicalNumber.value(of: $0) })
        guard range.contains(number) else {
            let (least, most) = (range.lowerBound, range.upperBound)
            let allowed = most == .max ? "at least \(least)" : "from \(least) to \(most)"
            shape.refuse(node, "out_of_range", "must be \(allowed)")
            return nil
        }
        return number
    }

    package func schema(_ name: StaticString) -> AnswerJSON {
        [
            "type": "integer", "minimum": .integer(Int64(range.lowerBound)),
            "maximum": .integer(min(Int64(range.upperBound), JSONLimits.largestInteger)),
        ]
    }
}

/// A number greater than 0, and at most `most` where given.
package struct PositiveNumberKind: FieldKind {
    let most: Int?

    package func read(_ node: Int, of object: ObjectReader) -> Double? {
        let shape = object.shape
        guard shape.accepts(node, .number, "a number") else { return nil }
        let number = shape.document.withText(shape.document.nodes[node]) {
            CanonicalNumber.value(of: $0)
        }
        guard number > 0, number <= most.map(Double.init) ?? .infinity else {
            let limit = most.map { " and at most \($0)" } ?? ""
            shape.refuse(node, "out_of_range", "must be greater than 0\(limit)")
            return nil
        }
        return number
    }

    package func schema(_ name: StaticString) -> AnswerJSON {
        let largest = most.map { Int64($0) } ?? JSONLimits.largestInteger
        return ["type": "number", "exclusiveMinimum": 0, "maximum": .integer(largest)]
    }
}

package struct FlagKind: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> Bool? {
        guard object.shape.accepts(node, .bool, "true or false") else { return nil }
        return object.shape.document.nodes[node].flags.contains(.isTrue)
    }

    package func schema(_ name: StaticString) -> AnswerJSON { Bool.schema }
}

// MARK: - Times and identifiers

package struct InstantKind: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> Instant? {
        let what = "a time with an offset, such as 2025-01-31T18:05:00Z"
        return object.parse(node, "invalid_instant", what) { Instant(utf8: $0) }
    }

    package func schema(_ name: StaticString) -> AnswerJSON { Instant.schema }
}

package struct DateKind: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> CalendarDate? {
        let what = "a date of the calendar, such as 2025-01-31"
        return object.parse(node, "invalid_date", what) { CalendarDate(utf8: $0) }
    }

    package func schema(_ name: StaticString) -> AnswerJSON { CalendarDate.schema }
}

package struct IdentifierKind<ID: UniqueIdentifier>: FieldKind {
    package func read(_ node: Int, of object: ObjectReader) -> ID? {
        object.parse(node, "invalid_uuid", "a UUID of 8-4-4-4-12 hexadecimal digits") {
            uuidBits($0).map { ID(bits: $0) }
        }
    }

    func write(_ id: ID, to writer: inout CanonicalWriter) { writer.write(id) }

    package func schema(_ name: StaticString) -> AnswerJSON { ID.schema }
}

// MARK: - Objects

struct ObjectKind<Part: PayloadObject>: FieldKind {
    func read(_ node: Int, of object: ObjectReader) -> Part? {
        object.shape.object(at: node)?.read()
    }

    func schema(_ name: StaticString) -> AnswerJSON { Part.schema }
}

struct ObjectsKind<Part: PayloadObject>: FieldKind {
    let least: Int

    func read(_ node: Int, of object: ObjectReader) -> [Part]? {
        let shape = object.shape
        let value = shape.document.nodes[node]
        if value.kind == .array, value.count < least {
            shape.refuse(node, "too_few", "must have at least one element")
        }
        return shape.elements(of: node).compactMap { shape.object(at: $0)?.read() }
    }

    func schema(_ name: StaticString) -> AnswerJSON { .list(Part.schema, atLeast: Int64(least)) }
}

/// The whole payload of a corrected entry, whose type is not known here.
struct ReplacementKind: FieldKind {
    func read(_ node: Int, of object: ObjectReader) -> Replacement? {
        object.shape.object(at: node).map { Replacement(reading: $0) }
    }

    func schema(_ name: StaticString) -> AnswerJSON {
        ["type": "object", "description": "All the fields anew, valid for the type of the target."]
    }
}

// MARK: - Names

extension MemberKind where Self == TextKind {
    /// May be empty.
    package static var text: Self { Self(isEmptyAllowed: true) }
    package static var nonEmptyText: Self { Self(isEmptyAllowed: false) }
}

extension MemberKind where Self == TextsKind {
    package static var texts: Self { Self() }
}

extension MemberKind where Self == IntegerKind {
    package static func integer(_ range: ClosedRange<Int>) -> Self { Self(range: range) }
    package static func integer(_ range: PartialRangeFrom<Int>) -> Self {
        Self(range: range.lowerBound...Int.max)
    }
}

extension MemberKind where Self == PositiveNumberKind {
    static var positiveNumber: Self { Self(most: nil) }
    static func positiveNumber(atMost most: Int) -> Self { Self(most: most) }
}

extension MemberKind where Self == FlagKind {
    package static var flag: Self { Self() }
}

extension MemberKind where Self == InstantKind {
    static var instant: Self { Self() }
}

extension MemberKind where Self == DateKind {
    static var date: Self { Self() }
}

extension MemberKind where Self == ReplacementKind {
    static var replacement: Self { Self() }
}

extension MemberKind {
    package static func code<Code>() -> Self where Self == CodeKind<Code> { Self() }
    static func openCode<Code>() -> Self where Self == OpenCodeKind<Code> { Self() }
    package static func identifier<ID>() -> Self where Self == IdentifierKind<ID> { Self() }
    static func object<Part>() -> Self where Self == ObjectKind<Part> { Self() }
    static func objects<Part>(atLeast least: Int = 0) -> Self where Self == ObjectsKind<Part> {
        Self(least: least)
    }
}
