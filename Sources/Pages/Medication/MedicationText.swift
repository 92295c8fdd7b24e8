public import CareEpisode
public import Markup
import Projections

/// How medications are written, so that nobody misreads one.
///
/// By the NHS Common User Interface ("Design Guide Entry: Medication Line", 2010): name in bold, DOSE
/// and its value, which never part, route, frequency. By ISMP ("List of Error-Prone Abbreviations,
/// Symbols, and Dose Designations", 2021): no trailing zero, always a leading one, commas from 1,000,
/// mcg, units and daily written out.
public struct MedicationText: Sendable {
    /// The medication.
    public let medication: Medication
    /// How it is taken; nil where nothing is known.
    public let regimen: Regimen?

    /// A medication and how it is taken.
    public init(_ medication: Medication, _ regimen: Regimen?) {
        self.medication = medication
        self.regimen = regimen
    }

    private static let space = "\u{A0}"
    /// A dose with its unit is not longer; a text that is has to break to fit.
    static let unbrokenDose = 40

    /// Name, dose, route and frequency in a line.
    public var line: HTML {
        .tag("span", ["class": "drug"], name + [.text(" — ")] + Self.joined(parts))
    }

    /// The name alone.
    var named: HTML { .tag("span", ["class": "drug"], name) }

    /// Dose, route and frequency in a line, without the name.
    var taken: HTML { .tag("span", ["class": "drug"], Self.joined(parts)) }

    /// Dose, route and frequency where there is no bold: "7.5 mg, oral, daily".
    var takenText: String {
        let parts = [dose, route, frequency].compactMap(\.self)
        return parts.isEmpty ? Self.notRecorded : parts.joined(separator: ", ")
    }

    private static let notRecorded = "regimen not recorded"

    private static func joined(_ parts: [[HTML]]) -> [HTML] {
        parts.enumerated().flatMap { $0 == 0 ? $1 : [.text(" — ")] + $1 }
    }

    private var parts: [[HTML]] {
        var parts: [[HTML]] = []
        if let dose {
            parts.append([
                .tag(
                    "span",
                    // They never part, but for a unit that is no unit.
                    (["class": "nb"] as Attributes).when(dose.count <= Self.unbrokenDose),
                    [
                        .tag("span", ["class": "label"], text: "DOSE"), .text(" "),
                        .tag("b", text: dose),
                    ]
                )
            ])
        }
        if let route { parts.append([.text(route)]) }
        if let frequency { parts.append([.text(frequency)]) }
        return parts.isEmpty ? [[.text(Self.notRecorded)]] : parts
    }

    /// The name as it was recorded, and what it leaves out of strength and form.
    private var name: [HTML] {
        let more = medication.words.dropFirst(medication.name.count)
        return [.tag("b", TallMan.html(medication.name))]
            + (more.isEmpty ? [] : [.text(String(more))])
    }

    /// "7.5 mg"; nil where no dose is recorded.
    public var dose: String? {
        regimen?.dose.map { Self.amount($0, regimen?.unit) }
    }

    /// What is taken in a day: "1,998 mg", "156 mg every 28 days", "as needed", "once"; nil where it
    /// is not known.
    public var daily: String? {
        guard let regimen else { return nil }
        if regimen.asNeeded == true { return "as needed" }
        if regimen.isSingleDose { return "once" }
        if let days = regimen.intervalDays, let dose { return "\(dose) \(Self.every(days))" }
        return regimen.dailyDose.map { Self.amount($0, regimen.unit) }
    }

    /// Whether ``daily`` is an amount, which "a day" may follow.
    var hasDailyAmount: Bool {
        regimen.map { $0.asNeeded != true && !$0.isSingleDose && $0.dailyDose != nil } ?? false
    }

    /// "24 mg daily", for a drawing.
    public var short: String {
        let parts = [dose, frequency].compactMap(\.self)
        return parts.isEmpty ? Self.notRecorded : parts.joined(separator: " ")
    }

    /// How it gets into the body, abbreviations written out.
    public var route: String? {
        regimen?.route.map { route in Self.routes[Self.plain(route)] ?? route }
    }

    /// How often, in words; nil where that is not known.
    public var frequency: String? {
        guard let regimen else { return nil }
        var words = regimen.frequency.map(Self.spelled)
        if words == nil, let times = regimen.timesPerDay {
            words = regimen.intervalDays.map(Self.every) ?? Self.times(times)
        }
        guard regimen.asNeeded == true, words?.contains("as needed") != true else { return words }
        return words.map { "\($0), as needed" } ?? "as needed"
    }

    // MARK: - Numbers and units

    /// A number with its unit, which it never parts from.
    static func amount(_ number: Double, _ unit: String?) -> String {
        guard let unit else { return "\(Self.number(number)) (unit not recorded)" }
        var words = written(unit)
        if number == 1, words.hasPrefix("units") { words = "unit" + words.dropFirst(5) }
        return "\(Self.number(number))\(space)\(words.replacing(" ", with: space))"
    }

