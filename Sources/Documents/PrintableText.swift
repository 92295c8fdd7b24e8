extension String {
    /// The text without what a terminal or a page would obey instead of show.
    ///
    /// Control characters (line breaks among them), line and paragraph separators, and the marks that
    /// reverse the direction of text become U+FFFD: what was recorded cannot move a cursor, break a
    /// table or show a dose backwards.
    public var printable: String { printable(keeping: "") }

    /// The same, but for some characters that do no harm where the text is shown; a line break of two
    /// characters is one.
    public func printable(keeping kept: String) -> String {
        guard unicodeScalars.contains(where: \.isObeyed) else { return self }
        let kept = Set(kept.unicodeScalars)
        let text = kept.contains("\n") ? replacing("\r\n", with: "\n") : self
        var shown = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            shown.append(scalar.isObeyed && !kept.contains(scalar) ? "\u{FFFD}" : scalar)
        }
        return String(shown)
    }
}

extension Unicode.Scalar {
    fileprivate var isObeyed: Bool {
        switch value {
        case 0..<0x20, 0x7F..<0xA0, 0x061C, 0x200E...0x200F, 0x2028...0x202E, 0x2066...0x2069: true
        default: false
        }
    }
}
