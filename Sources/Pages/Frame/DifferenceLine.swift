import CareEpisode
import Documents
import ProjectionRuntime
import Projections

/// One difference of a list in words.
struct DifferenceLine {
    /// The part.
    let item: String
    /// What it said before; nil where it was not there.
    let before: String?
    /// What it says now; nil where it is gone.
    let after: String?
    /// The events that made the difference.
    let events: [EventID]
    /// Whether it is a step on the way, which is told last.
    let isDetail: Bool
    /// The client, where the part names one.
    let client: String?
    /// In a few words.
    let brief: String

    init(_ change: KnowledgeDifference.Change, _ format: DisplayFormat) {
        let path = change.item.split(separator: "/").map(String.init)
        let value = change.after ?? change.before
        events = change.because
        client = value?["client_id"]?.text
        // A part of an episode's own answer stands behind its id.
        let part = path.count > 3 && EpisodeID(path[1]) != nil ? Array(path.dropFirst(2)) : path
        isDetail = ["timeline", "changes"].contains(part[0])
        if case .object(let old)? = change.before, case .object(let new)? = change.after,
            value?["medication"] == nil
        {
            let members = Self.members(old, new, format)
            let place = Self.place(part, value)
            let isOne = members.count == 1
            let names = members.map(\.name).joined(separator: ", ")
            item = place.map { "\($0), \(names)" } ?? Words.title(names)
            let first = members.prefix(2).map { "\($0.name) \($0.before) → \($0.after)" }
            let more = members.count > 2 ? ", \(members.count - 2) more" : ""
            brief = Words.title(first.joined(separator: ", ") + more)
            before = members.map { isOne ? $0.before : "\($0.name) \($0.before)" }
                .joined(separator: "; ")
            after = members.map { isOne ? $0.after : "\($0.name) \($0.after)" }
                .joined(separator: "; ")
            return
        }
        if client != nil {
            item = path[0] == "summaries" ? "Ended" : "Enrolled"
            let program = value?["program"]?.text ?? "–"
            before = change.before.map { _ in program }
            after = change.after.map { _ in program }
            brief =
                change.after == nil
                ? "No longer \(item.lowercased()): \(program)" : "\(item): \(program)"
            return
        }
        var told = change
        told.item = part.joined(separator: "/")
        let words = ChangeWords(told, format.calendar)
        item = Self.name(part, value) ?? Words.title(words.item)
        before = change.before.map { Self.words(part[0], $0, format) ?? words.before ?? "–" }
        after = change.after.map { Self.words(part[0], $0, format) ?? words.after ?? "–" }
        // A medication's name stands in the part already.
        let name = item
        func rest(_ text: String) -> String {
            let first = text.prefix { $0 != ":" }
            return name.hasSuffix(": \(first)") ? String(text.dropFirst(first.count + 2)) : text
        }
        let (old, new) = (before.map(rest), after.map(rest))
        let isShort = (old ?? "").count + (new ?? "").count < 60
        switch (old, new) {
        case _ where isDetail: brief = item
        case (nil, let after): brief = isShort ? "\(item): \(after ?? "")" : "\(item): new"
        case (let before, nil):
            brief = isShort ? "\(item): \(before ?? ""), no longer" : "\(item): gone"
        case (let before?, let after?):
            brief = isShort ? "\(item) \(before) → \(after)" : item
        }
    }

    /// Whether something came or went.
    var isMove: Bool { !isDetail && (before == nil || after == nil) }

    // MARK: - Words

    /// Members that follow from others, or that others tell.
    private static let derived: Set<String> = [
        "day_of_stay", "days", "days_not_seen", "last_attended_at", "episode_id", "client_id",
        "tracks", "track", "los_weeks", "teds_reason", "by_reason",
    ]

    private static let memberWords = [
        "last_week": "hours of the last whole week", "hours_last_7_days": "hours in 7 days",
        "present_week_hours": "hours this week", "last_attended_on": "last seen",
        "no_shows_in_a_row": "no-shows in a row", "total": "episodes", "total_clients": "clients",
        "mean_los_days": "mean length of stay", "median_los_days": "median length of stay",
        "los_quartile_days": "quartiles of the length of stay", "low": "from", "high": "to",
    ]

