import CareEpisode
import Markup
import Testing

@testable import Pages

@Suite("How medications are written")
struct MedicationTextTests {
    /// A dose, its unit, and how it is written.
    static let doses: [(Double, String?, String)] = [
        (7.5, "mg", "7.5 mg"), (5, "mg", "5 mg"), (0.5, "MG", "0.5 mg"), (1_000, "mg", "1,000 mg"),
        (999, "mg", "999 mg"), (1_998, "mg", "1,998 mg"),
        (1_234_567.5, "units", "1,234,567.5 units"),
        (12.375, "mg", "12.375 mg"), (0.125, "mg", "0.125 mg"), (0.00001, "mg", "0.00001 mg"),
        (0.1 + 0.2, "mg", "0.30000000000000004 mg"), (100, "µg", "100 mcg"), (25, "μg", "25 mcg"),
        (25, "ug", "25 mcg"), (25, "mcg", "25 mcg"), (10, "U", "10 units"), (1, "IU", "1 unit"),
        (5, "cc", "5 mL"), (2, "ml", "2 mL"), (1, "gm", "1 g"), (20, "mEq", "20 mEq"),
        (1, "tablet", "1 tablet"), (2, "puff(s)", "2 puff(s)"), (12, "mcg/h", "12 mcg per hour"),
        (10_000_000_000, "units", "10,000,000,000 units"), (3, nil, "3 (unit not recorded)"),
        // The abbreviations that ISMP lists as misread, each written out.
        (1, "U", "1 unit"), (40, "u", "40 units"), (100_000, "iu", "100,000 units"),
        (0.05, "µg", "0.05 mcg"), (1_500, "mcg", "1,500 mcg"), (10, "mL", "10 mL"),
        (2.5, "ML", "2.5 mL"), (1_000, "mcg", "1,000 mcg"), (999.5, "mg", "999.5 mg"),
        (10, "U/mL", "10 units per mL"), (1, "iu/hr", "1 unit per hour"),
        (5, "mg/day", "5 mg per day"), (2, "mg/kg", "2 mg/kg"),
        (1_000.25, "mg", "1,000.25 mg"), (0.3, "mg", "0.3 mg"), (50.0, "MCG", "50 mcg"),
    ]

    @Test(
        "A dose has every digit, no trailing zero, and a unit that nobody misreads",
        arguments: doses
    )
    func dose(_ dose: Double, _ unit: String?, _ written: String) {
        let text = MedicationText(Medication(name: "x"), Regimen(dose: dose, unit: unit))
        // The unit never parts from its number.
        let first = written.firstIndex(of: " ")
        let expected =
            unit == nil ? written : written.replacing(" ", with: "\u{A0}")
        #expect(text.dose == expected)
        #expect(first != nil)
    }

    static let frequencies: [(String?, Double?, Bool?, String?)] = [
        ("QD", 1, nil, "daily"), ("q.d.", 1, nil, "daily"), ("BID", 2, nil, "twice daily"),
        ("TID", 3, nil, "three times daily"), ("QID", 4, nil, "four times daily"),
        ("QHS", 1, nil, "at bedtime"), ("QOD", 0.5, nil, "every other day"),
        ("q6h", 4, nil, "every 6 hours"), ("q6h prn", nil, nil, "every 6 hours as needed"),
        ("q72hr", nil, nil, "every 72 hours"), ("q1h", 24, nil, "every 1 hour"),
        ("BID", 2, true, "twice daily, as needed"), (nil, nil, true, "as needed"),
        ("at bedtime, as needed", 1, true, "at bedtime, as needed"),
        (nil, 1, nil, "daily"), (nil, 3, nil, "three times daily"), (nil, 6, nil, "6 times a day"),
        (nil, 1.0 / 7, nil, "weekly"), (nil, 1.0 / 28, nil, "every 28 days"), (nil, nil, nil, nil),
        ("in the morning", 1, nil, "in the morning"), ("once daily", 1, nil, "once daily"),
        ("qd", 1, nil, "daily"), ("q.o.d.", 0.5, nil, "every other day"),
        ("hs", 1, nil, "at bedtime"), ("bid", 2, nil, "twice daily"),
        ("q12h", 2, nil, "every 12 hours"), ("prn", nil, nil, "as needed"),
        (nil, 2, true, "twice daily, as needed"), (nil, 0.5, nil, "every other day"),
        (nil, 1.0 / 14, nil, "every 14 days"),
    ]

