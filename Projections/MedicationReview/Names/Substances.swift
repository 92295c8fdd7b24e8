public import CareEpisode

/// The active ingredients of a medication, as far as its name tells them.
///
/// Brand, salt and strength do not matter: "Zoloft 50 mg tablet" and "sertraline hydrochloride" are
/// the same.
public struct Substances: Hashable, Sendable {
    /// In alphabetical order; empty where nothing is known.
    public var names: [String]
    /// Whether these are all: something is known, and no part of a combination is left over.
    public var isComplete: Bool

    /// Nothing is known.
    static let unknown = Substances(names: [], isComplete: false)

    /// Looks a medication up: by its concept where a value set has it, else by its name.
    ///
    /// A distinct text is looked up once, and remembered.
    public init(_ medication: Medication) { self = MedicationNames.shared.substances(medication) }

    /// Looks up what any text names, such as that of an allergy.
    public init(in text: String) { self = MedicationNames.shared.substances(in: text) }

    /// Names by which substances are known, for whoever types one: brands, salts, ingredients.
    public static var knownNames: [String] { MedicationNames.all }

    init(names: [String], isComplete: Bool) {
        self.names = names
        self.isComplete = isComplete
    }

    /// What both have.
    func shared(with other: Substances) -> [String] { names.filter(other.names.contains) }
}

extension Medication {
    /// Whether this is another word for the same product: an equal concept or an equal name.
    func isProduct(_ other: Medication) -> Bool {
        if let rxcui, rxcui == other.rxcui { return true }
        return MedicationKey(self).name == MedicationKey(other).name
    }

    /// Whether this has the same active ingredients; where not all are known, whether it is the same
    /// product.
    ///
    /// Routes are compared elsewhere.
    func hasSubstances(of other: Medication) -> Bool {
        let (one, two) = (Substances(self), Substances(other))
        return one.isComplete && two.isComplete ? one.names == two.names : isProduct(other)
    }
}
