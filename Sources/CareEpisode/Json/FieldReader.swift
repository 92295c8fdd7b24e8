/// Reads the fields of an object, and notes what is wrong.
struct FieldReader: FieldVisitor {
    let object: ObjectReader

    mutating func required(_ name: StaticString, _ value: inout String, told: Int) {
        value = object.requiredString(name, told: told)
    }

    mutating func required(_ name: StaticString, _ value: inout Bool, told: Int) {
        value = object.requiredFlag(name, told: told)
    }

    mutating func required(
        _ name: StaticString,
        _ value: inout Int,
        in range: ClosedRange<Int>,
        told: Int
    ) {
        value = object.requiredInteger(
            name,
            atLeast: range.lowerBound,
            atMost: range.upperBound,
            told: told
        )
    }

    mutating func required(_ name: StaticString, _ value: inout EventID, told: Int) {
        value = object.requiredIdentifier(name, told: told)
    }

    mutating func required(_ name: StaticString, _ value: inout Replacement, told: Int) {
        guard let member = object.requiredMember(name, told: told),
            let replacement = object.shape.object(at: member)
        else { return }
        value = Replacement(reading: replacement)
    }

    mutating func required<Code: ClosedCode>(
        _ name: StaticString,
        _ value: inout Code,
        told: Int
    ) {
        if let code: Code = object.requiredCode(name, told: told) { value = code }
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout Part,
        told: Int
    ) {
        value = object.requiredObject(name, else: value, told: told)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout [Part],
        told: Int
    ) {
        value = object.requiredObjects(name, told: told)
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