    @Test("A frequency is in words", arguments: frequencies)
    func frequency(_ text: String?, _ times: Double?, _ asNeeded: Bool?, _ written: String?) {
        let regimen = Regimen(frequency: text, timesPerDay: times, asNeeded: asNeeded)
        #expect(MedicationText(Medication(name: "x"), regimen).frequency == written)
    }

    static let routes: [(String, String)] = [
        ("PO", "oral"), ("p.o.", "oral"), ("SL", "sublingual"), ("IM", "intramuscular"),
        ("SC", "subcutaneous"), ("SQ", "subcutaneous"), ("sub q", "subcutaneous"),
        ("IN", "intranasal"), ("TD", "transdermal"), ("oral", "oral"),
        ("under the tongue", "under the tongue"),
    ]

    @Test("A route is written out", arguments: routes)
    func route(_ text: String, _ written: String) {
        #expect(MedicationText(Medication(name: "x"), Regimen(route: text)).route == written)
    }

    static let days: [(Regimen, String?)] = [
        (Regimen(dose: 666, unit: "mg", timesPerDay: 3), "1,998\u{A0}mg"),
        (Regimen(dose: 156, unit: "mg", timesPerDay: 1.0 / 28), "156\u{A0}mg every 28 days"),
        (Regimen(dose: 50, unit: "mg", timesPerDay: 1, asNeeded: true), "as needed"),
        (Regimen(dose: 25, unit: "mg", frequency: "once"), "once"),
        (Regimen(dose: 25, unit: "mg"), nil),
    ]

    @Test("What is taken in a day", arguments: days)
    func daily(_ regimen: Regimen, _ written: String?) {
        #expect(MedicationText(Medication(name: "x"), regimen).daily == written)
    }

    static let tall: [(String, String)] = [
        ("clonazepam 0.5 MG", #"clonaze<span class="tall">pam</span> 0.5 MG"#),
        ("lorazepam", #"<span class="tall">lor</span>azepam"#),
        ("bupropion", #"bu<span class="tall">prop</span>ion"#),
        ("buspirone", #"bus<span class="tall">pir</span>one"#),
        ("hydroxyzine pamoate", #"hydr<span class="tall">oxy</span>zine pamoate"#),
        ("trazodone", #"tra<span class="tall">zod</span>one"#),
        ("Celexa 20 mg", #"Cele<span class="tall">xa</span> 20 mg"#),
        (
            "quetiapine/olanzapine",
            #"<span class="tall">que</span>tiapine/<span class="tall">olanz</span>apine"#
        ),
        ("sertraline", "sertraline"), ("lorazepamoid", "lorazepamoid"),
        ("dexamethasone", #"dex<span class="tall">ameth</span>asone"#),
        ("Risperdal", #"Risper<span class="tall">dal</span>"#),
        ("aripiprazole 5 MG", #"<span class="tall">arip</span>iprazole 5 MG"#),
        ("Prozac", #"<span class="tall">Pro</span>zac"#),
    ]

    @Test("Letters that tell names apart are tall", arguments: tall)
    func tallMan(_ name: String, _ written: String) {
        #expect(HTML.pieces(TallMan.html(name)).markup == written)
    }

    @Test("The list of tall letters names no medication twice, and each has some")
    func list() {
        #expect(TallMan.names.count > 100)
        #expect(TallMan.names.values.allSatisfy { $0.contains(true) && $0.contains(false) })
    }

    @Test("The whole line: name as recorded, DOSE, route, frequency")
    func line() {
        let regimen = Regimen(
            dose: 7.5,
            unit: "mg",
            route: "PO",
            frequency: "QHS",
            timesPerDay: 1
        )
        let text = MedicationText(Medication(name: "mirtazapine 15 MG Oral Tablet"), regimen)
        #expect(
            text.line.markup
                == #"<span class="drug"><b>mirtazapine 15 MG Oral Tablet</b> — "#
                + #"<span class="nb"><span class="label">DOSE</span> <b>7.5\#u{A0}mg</b></span>"#
                + " — oral — at bedtime</span>"
        )
        let unknown = MedicationText(
            Medication(name: "sertraline", form: "tablet", strength: "50 mg"),
            nil
        )
        #expect(
            unknown.line.markup
                == #"<span class="drug"><b>sertraline</b> 50 mg tablet — regimen not recorded</span>"#
        )
    }
}
