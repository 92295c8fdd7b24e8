public import CareEpisode

/// How a medication gets into the body, as far as it matters for what is the same medication.
///
/// Any text is a group: a route that no list has is one by its words.
public struct RouteGroup: OpenCode {
    /// The group as it is written.
    public let rawValue: String

    /// The group with this text.
    public init(rawValue: String) { self.rawValue = rawValue }

    /// Swallowed, or by tube.
    static let oral = RouteGroup(rawValue: "oral")
    /// Under the tongue or in the cheek.
    static let oromucosal = RouteGroup(rawValue: "oromucosal")
    /// Into a vein, a muscle or under the skin.
    static let injection = RouteGroup(rawValue: "injection")
    /// Through the skin, for the whole body.
    static let transdermal = RouteGroup(rawValue: "transdermal")
    /// Breathed in.
    static let inhaled = RouteGroup(rawValue: "inhaled")
    /// Into the nose.
    static let nasal = RouteGroup(rawValue: "nasal")
    /// Into the rectum.
    static let rectal = RouteGroup(rawValue: "rectal")
    /// On the skin.
    static let topical = RouteGroup(rawValue: "topical")

    /// By the regimen's route; without one by words of form and name; nil where neither tells, which
    /// fits any.
    ///
    /// A patch is transdermal, whatever is stated.
    static func of(_ medication: Medication, route: String?) -> RouteGroup? {
        let words = MedicationText.plainWords(
            [medication.form, medication.name].compactMap { $0 }.joined(separator: " ")
        )
        let stated = route.map(MedicationText.plainWords) ?? []
        if words.contains(where: patches.contains) || stated.contains(where: patches.contains) {
            return .transdermal
        }
        if !stated.isEmpty {
            return first(routes, stated) ?? RouteGroup(rawValue: stated.joined(separator: " "))
        }
        return first(forms, words)
    }

    /// Whether two routes may be the same; an unknown one fits any.
    static func fit(_ one: RouteGroup?, _ other: RouteGroup?) -> Bool {
        one == nil || other == nil || one == other
    }

    private static func first(
        _ groups: [(RouteGroup, Set<String>)],
        _ words: [String]
    ) -> RouteGroup? {
        groups.first { words.contains(where: $0.1.contains) }?.0
    }

    private static let patches: Set<String> = ["patch", "patches"]

    /// What is written as a route; an earlier group counts before a later one: "oral inhalation".
    private static let routes: [(RouteGroup, Set<String>)] = [
        (.transdermal, ["transdermal", "transdermally", "td"]),
        (.oromucosal, ["sublingual", "sublingually", "sl", "buccal", "oromucosal"]),
        (
            .injection,
            [
                "iv", "ivpca", "intravenous", "intravenously", "im", "intramuscular",
                "intramuscularly", "sc", "sq", "subq", "subcut", "subcutaneous", "subcutaneously",
                "injection",
            ]
        ),
        (.inhaled, ["inhaled", "inhalation", "ih", "inh", "neb", "nebulized", "nebulizer"]),
        (.nasal, ["nasal", "nasally", "intranasal", "nas", "nostril", "nostrils"]),
        (.rectal, ["rectal", "rectally", "pr"]),
        (.topical, ["topical", "topically", "tp", "skin"]),
        (
            .oral,
            [
                "oral", "orally", "po", "mouth", "ng", "og", "nasogastric", "orogastric",
                "gastrostomy", "jejunostomy", "peg", "tube", "enteral",
            ]
        ),
    ]

    /// What tells it in a form or name: sublingual before tablet before film, an inhaler before
    /// its capsule, an oral syringe before a syringe.
    private static let forms: [(RouteGroup, Set<String>)] = [
        (.transdermal, ["transdermal"]),
        (.oromucosal, ["sublingual", "buccal", "sl"]),
        (.inhaled, ["inhaler", "inhalation", "inhaled", "nebulizer", "neb"]),
        (.nasal, ["nasal", "intranasal"]),
        (.rectal, ["rectal", "suppository", "suppositories", "enema"]),
        (
            .oral,
            [
                "oral", "tablet", "tablets", "tab", "tabs", "capsule", "capsules", "cap", "caps",
                "caplet", "caplets", "chewable", "odt", "syrup", "elixir", "po",
            ]
        ),
        (.oromucosal, ["film", "films", "strip", "strips", "lozenge", "lozenges"]),
        (
            .injection,
            [
                "injection", "injectable", "injector", "autoinjector", "syringe", "vial",
                "cartridge", "depot", "pen", "ampule", "infusion", "intravenous", "iv",
                "intramuscular", "im", "subcutaneous", "sc",
            ]
        ),
        (.topical, ["topical", "cream", "ointment", "gel", "lotion"]),
    ]

    /// Every word of a route or form.
    static let words = (routes + forms).reduce(into: patches) { $0.formUnion($1.1) }
        .union(["suspension", "solution", "liquid", "drops", "powder", "spray", "implant", "gum"])
}
