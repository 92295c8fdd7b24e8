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
