internal import CareEpisode

/// How often a medication is taken.
struct Frequency {
    let text: String
    /// Nil if less than daily.
    let timesPerDay: Double?

    static let daily = Frequency(text: "daily", timesPerDay: 1)
    static let everyMorning = Frequency(text: "every morning", timesPerDay: 1)
    static let atBedtime = Frequency(text: "at bedtime", timesPerDay: 1)
    static let twiceDaily = Frequency(text: "twice daily", timesPerDay: 2)
    static let threeTimesDaily = Frequency(text: "three times daily", timesPerDay: 3)
    static let everyTwelveHoursAsNeeded = Frequency(
        text: "every 12 hours as needed",
        timesPerDay: 2
    )
    static let everyEightHoursAsNeeded = Frequency(text: "every 8 hours as needed", timesPerDay: 3)
    static let everyFourWeeks = Frequency(text: "every 4 weeks", timesPerDay: nil)
}

/// A medication of the simulated clinic and the doses it is given in.
struct Drug {
    /// The product's RxNorm name, of a semantic clinical drug.
    let name: String
    /// Its RxNorm code.
    let rxcui: String
    let form: String
    let strength: String
    /// Doses in mg from the lowest, each a number of tablets that can be taken at once.
    let doses: [Double]
    let frequency: Frequency
    /// What the frequency may be changed to and back, nil if it stays.
    let otherFrequency: Frequency?
    let route: String
    let asNeeded: Bool
    /// What it is given for.
    let indication: (code: String, text: String)

    init(
        _ name: String,
        rxcui: String,
        form: String = "tablet",
        strength: String,
        doses: [Double],
        frequency: Frequency = .daily,
        or otherFrequency: Frequency? = nil,
        route: String = "oral",
        asNeeded: Bool = false,
        for code: String,
        _ text: String
    ) {
        self.name = name
        self.rxcui = rxcui
        self.form = form
        self.strength = strength
        self.doses = doses
        self.frequency = frequency
        self.otherFrequency = otherFrequency
        self.route = route
        self.asNeeded = asNeeded
        indication = (code, text)
    }

    /// The product, under the order that it was prescribed with (nil: the client brought it).
    func medication(order: String?) -> Medication {
        Medication(name: name, rxcui: rxcui, form: form, strength: strength, orderID: order)
    }

    /// How it is taken at the dose of this index.
    func regimen(dose index: Int, isAtOtherFrequency: Bool = false) -> Regimen {
        let frequency = isAtOtherFrequency ? otherFrequency ?? frequency : frequency
        return Regimen(
            dose: doses[index],
            unit: "mg",
            route: route,
            frequency: frequency.text,
            timesPerDay: frequency.timesPerDay,
            asNeeded: asNeeded
        )
    }
}

