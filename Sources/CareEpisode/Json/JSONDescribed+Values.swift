extension AnswerJSON: JSONDescribed {
    /// Anything.
    public static var schema: AnswerJSON { [:] }
    /// Itself.
    public var json: AnswerJSON { self }
}

extension Optional: JSONDescribed where Wrapped: JSONDescribed {
    /// The value, or null.
    public static var schema: AnswerJSON { Wrapped.schema.orNull }
    /// The value, or null.
    public var json: AnswerJSON { self?.json ?? .null }
}

extension Array: JSONDescribed where Element: JSONDescribed {
    /// A list.
    public static var schema: AnswerJSON { .schema(listOf: Element.schema) }
    /// The elements in order.
    public var json: AnswerJSON {
        // A key path of a generic type would be made anew each time.
        .array(map { $0.json })
    }
}

extension [String: Int]: JSONDescribed {
    /// Numbers under their codes.
    public static var schema: AnswerJSON {
        ["type": "object", "additionalProperties": ["type": "integer", "minimum": 0]]
    }
    /// The numbers in the order of their codes.
    public var json: AnswerJSON {
        .object(sorted { $0.key < $1.key }.map { ($0.key, .integer(Int64($0.value))) })
    }
}

extension Bool: JSONDescribed {
    /// True or false.
    public static var schema: AnswerJSON { ["type": "boolean"] }
    /// True or false.
    public var json: AnswerJSON { .bool(self) }
}

extension Double: JSONDescribed {
    /// A number.
    public static var schema: AnswerJSON { ["type": "number"] }
    /// The number.
    public var json: AnswerJSON { .number(self) }
}

extension FixedWidthInteger where Self: JSONDescribed {
    /// A whole number.
    public static var schema: AnswerJSON { ["type": "integer"] }
    /// The number.
    public var json: AnswerJSON { .integer(Int64(self)) }
}

extension Int: JSONDescribed {}
extension Int64: JSONDescribed {}

extension RawRepresentable<Int64> where Self: JSONDescribed {
    /// A whole number from 0.
    public static var schema: AnswerJSON { ["type": "integer", "minimum": 0] }
    /// The number.
    public var json: AnswerJSON { .integer(rawValue) }
}

extension Position: JSONDescribed {}
extension Version: JSONDescribed {}

extension String: JSONText {
    /// A text.
    public static var schema: AnswerJSON { ["type": "string"] }
}

extension Instant: JSONText {
    /// A time of RFC 3339, in its canonical form.
    public static var schema: AnswerJSON { .schema(format: "date-time") }
}

extension CalendarDate: JSONText {
    /// A date.
    public static var schema: AnswerJSON { .schema(format: "date") }
}

extension LocalWeek: JSONText {
    /// A week of ISO 8601, such as `2025-W01`, or the first date of another week.
    public static var schema: AnswerJSON {
        ["type": "string", "pattern": "^[0-9]{4}-(W[0-9]{2}|[0-9]{2}-[0-9]{2})$"]
    }
}

extension UniqueIdentifier {
    /// A UUID.
    public static var schema: AnswerJSON { .schema(format: "uuid") }
}

extension LedgerName: JSONText {
    /// A name.
    public static var schema: AnswerJSON {
        ["type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"]
    }
}

extension ClosedCode {
    /// One of the codes.
    public static var schema: AnswerJSON {
        ["type": "string", "enum": .array(allCases.map { .string($0.rawValue) })]
    }
    /// The code.
    public var json: AnswerJSON { .string(rawValue) }
}

extension OpenCode {
    /// Any text that is not empty.
    public static var schema: AnswerJSON { ["type": "string", "minLength": 1] }
}
