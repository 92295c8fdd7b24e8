/// The lines of a file, found one after the other: a file of newlines takes no more memory than it has
/// bytes.
struct TextLines: Sequence, IteratorProtocol {
    private var rest: ArraySlice<UInt8>

    /// The lines of some bytes; nil where the last one does not end.
    init?(_ bytes: ArraySlice<UInt8>) {
        guard bytes.isEmpty || bytes.last == Self.end else { return nil }
        rest = bytes
    }

    /// How many there are.
    var count: Int { rest.count { $0 == Self.end } }

    /// The next line, without its end.
    mutating func next() -> ArraySlice<UInt8>? {
        guard let end = rest.firstIndex(of: Self.end) else { return nil }
        defer { rest = rest[(end + 1)...] }
        return rest[..<end]
    }

    private static let end = UInt8(ascii: "\n")
}
