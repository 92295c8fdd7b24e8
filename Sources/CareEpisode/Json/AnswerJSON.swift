/// An answer as JSON: members in the order in which they were put, nulls written.
public indirect enum AnswerJSON: Sendable {
    /// Members in order.
    case object([(name: String, value: AnswerJSON)])
    /// Elements in order.
    case array([AnswerJSON])
    /// Text, escaped when written.
    case string(String)
    /// A whole number.
    case integer(Int64)
    /// A number, written as briefly as it reads back; null where it is not finite, since JSON has no
    /// such numbers.
    case number(Double)
    /// True or false.
    case bool(Bool)
    /// JSON already, written as it is.
    case raw([UInt8])
    /// Null.
    case null

    /// A string, or null.
    public static func text(_ value: String?) -> AnswerJSON { value.map { .string($0) } ?? .null }

    /// An instant in its canonical form, or null.
    public static func instant(_ value: Instant?) -> AnswerJSON { text(value?.description) }

    /// The JSON, without white space.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        write(into: &bytes)
        return bytes
    }

    private func write(into bytes: inout [UInt8]) {
        switch self {
        case .object(let members):
            bytes.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                Self.write(member.name, into: &bytes)
                bytes.append(UInt8(ascii: ":"))
                member.value.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "}"))
        case .array(let elements):
            bytes.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { bytes.append(UInt8(ascii: ",")) }
                element.write(into: &bytes)
            }
            bytes.append(UInt8(ascii: "]"))
        case .string(let text): Self.write(text, into: &bytes)
        case .integer(let number): bytes += String(number).utf8
        case .number(let number):
            if let whole = Int64(exactly: number) {
                bytes += String(whole).utf8
            } else {
                bytes += (number.isFinite ? number.description : "null").utf8
            }
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .raw(let json): bytes += json
        case .null: bytes += "null".utf8
        }
    }

    private static func write(_ text: String, into bytes: inout [UInt8]) {
        var text = text
        bytes.append(UInt8(ascii: "\""))
        // What needs no escape, nearly everything, is copied in one piece.
        text.withUTF8 { utf8 in
            var start = 0
            for (index, byte) in utf8.enumerated() where isEscaped(byte) {
                bytes += utf8[start..<index]
                writeEscaped(byte, into: &bytes)
                start = index + 1
            }
            bytes += utf8[start...]
        }
        bytes.append(UInt8(ascii: "\""))
    }

    private static func isEscaped(_ byte: UInt8) -> Bool {
        byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\")
    }

    private static func writeEscaped(_ byte: UInt8, into bytes: inout [UInt8]) {
        switch byte {
        case 0x0A: bytes += "\\n".utf8
        case 0x0D: bytes += "\\r".utf8
        case 0x09: bytes += "\\t".utf8
        case 0..<0x20:
            let digits = String(byte, radix: 16)
            bytes += ("\\u00" + (byte < 16 ? "0" : "") + digits).utf8
        default: bytes += [UInt8(ascii: "\\"), byte]
        }
    }
}

extension AnswerJSON: ExpressibleByStringLiteral, ExpressibleByDictionaryLiteral,
    ExpressibleByArrayLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral
{
    /// A whole number.
    public init(integerLiteral value: Int64) {
        self = .integer(value)
    }

    /// True or false.
    public init(booleanLiteral value: Bool) {
        self = .bool(value)
    }

    /// A string.
    public init(stringLiteral value: String) {
        self = .string(value)
    }

    /// An object, members in the order of the literal.
    public init(dictionaryLiteral elements: (String, AnswerJSON)...) {
        self = .object(elements.map { (name: $0, value: $1) })
    }

    /// An array.
    public init(arrayLiteral elements: AnswerJSON...) {
        self = .array(elements)
    }
}
