/// An exact decimal number, kept as its digits.
///
/// The text is PostgreSQL's own: an optional minus sign, digits, and a fraction with as many digits
/// as the value's scale; or `NaN`, `Infinity`, `-Infinity`.
public struct PostgresNumeric: Hashable, Sendable, CustomStringConvertible, PostgresEncodable,
    PostgresDecodable
{
    /// The number as PostgreSQL would write it.
    public let description: String

    /// Parses a decimal number: `12`, `-0.50`, `NaN`, `Infinity`, `-Infinity`.
    ///
    /// Exponents, spaces and a bare point are refused, as is what PostgreSQL's type cannot hold
    /// (131,072 digits before the point, 16,383 after it).
    public init?(_ text: String) {
        switch text {
        case "NaN", "Infinity", "-Infinity":
            description = text
            return
        default: break
        }
        var body = Substring(text)
        let negative = body.first == "-"
        if negative { body = body.dropFirst() }
        let parts = body.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let fraction = parts.count == 2 ? parts[1] : ""
        guard let whole = parts.first, !whole.isEmpty, parts.count == 1 || !fraction.isEmpty,
            whole.utf8.allSatisfy(Self.isDigit), fraction.utf8.allSatisfy(Self.isDigit),
            fraction.utf8.count <= 16_383
        else { return nil }
        let significant = whole.drop { $0 == "0" }
        guard significant.utf8.count <= 131_072 else { return nil }
        let isZero = significant.isEmpty && fraction.utf8.allSatisfy { $0 == UInt8(ascii: "0") }
        description =
            (negative && !isZero ? "-" : "") + (significant.isEmpty ? "0" : significant)
            + (fraction.isEmpty ? "" : "." + fraction)
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    /// numeric.
    public static var postgresType: PostgresType { .numeric }

    private static let negativeSign: UInt16 = 0x4000
    private static let notANumber: UInt16 = 0xC000
    private static let positiveInfinity: UInt16 = 0xD000
    private static let negativeInfinity: UInt16 = 0xF000

    /// Digits in base 10,000 with weight, sign and display scale.
    public func encode(into bytes: inout [UInt8]) {
        func header(_ count: Int, _ weight: Int, _ sign: UInt16, _ scale: Int) {
            bytes.appendBigEndian(Int16(count))
            bytes.appendBigEndian(Int16(weight))
            bytes.appendBigEndian(sign)
            bytes.appendBigEndian(Int16(scale))
        }
        switch description {
        case "NaN": return header(0, 0, Self.notANumber, 0)
        case "Infinity": return header(0, 0, Self.positiveInfinity, 0)
        case "-Infinity": return header(0, 0, Self.negativeInfinity, 0)
        default: break
        }
        let negative = description.first == "-"
        let parts = description.utf8.drop { $0 == UInt8(ascii: "-") }.split(
            separator: UInt8(ascii: ".")
        )
        let whole = Array(parts[0])
        let fraction = parts.count == 2 ? Array(parts[1]) : []
        // Pad both sides so that groups of four decimal digits begin at the point.
        let zero = UInt8(ascii: "0")
        let padded =
            [UInt8](repeating: zero, count: (4 - whole.count % 4) % 4) + whole + fraction
            + [UInt8](repeating: zero, count: (4 - fraction.count % 4) % 4)
        var digits = stride(from: 0, to: padded.count, by: 4).map { start in
            padded[start..<start + 4].reduce(Int16(0)) { $0 * 10 + Int16($1 - zero) }
        }
        var weight = (whole.count + 3) / 4 - 1
        while digits.first == 0 {
            digits.removeFirst()
            weight -= 1
        }
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { weight = 0 }
        header(digits.count, weight, negative ? Self.negativeSign : 0, fraction.count)
        for digit in digits { bytes.appendBigEndian(digit) }
    }

    /// Reads numeric.
    public init(postgres bytes: UnsafeRawBufferPointer, type: PostgresType)
        throws(PostgresDecodingFailure)
    {
        guard type == .numeric else { throw .typeMismatch }
        var reader = BinaryReader(bytes)
        let count = Int(try reader.int16())
        let weight = Int(try reader.int16())
        let sign = UInt16(bitPattern: try reader.int16())
        let scale = Int(UInt16(bitPattern: try reader.int16()))
        var digits: [Int] = []
        guard count >= 0, count == reader.remaining / 2, reader.remaining % 2 == 0 else {
            throw .malformed("a wrong number of digits")
        }
        for _ in 0..<count {
            let digit = Int(try reader.int16())
            guard (0..<10_000).contains(digit) else { throw .malformed("a digit beyond 9999") }
            digits.append(digit)
        }
        switch sign {
        case Self.notANumber: description = "NaN"
        case Self.positiveInfinity: description = "Infinity"
        case Self.negativeInfinity: description = "-Infinity"
        case 0, Self.negativeSign:
            let text = Self.text(digits, weight: weight, scale: scale)
            description = sign == 0 ? text : "-" + text
        default: throw .malformed("an unknown sign")
        }
    }

    private static func text(_ digits: [Int], weight: Int, scale: Int) -> String {
        func group(_ place: Int) -> String {
            let index = weight - place
            let digit = digits.indices.contains(index) ? digits[index] : 0
            let text = String(digit)
            return String(repeating: "0", count: 4 - text.utf8.count) + text
        }
        var whole = ""
        for place in stride(from: max(weight, 0), through: 0, by: -1) { whole += group(place) }
        let trimmed = whole.drop { $0 == "0" }
        var text = trimmed.isEmpty ? "0" : String(trimmed)
        guard scale > 0 else { return text }
        var fraction = ""
        var place = -1
        while fraction.utf8.count < scale {
            fraction += group(place)
            place -= 1
        }
        text += "." + fraction.prefix(scale)
        return text
    }
}
