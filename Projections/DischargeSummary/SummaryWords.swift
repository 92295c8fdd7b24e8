public import CareEpisode
import Documents
import ProjectionRuntime

/// Codes, medications and numbers in words.
public enum SummaryWords {
    /// What is written where nothing is recorded.
    static let notRecorded = "not recorded"
    static let leftBlank = "not recorded (left blank)"

    /// `group 12, individual 4`, the most first.
    static func counts(_ counts: [String: Int]) -> String {
        counts.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            .map { "\(Words.code($0.key)) \($0.value)" }.joined(separator: ", ")
    }

    /// FHIR's codes of where a client goes; a site's own as they are.
    public static func disposition(_ code: String) -> String {
        switch Disposition(rawValue: code) {
        case .home: "Home"
        case .alternativeHome: "Alternative home"
        case .otherFacility: "Another health-care facility"
        case .hospice: "Hospice"
        case .longTermCare: "Long-term care"
        case .againstAdvice: "Left against advice"
        case .expired: "Died"
        case .psychiatricHospital: "Psychiatric hospital"
        case .rehabilitation: "Rehabilitation"
        case .skilledNursing: "Skilled nursing facility"
        case .other: "Other"
        default: Words.title(code)
        }
    }

    /// `F33.1 Major depressive disorder (ICD-10-CM, principal)`.
    public static func diagnosis(_ diagnosis: Diagnosis) -> String {
        let system = diagnosis.system == .icd10CM ? "ICD-10-CM" : "ICD-9-CM"
        let details = [system, diagnosis.role?.rawValue].compactMap { $0 }.joined(separator: ", ")
        return [diagnosis.code, diagnosis.description, "(\(details))"].compactMap { $0 }
            .joined(separator: " ")
    }

    // MARK: - Medications

    static func prescription(_ prescription: DischargeSummary.Prescription) -> String {
        "\(prescription.medication.words): \(Regimen.words(prescription.regimen))"
    }

    // MARK: - Differences

    /// `medications/changed/<lineage>` becomes "medications, changed".
    static func item(_ item: String) -> String {
        item.split(separator: "/").prefix(2).map { Words.code(String($0)) }.joined(separator: ", ")
    }

    /// What a summary's JSON says of a medication, such as `lithium 300 mg: from 300 mg, oral, daily
    /// to 600 mg, oral, daily`; nil for anything else.
    static func medication(_ value: AnswerJSON?) -> String? {
        guard let value else { return nil }
        if let from = value["from"]?["medication"], let to = value["to"] {
            let old = from["name"]?.text ?? ""
            let new = to["medication"]?["name"]?.text ?? ""
            let before = (old == new ? "" : "\(old), ") + regimen(value["from"]?["regimen"])
            let after = (old == new ? "" : "\(new), ") + regimen(to["regimen"])
            return (old == new ? "\(old): " : "") + "from \(before) to \(after)"
        }
        guard let name = value["medication"]?["name"]?.text else { return nil }
        let held = value["held_since"]?.text == nil ? "" : ", held"
        return "\(name): \(regimen(value["regimen"]))\(held)"
    }

    private static func regimen(_ value: AnswerJSON?) -> String {
        Regimen.words(
            Regimen(
                dose: value?["dose"]?.number,
                unit: value?["unit"]?.text,
                route: value?["route"]?.text,
                frequency: value?["frequency"]?.text,
                timesPerDay: value?["times_per_day"]?.number,
                asNeeded: value?["as_needed"]?.isTrue
            )
        )
    }

    /// Members that point elsewhere, and say nothing in a line.
    private static let pointers: Set<String> = [
        "lineage", "correction", "target", "entry", "elements",
    ]

    private static func string(_ text: String, _ clock: LocalCalendar) -> String {
        if let instant = Instant(rfc3339: text) { return clock.time(instant) }
        let isCode = text.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
        }
        return isCode ? Words.code(text) : text
    }

    /// A value of any kind in one line, its times by a clock.
    static func value(_ value: AnswerJSON?, _ clock: LocalCalendar) -> String {
        switch value {
        case nil, .null: "–"
        case .string(let text): string(text, clock)
        case .integer(let number): String(number)
        case .number(let number): Words.number((number * 1_000).rounded() / 1_000)
        case .bool(let isTrue): isTrue ? "yes" : "no"
        case .raw(let bytes): String(decoding: bytes, as: UTF8.self)
        case .array(let elements):
            elements.isEmpty
                ? "none" : elements.map { self.value($0, clock) }.joined(separator: "; ")
        case .object(let members):
            members.filter { !pointers.contains($0.name) && !$0.value.isNull }
                .map { "\(Words.code($0.name)) \(self.value($0.value, clock))" }.joined(
                    separator: ", "
                )
        }
    }
}

extension AnswerJSON {
    fileprivate subscript(name: String) -> AnswerJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    fileprivate var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    fileprivate var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }

    fileprivate var isTrue: Bool? {
        guard case .bool(let isTrue) = self else { return nil }
        return isTrue
    }

    fileprivate var isNull: Bool {
        if case .null = self { true } else { false }
    }
}
