import CareEpisode
import Documents
import ProjectionRuntime
import Projections

/// The members of an answer in the words of pages: no code, and no name of a member, where a word
/// belongs.
struct AnswerWords {
    let format: DisplayFormat

    // MARK: - Names

    private static let names = [
        "last_week": "hours of the last whole week", "hours_last_7_days": "hours in 7 days",
        "present_week_hours": "hours this week", "last_attended_on": "last seen",
        "no_shows_in_a_row": "no-shows in a row", "total": "episodes", "total_clients": "clients",
        "mean_los_days": "mean length of stay", "median_los_days": "median length of stay",
        "alos_days": "mean length of stay",
        "los_quartile_days": "quartiles of the length of stay", "low": "from", "high": "to",
        "planned_hours": "planned", "not_judged": "not judged", "flags": "to look at",
        "rate": "attendance rate", "missed_after_end": "missed after the end",
        "adc": "average daily census", "average_daily_enrolment": "average daily enrollment",
        "began": "began", "scheduled_end": "ordered end", "later_end": "end known later",
        "started_by": "began with", "ended_by": "ended with", "n": "services",
        "length_of_stay_days": "length of stay", "at_risk": "observed", "counted": "counts",
        "teds_reason": "reason of TEDS", "starts_at": "starts", "recorded_at": "recorded",
        "admitted_at": "admitted", "ended_at": "ended", "last_contact_at": "last contact",
    ]

    /// The name of a member.
    static func name(_ member: String) -> String { names[member] ?? Words.code(member) }

    /// Members that point elsewhere, that follow from others, or that others tell.
    static let unread: Set<String> = [
        "lineage", "lineages", "event_id", "event_ids", "episode_id", "client_id", "session_id",
        "rxcui", "ndc", "order_id", "matched_by", "assessed", "route_group", "substances",
        "interval_days", "single_dose", "on_arrival", "week", "held_by", "daily_dose",
        "daily_dose_before", "daily_dose_after", "correction", "target", "entry", "elements",
        "teds_reason", "previous_episode_id", "tracks",
    ]

    // MARK: - Values

    /// A member's value; nil of null.
    func words(_ name: String, _ value: AnswerJSON) -> String? {
        switch value {
        case .null: nil
        case .bool(let isTrue): isTrue ? "yes" : "no"
        case .string(let text): self.text(name, text)
        case .integer(let number): self.number(name, Double(number))
        case .number(let number): self.number(name, number)
        case .array(let elements): list(name, elements)
        case .object(let members): object(name, value, members)
        // An answer that is made of values has none of it.
        case .raw: nil
        }
    }

    /// Members that a person or a site has written: they stay as they are.
    private static let free: Set<String> = [
        "program", "programs", "client_id", "text", "provider", "prescriber", "name", "id",
        "topic", "condition", "summary", "instructions", "recorded_by", "description",
        "facilitators", "author", "value",
    ]

    private func text(_ name: String, _ text: String) -> String {
        if Self.free.contains(name) { return text }
        if let date = CalendarDate(iso8601: text) { return format.date(date) }
        if let instant = Instant(rfc3339: text) { return format.dateAndTime(instant) }
        let isCode = text.utf8.allSatisfy {
            $0 == UInt8(ascii: "_") || $0 == UInt8(ascii: "-")
                || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains($0)
        }
        return isCode ? Self.code(name, text) : format.dated(text)
    }

    /// A code in words, which may depend on what has it.
    private static func code(_ name: String, _ code: String) -> String {
        switch name {
        case "disposition": SummaryWords.disposition(code)
        case "change": MedicationChange(rawValue: code)?.words ?? Words.code(code)
        case "started_by", "ended_by":
            MedicationChange(rawValue: code)?.words ?? Words.code(code)
        case "classes": MedicationClass(rawValue: code)?.words ?? Words.code(code)
        case "by_modality", "modality":
            SessionModality(rawValue: code)?.words ?? Words.code(code)
        case "not_judged":
            JudgedHours.Exemption(rawValue: code)?.words ?? Words.code(code)
        case "flag", "flags": FlagWords.of(code).words
        default:
            MissedReason(rawValue: code)?.words
                ?? Words.code(code.split(separator: "-").joined(separator: " "))
        }
    }

