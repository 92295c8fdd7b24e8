import CareEpisode
import Synchronization

/// Names of medications with their active ingredients, from FDA's UNII names and labels.
///
/// The table is compiled in and read at first use, so that an answer never depends on a file beside
/// the program.
final class MedicationNames: Sendable {
    static let shared = MedicationNames()

    /// Every name of the table, in its order.
    static let all: [String] = rows("names.csv").map { $0[0] }

    /// Texts that are remembered; beyond, all are looked up anew.
    static let rememberedLimit = 4_096

    /// By the words of a name, joined with a blank.
    private let ingredients: [String: [String]]
    /// How many words the longest name has that begins with a word.
    private let lengths: [String: Int]
    /// Words of salts, which belong to the ingredient before them.
    private let salts: Set<String>
    private let remembered = Mutex<[String: Substances]>([:])

    private init() {
        var ingredients: [String: [String]] = [:]
        var lengths: [String: Int] = [:]
        var salts: Set<String> = ["hcl"]
        for row in Self.rows("names.csv") {
            let words = MedicationText.words(row[0]).map(\.text)
            let names = Self.parts(row[2])
            ingredients[words.joined(separator: " ")] = names
            lengths[words[0]] = max(lengths[words[0]] ?? 0, words.count)
            if row[1] == "salt" { salts.formUnion(words.filter { !names.contains($0) }) }
        }
        self.ingredients = ingredients
        self.lengths = lengths
        self.salts = salts
    }

    /// The first three fields of each line after the first: none of them is in quotation marks.
    static func rows(_ file: String) -> [[String]] {
        EmbeddedText.literal("MedicationReview/Names/\(file)").withUTF8Buffer { bytes in
            bytes.split(separator: UInt8(ascii: "\n")).dropFirst().map { line in
                line.split(separator: UInt8(ascii: ","), maxSplits: 3).prefix(3)
                    .map { String(decoding: $0, as: UTF8.self) }
            }
        }
    }

    private static func parts(_ text: String) -> [String] {
        text.split(separator: "+").map { String($0.trimmingPrefix(" ")) }
            .map { $0.last == " " ? String($0.dropLast()) : $0 }.sorted()
    }

    /// How many names the table has.
    var count: Int { ingredients.count }

    // MARK: - Looking up

    func substances(_ medication: Medication) -> Substances {
        medication.rxcui.flatMap { Self.products[$0] } ?? substances(in: medication.name)
    }

    func substances(in text: String) -> Substances {
        if let known = remembered.withLock({ $0[text] }) { return known }
        let found = lookUp(text)
        remembered.withLock {
            if $0.count >= Self.rememberedLimit { $0.removeAll() }
            $0[text] = found
        }
        return found
    }

    /// What the value sets' products are made of.
    private static let products: [String: Substances] = {
        var products: [String: Substances] = [:]
        for product in ValueSet.all.flatMap(\.products) where products[product.rxcui] == nil {
            products[product.rxcui] =
                shared.lookUp(product.ingredients.joined(separator: " / "))
        }
        return products
    }()

    private enum Kind {
        case name, filling, other
    }

    /// The longest names, as whole words.
    private func lookUp(_ text: String) -> Substances {
        let words = MedicationText.words(text)
        var kinds: [Kind] = []
        var found: Set<String> = []
        while kinds.count < words.count {
            let rest = words[kinds.count...]
            let longest = min(lengths[rest[rest.startIndex].text] ?? 0, rest.count)
            let length = (0...longest).reversed().first { length in
                ingredients[rest.prefix(length).map(\.text).joined(separator: " ")] != nil
            }
            if let length, length > 0 {
                let name = rest.prefix(length).map(\.text).joined(separator: " ")
                found.formUnion(ingredients[name] ?? [])
                kinds += Array(repeating: .name, count: length)
            } else {
                kinds.append(isFilling(rest[rest.startIndex].text) ? .filling : .other)
            }
        }
        guard !found.isEmpty else { return .unknown }
        return Substances(
            names: found.sorted(),
            isComplete: !words.indices.contains { words[$0].isJoined && isLeftOver($0, kinds) }
        )
    }

    /// Whether a sign joins a name with a word that no list has: `metoprolol-hydrochlorothiazide`.
    private func isLeftOver(_ place: Int, _ kinds: [Kind]) -> Bool {
        // A concentration, such as 156 MG/ML, joins no ingredients.
        if kinds[place - 1] == .filling, kinds[place] == .filling { return false }
        guard let left = kinds[..<place].last(where: { $0 != .filling }),
            let right = kinds[place...].first(where: { $0 != .filling })
        else { return false }
        return (left == .name) != (right == .name)
    }

    private func isFilling(_ word: String) -> Bool {
        word.first?.isNumber ?? false || salts.contains(word)
            || MedicationText.fillingWords.contains(word)
    }
}
