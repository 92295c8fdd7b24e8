/// A UUID (RFC 9562) that is an identifier of one kind only.
public protocol UniqueIdentifier: Hashable, Comparable, JSONText {
    /// The 128 bits, the first byte the most significant.
    var bits: UInt128 { get }
    /// The identifier with these bits.
    init(bits: UInt128)
}

extension UniqueIdentifier {
    /// Parses 8-4-4-4-12 hexadecimal digits in either case; nil for anything else.
    public init?(_ text: some StringProtocol) {
        var utf8 = String(text)
        guard let bits = utf8.withUTF8({ uuidBits($0) }) else { return nil }
        self.init(bits: bits)
    }

    /// The identifier whose 16 bytes these are, most significant first.
    ///
    /// Any other count traps.
    public init(bytes: some Collection<UInt8>) {
        precondition(bytes.count == 16, "a UUID has 16 bytes")
        self.init(bits: bytes.reduce(0) { $0 << 8 | UInt128($1) })
    }

    /// The 16 bytes, most significant first.
    public var bytes: [UInt8] {
        let bits = bits
        return (0..<16).map { UInt8(truncatingIfNeeded: bits >> UInt128(120 - 8 * $0)) }
    }

    /// 8-4-4-4-12 hexadecimal digits in lower case.
    public var description: String {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(36)
        write(to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Whether the bits of `left`, as a number, are below those of `right`.
    public static func < (left: Self, right: Self) -> Bool { left.bits < right.bits }

    /// A random identifier (UUID version 4).
    public static func random(using generator: inout some RandomNumberGenerator) -> Self {
        let random = UInt128(generator.next()) << 64 | UInt128(generator.next())
        return Self(bits: stamped(random, version: 4))
    }

    /// An identifier that begins with a time to the millisecond (UUID version 7), the rest random.
    public static func timeOrdered(
        at instant: Instant,
        using generator: inout some RandomNumberGenerator
    ) -> Self {
        let random = UInt128(generator.next()) << 64 | UInt128(generator.next())
        let milliseconds = UInt128(UInt64(max(0, instant.microseconds / 1000)) & 0xFFFF_FFFF_FFFF)
        let bits = milliseconds << 80 | random & (1 << 80 - 1)
        return Self(bits: stamped(bits, version: 7))
    }

    /// An identifier made of the first 16 bytes of a hash (UUID version 8, RFC 9562, 5.8).
    public static func derived(fromHash bytes: some Sequence<UInt8>) -> Self {
        let bits = bytes.prefix(16).reduce(UInt128(0)) { $0 << 8 | UInt128($1) }
        return Self(bits: stamped(bits, version: 8))
    }

    private static func stamped(_ bits: UInt128, version: UInt128) -> UInt128 {
        let cleared = bits & ~(0xF << 76) & ~(0x3 << 62)
        return cleared | version << 76 | 0x2 << 62
    }

    func write(to bytes: inout [UInt8]) {
        let halves = (
            UInt64(truncatingIfNeeded: bits >> 64), UInt64(truncatingIfNeeded: bits)
        )
        appendHexadecimal(halves.0, digits: 8, below: 64, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendHexadecimal(halves.0, digits: 4, below: 32, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendHexadecimal(halves.0, digits: 4, below: 16, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendHexadecimal(halves.1, digits: 4, below: 64, to: &bytes)
        bytes.append(UInt8(ascii: "-"))
        appendHexadecimal(halves.1, digits: 12, below: 48, to: &bytes)
    }
}

/// Appends the `digits` hexadecimal digits of `value` that begin right below bit `top`.
private func appendHexadecimal(
    _ value: UInt64,
    digits: Int,
    below top: Int,
    to bytes: inout [UInt8]
) {
    for digit in 1...digits {
        bytes.append(hexadecimalDigit(UInt8(truncatingIfNeeded: value >> UInt64(top - 4 * digit))))
    }
}

/// The lower-case digit of a number's low four bits.
func hexadecimalDigit(_ value: UInt8) -> UInt8 {
    let nibble = value & 0xF
    return nibble < 10 ? UInt8(ascii: "0") + nibble : UInt8(ascii: "a") + nibble - 10
}

/// Bytes as lower-case hexadecimal digits, two each.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
        for (index, byte) in bytes.enumerated() {
            text[2 * index] = hexadecimalDigit(byte >> 4)
            text[2 * index + 1] = hexadecimalDigit(byte)
        }
        return 2 * bytes.count
    }
}

/// The value of a hexadecimal digit in either case, or nil.
func hexadecimalValue(_ digit: UInt8) -> UInt8? {
    switch digit {
    case UInt8(ascii: "0")...UInt8(ascii: "9"): digit - UInt8(ascii: "0")
    case UInt8(ascii: "a")...UInt8(ascii: "f"): digit - UInt8(ascii: "a") + 10
    case UInt8(ascii: "A")...UInt8(ascii: "F"): digit - UInt8(ascii: "A") + 10
    default: nil
    }
}

/// The bits of an 8-4-4-4-12 UUID.
func uuidBits(_ text: UnsafeBufferPointer<UInt8>) -> UInt128? {
    guard text.count == 36 else { return nil }
    var high: UInt64 = 0
    var low: UInt64 = 0
    for index in 0..<36 {
        if index == 8 || index == 13 || index == 18 || index == 23 {
            guard text[index] == UInt8(ascii: "-") else { return nil }
        } else {
            guard let digit = hexadecimalValue(text[index]) else { return nil }
            if index < 18 {
                high = high << 4 | UInt64(digit)
            } else {
                low = low << 4 | UInt64(digit)
            }
        }
    }
    return UInt128(high) << 64 | UInt128(low)
}