    /// Members that are parts of one.
    private static let shares: Set<String> = [
        "retained", "ended_shares", "rate", "attendance_rate", "no_show_rate", "below_rate",
        "share", "low", "high",
    ]

    private func number(_ name: String, _ number: Double) -> String {
        if Self.shares.contains(name) { return Figure.percent(number) }
        if name == "hours" || name.hasSuffix("_hours") || name == "threshold"
            || name == "hours_last_7_days"
        {
            return "\(Words.decimal(number)) h"
        }
        if name.hasSuffix("los_days") || name == "los_quartile_days" {
            return "\(Words.decimal(number)) days"
        }
        switch name {
        case "minutes": return "\(Words.number(number)) min"
        case "percent": return "\(Words.number(number.rounded()))%"
        case "length_of_stay_days":
            return Int64(exactly: number).map { Words.count($0, "day") } ?? Words.decimal(number)
        default:
            return Int64(exactly: number).map(Words.grouped) ?? Words.decimal(number)
        }
    }

    private func list(_ name: String, _ elements: [AnswerJSON]) -> String {
        guard !elements.isEmpty else { return name == "missing" ? "nothing" : "none" }
        let words = elements.compactMap { element -> String? in
            switch (name, element) {
            // Of a flag beside others the name tells all.
            case ("flags", .object): element["flag"]?.text.map { FlagWords.of($0).words }
            case ("by_reason", .object): count(element)
            default: self.words(name, element)
            }
        }
        let isLong = elements.contains { if case .object = $0 { true } else { false } }
        return words.joined(separator: isLong && name != "flags" ? "; " : ", ")
    }

    /// "completed 12".
    private func count(_ value: AnswerJSON) -> String? {
        guard let reason = value["reason"]?.text, let count = value["n"]?.number else { return nil }
        return "\(Words.code(reason)) \(Words.grouped(Int64(count)))"
    }

    /// Objects whose members are codes with a number each.
    private static let counts: Set<String> = [
        "missed", "missed_after_end", "by_kind", "by_modality", "participants", "ended",
        "ended_shares",
    ]

    private func object(
        _ name: String,
        _ value: AnswerJSON,
        _ members: [(name: String, value: AnswerJSON)]
    ) -> String? {
        let isCounted = members.allSatisfy { $0.value.number != nil }
        if Self.counts.contains(name), isCounted {
            let words = members.map { member, value in
                "\(Self.code(name, member)) \(self.words(name, value) ?? "–")"
            }
            return words.isEmpty ? "none" : words.joined(separator: ", ")
        }
        switch name {
        case "regimen", "from_regimen", "to_regimen": return Regimen(value).taken
        case "medication": return Medication(value).words
        case "last_week": return value["hours"].flatMap { words("hours", $0) }
        default: break
        }
        if let status = value["status"]?.text, value["list"] != nil {
            let texts = value["list"].flatMap { words("text", $0) } ?? ""
            return status == "recorded" ? texts : Words.code(status)
        }
        if let flag = value["flag"]?.text {
            return value["text"]?.text.map(format.dated) ?? FlagWords.of(flag).words
        }
        if let at = value["at"]?.text, let change = value["change"]?.text {
            return step(at, change, value)
        }
        if let old = value["from"], let new = value["to"], case .object = old, case .object = new {
            return "\(prescription(old)) → \(prescription(new))" + rest(members)
        }
        if value["medication"] != nil { return prescription(value) + rest(members) }
        if value["system"] != nil, let code = value["code"]?.text {
            return [code, value["description"]?.text, value["role"]?.text].compactMap(\.self)
                .joined(separator: " ")
        }
        if name == "reason", value["code"] != nil || value["text"] != nil {
            let code = value["code"]?.text.map { Self.code("reason", $0) }
            return [code, value["text"]?.text].compactMap(\.self).joined(separator: ": ")
        }
        if name == "reason", let reason = value["reason"]?.text { return Words.code(reason) }
        if let text = value["text"]?.text, let status = value["status"]?.text {
            return "\(text): \(Words.code(status))"
        }
        if let id = value["id"]?.text, let role = value["role"]?.text {
            return "\(id), \(Words.code(role))"
        }
        return generic(members)
    }

