public import CareEpisode
import Synchronization

/// What kind of medication it is, by its active ingredients.
///
/// From the table of ingredients (`Names/classes.csv`), joined with value sets of the Value Set
/// Authority Center (`docs/medication-review.md`, "Classes").
public enum MedicationClass: String, ClosedCode, Comparable {
    case benzodiazepine, opioid
    /// An opioid for opioid use disorder; naltrexone, which is none, is not in it.
    case moud
    /// Not where an opioid is in the medication as well.
    case opioidAntagonist = "opioid_antagonist"
    case antipsychotic, antidepressant
    /// What augments an antidepressant among them.
    case depression = "depression_medication"
    case hypnotic
    case substanceUse = "substance_use_medication"
    case opioidUseDisorder = "opioid_use_disorder"
    case alcoholUseDisorder = "alcohol_use_disorder"
    case tobaccoUseDisorder = "tobacco_use_disorder"
    case opioidWithdrawal = "opioid_withdrawal"
    case moodStabilizer = "mood_stabilizer"
    case anticonvulsant, gabapentinoid, anxiolytic, barbiturate, sedative, stimulant
    case adhdNonStimulant = "adhd_non_stimulant"
    case wakefulness, dementia
    case vmat2Inhibitor = "vmat2_inhibitor"
    case antiparkinsonian, anticholinergic
    case alphaAgonist = "alpha_agonist"
    case alphaBlocker = "alpha_blocker"
    case betaBlocker = "beta_blocker"
    case muscleRelaxant = "muscle_relaxant"
    case analgesic, anesthetic, antiemetic, antitussive, antidiabetic, thyroid, weight, cannabinoid
    case supplement

    /// By the order of the cases.
    public static func < (left: MedicationClass, right: MedicationClass) -> Bool {
        left.place < right.place
    }

    private var place: Int { Self.allCases.firstIndex(of: self) ?? 0 }
}

/// What the lists say of one medication.
public struct MedicationAssessment: Hashable, Sendable {
    /// Its active ingredients.
    public var substances: Substances
    /// The classes it belongs to, in their order.
    public var classes: [MedicationClass]

    /// Whether all of its ingredients are known: else flags of a class may be missing.
    public var isAssessed: Bool { substances.isComplete }

    /// The antipsychotics in it.
    public var antipsychotics: [String] {
        substances.names.filter {
            MedicationClasses.shared.ofIngredient[$0]?.contains(.antipsychotic) ?? false
        }
    }

    /// Looks a medication up; what was looked up is remembered.
    public init(_ medication: Medication) { self = MedicationClasses.shared.remembered(medication) }

    fileprivate init(of medication: Medication) {
        substances = Substances(medication)
        let classes = MedicationClasses.shared
        var found = medication.rxcui.flatMap { classes.ofProduct[$0] } ?? []
        for name in substances.names { found.formUnion(classes.ofIngredient[name] ?? []) }
        if found.contains(.opioid) { found.remove(.opioidAntagonist) }
        self.classes = found.sorted()
    }
}

/// The classes, ready to be looked up.
private final class MedicationClasses: Sendable {
    static let shared = MedicationClasses()

    /// By RxNorm's code, of what the value sets have.
    let ofProduct: [String: Set<MedicationClass>]
    let ofIngredient: [String: Set<MedicationClass>]
    private let known = Mutex<[Key: MedicationAssessment]>([:])

    private struct Key: Hashable {
        let rxcui: String?
        let name: String
    }

    func remembered(_ medication: Medication) -> MedicationAssessment {
        let key = Key(rxcui: medication.rxcui, name: medication.name)
        if let found = known.withLock({ $0[key] }) { return found }
        let found = MedicationAssessment(of: medication)
        known.withLock {
            if $0.count >= MedicationNames.rememberedLimit { $0.removeAll() }
            $0[key] = found
        }
        return found
    }

    private init() {
        var ofProduct: [String: Set<MedicationClass>] = [:]
        var ofIngredient: [String: Set<MedicationClass>] = [:]
        for row in MedicationNames.rows("classes.csv") {
            ofIngredient[row[0]] = Set(
                row[1].split(separator: " ").map { code in
                    guard let kind = MedicationClass(rawValue: String(code)) else {
                        preconditionFailure("classes.csv has a class that is no case")
                    }
                    return kind
                }
            )
        }
        for set in ValueSet.all {
            guard let kind = Self.kinds[set.name] else {
                preconditionFailure("the value set \(set.name) has no class")
            }
            for product in set.products {
                let names = Substances(
                    Medication(name: "", rxcui: product.rxcui)
                ).names
                // Of MOUD only opioids: the antagonist of the set is none.
                if kind == .moud,
                    !names.contains(where: { ofIngredient[$0]?.contains(.opioid) ?? false })
                {
                    continue
                }
                ofProduct[product.rxcui, default: []].insert(kind)
                // What occurs only in combinations does not count: amitriptyline is in the set of
                // benzodiazepines together with chlordiazepoxide, and is none.
                if product.ingredients.count == 1, let name = names.first {
                    ofIngredient[name, default: []].insert(kind)
                }
            }
        }
        self.ofProduct = ofProduct
        self.ofIngredient = ofIngredient
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
