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

/// Two knowledge times beside each other: part, before, after, entries.
struct ComparisonPanel {
    let record: EpisodeRecord
    let changes: EpisodeChanges

    private var format: DisplayFormat { record.format }

    /// Nothing where the page compares nothing.
    var html: [HTML] {
        guard let compared = record.clocks.compared else { return [] }
        let other = record.clocks.knownAt
        let times = [compared, other].compactMap(\.self).sorted().map { format.knowledge($0) }
        let between =
            times.count == 2
            ? "between what was known on \(times[0]) and on \(times[1])"
            : "between what was known on \(times[0]) and now"
        let rows = entryRows + partRows
        let body: HTML =
            rows.isEmpty
            ? .tag("p", ["class": "body"], text: "Nothing differs.")
            : .tag(
                "div",
                [
                    "class": "scroll", "tabindex": "0", "role": "region",
                    "aria-label": "Table of what differs",
                ],
                [
                    .tag(
                        "table",
                        ["class": "changes"],
                        [
                            .tag(
                                "thead",
                                [
                                    .tag(
                                        "tr",
                                        ["Part", "Before", "After", "Entries"].map {
                                            .tag("th", ["scope": "col"], text: $0)
                                        }
                                    )
                                ]
                            ), .tag("tbody", rows),
                        ]
                    )
                ]
            )
        return [
            .tag(
                "section",
                ["class": "panel", "aria-labelledby": "h-diff"],
                [
                    .tag(
                        "header",
                        [
                            .tag("h2", ["id": "h-diff"], text: "What differs"),
                            .tag(
                                "p",
                                text: "\(Words.count(rows.count, "difference")) \(between), by "
                                    + (record.clocks.knownBy == .source
                                        ? "the sources’ clocks" : "the ledger’s clock")
                            ),
                        ]
                    ), body,
                ]
            )
        ]
    }

    private var words: ChangeText { ChangeText(record: record) }

    private var entryRows: [HTML] {
        changes.entries.map { change in
            let told = words.told(change)
            return row(told.item, told.before, told.after, change.because)
        }
    }

    private var partRows: [HTML] {
        changes.parts.map { change in
            let told = words.told(change)
            return row(
                [.text(told.item)],
                told.before.map { [.text($0)] },
                told.after.map { [.text($0)] },
                change.because
            )
        }
    }

    private func row(
        _ item: [HTML],
        _ before: [HTML]?,
        _ after: [HTML]?,
        _ because: [EventID]
    ) -> HTML {
        .tag(
            "tr",
            [
                .tag("th", ["scope": "row"], item),
                .tag("td", before ?? [.tag("span", ["class": "quiet"], text: "not there")]),
                .tag("td", after ?? [.tag("span", ["class": "quiet"], text: "gone")]),
                .tag("td", ["class": "nb"], words.links(because)),
            ]
        )
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
        let parts = change.item.split(separator: "/", maxSplits: 1).map(String.init)
        guard parts.count == 2, parts[0] == "weeks" else {
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
