/// The style sheet and the script, which every page names by what they hold: a browser may keep them.
public enum Assets {
    /// One file.
    public struct File: Sendable {
        /// Its name, with a digest of its text.
        public let name: String
        /// Its media type.
        public let type: String
        /// What it holds.
        public let text: String

        fileprivate init(_ path: String, _ type: String) {
            text = EmbeddedText.text("Assets/\(path)")
            self.type = type
            // FNV-1a: to tell versions apart, not to prove anything.
            let digest = text.utf8.reduce(0xCBF2_9CE4_8422_2325 as UInt64) {
                ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3
            }
            let dot = path.firstIndex(of: ".") ?? path.endIndex
            name = "\(path[..<dot]).\(String(digest, radix: 36))\(path[dot...])"
        }

        /// Where it is.
        public var path: String { "/assets/\(name)" }
    }

    /// The one style sheet.
    public static let style = File("app.css", "text/css; charset=utf-8")
    /// The one script.
    public static let script = File("app.js", "text/javascript; charset=utf-8")

    /// All of them.
    public static let all = [style, script]
}
