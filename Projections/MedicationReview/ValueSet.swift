/// A published list of medications by their RxNorm concepts.
///
/// Compiled in, so that an answer never depends on a file beside the program.
struct ValueSet: Sendable {
    /// A product, and what is in it.
    struct Product: Hashable, Sendable {
        /// RxNorm's concept identifier.
        let rxcui: String
        /// As RxNorm names them, in lower case.
        let ingredients: [String]
    }

    /// The set's name at the Value Set Authority Center.
    let name: String
    /// Its object identifier.
    let oid: String
    /// Which expansion of it this is.
    let version: String
    /// Its products.
    let products: [Product]

    /// - Parameter table: `ingredient + ingredient: code code …` a line; a line that begins with a
    ///   blank goes on with the codes of the one before.
    init(name: String, oid: String, version: String, table: String) {
        self.name = name
        self.oid = oid
        self.version = version
        var products: [Product] = []
        var ingredients: [String] = []
        for line in table.split(separator: "\n") {
            var codes = line
            if !line.hasPrefix(" "), let colon = line.firstIndex(of: ":") {
                ingredients = line[..<colon].split(separator: " + ").map(String.init)
                codes = line[line.index(after: colon)...]
            }
            products += codes.split(separator: " ").map {
                Product(rxcui: String($0), ingredients: ingredients)
            }
        }
        self.products = products
    }

    /// The words by which a name tells that a medication belongs to the set: the first word of every
    /// ingredient that is a product of the set by itself, since salts follow it.
    ///
    /// What occurs only in combinations does not count: amitriptyline is in the set of
    /// benzodiazepines together with chlordiazepoxide, and is none.
    var ingredientWords: Set<String> {
        Set(
            products.filter { $0.ingredients.count == 1 }
                .compactMap { medicationWords($0.ingredients[0]).first }
        )
    }
}

/// The words of a medication's name, in lower case: what stands between other signs than letters and
/// digits, and begins with a letter.
func medicationWords(_ name: String) -> [String] {
    name.lowercased().split { !$0.isLetter && !$0.isNumber }
        .filter { $0.first?.isLetter ?? false }
        .map(String.init)
}