/// A dozen medications and two injections, names and codes from the RxNorm value sets of the National Library of
/// Medicine (VSAC, expansion "eCQM Update 2025-05-08").
enum Formulary {
    static let sertraline = Drug(
        "sertraline 50 MG Oral Tablet",
        rxcui: "312941",
        strength: "50 mg",
        doses: [25, 50, 100, 150, 200],
        or: .everyMorning,
        for: "F33.1",
        "Major depressive disorder, recurrent"
    )
    static let escitalopram = Drug(
        "escitalopram 10 MG Oral Tablet",
        rxcui: "349332",
        strength: "10 mg",
        doses: [5, 10, 20],
        or: .atBedtime,
        for: "F41.1",
        "Generalized anxiety disorder"
    )
    static let fluoxetine = Drug(
        "fluoxetine 20 MG Oral Capsule",
        rxcui: "310385",
        form: "capsule",
        strength: "20 mg",
        doses: [20, 40, 60],
        frequency: .everyMorning,
        for: "F32.1",
        "Major depressive episode"
    )
    static let venlafaxine = Drug(
        "venlafaxine 75 MG Oral Tablet",
        rxcui: "313586",
        strength: "75 mg",
        doses: [37.5, 75, 112.5],
        frequency: .twiceDaily,
        or: .threeTimesDaily,
        for: "F33.1",
        "Major depressive disorder, recurrent"
    )
    static let mirtazapine = Drug(
        "mirtazapine 15 MG Oral Tablet",
        rxcui: "311725",
        strength: "15 mg",
        doses: [7.5, 15, 30, 45],
        frequency: .atBedtime,
        for: "F33.1",
        "Depression with insomnia"
    )
    static let trazodone = Drug(
        "trazodone hydrochloride 50 MG Oral Tablet",
        rxcui: "856377",
        strength: "50 mg",
        doses: [25, 50, 100],
        frequency: .atBedtime,
        for: "G47.00",
        "Insomnia"
    )
    static let quetiapine = Drug(
        "quetiapine 50 MG Oral Tablet",
        rxcui: "616487",
        strength: "50 mg",
        doses: [25, 50, 100, 200],
        frequency: .atBedtime,
        or: .twiceDaily,
        for: "F31.81",
        "Bipolar II disorder"
    )
    static let aripiprazole = Drug(
        "aripiprazole 5 MG Oral Tablet",
        rxcui: "402131",
        strength: "5 mg",
        doses: [2.5, 5, 10, 15],
        or: .everyMorning,
        for: "F33.1",
        "Augmentation in depression"
    )
    static let lorazepam = Drug(
        "lorazepam 0.5 MG Oral Tablet",
        rxcui: "197900",
        strength: "0.5 mg",
        doses: [0.5, 1],
        frequency: .everyEightHoursAsNeeded,
        or: .everyTwelveHoursAsNeeded,
        asNeeded: true,
        for: "F41.1",
        "Acute anxiety"
    )
    static let buprenorphine = Drug(
        "buprenorphine 8 MG / naloxone 2 MG Sublingual Film",
        rxcui: "1010604",
        form: "film",
        strength: "8 mg/2 mg",
        doses: [8, 16, 24],
        route: "sublingual",
        for: "F11.20",
        "Opioid use disorder"
    )
    static let buprenorphineInjection = Drug(
        "1.5 ML buprenorphine 200 MG/ML Prefilled Syringe",
        rxcui: "1996192",
        form: "extended-release injection",
        strength: "300 mg/1.5 mL",
        doses: [300],
        frequency: .everyFourWeeks,
        route: "subcutaneous",
        for: "F11.20",
        "Opioid use disorder"
    )
    static let naltrexone = Drug(
        "naltrexone hydrochloride 50 MG Oral Tablet",
        rxcui: "1483744",
        strength: "50 mg",
        doses: [25, 50, 100],
        or: .atBedtime,
        for: "F10.20",
        "Alcohol use disorder"
    )
    static let naltrexoneInjection = Drug(
        "naltrexone 380 MG Injection",
        rxcui: "637213",
        form: "extended-release injection",
        strength: "380 mg",
        doses: [380],
        frequency: .everyFourWeeks,
        route: "intramuscular",
        for: "F10.20",
        "Alcohol use disorder"
    )
    static let acamprosate = Drug(
        "acamprosate calcium 333 MG Delayed Release Oral Tablet",
        rxcui: "835726",
        form: "delayed-release tablet",
        strength: "333 mg",
        doses: [333, 666],
        frequency: .threeTimesDaily,
        or: .twiceDaily,
        for: "F10.20",
        "Alcohol use disorder"
    )

    /// Every medication that a simulation may name.
    static let all = [
        sertraline, escitalopram, fluoxetine, venlafaxine, mirtazapine, trazodone, quetiapine,
        aripiprazole, lorazepam, buprenorphine, buprenorphineInjection, naltrexone,
        naltrexoneInjection, acamprosate,
    ]

    /// The long-acting injection that a medication may be changed to, of the same substance.
    static func injection(insteadOf drug: Drug) -> Drug? {
        switch drug.rxcui {
        case naltrexone.rxcui: naltrexoneInjection
        case buprenorphine.rxcui: buprenorphineInjection
        default: nil
        }
    }

    /// What is prescribed to the members of a program, and how often.
    static func drugs(of program: Program) -> [(Drug, weight: Int)] {
        switch program.name {
        case Program.adolescent.name:
            [(fluoxetine, 5), (escitalopram, 4), (sertraline, 4), (trazodone, 1)]
        case Program.adultEvening.name:
            [
                (buprenorphine, 5), (naltrexone, 4), (acamprosate, 3), (trazodone, 3),
                (sertraline, 2), (mirtazapine, 2),
            ]
        case Program.dualDiagnosis.name:
            [
                (buprenorphine, 4), (naltrexone, 3), (sertraline, 4), (quetiapine, 3),
                (mirtazapine, 3), (aripiprazole, 2), (trazodone, 3), (acamprosate, 1),
            ]
        default:
            [
                (sertraline, 5), (escitalopram, 5), (venlafaxine, 3), (mirtazapine, 3),
                (trazodone, 3), (quetiapine, 2), (aripiprazole, 3), (fluoxetine, 3), (lorazepam, 1),
            ]
        }
    }
}
