/// The name of a ledger: the events of one organization.
///
/// 1 to 63 of `a`–`z`, `0`–`9`, `_` and `-`, beginning with a letter or digit, so that it fits a URL, a
/// file name and the origin of a checkpoint as it is.
public struct LedgerName: Hashable, Sendable, CustomStringConvertible {
    private let text: String

    /// The name, or nil where the text is not one.
    public init?(_ text: String) {
        let letterOrDigit: (UInt8) -> Bool = { byte in
            (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
        }
        guard let first = text.utf8.first, letterOrDigit(first), text.utf8.count <= 63,
            text.utf8.allSatisfy({
                letterOrDigit($0) || $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
            })
        else { return nil }
        self.text = text
    }

    private init(checked text: String) { self.text = text }

    /// The ledger that is there from the first migration on.
    public static let `default` = LedgerName(checked: "default")

    /// The name.
    public var description: String { text }
}
