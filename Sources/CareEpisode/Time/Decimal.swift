/// The value of the ASCII digits at `range`, or nil where there is anything else.
func decimal(_ bytes: UnsafeBufferPointer<UInt8>, _ range: Range<Int>) -> Int? {
    var value = 0
    for index in range {
        let digit = bytes[index] &- UInt8(ascii: "0")
        guard digit < 10 else { return nil }
        value = value * 10 + Int(digit)
    }
    return value
}

/// Appends a number that is not negative with at least `width` digits.
func appendDecimal(_ value: Int, width: Int, to bytes: inout [UInt8]) {
    var digits = 1
    var limit = 10
    while limit <= value, digits < 18 {
        digits += 1
        limit *= 10
    }
    if limit <= value { digits = 19 }
    digits = max(digits, width)
    bytes.append(contentsOf: repeatElement(UInt8(ascii: "0"), count: digits))
    var rest = UInt(value)
    var index = bytes.count
    while rest > 0 {
        index -= 1
        bytes[index] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
        rest /= 10
    }
}

/// The quotient rounded toward minus infinity; `divisor` is positive.
func floorDivide(_ value: Int, by divisor: Int) -> Int {
    value >= 0 ? value / divisor : -((divisor - 1 - value) / divisor)
}
