import CareEpisode
import Documents
import Ledger
import Markup
import ProjectionRuntime

/// Two knowledge times beside each other: part, before, after, entries; what is long is folded.
struct ComparisonPanel {
    let record: EpisodeRecord
    let changes: EpisodeChanges

    /// Parts that belong together.
    private struct Group {
        let name: String
        var rows: [DifferenceTable.Row]
        /// Steps on the way to what another group says.
        var isDetail = false
    }

    /// A group of more is folded.
    private static let openRows = 8

    /// Nothing where the page compares nothing.
    var html: [HTML] {
        let clocks = record.clocks
        guard let compared = clocks.compared else { return [] }
        let times = [compared, clocks.knownAt].compactMap(\.self).sorted()
        let groups = groups
        let count = groups.reduce(0) { $0 + $1.rows.count }
        let content: [HTML] =
            groups.isEmpty
            ? [.tag("p", ["class": "body"], text: "Nothing differs.")]
            : groups.map { group in
                DifferenceTable.fold(
                    [.text(group.name)],
                    note: "\(group.rows.count)",
                    isOpen: !group.isDetail && group.rows.count <= Self.openRows,
                    DifferenceTable.table("\(group.name): what differs", group.rows)
                )
            }
        return [
            .panel(
                "h-diff",
                "What differs",
                note: [
                    .text(
                        "\(Words.count(count, "difference")) "
                            + DifferenceTable.between(
                                times[0],
                                times.count > 1 ? times[1] : nil,
                                clocks.knownBy,
                                record.format
                            )
                    )
                ],
                content
            )
        ]
    }

    private var groups: [Group] {
        let words = ChangeText(record: record)
        var groups: [Group] = []
        let entries = changes.entries.map { change in
            let told = words.told(change)
            return DifferenceTable.Row(
                item: told.item,
                before: told.before,
                after: told.after,
                entries: words.links(change.because)
            )
        }
        // What differs in the answers comes first: the entries are why.
        for change in changes.parts {
            let told = ChangeWords(change, record.format)
            let row = DifferenceTable.Row(
                item: [.text(told.item)],
                before: told.before.map { [.text($0)] },
                after: told.after.map { [.text($0)] },
                entries: words.links(change.because)
            )
            let part = change.item.split(separator: "/").first.map(String.init) ?? ""
            let name = Self.names[part] ?? Words.title(part)
            if let place = groups.firstIndex(where: { $0.name == name }) {
                groups[place].rows.append(row)
            } else {
                groups.append(Group(name: name, rows: [row], isDetail: Self.details.contains(part)))
            }
        }
        groups = groups.filter { !$0.isDetail } + groups.filter(\.isDetail)
        if !entries.isEmpty { groups.append(Group(name: "Entries", rows: entries)) }
        return groups
    }

    private static let details: Set<String> = ["timeline", "changes"]

    /// What the parts of the answers are about.
    private static let names = [
        "active": "Medications", "held": "Medications", "scheduled": "Medications",
        "later": "Medications", "timeline": "Medication, step by step",
        "changes": "Medication, step by step", "weeks": "Weeks", "rate": "Attendance",
        "attended": "Attendance", "missed": "Attendance",
    ]
}
