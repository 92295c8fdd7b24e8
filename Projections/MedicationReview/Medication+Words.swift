public import CareEpisode
import Documents

extension Medication {
    /// `sertraline 50 mg tablet`: strength and form where the name does not have them.
    public var words: String {
        let named = Self.words(name)
        let more = [strength, form].compactMap { $0 }
            .filter { !Self.words($0).isSubset(of: named) }
        return ([name] + more).joined(separator: " ")
    }

    private static func words(_ text: String) -> Set<String> {
        Set(text.lowercased().split { !$0.isLetter && !$0.isNumber && $0 != "." }.map(String.init))
    }
}

extension Regimen {
    /// `50 mg, oral, daily`.
    static func words(_ regimen: Regimen?) -> String {
        let parts = regimen.map { regimen in
            [
                regimen.doseWords, regimen.route,
                regimen.frequency ?? regimen.timesPerDay.map { "\(Words.number($0)) × a day" },
                regimen.asNeeded == true && !regimen.saysAsNeeded ? "as needed" : nil,
            ].compactMap { $0 }
        }
        guard let parts, !parts.isEmpty else { return "regimen not recorded" }
        return parts.joined(separator: ", ")
    }

    /// `50 mg`; nil without a dose.
    var doseWords: String? { dose.map(amount) }

    /// `daily, as needed`; nil where neither is recorded.
    var frequencyWords: String? {
        guard asNeeded == true, !saysAsNeeded else { return frequency }
        return frequency.map { "\($0), as needed" } ?? "as needed"
    }

    /// `100 mg`, `156 mg every 28 days`, `one dose`, or `as needed`; nil where it is not known.
    var dailyDoseWords: String? {
        if asNeeded == true { return "as needed" }
        if isSingleDose { return "one dose" }
        if let intervalDays, let doseWords {
            return "\(doseWords) every \(Words.count(intervalDays, "day"))"
        }
        return dailyDose.map(amount)
    }

    private func amount(_ number: Double) -> String {
        [Words.number(number), unit].compactMap { $0 }.joined(separator: " ")
    }

    private var saysAsNeeded: Bool {
        let words = frequency?.lowercased() ?? ""
        return words.contains("as needed") || words.contains("prn")
    }
}

extension MedicationReason {
    /// `lack of effect: no better after six weeks`; nil where neither is recorded.
    public var words: String? {
        let code = code?.rawValue.split(separator: "-").joined(separator: " ")
        let words = [code, text].compactMap { $0 }.joined(separator: ": ")
        return words.isEmpty ? nil : words
    }
}
