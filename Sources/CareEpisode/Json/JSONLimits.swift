/// The limits of `docs/events.md`, "Shape".
enum JSONLimits {
    static let significantDigits = 15
    /// Numbers lie below 10¹⁵: the exponent of the first significant digit is at most this.
    static let largestExponent = 14
    /// The largest whole number below that.
    static let largestInteger: Int64 = 999_999_999_999_999
    /// Numbers nearer to 0 have no exact place among the 64-bit floating-point numbers.
    static let smallestExponent = -300
    static let stringScalars = 4096
    static let narrativeScalars = 65_536
    static let arrayElements = 256
    static let nesting = 16
    /// One event, in bytes as sent.
    static let eventBytes = 256 * 1024
    /// One request, or one line with its white space: 256 events and as much again between them.
    ///
    /// Nodes count bytes in 32 bits.
    static let requestBytes = 2 * 256 * eventBytes
    /// Nobody reads more; the rest of a hostile event is not described.
    static let reportedErrors = 100
    /// Deeper documents are not read to their end.
    ///
    /// Far above `nesting`, so that the other errors of a document that is merely too deep are
    /// still told, far below what would exhaust the stack.
    static let recursion = 128

    /// The scalars that a string may have under this name.
    static func scalars(of name: UnsafeBufferPointer<UInt8>) -> Int {
        guard 7...12 ~= name.count else { return stringScalars }
        for narrative in ["summary", "instructions", "condition", "rationale"] as [StaticString]
        where narrative.equals(name) {
            return narrativeScalars
        }
        return stringScalars
    }
}

extension StaticString {
    func equals(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        guard utf8CodeUnitCount == text.count else { return false }
        let own = UnsafeBufferPointer(start: utf8Start, count: utf8CodeUnitCount)
        for index in 0..<text.count where own[index] != text[index] { return false }
        return true
    }
}