    /// The members of a row that differ, those that follow from others left out where any are left.
    private static func members(
        _ old: [(name: String, value: AnswerJSON)],
        _ new: [(name: String, value: AnswerJSON)],
        _ format: DisplayFormat
    ) -> [(name: String, before: String, after: String)] {
        let differing = new.compactMap { name, value -> (String, AnswerJSON, AnswerJSON)? in
            let before = old.first { $0.name == name }?.value ?? .null
            return before.bytes == value.bytes ? nil : (name, before, value)
        }
        let own = differing.filter { !derived.contains($0.0) }
        return own.map { name, before, after in
            (
                memberWords[name] ?? Words.code(name), words(name, before, format) ?? "–",
                words(name, after, format) ?? "–"
            )
        }
    }

    /// What a row is about, where it is not one client's; a program's name is written as it is.
    private static func place(_ path: [String], _ value: AnswerJSON?) -> String? {
        guard path.count > 1 else { return nil }
        switch path[0] {
        case "groups":
            if let program = value?["program"]?.text {
                let level = value?["level_of_care"]?.text.map { ", \(Words.code($0))" } ?? ""
                return program + level
            }
            return path.count > 2
                ? (path[1] == "program" ? path[2] : Words.title(path[2])) : path[1]
        case "readings": return "After \(path[1]) days"
        default: return nil
        }
    }

    /// The name of a part that is no row.
    private static func name(_ path: [String], _ value: AnswerJSON?) -> String? {
        if let words = memberWords[path[0]] { return Words.title(words) }
        if path[0] == "flags" { return "Flag" }
        if path[0] == "changes", let kind = value?["change"]?.text,
            let medication = value?["medication"]?["name"]?.text
        {
            return "\(Words.title(kind)): \(medication)"
        }
        return nil
    }

    /// A member's value, or that of a part without members; nil of what has words of its own.
    private static func words(_ name: String, _ value: AnswerJSON, _ format: DisplayFormat)
        -> String?
    {
        switch (name, value) {
        case (_, .null): return nil
        case ("flags", .array(let flags)):
            let names = flags.compactMap { $0["flag"]?.text.map { FlagWords.of($0).words } }
            return names.isEmpty ? "none" : names.joined(separator: ", ")
        case ("flags", .object): return value["flag"]?.text.map { FlagWords.of($0).words }
        case ("last_week", .object): return value["hours"]?.number.map { "\(Words.decimal($0)) h" }
        case ("missing", .array(let parts)):
            let names = parts.compactMap { $0.text.map(Words.code) }
            return names.isEmpty ? "nothing" : names.joined(separator: ", ")
        case (_, .string(let text)):
            if let date = CalendarDate(iso8601: text) { return format.date(date) }
            if let instant = Instant(rfc3339: text) { return format.dateAndTime(instant) }
            return name == "program" ? text : Words.code(text)
        case (_, .integer(let number)): return Words.grouped(number)
        case (_, .number(let number)):
            return shares.contains(name)
                ? Figure.percent(number) : Words.decimal(number)
        case (_, .bool(let isTrue)): return isTrue ? "yes" : "no"
        case (_, .array(let elements)):
            let words = elements.compactMap { Self.words(name, $0, format) }
            return words.isEmpty ? "none" : words.joined(separator: ", ")
        case (_, .object(let members)):
            // Of a medication the whole, which has words of its own.
            guard value["medication"] == nil else { return nil }
            return members.compactMap { member, value in
                words(member, value, format).map { "\(Words.code(member)) \($0)" }
            }.joined(separator: ", ")
        case (_, .raw): return nil
        }
    }

    /// Members that are parts of one.
    private static let shares: Set<String> = [
        "retained", "completed", "dropped_out", "terminated", "transferred", "other", "rate",
        "share", "low", "high",
    ]
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
}
