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
}
