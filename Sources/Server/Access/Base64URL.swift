import FoundationEssentials
import TransparencyLog

/// Base64url, as tokens and keys are written.
enum Base64URL {
    /// Base64url without padding.
    static func encode(_ bytes: some Sequence<UInt8>) -> String {
        String(
            Base64.encode(bytes).compactMap { character -> Character? in
                switch character {
                case "+": "-"
                case "/": "_"
                case "=": nil
                default: character
                }
            }
        )
    }

    /// Base64url without padding (RFC 7515), in its one canonical form.
    static func decode(_ part: some StringProtocol) -> [UInt8]? {
        decode(text: String(part))
    }

    private static func decode(text: String) -> [UInt8]? {
        guard
            text.utf8.allSatisfy({ byte in
                byte == UInt8(ascii: "-") || byte == UInt8(ascii: "_")
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
                    || (UInt8(ascii: "A")...UInt8(ascii: "Z")).contains(byte)
                    || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
            })
        else { return nil }
        let standard = String(text.map { $0 == "-" ? "+" : $0 == "_" ? "/" : $0 })
        let padded = standard + String(repeating: "=", count: (4 - standard.count % 4) % 4)
        guard let data = Data(base64Encoded: padded), data.base64EncodedString() == padded else {
            return nil
        }
        return Array(data)
    }
}
