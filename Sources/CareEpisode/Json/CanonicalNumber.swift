/// Numbers as RFC 8785 writes them: as ECMAScript's `Number.prototype.toString` does.
enum CanonicalNumber {
    /// Appends the shortest digits that read back as `value`, which is finite.
    ///
    /// The negative zero is written 0.
    static func write(_ value: Double, to bytes: inout [UInt8]) {
        precondition(value.isFinite, "JSON has no NaN and no infinity")
        if abs(value) < 1e15, value.rounded(.towardZero) == value {
            return write(Int(value), to: &bytes)
        }
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        let (digits, point) = shortestDigits(of: abs(value))
        // ECMA-262, Number::toString: k digits, the decimal point after the n-th.
        switch point {
        case digits.count...21:
            bytes += digits
            bytes += repeatElement(UInt8(ascii: "0"), count: point - digits.count)
        case 1..<22 where point < digits.count:
            bytes += digits[..<point]
            bytes.append(UInt8(ascii: "."))
            bytes += digits[point...]
        case -5...0:
            bytes += [UInt8(ascii: "0"), UInt8(ascii: ".")]
            bytes += repeatElement(UInt8(ascii: "0"), count: -point)
            bytes += digits
        default:
            bytes.append(digits[0])
            if digits.count > 1 {
                bytes.append(UInt8(ascii: "."))
                bytes += digits[1...]
            }
            bytes += [UInt8(ascii: "e"), UInt8(ascii: point > 0 ? "+" : "-")]
            write(abs(point - 1), to: &bytes)
        }
    }

    static func write(_ value: Int, to bytes: inout [UInt8]) {
        if value < 0 { bytes.append(UInt8(ascii: "-")) }
        appendDecimal(abs(value), width: 1, to: &bytes)
    }

    /// The shortest digits d₁d₂…, without zeros at the end, and n so that 0.d₁d₂… × 10ⁿ is the value.
    ///
    /// Swift's own description has these digits (the shortest, of those the nearest), only set in
    /// another way: `1e-07`, `5e+22`, `0.0001`, `1234.5`.
    private static func shortestDigits(of value: Double) -> (digits: [UInt8], point: Int) {
        var digits: [UInt8] = []
        var point: Int?
        var exponent = 0
        var text = Array(value.description.utf8)[...]
        if let mark = text.firstIndex(of: UInt8(ascii: "e")) {
            exponent = Int(String(decoding: text[(mark + 1)...], as: UTF8.self)) ?? 0
            text = text[..<mark]
        }
        for byte in text {
            if byte == UInt8(ascii: ".") {
                point = digits.count
            } else {
                digits.append(byte)
            }
        }
        var leading = point ?? digits.count
        while digits.count > 1, digits.first == UInt8(ascii: "0") {
            digits.removeFirst()
            leading -= 1
        }
        while digits.count > 1, digits.last == UInt8(ascii: "0") { digits.removeLast() }
        return (digits, leading + exponent)
    }

    /// The value of a number's token as the reader accepted it, correctly rounded.
    static func value(of token: UnsafeBufferPointer<UInt8>) -> Double {
        var mantissa: UInt64 = 0
        var scale = 0
        var index = 0
        let isNegative = token[0] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        var isFraction = false
        while index < token.count {
            let digit = token[index] &- UInt8(ascii: "0")
            if digit < 10 {
                guard mantissa < 100_000_000_000_000 else { return slowValue(of: token) }
                mantissa = mantissa * 10 + UInt64(digit)
                if isFraction { scale -= 1 }
            } else if token[index] == UInt8(ascii: ".") {
                isFraction = true
            } else {
                return slowValue(of: token)
            }
            index += 1
        }
        guard scale >= -22 else { return slowValue(of: token) }
        // Both operands are exact, so the division rounds once (Clinger 1990).
        var power = 1.0
        for _ in 0..<(-scale) { power *= 10 }
        let magnitude = Double(mantissa) / power
        return isNegative ? -magnitude : magnitude
    }

    private static func slowValue(of token: UnsafeBufferPointer<UInt8>) -> Double {
        Double(String(decoding: token, as: UTF8.self)) ?? 0
    }
}
