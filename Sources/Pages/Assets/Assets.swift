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

        fileprivate init(_ path: String, _ type: String, text: String? = nil) {
            let text = text ?? EmbeddedText.text("Assets/\(path)")
            self.text = text
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

    /// What stands beside the title in a browser.
    public static let icon = File(
        "icon.svg",
        "image/svg+xml",
        text: """
            <svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 22 22"><rect width="22" height="22" \
            rx="4" fill="#0a5c54"/><path d="M4 6.5h14M4 11h8.5M4 15.5h14" stroke="#fff" \
            stroke-width="2"/><circle cx="16" cy="11" r="2.4" fill="none" stroke="#bcaef5" \
            stroke-width="2"/></svg>
            """
    )

    /// All of them.
    public static let all = [style, script, icon]
}
