import CareEpisode
import Documents
public import Ledger
public import Markup
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

    /// What one version has changed, or would change: a line for each.
    public func lines(_ record: EpisodeRecord) -> [HTML] {
        entryLines(record) + partLines(record)
    }

    /// Entries that came, went, or say something else.
    func entryLines(_ record: EpisodeRecord) -> [HTML] {
        let text = ChangeText(record: record)
        return entries.map { change in
            let told = text.told(change)
            var parts: [HTML] = told.item + [.text(": ")]
            switch (told.before, told.after) {
            case (nil, let after?): parts += [.text("new, ")] + after
            case (let before?, nil):
                parts += [.tag("span", ["class": "was"], before), .text(" retracted")]
            case (let before?, let after?):
                parts += [
                    .tag("span", ["class": "was"], before), .text(" "), .tag("strong", after),
                ]
            case (nil, nil): break
            }
            return .tag("p", parts)
        }
    }

    /// What is worked out of the entries and becomes something else.
    func partLines(_ record: EpisodeRecord) -> [HTML] {
        let shown = parts.filter {
            !$0.item.hasPrefix("timeline/") && !$0.item.hasPrefix("changes/")
        }
        var lines = shown.map { change -> HTML in
            let told = ChangeWords(change, record.format)
            let words = change.before == nil ? told.after ?? "" : told.brief
            return .tag("p", text: "\(told.item): \(words)")
        }
        if !shown.contains(where: { $0.item.hasPrefix("weeks/") }) {
            lines.append(.tag("p", ["class": "quiet"], text: "No week’s hours change."))
        }
        return lines
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
}