    /// A unit written out, of a rate or a strength both; one that is not known as it was recorded.
    private static func written(_ unit: String) -> String {
        if let words = units[plain(unit)] { return words }
        let parts = plain(unit).split(separator: "/").map(String.init)
        let words = parts.compactMap { units[$0] ?? spans[$0] }
        return words.count > 1 && words.count == parts.count
            ? words.joined(separator: " per ") : unit
    }

    /// Every digit that was recorded: no trailing zero, a leading one, commas from 1,000.
    static func number(_ number: Double) -> String {
        var (whole, fraction) = decimal(number)
        if whole.count > 3 {
            var grouped = ""
            for (index, digit) in whole.enumerated() {
                if index > 0, (whole.count - index).isMultiple(of: 3) { grouped += "," }
                grouped.append(digit)
            }
            whole = grouped
        }
        while fraction.last == "0" { fraction.removeLast() }
        return fraction.isEmpty ? whole : "\(whole).\(fraction)"
    }

    /// The digits before and after the point: the shortest that read back as the number.
    private static func decimal(_ number: Double) -> (whole: String, fraction: String) {
        let parts = number.description.lowercased().split(separator: "e")
        let digits = parts[0].split(separator: ".").map(String.init)
        var (whole, fraction) = (digits[0], digits.count > 1 ? digits[1] : "")
        let exponent = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        for _ in 0..<abs(exponent) {
            if exponent > 0 {
                whole.append(fraction.isEmpty ? "0" : fraction.removeFirst())
            } else {
                fraction = (whole.popLast().map(String.init) ?? "0") + fraction
            }
        }
        while whole.first == "0" { whole.removeFirst() }
        return (whole.isEmpty ? "0" : whole, fraction)
    }

    /// In small letters, without points and spaces at the ends.
    private static func plain(_ text: String) -> String {
        text.lowercased().filter { $0 != "." }.split(whereSeparator: \.isWhitespace)
            .joined(separator: " ")
    }

    private static let units = [
        "mg": "mg", "milligram": "mg", "milligrams": "mg",
        "mcg": "mcg", "ug": "mcg", "µg": "mcg", "μg": "mcg", "microgram": "mcg",
        "micrograms": "mcg",
        "g": "g", "gm": "g", "gram": "g", "grams": "g",
        "u": "units", "iu": "units", "unit": "units", "units": "units",
        "ml": "mL", "cc": "mL", "l": "L", "meq": "mEq", "mmol": "mmol",
    ]

    // MARK: - Routes and frequencies

    private static let routes = [
        "po": "oral", "per os": "oral", "by mouth": "oral", "sl": "sublingual",
        "im": "intramuscular", "iv": "intravenous", "sc": "subcutaneous", "sq": "subcutaneous",
        "subq": "subcutaneous", "sub q": "subcutaneous", "td": "transdermal", "top": "topical",
        "pr": "rectal", "in": "intranasal", "nas": "intranasal", "inh": "inhaled",
    ]

    private static let frequencies = [
        "qd": "daily", "od": "daily", "qday": "daily", "bid": "twice daily",
        "tid": "three times daily", "qid": "four times daily", "qod": "every other day",
        "qam": "every morning", "qpm": "every evening", "qhs": "at bedtime", "hs": "at bedtime",
        "qn": "every night", "prn": "as needed", "stat": "once, now", "ac": "before meals",
        "pc": "after meals", "qwk": "weekly", "qw": "weekly", "tiw": "three times a week",
        "biw": "twice a week", "x1": "once", "qmo": "monthly",
    ]

    /// A frequency with its abbreviations written out; other words as they were recorded.
    private static func spelled(_ text: String) -> String {
        text.split(whereSeparator: \.isWhitespace).map { word in
            let ending = word.last.map { ",;".contains($0) } ?? false ? String(word.suffix(1)) : ""
            let bare = plain(String(ending.isEmpty ? word : word.dropLast()))
            if let words = frequencies[bare] { return words + ending }
            // q6h, q72hr, q2weeks.
            let rest = bare.dropFirst()
            let digits = rest.prefix { $0.isNumber }
            if bare.first == "q", !digits.isEmpty,
                let unit = spans[String(rest.dropFirst(digits.count))]
            {
                return "every \(digits) \(unit)\(digits == "1" ? "" : "s")\(ending)"
            }
            return String(word)
        }.joined(separator: " ")
    }

    private static let spans = [
        "h": "hour", "hr": "hour", "hrs": "hour", "hour": "hour", "hours": "hour",
        "d": "day", "day": "day", "days": "day", "wk": "week", "wks": "week", "week": "week",
        "weeks": "week", "month": "month", "months": "month", "min": "minute",
    ]

    private static func times(_ number: Double) -> String {
        switch number {
        case 1: "daily"
        case 2: "twice daily"
        case 3: "three times daily"
        case 4: "four times daily"
        default: "\(Self.number(number)) times a day"
        }
    }

    private static func every(_ days: Int) -> String {
        switch days {
        case 1: "daily"
        case 2: "every other day"
        case 7: "weekly"
        default: "every \(days) days"
        }
    }
}
