public import CareEpisode
import Foundation

extension Regimen {
    /// Dose times how often a day, in the regimen's unit; nil where either is unknown, and for what
    /// is taken as needed.
    public var dailyDose: Double? {
        guard asNeeded != true, let dose, let timesPerDay else { return nil }
        return (dose * timesPerDay).rounded(toDigits: 12)
    }

    /// This regimen, with what it leaves out taken from the one before.
    ///
    /// Dose and unit go together. Another frequency without times per day leaves those unknown: a
    /// daily dose by the old ones would be wrong.
    func carrying(_ before: Regimen?) -> Regimen {
        guard let before else { return self }
        let hasDose = dose != nil || unit != nil
        let hasFrequency = frequency != nil && frequency != before.frequency
        return Regimen(
            dose: hasDose ? dose : before.dose,
            unit: hasDose ? unit : before.unit,
            route: route ?? before.route,
            frequency: frequency ?? before.frequency,
            timesPerDay: timesPerDay ?? (hasFrequency ? nil : before.timesPerDay),
            asNeeded: asNeeded ?? before.asNeeded
        )
    }
}

extension MedicationCourse.Change {
    /// The change of the daily dose in percent; nil where either is unknown or the units differ, and
    /// of a switch, whose doses are of two medications.
    public var percent: Double? {
        guard change != .switch, let doses = comparableDoses else { return nil }
        return ((doses.after - doses.before) / doses.before * 100).rounded(toDigits: 12)
    }

    /// Whether the daily dose moves against what the change says.
    var hasWrongDirection: Bool {
        guard let doses = comparableDoses else { return false }
        switch change {
        case .increase: return doses.after < doses.before
        case .decrease: return doses.after > doses.before
        default: return false
        }
    }

    private var comparableDoses: (before: Double, after: Double)? {
        guard let before = fromRegimen?.dailyDose, let after = toRegimen?.dailyDose,
            let unit = fromRegimen?.unit, unit == toRegimen?.unit
        else { return nil }
        return (before, after)
    }
}

extension Double {
    /// The number with so many significant digits: 0.1 × 3 is 0.3, as on paper.
    fileprivate func rounded(toDigits digits: Int) -> Double {
        guard isFinite, self != 0 else { return self }
        let scale = pow(10, Double(digits - 1) - log10(abs(self)).rounded(.down))
        let rounded = (self * scale).rounded() / scale
        return rounded.isFinite ? rounded : self
    }
}
