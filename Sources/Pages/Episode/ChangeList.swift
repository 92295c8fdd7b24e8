import CareEpisode
import Documents
public import Ledger
import Markup
public import ProjectionRuntime
import Projections

/// What differs between two states of an episode: its entries, its weeks, its medications.
public struct EpisodeChanges: Sendable {
    /// Entries that came, went, or say something else.
    public var entries: [ReplayDifference.Change]
    /// Parts of other answers.
    public var parts: [KnowledgeDifference.Change]

    /// What differs.
    public init(
        entries: [ReplayDifference.Change] = [],
        parts: [KnowledgeDifference.Change] = []
    ) {
        self.entries = entries
        self.parts = parts
    }
}

/// Differences in words.
struct ChangeText {
    let record: EpisodeRecord

    private var format: DisplayFormat { record.format }

    /// Links to entries by their versions; of many the first five.
    func links(_ events: [EventID]) -> [HTML] {
        let versions = events.compactMap { record.version(of: $0) }.sorted()
        guard !versions.isEmpty else { return [.text("–")] }
        let links = versions.prefix(5).flatMap { version -> [HTML] in
            [
                .text(version == versions[0] ? "" : ", "),
                .tag("a", ["href": record.entry(version)], text: "\(version)"),
            ]
        }
        return links + (versions.count > 5 ? [.text(", and \(versions.count - 5) more")] : [])
    }

    /// An entry that came, went, or says something else.
    func told(
        _ change: ReplayDifference.Change
    ) -> (item: [HTML], before: [HTML]?, after: [HTML]?) {
        let entry = change.after ?? change.before
        let version = entry.map { record.version(of: $0.eventID) } ?? nil
        let old = change.before.flatMap { words($0) }
        let new = change.after.flatMap { words($0) }
        let kind = (new ?? old)?.kind ?? "Entry"
        var item: [HTML] = [.text(kind)]
        if let version {
            item += [
                .text(", version "),
                .tag("a", ["href": record.entry(version)], text: "\(version)"),
            ]
        }
        func told(_ entry: EffectiveHistory.Entry?, _ words: EntryWords?) -> [HTML]? {
            guard let entry else { return nil }
            return [.text("\(format.dayAndTime(entry.time)): ")] + (words?.said ?? [])
        }
        return (item, told(change.before, old), told(change.after, new))
    }

    private func words(_ entry: EffectiveHistory.Entry) -> EntryWords? {
        (try? entry.decode()).map { EntryWords($0, format, record.people) }
    }

    /// A part of another answer.
    func told(
        _ change: KnowledgeDifference.Change
    ) -> (item: String, before: String?, after: String?) {
        let words = ChangeWords(change, format.calendar)
        let parts = change.item.split(separator: "/").map(String.init)
        if parts.count > 1, parts[0] == "flags" {
            func text(_ value: AnswerJSON?) -> String? {
                guard case .object(let members)? = value,
                    case .string(let text)? = members.first(where: { $0.name == "text" })?.value
                else { return nil }
                return text
            }
            return (
                FlagWords.of(parts[1]).words, text(change.before) ?? words.before,
                text(change.after) ?? words.after
            )
        }
        guard parts.count > 1, parts[0] == "weeks" else {
            return (Words.title(words.item), words.before, words.after)
        }
        let week = record.weeks.first { $0.description == parts[1] }
        let item = week.map { "Week from \(format.day($0.firstDate))" } ?? "Week \(parts[1])"
        return (item, words.before, words.after)
    }
}

extension EpisodeRecord {
    /// The weeks that any of the states has.
    fileprivate var weeks: [LocalWeek] {
        ((then.attendance?.weeks ?? []) + (now.attendance?.weeks ?? [])).map(\.week)
    }
}
