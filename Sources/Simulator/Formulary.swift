internal import CareEpisode

/// How often a medication is taken.
struct Frequency: Hashable {
    let text: String
    /// Below 1 where it is less than daily.
    let timesPerDay: Double

    var asNeeded: Bool { text.hasSuffix("as needed") }

    /// The frequency of these words, which are among the simulator's own.
    init(_ text: String) {
        self.text = text
        timesPerDay =
            switch text {
            case "twice daily", "every 12 hours as needed": 2
            case "three times daily", "every 8 hours as needed": 3
            case "every 6 hours as needed": 4
            // Fifteen digits, which is as many as an event holds.
            case "weekly": 0.142857142857143
            case "every 4 weeks": 0.0357142857142857
            default: 1
            }
    }
}

/// A medication of the simulated clinic, in the strengths and doses it is given in.
struct Drug {
    /// What a note may call it.
    let generic: String
    let brand: String
    /// The product's RxNorm name: `#` is the strength in mg, `%` a quarter of it.
    let product: String
    let form, route: String
    /// In mg from the lowest, each with its RxNorm code; nil where the value sets have none.
    let strengths: [(mg: Double, rxcui: String?)]
    /// In mg from the lowest, each a number of units or halves that can be taken at once.
    let doses: [Double]
    /// The usual one first.
    let frequencies: [Frequency]
    /// When the smaller part is taken where the day's dose is split, nil if it is not.
    let split: Frequency?
    /// What it is given for.
    let indication: (code: String, text: String)

    /// What it shares with other forms of the same medication.
    var ingredient: Substring { generic.split(separator: "-")[0] }
    var isInjection: Bool { route == "subcutaneous" || route == "intramuscular" }
    var isAntagonist: Bool { ingredient == "naltrexone" }
    var isOpioid: Bool { ingredient == "buprenorphine" }
    var isBenzodiazepine: Bool { ["lorazepam", "clonazepam"].contains(generic) }
    /// Taken for a while, to sleep or to calm down.
    var isShortTerm: Bool { ["trazodone", "hydroxyzine"].contains(generic) }
    /// An antidepressant of which nobody takes two.
    var isReuptakeInhibitor: Bool {
        ["sertraline", "escitalopram", "fluoxetine", "venlafaxine"].contains(generic)
    }

    /// The product of a strength by RxNorm's name and code, or by its brand as people write it.
    func medication(strength: Double, isBrand: Bool, order: String?) -> Medication {
        let quarter = product.contains("%") ? "/\(milligrams(strength / 4)) mg" : ""
        let text = "\(milligrams(strength)) mg" + quarter
        if isBrand {
            return Medication(
                name: "\(brand) \(text) \(form)",
                form: form,
                strength: text,
                orderID: order
            )
        }
        return Medication(
            name: name(strength: strength),
            rxcui: strengths.first { $0.mg == strength }?.rxcui,
            form: form,
            strength: text,
            orderID: order
        )
    }

    func name(strength: Double) -> String {
        var name = ""
        for character in product {
            switch character {
            case "#": name += milligrams(strength)
            case "%": name += milligrams(strength / 4)
            default: name.append(character)
            }
        }
        return name
    }

    /// The strength that makes a dose of the fewest units: one, else two or three, else a half.
    func strength(for dose: Double) -> Double {
        let whole = strengths.last { dose.truncatingRemainder(dividingBy: $0.mg) == 0 }
        return (whole ?? strengths[0]).mg
    }

    private func milligrams(_ number: Double) -> String {
        number == number.rounded() ? "\(Int(number))" : "\(number)"
    }
}

