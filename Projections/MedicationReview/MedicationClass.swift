public import CareEpisode

/// What kind of medication it is, as far as the review's lists know.
///
/// By RxNorm's code from value sets of the Value Set Authority Center, else by a whole word of the
/// name that is an ingredient of the set.
public enum MedicationClass: String, ClosedCode, Comparable {
    /// "Schedule IV Benzodiazepines".
    case benzodiazepine
    /// An opioid, for pain or for opioid use disorder, by ingredient.
    ///
    /// The value sets have no opioid analgesics. The list is that of CDC's Clinical Practice
    /// Guideline for Prescribing Opioids for Pain (2022) and FDA's labelling of opioid analgesics.
    case opioid
    /// "Medications for Opioid Use Disorder (MOUD)" without naltrexone.
    case moud
    /// "Opioid Antagonist", and naltrexone; not where an opioid is in it as well.
    case opioidAntagonist = "opioid_antagonist"
    /// "Potentially Harmful Antipsychotics for Older Adults".
    case antipsychotic
    /// "Antidepressant Medication".
    case antidepressant
    /// "Adult Depression Medications" and "Adolescent Depression Medications", what augments an
    /// antidepressant among them.
    case depression = "depression_medication"
    /// "Potentially Harmful Nonbenzodiazepine Hypnotics for Older Adults".
    case hypnotic
    /// "Substance Use Disorder Long Acting Medication" and "… Short Acting Medication".
    case substanceUse = "substance_use_medication"

    /// By the order of the cases.
    public static func < (left: MedicationClass, right: MedicationClass) -> Bool {
        left.place < right.place
    }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }

    /// Opioids by ingredient; naloxone and naltrexone are none.
    static let opioidWords: Set<String> = [
        "alfentanil", "buprenorphine", "butorphanol", "codeine", "dihydrocodeine", "fentanyl",
        "hydrocodone", "hydromorphone", "levorphanol", "meperidine", "methadone", "morphine",
        "nalbuphine", "opium", "oxycodone", "oxymorphone", "pentazocine", "remifentanil",
        "sufentanil", "tapentadol", "tramadol",
    ]

    static let naltrexone = "naltrexone"
}

/// What the lists say of one medication.
public struct MedicationAssessment: Hashable, Sendable {
    /// The classes it belongs to, in their order; none where no list knows it, which says nothing
    /// about it.
    public var classes: [MedicationClass]
    /// The antipsychotics in it, by the first word of the ingredient.
    public var antipsychotics: Set<String>

    /// Whether any list knows the medication: of one that is not assessed no flag of a class can
    /// be raised.
    public var isAssessed: Bool { !classes.isEmpty }

    /// Looks a medication up.
    public init(_ medication: Medication) {
        let lists = MedicationLists.shared
        let product = medication.rxcui.flatMap { lists.products[$0] }
        let words = Set(medicationWords(medication.name)).union(product?.words ?? [])
        var found = product?.classes ?? []
        for word in words { found.formUnion(lists.words[word] ?? []) }
        if found.contains(.opioid) { found.remove(.opioidAntagonist) }
        classes = found.sorted()
        antipsychotics = words.filter { lists.words[$0]?.contains(.antipsychotic) ?? false }
    }
}

/// The value sets, ready to be looked up.
private struct MedicationLists: Sendable {
    static let shared = MedicationLists()

    struct Product {
        var classes: Set<MedicationClass> = []
        var words: Set<String> = []
    }

    /// By RxNorm's code.
    private(set) var products: [String: Product] = [:]
    /// By a word of the name.
    private(set) var words: [String: Set<MedicationClass>] = [:]

    private init() {
        for set in ValueSet.all {
            guard let kind = Self.kinds[set.name] else {
                preconditionFailure("the value set \(set.name) has no class")
            }
            for word in set.ingredientWords { words[word, default: []].insert(kind) }
            for product in set.products {
                products[product.rxcui, default: Product()].classes.insert(kind)
                for ingredient in product.ingredients {
                    guard let word = medicationWords(ingredient).first else { continue }
                    products[product.rxcui]?.words.insert(word)
                }
            }
        }
        for word in MedicationClass.opioidWords { words[word, default: []].insert(.opioid) }
        // MOUD is an opioid here, but for the antagonist of the set.
        words[MedicationClass.naltrexone]?.remove(.moud)
        words[MedicationClass.naltrexone, default: []].insert(.opioidAntagonist)
        for (rxcui, product) in products where product.words == [MedicationClass.naltrexone] {
            products[rxcui]?.classes.remove(.moud)
        }
    }

    private static let kinds: [String: MedicationClass] = [
        "Adolescent Depression Medications": .depression,
        "Adult Depression Medications": .depression,
        "Antidepressant Medication": .antidepressant,
        "Medications for Opioid Use Disorder (MOUD)": .moud,
        "Opioid Antagonist": .opioidAntagonist,
        "Potentially Harmful Antipsychotics for Older Adults": .antipsychotic,
        "Potentially Harmful Nonbenzodiazepine Hypnotics for Older Adults": .hypnotic,
        "Schedule IV Benzodiazepines": .benzodiazepine,
        "Substance Use Disorder Long Acting Medication": .substanceUse,
        "Substance Use Disorder Short Acting Medication": .substanceUse,
    ]
}
