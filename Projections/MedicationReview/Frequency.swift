import CareEpisode

/// How often, in the words of who ordered it.
struct Frequency {
    /// In lower case, signs left out.
    private let words: [String]

    init(_ text: String) { words = MedicationText.plainWords(text) }

    /// Words that say that it is taken once, and no more.
    private static let once: Set<[String]> = [
        ["once"], ["one", "time"], ["x1"], ["1x"], ["single", "dose"], ["stat"], ["now"],
        ["now", "x1"],
    ]

    /// Whether the whole of it is one dose; as needed, and a repeat that is allowed (MR1), aside.
    ///
    /// A repeat alone ("MR X1") is of one dose.
    var isOnce: Bool {
        var rest: [String] = []
        var isRepeated = false
        for (place, word) in words.enumerated() {
            switch (place > 0 ? words[place - 1] : "", word) {
            case (_, "prn"): continue
            case ("as", "needed"): rest.removeLast()
            case (_, "mr"): isRepeated = true
            case ("mr", _) where Self.isCount(word): continue
            case (_, _) where word.hasPrefix("mr") && Self.isCount(word.dropFirst(2)):
                isRepeated = true
            default: rest.append(word)
            }
        }
        return Self.once.contains(rest) || (isRepeated && rest.isEmpty)
    }

    /// Whether it is a number, or "x" with one.
    private static func isCount(_ text: some StringProtocol) -> Bool {
        let digits = text.dropFirst(text.hasPrefix("x") ? 1 : 0)
        return !digits.isEmpty && digits.allSatisfy(\.isNumber)
    }

    /// The times of day that it names.
    var timesOfDay: Set<String> { Set(words.compactMap { Self.times[$0] }) }

    private static let times = [
        "morning": "morning", "am": "morning", "qam": "morning", "breakfast": "morning",
        "noon": "noon", "midday": "noon", "lunch": "noon", "afternoon": "afternoon",
        "evening": "evening", "pm": "evening", "qpm": "evening", "dinner": "evening",
        "supper": "evening", "bedtime": "night", "night": "night", "nightly": "night",
        "hs": "night", "qhs": "night",
    ]

    /// Whether the same words are meant.
    static func isSame(_ one: String, _ other: String) -> Bool {
        one == other || Frequency(one).words == Frequency(other).words
    }
}
