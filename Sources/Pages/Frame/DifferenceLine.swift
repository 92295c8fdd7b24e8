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
        var members: [AnswerWords.Member] = []
        let isWhole = value?["medication"] != nil || ChangeWords.isCounted(part)
        if let old = change.before, let new = change.after, !isWhole {
            members = AnswerWords(format: format).differing(old, new, but: Self.derived)
        }
        if !members.isEmpty {
            let isOne = members.count == 1
            let names = members.map(\.name).joined(separator: ", ")
            let place = part.count > 1 ? Self.place(part, value, format) : nil
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
        let isMoved = change.before == nil || change.after == nil
        if client != nil, isMoved, part[0] != "entries" {
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
        let words = ChangeWords(told, format)
        // Beside others of a client, a flag is told by its kind.
        let flag = part[0] == "flags" && part.count > 1 ? FlagWords.of(part[1]).words : nil
        item = flag == nil ? words.item : "Flag"
        before = change.before.flatMap { _ in flag ?? words.before }
        after = change.after.flatMap { _ in flag ?? words.after }
        let isShort = (before ?? "").count + (after ?? "").count < 60
        switch (before, after) {
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

    /// Members that follow from others, or that others tell.
    private static let derived = AnswerWords.unread.union([
        "day_of_stay", "days", "days_not_seen", "last_attended_at", "tracks", "track",
        "los_weeks", "by_reason",
    ])

    /// What a row is about, where it is not one client's; a program's name is written as it is.
    private static func place(
        _ path: [String],
        _ value: AnswerJSON?,
        _ format: DisplayFormat
    ) -> String? {
        EpisodeID(path[1]) == nil ? ChangeWords.item(path, value, format) : nil
    }
}
