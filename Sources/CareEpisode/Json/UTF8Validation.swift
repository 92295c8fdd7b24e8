/// The number of Unicode scalars in `bytes`, or nil where they are not well-formed UTF-8
/// (Unicode 16, table 3-7: nothing overlong, no surrogates, nothing above U+10FFFF, nothing cut off).
func unicodeScalarCount(_ bytes: UnsafeBufferPointer<UInt8>) -> Int? {
    var index = 0
    var scalars = 0
    while index < bytes.count {
        let lead = bytes[index]
        scalars += 1
        index += 1
        if lead < 0x80 { continue }
        let following: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch lead {
        case 0xC2...0xDF: following = 1
        case 0xE0: (following, second) = (2, 0xA0...0xBF)
        case 0xED: (following, second) = (2, 0x80...0x9F)
        case 0xE1...0xEF: following = 2
        case 0xF0: (following, second) = (3, 0x90...0xBF)
        case 0xF1...0xF3: following = 3
        case 0xF4: (following, second) = (3, 0x80...0x8F)
        default: return nil
        }
        guard index + following <= bytes.count, second.contains(bytes[index]) else { return nil }
        for offset in 1..<following where bytes[index + offset] & 0xC0 != 0x80 { return nil }
        index += following
    }
    return scalars
}

/// Appends the UTF-8 form of a scalar value.
func appendUTF8(_ scalar: UInt32, to bytes: inout [UInt8]) {
    func low6(_ shift: UInt32) -> UInt8 { 0x80 | UInt8(truncatingIfNeeded: scalar >> shift) & 0x3F }
    switch scalar {
    case ..<0x80:
        bytes.append(UInt8(scalar))
    case ..<0x800:
        bytes += [0xC0 | UInt8(scalar >> 6), low6(0)]
    case ..<0x10000:
        bytes += [0xE0 | UInt8(scalar >> 12), low6(6), low6(0)]
    default:
        bytes += [0xF0 | UInt8(scalar >> 18), low6(12), low6(6), low6(0)]
    }
}
