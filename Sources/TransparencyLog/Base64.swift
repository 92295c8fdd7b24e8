import FoundationEssentials

/// Base64 (RFC 4648, section 4) in its one canonical form.
public enum Base64 {
    /// Bytes as base64, with padding.
    public static func encode(_ bytes: some Sequence<UInt8>) -> String {
        Data(bytes).base64EncodedString()
    }

    /// The bytes of a text; nil unless it is exactly what ``encode(_:)`` makes of them.
    public static func decode(_ text: some StringProtocol) -> [UInt8]? {
        decode(utf8: Data(text.utf8))
    }

    /// The same for the bytes of a text.
    public static func decode(utf8 text: some Collection<UInt8>) -> [UInt8]? {
        decode(utf8: Data(text))
    }

    private static func decode(utf8 text: Data) -> [UInt8]? {
        guard text.count.isMultiple(of: 4), let data = Data(base64Encoded: text) else { return nil }
        // Only in the last four digits can there be bits that no byte needs.
        let rest = data.suffix(data.count % 3 == 0 ? min(3, data.count) : data.count % 3)
        guard rest.base64EncodedData().elementsEqual(text.suffix(4)) else { return nil }
        return Array(data)
    }
}
