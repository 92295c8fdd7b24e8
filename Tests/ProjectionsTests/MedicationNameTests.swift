import CareEpisode
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Medications by their ingredients")
struct MedicationNameTests {
    @Test("The table has the names of the file, and each class a case")
    func table() {
        #expect(MedicationNames.rows("names.csv").count == 1_624)
        // Two of them differ in punctuation alone.
        #expect(MedicationNames.shared.count == 1_623)
        #expect(MedicationNames.rows("classes.csv").count == 225)
        #expect(MedicationAssessment(medication("lumateperone")).classes == [.antipsychotic])
    }

    @Test("Every name of the table is found in a sentence")
    func sentences() {
        for row in MedicationNames.rows("names.csv") {
            let names = row[2].split(separator: " + ").map(String.init).sorted()
            let found = Substances(in: "Take \(row[0].uppercased()) 50 mg tablet at night")
            #expect(found.names == names, "\(row[0])")
        }
    }

    @Test("A text of plain letters has the words that it has beside others")
    func plainText() {
        var random = SeededRandom(seed: 8)
        let pieces = [
            "Zoloft", "50", "MG", "/", " / ", "-", " - ", "--", "+", "&", "\t", "\r\n", ".",
            "(5mg-325mg)",
            ",", " ", "HCl", "µg", "x",
        ]
        for _ in 0..<500 {
            let text = (0..<Int.random(in: 1...8, using: &random)).map { _ in
                random.pick(pieces)
            }.joined()
            // One other letter, and the general way is taken.
            let words = MedicationText.words(text + " é").dropLast()
            let plain = MedicationText.words(text)
            #expect(plain.map(\.text) == words.map(\.text), "\(text)")
            #expect(plain.map(\.isJoined) == words.map(\.isJoined), "\(text)")
        }
    }

    @Test(
        "Ingredients of a text; a part that no list has leaves them incomplete",
        arguments: [
            ("Zoloft 50 mg tablet", ["sertraline"], true),
            ("sertraline hydrochloride", ["sertraline"], true),
            (
                "buprenorphine 8 MG / naloxone 2 MG Sublingual Film",
                ["buprenorphine", "naloxone"], true
            ),
            ("Buprenorphine HCl/Naloxone HCl", ["buprenorphine", "naloxone"], true),
            ("OxyCODONE--Acetaminophen (5mg-325mg)", ["acetaminophen", "oxycodone"], true),
            ("Tylenol with codeine", ["acetaminophen", "codeine"], true),
            ("metoprolol-hydrochlorothiazide", ["metoprolol"], false),
            ("metoprolol 50 mg + hydrochlorothiazide 25 mg", ["metoprolol"], false),
            ("Lidocaine-Prilocaine", ["lidocaine"], false),
            ("Diazepam - CIWA protocol", ["diazepam"], true),
            ("Clonidine Patch 0.2 mg/24 hr", ["clonidine"], true),
            ("bupropion extended-release", ["bupropion"], true),
            ("Sertralinelike", [], false),
            ("", [], false),
        ] as [(String, [String], Bool)]
    )
    func substances(_ text: String, _ names: [String], _ isComplete: Bool) {
        #expect(Substances(in: text) == Substances(names: names, isComplete: isComplete))
    }

    @Test("The concept counts before the name, where a value set has it")
    func concept() {
        #expect(Substances(medication("x", rxcui: "312941")).names == ["sertraline"])
        #expect(Substances(medication("Ativan", rxcui: "1")).names == ["lorazepam"])
    }

    @Test("More texts than are remembered are looked up all the same")
    func remembered() {
        for number in 0...MedicationNames.rememberedLimit {
            #expect(Substances(in: "lithium \(number)").names == ["lithium"])
        }
    }

    @Test(
        "Route groups: as stated, else by form and name; a patch is transdermal",
        arguments: [
            ("a", nil, "PO/NG", "oral"), ("a", nil, "by mouth", "oral"),
            ("a", nil, "SL", "oromucosal"),
            ("a", nil, "IV DRIP", "injection"), ("a", nil, "subcutaneous", "injection"),
            ("a", nil, "IH", "inhaled"), ("a", nil, "Both eyes", "both eyes"),
            ("a", "patch", "topical", "transdermal"), ("a", "film", nil, "oromucosal"),
            ("a sublingual tablet", nil, nil, "oromucosal"),
            ("a film coated tablet", nil, nil, "oral"),
            ("1 ML a 156 MG/ML Prefilled Syringe", nil, nil, "injection"),
            ("a nasal spray", nil, nil, "nasal"), ("a", nil, nil, nil),
            ("a", nil, "Oral Inhalation", "inhaled"),
            ("a inhalation powder", "capsule", nil, "inhaled"),
            ("5 ML a oral solution prefilled syringe", nil, nil, "oral"),
            ("a 0.5 ML Auto-Injector", nil, nil, "injection"),
        ] as [(String, String?, String?, String?)]
    )
    func routes(_ name: String, _ form: String?, _ route: String?, _ group: String?) {
        let found = RouteGroup.of(Medication(name: name, form: form), route: route)
        #expect(found?.rawValue == group)
    }

    @Test(
        "One dose: the whole frequency says so",
        arguments: [
            ("once", true), ("ONCE MR1", true), ("NOW X1", true), ("now (x1)", true),
            ("X1:PRN", true), ("Stat", true), ("single dose, as needed", true),
            ("once daily", false), ("1X/WEEK", false), ("MR X1", true), ("ONCE MR X1", true),
            ("mr1", true), ("daily MR1", false), ("PRN", false), ("daily", false),
            ("", false),
        ]
    )
    func single(_ words: String, _ isOnce: Bool) {
        #expect(Frequency(words).isOnce == isOnce)
    }

    @Test("A daily dose is an amount, at least once a day; what is rarer has days between doses")
    func doses() {
        func regimen(_ unit: String?, _ times: Double?, _ words: String = "daily") -> Regimen {
            Regimen(dose: 2, unit: unit, frequency: words, timesPerDay: times)
        }
        #expect(regimen("mg", 2).dailyDose == 4)
        for unit in ["mcg/h", "mg per hour", "%", nil] {
            #expect(regimen(unit, 2).dailyDose == nil, "\(unit ?? "none")")
        }
        #expect(regimen("mg", 1, "once").dailyDose == nil)
        #expect(regimen("mg", 0.0357142857142857).dailyDose == nil)
        #expect(regimen("mg", 0.0357142857142857).intervalDays == 28)
        #expect(regimen("mg", 0.333).intervalDays == 3)
        #expect(regimen("mg", 0.4).intervalDays == nil)
        #expect(regimen("mg", 1).intervalDays == nil)
        #expect(regimen("mg", 0.0357142857142857).dailyDoseWords == "2 mg every 28 days")
    }

    @Test("Units are equal up to case and synonyms; grams convert")
    func units() {
        #expect(DoseAmount(500, "mcg") == DoseAmount(0.5, "MG"))
        #expect(DoseAmount(1, "gm") == DoseAmount(1_000, "mg"))
        #expect(DoseAmount(1, "µg") == DoseAmount(1, "ug"))
        #expect(DoseAmount(5, "IU") == DoseAmount(5, "unit"))
        #expect(DoseAmount(5, "mL") == DoseAmount(5, "ML"))
        #expect(DoseAmount(5, "mL") != DoseAmount(5, "mg"))
    }
}
