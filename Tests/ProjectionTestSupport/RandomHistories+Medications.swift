import CareEpisode
import TestSupport

extension RandomHistories {
    /// Few medications and fewer orders, so that changes meet: two benzodiazepines, opioids, two
    /// antipsychotics, one that no value set has, one name in two spellings.
    private static let medications = [
        Medication(name: "lorazepam", rxcui: "197901"),
        Medication(name: "Lorazepam 1 MG tablet"),
        Medication(name: "HYDROmorphone (Dilaudid)"),
        Medication(name: "buprenorphine / naloxone", rxcui: "1010600"),
        Medication(name: "quetiapine"),
        Medication(name: "Olanzapine"),
        Medication(name: "sertraline", rxcui: "312940"),
        Medication(name: " Sertraline  "),
        Medication(name: "vitamin D"),
    ]

    private static let orders = [nil, nil, "o-1", "o-2", "o-3", "o-4"]

    mutating func medicationChange() -> EventData {
        let change = generator.pick(
            [.start, .start, .start] + MedicationChange.allCases + [.stop, .hold, .resume]
        )
        var adjusted = MedicationAdjusted(
            medication: medicationOfFew(),
            change: change,
            prescriber: generator.pick(["p-1", "p-2"])
        )
        switch change {
        case .hold, .stop, .unchanged: break
        case .start, .resume: adjusted.regimen = generator.happens(0.6) ? regimen() : nil
        default: adjusted.regimen = regimen()
        }
        if change == .switch || (adjusted.regimen != nil && generator.happens(0.15)) {
            adjusted.replaces = medicationOfFew()
        }
        if generator.happens(0.6) {
            adjusted.reason = generator.pick([
                MedicationReason(), MedicationReason(text: "as agreed"),
            ])
        }
        return .medicationAdjusted(adjusted)
    }

    mutating func arrivals() -> [ArrivalMedication]? {
        generator.pick([nil, [], [arrival()], [arrival(), arrival()]])
    }

    private mutating func arrival() -> ArrivalMedication {
        ArrivalMedication(
            medication: medicationOfFew(),
            regimen: generator.happens(0.7) ? regimen() : nil
        )
    }

    private mutating func medicationOfFew() -> Medication {
        var medication = generator.pick(Self.medications)
        medication.orderID = generator.pick(Self.orders)
        return medication
    }

    private mutating func regimen() -> Regimen {
        Regimen(
            dose: generator.pick([nil, 0.5, 25, 50, 100]),
            unit: generator.pick([nil, "mg", "mg", "ml"]),
            route: generator.pick([nil, "oral"]),
            frequency: generator.pick([nil, "daily", "bid"]),
            timesPerDay: generator.pick([nil, 1, 2]),
            asNeeded: generator.pick([nil, nil, false, true])
        )
    }
}
