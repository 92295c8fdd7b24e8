import CareEpisode
import Markup
import ProjectionRuntime

/// What differs between two knowledge times, as tables that can be folded away.
enum DifferenceTable {
    /// One part that differs.
    struct Row {
        /// The part.
        var item: [HTML]
        /// What it said before; nil where it was not there.
        var before: [HTML]?
        /// What it says now; nil where it is gone.
        var after: [HTML]?
        /// The entries that made the difference.
        var entries: [HTML]
    }

    /// Part, before, after, entries.
    static func table(_ label: String, _ rows: [Row]) -> HTML {
        .scrolling(
            label,
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
                        ),
                        .tag("tbody", rows.map(row)),
                    ]
                )
            ]
        )
    }

    private static func row(_ row: Row) -> HTML {
        .tag(
            "tr",
            [
                .tag("th", ["scope": "row"], row.item),
                .tag("td", row.before ?? [quiet("not there")]),
                .tag("td", row.after ?? [quiet("gone")]),
                .tag("td", ["class": "nb"], row.entries),
            ]
        )
    }

    private static func quiet(_ text: String) -> HTML {
        .tag("span", ["class": "quiet"], text: text)
    }

    /// A part that is folded until it is asked for.
    static func fold(_ heading: [HTML], note: String, isOpen: Bool, _ content: HTML) -> HTML {
        .tag(
            "details",
            ["class": "fold"] + (["open": ""] as Attributes).when(isOpen),
            [
                .tag(
                    "summary",
                    ["class": "bar"],
                    [.tag("h3", heading), .tag("span", ["class": "quiet"], text: note)]
                ),
                content,
            ]
        )
    }

    /// "between what was known on A and on B, by the sources’ clocks".
    ///
    /// - Parameter second: nil where the second time is now.
    static func between(
        _ first: Instant,
        _ second: Instant?,
        _ clock: KnowledgeClock,
        _ format: DisplayFormat
    ) -> String {
        let end = second.map { "on \(format.knowledge($0))" } ?? "now"
        return "between what was known on \(format.knowledge(first)) and \(end), by "
            + (clock == .source ? "the sources’ clocks" : "the ledger’s clock")
    }
}
