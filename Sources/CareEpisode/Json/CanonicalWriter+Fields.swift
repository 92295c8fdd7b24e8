/// Writes the fields of an object that are there.
extension CanonicalWriter: FieldVisitor {
    mutating func required(_ name: StaticString, _ value: inout String, order: Int) {
        member(name, value)
    }

    mutating func required(_ name: StaticString, _ value: inout Bool, order: Int) {
        member(name, value)
    }

    mutating func required(
        _ name: StaticString,
        _ value: inout Int,
        in range: ClosedRange<Int>,
        order: Int
    ) {
        member(name, value)
    }

    mutating func required(_ name: StaticString, _ value: inout EventID, order: Int) {
        member(name, value)
    }

    mutating func required(_ name: StaticString, _ value: inout Replacement, order: Int) {
        member(name, value)
    }

    mutating func required<Code: ClosedCode>(
        _ name: StaticString,
        _ value: inout Code,
        order: Int
    ) {
        member(name, value)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout Part,
        order: Int
    ) {
        member(name, value)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout [Part],
        order: Int
    ) {
        member(name, value)
    }

    mutating func optional(_ name: StaticString, _ value: inout String?) { member(name, value) }

    mutating func optional(_ name: StaticString, _ value: inout [String]?) { member(name, value) }

    mutating func optional(_ name: StaticString, _ value: inout Bool?) { member(name, value) }

    mutating func optional(
        _ name: StaticString,
        _ value: inout Int?,
        in range: ClosedRange<Int>
    ) {
        member(name, value)
    }

    mutating func optional(_ name: StaticString, _ value: inout Double?, atMost most: Int?) {
        member(name, value)
    }

    mutating func optional(_ name: StaticString, _ value: inout Instant?) { member(name, value) }

    mutating func optional(_ name: StaticString, _ value: inout CalendarDate?) {
        member(name, value)
    }

    mutating func optional<Code: ClosedCode>(_ name: StaticString, _ value: inout Code?) {
        member(name, value)
    }

    mutating func optional<Code: OpenCode>(_ name: StaticString, _ value: inout Code?) {
        member(name, value)
    }

    mutating func optional<Part: PayloadObject>(_ name: StaticString, _ value: inout Part?) {
        member(name, value)
    }

    mutating func optional<Part: PayloadObject>(_ name: StaticString, _ value: inout [Part]?) {
        member(name, value)
    }
}
