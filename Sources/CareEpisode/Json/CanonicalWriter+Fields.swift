/// Writes the fields of an object that are there.
extension CanonicalWriter: FieldVisitor {
    mutating func required(_ name: StaticString, _ value: inout String, told: Int) {
        member(name, value)
    }

    mutating func required(_ name: StaticString, _ value: inout Bool, told: Int) {
        member(name, value)
    }

    mutating func required(
        _ name: StaticString,
        _ value: inout Int,
        in range: ClosedRange<Int>,
        told: Int
    ) {
        member(name, value)
    }

    mutating func required(_ name: StaticString, _ value: inout EventID, told: Int) {
        member(name, value)
    }

    mutating func required(_ name: StaticString, _ value: inout Replacement, told: Int) {
        member(name, value)
    }

    mutating func required<Code: ClosedCode>(
        _ name: StaticString,
        _ value: inout Code,
        told: Int
    ) {
        member(name, value)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout Part,
        told: Int
    ) {
        member(name, value)
    }

    mutating func required<Part: PayloadObject>(
        _ name: StaticString,
        _ value: inout [Part],
        told: Int
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
