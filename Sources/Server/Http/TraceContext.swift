/// Where a request stands in a trace (W3C Trace Context, level 1): the caller's trace goes on with a
/// span of this service's own, or begins here.
struct TraceContext: Sendable, CustomStringConvertible {
    /// 32 hexadecimal digits, not all zero.
    let traceID: String
    /// 16 hexadecimal digits, not all zero: of this service's part.
    let spanID: String
    private let flags: String

    /// Reads `traceparent`; one that cannot be read begins a new trace, as the standard demands.
    init(_ header: String?) {
        spanID = Self.digits(16, .random(in: 1...UInt64.max))
        let parts = (header ?? "").split(separator: "-", omittingEmptySubsequences: false)
        if parts.count >= 4, Self.isField(parts[0], 2, mayBeZero: true), parts[0] != "ff",
            parts.count == 4 || parts[0] != "00", Self.isField(parts[1], 32),
            Self.isField(parts[2], 16), Self.isField(parts[3], 2, mayBeZero: true)
        {
            traceID = String(parts[1])
            flags = String(parts[3])
        } else {
            let (high, low) = (UInt64.random(in: 1...UInt64.max), UInt64.random(in: 0...UInt64.max))
            traceID = Self.digits(16, high) + Self.digits(16, low)
            flags = "00"
        }
    }

    /// As `traceparent` writes it.
    var description: String { "00-\(traceID)-\(spanID)-\(flags)" }

    private static func digits(_ count: Int, _ number: UInt64) -> String {
        let text = String(number, radix: 16)
        return String(repeating: "0", count: count - text.utf8.count) + text
    }

    private static func isField(
        _ text: Substring,
        _ count: Int,
        mayBeZero: Bool = false
    ) -> Bool {
        text.utf8.count == count
            && text.utf8.allSatisfy { byte in
                (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
            } && (mayBeZero || text.utf8.contains { $0 != UInt8(ascii: "0") })
    }
}
