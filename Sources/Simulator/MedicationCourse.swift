internal import CareEpisode

/// A medication that the client is on.
struct MedicationCourse {
    var drug: Drug
    /// In mg.
    var dose: Double
    /// The strength that the dose is made of, in mg.
    var strength: Double
    var frequency: Frequency
    /// The order it was prescribed with, nil for what the client brought.
    var order: String?
    /// Called by its brand, as the client calls it.
    var isBrand = false
    var isHeld = false

    init(drug: Drug, dose: Double, order: String?) {
        self.drug = drug
        self.dose = dose
        self.order = order
        strength = drug.strength(for: dose)
        frequency = drug.frequencies[0]
    }

    var medication: Medication {
        drug.medication(strength: strength, isBrand: isBrand, order: order)
    }

    /// As needed is said only of what is; whatever a frequency replaces is not, unless it says so.
    var regimen: Regimen {
        Regimen(
            dose: dose,
            unit: "mg",
            route: drug.route,
            frequency: frequency.text,
            timesPerDay: frequency.timesPerDay,
            asNeeded: frequency.asNeeded ? true : nil
        )
    }

    /// The dose one step up or down, nil if there is none.
    func dose(_ step: Int) -> Double? {
        guard let index = drug.doses.firstIndex(of: dose), drug.doses.indices ~= index + step
        else { return nil }
        return drug.doses[index + step]
    }
}
