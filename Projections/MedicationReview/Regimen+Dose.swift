public import CareEpisode
import Foundation

extension Regimen {
    /// Dose times how often a day, in the regimen's unit.
    ///
    /// Nil where a part is unknown, for what is taken as needed, once or less than once a day, and
    /// where the unit is a rate.
    public var dailyDose: Double? {
        guard asNeeded != true, !isSingleDose, let dose, let timesPerDay, timesPerDay >= 1,
            let unit, DoseUnit(unit).isAmount
        else { return nil }
        return (dose * timesPerDay).rounded(toDigits: 12)
    }

    /// Days from one dose to the next, where it is taken less than once a day and that is a whole
    /// number within 2 %.
    public var intervalDays: Int? {
        guard let timesPerDay, timesPerDay < 1 else { return nil }
        let days = 1 / timesPerDay
        // A number of days in the calendar; what is rarer is no regimen.
        guard days < 3_660 else { return nil }
        let whole = days.rounded()
        return abs(days - whole) <= 0.02 * whole ? Int(whole) : nil
    }

    /// Whether it is one dose: the whole frequency says so.
    public var isSingleDose: Bool { frequency.map { Frequency($0).isOnce } ?? false }

    /// The dose, to be compared.
    var amount: DoseAmount? { DoseAmount(dose, unit) }

    /// The daily dose, to be compared and added up.
    var dailyAmount: DoseAmount? { DoseAmount(dailyDose, unit) }

    /// This regimen, with what it leaves out taken from the one before.
    ///
    /// Dose and unit go together. A frequency or times per day replace both, and whether it is taken
    /// as needed; the same words once more, without times per day, replace nothing.
    func carrying(_ before: Regimen?) -> Regimen {
        guard let before else { return self }
        let hasDose = dose != nil || unit != nil
        let isRepeated =
            timesPerDay == nil
            && (frequency.map { words in
                before.frequency.map { Frequency.isSame(words, $0) } ?? false
            } ?? true)
        let often = isRepeated ? before : self
        return Regimen(
            dose: hasDose ? dose : before.dose,
            unit: hasDose ? unit : before.unit,
            route: route ?? before.route,
            frequency: often.frequency,
            timesPerDay: often.timesPerDay,
            asNeeded: asNeeded ?? often.asNeeded
        )
    }

    /// Whether it is taken as often as another: by times a day where both say them, else by words;
    /// nil where that cannot be told.
    func isAsFrequent(as other: Regimen) -> Bool? {
        if let timesPerDay, let times = other.timesPerDay { return timesPerDay == times }
        guard let frequency, let words = other.frequency else { return nil }
        return Frequency.isSame(frequency, words)
    }

    /// Whether the words of both name times of day, and not the same ones.
    func isAtAnotherTimeOfDay(than other: Regimen) -> Bool {
        let times = [self, other].map { regimen in
            regimen.frequency.map { Frequency($0).timesOfDay } ?? []
        }
        return !times[0].isEmpty && !times[1].isEmpty && times[0] != times[1]
    }
}

extension MedicationCourse.Change {
    /// The change of the daily dose in percent; nil where either is unknown or the units differ, and
    /// of a switch, whose doses are of two medications.
    ///
    /// Nil, too, where the dose before is none, or so small that no number tells the change.
    public var percent: Double? {
        guard change != .switch, let doses = comparableDoses, doses.before != 0 else { return nil }
        let percent = ((doses.after - doses.before) / doses.before * 100).rounded(toDigits: 12)
        return percent.isFinite ? percent : nil
    }

    /// Whether the daily dose moves against what the change says.
    var hasWrongDirection: Bool {
        guard change == .increase || change == .decrease, let doses = comparableDoses else {
            return false
        }
        return change == .increase ? doses.after < doses.before : doses.after > doses.before
    }

    private var comparableDoses: (before: Double, after: Double)? {
        guard let before = fromRegimen?.dailyAmount, let after = toRegimen?.dailyAmount,
            before.unit.name == after.unit.name
        else { return nil }
        return (before.number, after.number)
    }
}

extension Double {
    /// The number with so many significant digits: 0.1 × 3 is 0.3, as on paper.
    func rounded(toDigits digits: Int) -> Double {
        guard isFinite, self != 0 else { return self }
        let scale = pow(10, Double(digits - 1) - log10(abs(self)).rounded(.down))
        let rounded = (self * scale).rounded() / scale
        return rounded.isFinite ? rounded : self
    }
}
