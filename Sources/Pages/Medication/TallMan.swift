import Markup

/// Letters of drug names that are written tall, so that names that look alike are told apart.
///
/// `tall-man.csv`: the names with tall letters of the FDA's Name Differentiation Project, and those that
/// ISMP adds ("FDA and ISMP Lists of Look-Alike Drug Names with Recommended Tall Man Letters", 2023;
/// ismp.org/recommendations/tall-man-letters-list), but for the three that have a hyphen. The text stays
/// as it was recorded: a style makes the letters tall.
enum TallMan {
    /// By the name in small letters, which of its letters are tall.
    static let names: [String: [Bool]] = {
        var names: [String: [Bool]] = [:]
        for line in EmbeddedText.text("Medication/tall-man.csv").split(separator: "\n").dropFirst()
        {
            guard let name = line.split(separator: ",").first else { continue }
            var tall = name.map(\.isUppercase)
            // A brand begins with a capital that is nothing special.
            if tall.count > 1, tall[0], !tall[1] { tall[0] = false }
            names[name.lowercased()] = tall
        }
        return names
    }()

    /// A text in which the letters of the names that it holds are tall.
    static func html(_ text: String) -> [HTML] {
        var pieces: [HTML] = []
        var plain = ""
        func end() {
            if !plain.isEmpty { pieces.append(.text(plain)) }
            plain = ""
        }
        for word in words(text) {
            guard let tall = names[word.lowercased()], tall.count == word.count else {
                plain += word
                continue
            }
            var run = ""
            for (letter, isTall) in zip(word, tall) {
                if isTall {
                    run.append(letter)
                } else {
                    if !run.isEmpty {
                        end()
                        pieces.append(.tag("span", ["class": "tall"], text: run))
                        run = ""
                    }
                    plain.append(letter)
                }
            }
            if !run.isEmpty {
                end()
                pieces.append(.tag("span", ["class": "tall"], text: run))
            }
        }
        end()
        return pieces
    }

    /// Runs of letters, and what stands between them.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var wasLetter = false
        for character in text {
            if !words.isEmpty, character.isLetter == wasLetter {
                words[words.count - 1].append(character)
            } else {
                words.append(String(character))
            }
            wasLetter = character.isLetter
        }
        return words
    }
}
