/// The words of what people write about medications.
enum MedicationText {
    /// A run of letters and digits, in lower case.
    struct Word {
        let text: String
        /// Whether `/`, `+`, `&` or a hyphen joins it with the word before.
        ///
        /// A dash between blanks joins nothing.
        let isJoined: Bool
    }

    /// The words of a text; case and punctuation do not matter.
    static func words(_ text: String) -> [Word] {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return words(ofASCII: text) }
        var words: [Word] = []
        var word = ""
        var gap = ""
        func isJoined() -> Bool {
            !words.isEmpty
                && (gap.contains { "/+&".contains($0) }
                    || (gap.contains("-") && !gap.contains(where: \.isWhitespace)))
        }
        for character in text.lowercased() {
            if character.isLetter || character.isNumber {
                word.append(character)
            } else {
                if !word.isEmpty {
                    words.append(Word(text: word, isJoined: isJoined()))
                    (word, gap) = ("", "")
                }
                gap.append(character)
            }
        }
        if !word.isEmpty { words.append(Word(text: word, isJoined: isJoined())) }
        return words
    }

    /// The same of a text without any other letters, as nearly all are, in a tenth of the time.
    private static func words(ofASCII text: String) -> [Word] {
        var words: [Word] = []
        var word: [UInt8] = []
        var (hasJoint, hasHyphen, hasBlank) = (false, false, false)
        func end() {
            guard !word.isEmpty else { return }
            let isJoined = !words.isEmpty && (hasJoint || (hasHyphen && !hasBlank))
            words.append(Word(text: String(decoding: word, as: UTF8.self), isJoined: isJoined))
            word.removeAll(keepingCapacity: true)
            (hasJoint, hasHyphen, hasBlank) = (false, false, false)
        }
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                word.append(byte)
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): word.append(byte | 0x20)
            default:
                end()
                switch byte {
                case UInt8(ascii: "/"), UInt8(ascii: "+"), UInt8(ascii: "&"): hasJoint = true
                case UInt8(ascii: "-"): hasHyphen = true
                case 0x09...0x0D, UInt8(ascii: " "): hasBlank = true
                default: break
                }
            }
        }
        end()
        return words
    }

    /// The same without what joins them.
    static func plainWords(_ text: String) -> [String] { words(text).map(\.text) }

    /// What stands beside a name and names nothing: units, forms and routes.
    static let fillingWords: Set<String> =
        RouteGroup.words.union([
            "mg", "mcg", "ug", "µg", "g", "gm", "ml", "l", "meq", "mmol", "unit", "units", "iu",
            "h", "hr", "hrs", "hour", "hours", "day", "days", "week", "weeks", "w", "with", "and",
            "kit", "pack", "extended", "delayed", "immediate", "sustained", "controlled",
            "prolonged", "modified", "release", "released", "long", "short", "acting", "er", "xr",
            "xl", "sr", "cr", "la", "dr", "ir", "ec", "enteric", "coated", "orally",
            "disintegrating", "dispersible", "sprinkle", "system",
        ])
}
