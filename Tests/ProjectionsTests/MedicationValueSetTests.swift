import CareEpisode
import Foundation
import Testing

@testable import Projections

@Suite("Value sets")
struct MedicationValueSetTests {
    /// The file the table was made of, which lies beside the repository and is not part of it.
    private static let path = [
        "\(#filePath)/../../../../shared/data/rxnorm/bh_rxnorm_value_sets.csv",
        FileManager.default.currentDirectoryPath
            + "/../shared/data/rxnorm/bh_rxnorm_value_sets.csv",
    ].map { URL(fileURLWithPath: $0).standardizedFileURL.path }
        .first { FileManager.default.fileExists(atPath: $0) }

    @Test(
        "The table says what the file says",
        .enabled(if: path != nil, "../shared/data/rxnorm/bh_rxnorm_value_sets.csv is absent")
    )
    func table() throws {
        let path = try #require(Self.path)
        let text = try String(contentsOf: URL(fileURLWithPath: path), encoding: .utf8)
        let sets = Dictionary(ValueSet.all.map { ($0.name, $0) }, uniquingKeysWith: { $1 })
        var codes: [String: Set<String>] = [:]
        for line in text.split(whereSeparator: \.isNewline).dropFirst() {
            let fields = line.split(separator: ",", maxSplits: 4).map(String.init)
            let set = try #require(sets[fields[0]])
            #expect(set.oid == fields[1] && set.version == fields[2])
            codes[fields[0], default: []].insert(fields[3])
            let product = try #require(set.products.first { $0.rxcui == fields[3] })
            for ingredient in product.ingredients {
                #expect(fields[4].lowercased().contains("\(ingredient) "), "\(fields[4])")
            }
        }
        #expect(codes.mapValues(\.count) == sets.mapValues(\.products.count))
        #expect(codes.count == 10)
        for set in ValueSet.all {
            #expect(codes[set.name] == Set(set.products.map(\.rxcui)), "\(set.name)")
        }
    }

    @Test(
        "Classes by name",
        arguments: [
            ("clorazepate", [.benzodiazepine]),
            ("Clorazepate Dipotassium 7.5 mg", [.benzodiazepine]),
            ("Chlordiazepoxide/Amitriptyline", [.benzodiazepine, .antidepressant, .depression]),
            ("amitriptyline", [.antidepressant, .depression]),
            ("samidorphan", [.opioidAntagonist]),
            ("olanzapine-samidorphan", [.opioidAntagonist, .antipsychotic]),
            ("lamoTRIgine XR", [.depression, .moodStabilizer, .anticonvulsant]),
            ("Methadone HCl", [.opioid, .moud, .opioidUseDisorder]),
            (
                "Buprenorphine-Naloxone (8mg-2mg) 1 FILM",
                [.opioid, .moud, .substanceUse, .opioidUseDisorder]
            ),
            ("Naloxone", [.opioidAntagonist]),
            (
                "naltrexone",
                [.opioidAntagonist, .substanceUse, .opioidUseDisorder, .alcoholUseDisorder]
            ),
            ("disulfiram", [.substanceUse, .alcoholUseDisorder]),
            ("zolpidem", [.hypnotic]),
            ("HYDROmorphone (Dilaudid)", [.opioid]),
            ("Morphinelike", []),
            ("5-hydroxytryptophan", []),
            ("Aspirin", [.analgesic]),
            ("Zoloft 50 mg tablet", [.antidepressant, .depression]),
            ("lumateperone", [.antipsychotic]),
        ] as [(String, [MedicationClass])]
    )
    func names(_ name: String, _ classes: [MedicationClass]) {
        #expect(MedicationAssessment(medication(name)).classes == classes)
    }

    @Test(
        "Classes by code, whatever the name",
        arguments: [
            ("856769", [.benzodiazepine, .antidepressant, .depression]),
            ("1010600", [.opioid, .moud, .substanceUse, .opioidUseDisorder]),
            ("1", []),
        ] as [(String, [MedicationClass])]
    )
    func codes(_ rxcui: String, _ classes: [MedicationClass]) {
        #expect(MedicationAssessment(medication("brand", rxcui: rxcui)).classes == classes)
    }

    @Test("The words of a name")
    func words() {
        #expect(
            MedicationText.plainWords("QUEtiapine (Seroquel XR) 50mg/2")
                == ["quetiapine", "seroquel", "xr", "50mg", "2"]
        )
        #expect(MedicationKey(medication("  Valproic \t ACID ")).name == "valproic acid")
        #expect(MedicationKey(medication("  \u{C9}  b\u{A0}C ")).name == "\u{E9} b c")
    }
}
