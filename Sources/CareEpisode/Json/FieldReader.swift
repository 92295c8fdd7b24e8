/// Reads the fields of an object, and notes what is wrong.
struct FieldReader: FieldVisitor {
    let object: ObjectReader

    mutating func required(_ name: StaticString, _ value: inout String, order: Int) {
        value = object.requiredString(name, order: order)
    }

    mutating func required(_ name: StaticString, _ value: inout Bool, order: Int) {
        value = object.requiredFlag(name, order: order)
    }

    mutating func required(
        _ name: StaticString,
        _ value: inout Int,
        in range: ClosedRange<Int>,
        order: Int
    ) {
        value = object.requiredInteger(
            name,
            atLeast: range.lowerBound,
            atMost: range.upperBound,
            order: order
        )
    }

    mutating func required(_ name: StaticString, _ value: inout EventID, order: Int) {
        value = object.requiredIdentifier(name, order: order)
    }

    mutating func required(_ name: StaticString, _ value: inout Replacement, order: Int) {
        guard let member = object.requiredMember(name, order: order),
            let replacement = object.shape.object(at: member)
        else { return }
        value = Replacement(reading: replacement)
    }

    mutating func required<Code: ClosedCode>(
        _ name: StaticString,
        _ value: inout Code,
        order: Int
    ) {
        if let code: Code = object.requiredCode(name, order: order) { value = code }
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout Part,
        order: Int
    ) {
        value = object.requiredObject(name, else: value, order: order)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout [Part],
        order: Int
    ) {
        value = object.requiredObjects(name, order: order)
    }

    mutating func optional(_ name: StaticString, _ value: inout String?) {
        value = object.string(name)
    }

    mutating func optional(_ name: StaticString, _ value: inout [String]?) {
        value = object.strings(name)
    }

    mutating func optional(_ name: StaticString, _ value: inout Bool?) {
        value = object.flag(name)
    }

    mutating func optional(
        _ name: StaticString,
        _ value: inout Int?,
        in range: ClosedRange<Int>
    ) {
        value = object.integer(name, atLeast: range.lowerBound, atMost: range.upperBound)
    }

    mutating func optional(_ name: StaticString, _ value: inout Double?, atMost most: Int?) {
        value = object.positiveNumber(name, atMost: most)
    }

    mutating func optional(_ name: StaticString, _ value: inout Instant?) {
        value = object.instant(name)
    }

    mutating func optional(_ name: StaticString, _ value: inout CalendarDate?) {
        value = object.date(name)
    }

    mutating func optional<Code: ClosedCode>(_ name: StaticString, _ value: inout Code?) {
        value = object.code(name)
    }

    mutating func optional<Code: OpenCode>(_ name: StaticString, _ value: inout Code?) {
        value = object.openCode(name)
    }

    mutating func optional<Part: PayloadObject>(_ name: StaticString, _ value: inout Part?) {
        value = object.object(name)
    }

    mutating func optional<Part: PayloadObject>(_ name: StaticString, _ value: inout [Part]?) {
        value = object.objects(name)
    }
}
