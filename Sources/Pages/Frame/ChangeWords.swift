import CareEpisode
import Documents
import ProjectionRuntime
import Projections

/// What differs in an answer, in words: of a part that is there both times, the members that differ.
struct ChangeWords {
    /// The part, such as "Week of Dec 8", or "In force: sertraline".
    let item: String
    /// What it said before; nil where it was not there.
    let before: String?
    /// What it says now; nil where it is gone.
    let after: String?
    /// The same in a few words, such as "attended 6 → 5, hours 12.0 h → 10.0 h".
    let brief: String

    /// A change of an answer.
    init(_ change: KnowledgeDifference.Change, _ format: DisplayFormat) {
        let path = change.item.split(separator: "/").map(String.init)
        let answer = AnswerWords(format: format)
        item = Self.item(path, change.after ?? change.before, format)
        let name = Self.name(path)
        if let old = change.before, let new = change.after, case .object = old, case .object = new,
            !Self.isCounted(path)
        {
            let members = answer.differing(old, new, but: AnswerWords.unread)
            guard !members.isEmpty else {
                before = "the same"
                after = "the same, from other entries"
                brief = "the same, from other entries"
                return
            }
            before = members.map { "\($0.name) \($0.before)" }.joined(separator: ", ")
            after = members.map { "\($0.name) \($0.after)" }.joined(separator: ", ")
            brief = members.map { "\($0.name) \($0.before) → \($0.after)" }
                .joined(separator: ", ")
            return
        }
        // What a part names, its values need not say again.
        let medication = Self.medication(change)
        func words(_ value: AnswerJSON) -> String {
            let words = answer.words(name, value) ?? "–"
            guard let medication,
                ["\(medication): ", "\(medication); "].contains(
                    where: words.hasPrefix
                )
            else { return words }
            return String(words.dropFirst(medication.count + 2))
        }
        before = change.before.map(words)
        after = change.after.map(words)
        brief = "\(before ?? "not there") → \(after ?? "gone")"
    }

    /// Parts whose members are codes.
    private static let counts: Set<String> = [
        "missed", "missed_after_end", "by_kind", "by_modality", "participants",
    ]

    /// Whether a part says how many there are of each of some codes.
    static func isCounted(_ path: [String]) -> Bool { counts.contains(name(path)) }

    /// The member that a part is.
    private static func name(_ path: [String]) -> String {
        let sections: Set<String> = [
            "client", "admission", "course_of_care", "discharge", "follow_up", "authorship",
            "completeness",
        ]
        return path.count > 1 && sections.contains(path[0]) ? path[1] : path[0]
    }

    /// The name of the medication that a change is about; nil of any other.
    private static func medication(_ change: KnowledgeDifference.Change) -> String? {
        (change.after ?? change.before)?["medication"].flatMap {
            AnswerWords.medication($0)
        }
    }

    // MARK: - Parts

    private static let lists = [
        "active": "In force", "held": "Held", "scheduled": "Ordered for later",
        "later": "Became known later", "timeline": "Course", "changes": "Change",
    ]

    /// What a part is about.
    static func item(_ path: [String], _ value: AnswerJSON?, _ format: DisplayFormat) -> String {
        let medication = (value?["medication"] ?? value?["to"]?["medication"])
            .flatMap(AnswerWords.medication)
        if let list = lists[path[0]], let medication {
            let kind = path[0] == "changes" ? value?["change"]?.text : nil
            let words = kind.flatMap(MedicationChange.init(rawValue:)).map { Words.title($0.words) }
            return "\(words ?? list): \(medication)"
        }
        guard path.count > 1 else { return Words.title(AnswerWords.name(path[0])) }
        switch path[0] {
        case "weeks":
            return week(path[1]).map { "Week of \(format.day($0))" } ?? "Week"
        case "flags": return FlagWords.of(path[1]).words
        case "days", "periods":
            let date = CalendarDate(iso8601: path[1])
            let day = path[0] == "days" ? date.map(format.date) : date.map(format.month)
            return [day, place(Array(path.dropFirst(2)), value)].compactMap(\.self)
                .joined(separator: ", ")
        case "groups": return place(Array(path.dropFirst()), value) ?? "Group"
        case "readings": return "After \(path[1]) days"
        case "by_reason": return "Ended, \(Words.code(path[1]))"
        case "entries":
            let kind = value?["kind"]?.text.map(Words.code) ?? ""
            let time = value?["starts_at"]?.text.flatMap { Instant(rfc3339: $0) }
            return "Session, \(kind)" + (time.map { ", \(format.dayAndTime($0))" } ?? "")
        default:
            let words = "\(Words.title(path[0])), \(AnswerWords.name(path[1]))"
            return medication.map { "\(words): \($0)" } ?? words
        }
    }

    /// A program and a level of care, or what else a group is of; a site's own names stay.
    private static func place(_ path: [String], _ value: AnswerJSON?) -> String? {
        if let program = value?["program"]?.text {
            let level = value?["level_of_care"]?.text.map { ", \(Words.code($0))" } ?? ""
            return program + level
        }
        guard let first = path.first else { return nil }
        guard path.count > 1 else { return first == "total" ? "all" : Words.code(first) }
        return first == "program" ? path[1] : Words.title(path[1])
    }

    /// The first date of a week, by its name.
    private static func week(_ name: String) -> CalendarDate? {
        if let date = CalendarDate(iso8601: name) { return date }
        let parts = name.split(separator: "-W").compactMap { Int($0) }
        // The fourth of January lies in the first week of ISO 8601.
        guard parts.count == 2, let fourth = CalendarDate(year: parts[0], month: 1, day: 4) else {
            return nil
        }
        return LocalWeek(of: fourth).firstDate.adding(days: 7 * (parts[1] - 1))
    }
}