    private func generic(_ members: [(name: String, value: AnswerJSON)]) -> String {
        members.compactMap { name, value in
            guard !Self.unread.contains(name) else { return nil }
            return words(name, value).map { "\(Self.name(name)) \($0)" }
        }.joined(separator: ", ")
    }

    // MARK: - Medications

    /// The name of a medication.
    static func medication(_ value: AnswerJSON) -> String? {
        let name = Medication(value).words
        return name.isEmpty ? nil : name
    }

    /// "Wed, Oct 22, 2025, 8:00 AM: started, 37.5 mg, oral, daily, SIM-P1".
    private func step(_ at: String, _ change: String, _ value: AnswerJSON) -> String {
        var regimen: String?
        if case .object = value["regimen"] ?? value["to_regimen"] ?? .null {
            regimen = (value["regimen"] ?? value["to_regimen"]).map { Regimen($0).taken }
        }
        let parts = [
            Self.code("change", change), regimen, value["prescriber"]?.text,
            value["reason"].flatMap { words("reason", $0) },
        ].compactMap(\.self)
        return "\(text("at", at)): \(parts.joined(separator: ", "))"
    }

    /// "sertraline 50 MG Oral Tablet: 37.5 mg, oral, daily".
    private func prescription(_ value: AnswerJSON) -> String {
        let name = value["medication"].map { Medication($0).words } ?? ""
        let regimen = value["regimen"] ?? value["to_regimen"]
        // A plan is its steps.
        if case .null? = regimen, value["steps"] != nil { return name }
        return "\(name): \(regimen.map { Regimen($0).taken } ?? Regimen().taken)"
    }

    /// What else is said of a medication.
    private func rest(_ members: [(name: String, value: AnswerJSON)]) -> String {
        let told: Set<String> = ["medication", "regimen", "to_regimen", "to", "change", "status"]
        let rest = generic(
            members.filter { name, value in
                if case .object = value, name == "from" { return false }
                return !told.contains(name)
            }
        )
        return rest.isEmpty ? "" : "; \(rest)"
    }

    // MARK: - Differences

    /// One member that differs.
    struct Member {
        let name: String
        let before: String
        let after: String
    }

    /// The members in which two objects differ, but for those of some names.
    func differing(_ old: AnswerJSON, _ new: AnswerJSON, but left: Set<String> = []) -> [Member] {
        guard case .object(let old) = old, case .object(let new) = new else { return [] }
        let names =
            new.map(\.name)
            + old.map(\.name).filter { name in
                !new.contains { $0.name == name }
            }
        return names.compactMap { name -> Member? in
            let before = old.first { $0.name == name }?.value ?? .null
            let after = new.first { $0.name == name }?.value ?? .null
            guard before.bytes != after.bytes, !left.contains(name) else { return nil }
            let member = Member(
                name: Self.name(name),
                before: words(name, before) ?? "–",
                after: words(name, after) ?? "–"
            )
            // What cannot be told apart in words is said by another member.
            return member.before == member.after ? nil : member
        }
    }
}

extension AnswerJSON {
    /// A member of an object.
    subscript(name: String) -> AnswerJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    /// A text.
    var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    /// A number of either kind.
    var number: Double? {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: nil
        }
    }
}

extension Medication {
    /// As an answer has it.
    fileprivate init(_ value: AnswerJSON) {
        self.init(
            name: value["name"]?.text ?? "",
            form: value["form"]?.text,
            strength: value["strength"]?.text
        )
    }
}

extension Regimen {
    /// As an answer has it.
    fileprivate init(_ value: AnswerJSON) {
        var isAsNeeded: Bool?
        if case .bool(let isTrue)? = value["as_needed"] { isAsNeeded = isTrue }
        self.init(
            dose: value["dose"]?.number,
            unit: value["unit"]?.text,
            route: value["route"]?.text,
            frequency: value["frequency"]?.text,
            timesPerDay: value["times_per_day"]?.number,
            asNeeded: isAsNeeded
        )
    }

    fileprivate var taken: String { MedicationText(Medication(name: ""), self).takenText }
}