/// The medications of the simulated clinic.
///
/// Names and codes are from the RxNorm value sets of the National Library of Medicine (VSAC, expansion
/// "eCQM Update 2025-05-08"); brands, and hydroxyzine, which those sets lack, from FDA's UNII names.
enum Formulary {
    /// Generic name | brand | product | form | route | strength=code … | doses | frequencies, after `+`
    /// the one of the smaller part of a split dose | indication.
    private static let table = """
        sertraline | Zoloft | sertraline # MG Oral Tablet | tablet | oral | 25=312940 50=312941 100=312938 | 25 50 100 150 200 | daily; every morning | F33.1 Major depressive disorder, recurrent
        escitalopram | Lexapro | escitalopram # MG Oral Tablet | tablet | oral | 5=351249 10=349332 20=351250 | 5 10 20 | daily; at bedtime | F41.1 Generalized anxiety disorder
        fluoxetine | Prozac | fluoxetine # MG Oral Capsule | capsule | oral | 10=310384 20=310385 40=313989 | 10 20 40 60 | every morning | F32.1 Major depressive episode
        venlafaxine | Effexor | venlafaxine # MG Oral Tablet | tablet | oral | 37.5=313584 75=313586 | 37.5 75 112.5 | twice daily; three times daily | F33.1 Major depressive disorder, recurrent
        mirtazapine | Remeron | mirtazapine # MG Oral Tablet | tablet | oral | 7.5=476809 15=311725 30=314111 45=311726 | 7.5 15 30 45 | at bedtime | F33.1 Depression with insomnia
        trazodone | Desyrel | trazodone hydrochloride # MG Oral Tablet | tablet | oral | 50=856377 100=856373 | 25 50 100 | at bedtime as needed; at bedtime | G47.00 Insomnia
        lamotrigine | Lamictal | lamotrigine # MG Oral Tablet | tablet | oral | 25=282401 50=199322 100=198427 | 25 50 100 200 | daily; every morning | F31.81 Bipolar II disorder
        quetiapine | Seroquel | quetiapine # MG Oral Tablet | tablet | oral | 25=312744 50=616487 100=312743 | 25 50 100 200 | at bedtime + every morning; twice daily | F31.81 Bipolar II disorder
        aripiprazole | Abilify | aripiprazole # MG Oral Tablet | tablet | oral | 2=602964 5=402131 10=349545 15=349490 | 2 5 10 15 | daily; every morning | F33.1 Augmentation in depression
        paliperidone | Invega | 24 HR paliperidone # MG Extended Release Oral Tablet | extended-release tablet | oral | 3=672567 6=672569 | 3 6 | every morning | F31.9 Bipolar disorder with psychotic symptoms
        paliperidone | Invega Sustenna | 1 ML paliperidone palmitate 156 MG/ML Prefilled Syringe | extended-release injection | intramuscular | 156=858054 | 156 | every 4 weeks | F31.9 Bipolar disorder with psychotic symptoms
        lorazepam | Ativan | lorazepam # MG Oral Tablet | tablet | oral | 0.5=197900 1=197901 | 0.5 1 | every 8 hours as needed; twice daily | F41.1 Acute anxiety
        clonazepam | Klonopin | clonazepam # MG Oral Tablet | tablet | oral | 0.5=197527 1=197528 | 0.5 1 | at bedtime + every morning; twice daily | F41.0 Panic disorder
        hydroxyzine | Vistaril | hydroxyzine pamoate # MG Oral Capsule | capsule | oral | 25= 50= | 25 50 | every 6 hours as needed; three times daily | F41.1 Acute anxiety
        buprenorphine-naloxone | Suboxone | buprenorphine # MG / naloxone % MG Sublingual Film | film | sublingual | 2=1010600 8=1010604 | 4 8 16 24 | daily | F11.20 Opioid use disorder
        buprenorphine | Sublocade | 1.5 ML buprenorphine 200 MG/ML Prefilled Syringe | extended-release injection | subcutaneous | 300=1996192 | 300 | every 4 weeks | F11.20 Opioid use disorder
        buprenorphine | Brixadi | 0.48 ML buprenorphine 50 MG/ML Prefilled Syringe | extended-release injection | subcutaneous | 24=2639031 | 24 | weekly | F11.20 Opioid use disorder
        naltrexone | Revia | naltrexone hydrochloride # MG Oral Tablet | tablet | oral | 50=1483744 | 25 50 100 | daily; at bedtime | F10.20 Alcohol use disorder
        naltrexone | Vivitrol | naltrexone # MG Injection | extended-release injection | intramuscular | 380=637213 | 380 | every 4 weeks | F10.20 Alcohol use disorder
        acamprosate | Campral | acamprosate calcium # MG Delayed Release Oral Tablet | delayed-release tablet | oral | 333=835726 | 333 666 | three times daily; twice daily | F10.20 Alcohol use disorder
        """

    /// Every medication that a simulation may name.
    static let all = table.split(separator: "\n").map(row)

    /// What is prescribed to the members of a program, and how often.
    static func drugs(of program: Program) -> [(Drug, weight: Int)] { prescribed[program.number] }

    /// The long-acting injections that a medication may be changed to, of the same substance.
    static func injections(insteadOf drug: Drug) -> [Drug] {
        drug.isInjection ? [] : all.filter { $0.isInjection && $0.ingredient == drug.ingredient }
    }

    /// The medication of this generic name, by mouth where there are several.
    static func drug(_ generic: some StringProtocol) -> Drug {
        guard let drug = all.first(where: { $0.generic == generic }) else {
            preconditionFailure("the table has every medication that is asked for")
        }
        return drug
    }

    /// By the number of the program: medications and how many of the program's prescriptions they are.
    private static let prescribed = [
        "sertraline 5, escitalopram 5, venlafaxine 3, mirtazapine 3, trazodone 3, quetiapine 3, "
            + "aripiprazole 3, fluoxetine 3, lamotrigine 2, lorazepam 2, clonazepam 1, hydroxyzine 2",
        "buprenorphine-naloxone 5, naltrexone 4, acamprosate 3, trazodone 3, sertraline 2, "
            + "mirtazapine 2, hydroxyzine 2",
        "buprenorphine-naloxone 4, naltrexone 3, sertraline 4, quetiapine 3, mirtazapine 3, "
            + "aripiprazole 2, trazodone 3, acamprosate 1, lamotrigine 2, paliperidone 2",
        "fluoxetine 5, escitalopram 4, sertraline 4, trazodone 1, hydroxyzine 2",
        "quetiapine 1",
        "sertraline 1",
        "buprenorphine-naloxone 6, clonazepam 2, quetiapine 2, sertraline 2",
    ].map { list in
        list.split(separator: ", ").map { entry in
            let words = entry.split(separator: " ")
            return (drug(words[0]), weight: Int(words[1]) ?? 0)
        }
    }

    private static func row(_ line: Substring) -> Drug {
        let cells = line.split(separator: " | ")
        let frequencies = cells[7].split(separator: "; ").map { $0.split(separator: " + ") }
        let indication = cells[8].split(separator: " ", maxSplits: 1)
        return Drug(
            generic: String(cells[0]),
            brand: String(cells[1]),
            product: String(cells[2]),
            form: String(cells[3]),
            route: String(cells[4]),
            strengths: cells[5].split(separator: " ").map { strength in
                let parts = strength.split(separator: "=")
                return (Double(parts[0]) ?? 0, parts.count > 1 ? String(parts[1]) : nil)
            },
            doses: cells[6].split(separator: " ").compactMap { Double($0) },
            frequencies: frequencies.map { Frequency(String($0[0])) },
            split: frequencies[0].count > 1 ? Frequency(String(frequencies[0][1])) : nil,
            indication: (String(indication[0]), String(indication[1]))
        )
    }
}
