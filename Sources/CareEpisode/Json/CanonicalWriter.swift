/// Writes JSON as RFC 8785 wants it.
///
/// Who calls gives an object's members in their order.
struct CanonicalWriter {
    private(set) var bytes: [UInt8] = []
    private var isFirst = true

    init(capacity: Int = 256) { bytes.reserveCapacity(capacity) }

    /// Begins an object or an array with its bracket.
    mutating func begin(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        isFirst = true
    }

    mutating func end(_ bracket: Unicode.Scalar) {
        bytes.append(UInt8(ascii: bracket))
        isFirst = false
    }

    /// Call before each element of an array.
    mutating func separate() {
        if !isFirst { bytes.append(UInt8(ascii: ",")) }
        isFirst = false
    }

    mutating func name(_ name: StaticString) {
        separate()
        bytes.append(UInt8(ascii: "\""))
        bytes.append(
            contentsOf: UnsafeBufferPointer(
                start: name.utf8Start,
                count: name.utf8CodeUnitCount
            )
        )
        bytes.append(UInt8(ascii: "\""))
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func name(_ name: UnsafeBufferPointer<UInt8>) {
        separate()
        write(utf8: name)
        bytes.append(UInt8(ascii: ":"))
    }

    mutating func write(_ text: String) {
        var text = text
        text.withUTF8 { write(utf8: $0) }
    }

    /// Control characters have the short escape or `\u00xx`; besides them only `"` and `\` have one.
    mutating func write(utf8 text: UnsafeBufferPointer<UInt8>) {
        bytes.append(UInt8(ascii: "\""))
        var written = 0
        for index in 0..<text.count {
            let byte = text[index]
            guard byte < 0x20 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") else {
                continue
            }
            bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[written..<index]))
            written = index + 1
            bytes.append(UInt8(ascii: "\\"))
            switch byte {
            case 0x08: bytes.append(UInt8(ascii: "b"))
            case 0x09: bytes.append(UInt8(ascii: "t"))
            case 0x0A: bytes.append(UInt8(ascii: "n"))
            case 0x0C: bytes.append(UInt8(ascii: "f"))
            case 0x0D: bytes.append(UInt8(ascii: "r"))
            case UInt8(ascii: "\""), UInt8(ascii: "\\"): bytes.append(byte)
            default:
                bytes += [UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
                bytes += [hexadecimalDigit(byte >> 4), hexadecimalDigit(byte)]
            }
        }
        bytes.append(contentsOf: UnsafeBufferPointer(rebasing: text[written...]))
        bytes.append(UInt8(ascii: "\""))
    }

    mutating func write(_ value: Double) { CanonicalNumber.write(value, to: &bytes) }

    mutating func write(_ value: Int) { CanonicalNumber.write(value, to: &bytes) }

    mutating func write(_ value: Bool) {
        bytes += value ? Array("true".utf8) : Array("false".utf8)
    }

    mutating func write(_ instant: Instant) { quoted { instant.write(to: &$0) } }

    mutating func write(_ date: CalendarDate) { quoted { date.write(to: &$0) } }

    mutating func write(_ identifier: some UniqueIdentifier) {
        quoted { identifier.write(to: &$0) }
    }

    /// Bytes that are canonical JSON already.
    mutating func write(canonical value: some Collection<UInt8>) { bytes += value }

    private mutating func quoted(_ write: (inout [UInt8]) -> Void) {
        bytes.append(UInt8(ascii: "\""))
        write(&bytes)
        bytes.append(UInt8(ascii: "\""))
    }
}
