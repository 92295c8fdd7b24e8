import CareEpisode
public import Documents
public import Markup

/// The discharge summary of an episode, or an interim one: the document, whose numbers lead to the
/// entries.
public struct EpisodeSummaryView: PageView {
    private let record: EpisodeRecord
    private let changes: EpisodeChanges
    private let document: Document?

    /// The summary; nil where no admission is known, so that there is none.
    public init(_ record: EpisodeRecord, _ changes: EpisodeChanges, _ document: Document?) {
        self.record = record
        self.changes = changes
        self.document = document
    }

    /// The episode, by the beginning of its id.
    public var title: String { "Summary · \(record.title)" }
    /// The summaries.
    public var place: PageName? { .summaries }
    /// Who, and the state.
    public var parts: [String: [HTML]] { record.parts }
    /// The entries.
    public var members: PageMembers { record.members }

    /// The heading, what differs, the document.
    public var content: [HTML] {
        EpisodeHeading(record: record, tab: "summary").html
            + ComparisonPanel(record: record, changes: changes).html + [panel]
    }

    private var panel: HTML {
        guard let document else {
            return .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "div",
                        ["class": "empty"],
                        [
                            .tag("h2", text: "No admission is known"),
                            .tag("p", text: "Nothing can be summarized at these times."),
                        ]
                    )
                ]
            )
        }
        let links = links(document)
        return .tag(
            "section",
            ["class": "panel document", "aria-labelledby": "h-doc"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-doc"], text: document.title),
                        .tag("p", text: document.subtitle),
                    ]
                ),
                .tag(
                    "div",
                    ["class": "body stack"],
                    document.notices.map { .tag("p", ["class": "notice warn"], text: $0) }
                        + document.content { links[$0] ?? "#e\($0)" }
                ),
            ]
        )
    }

    /// Where the numbers of a document lead: its table of sources names the events.
    private func links(_ document: Document) -> [Int: String] {
        var links: [Int: String] = [:]
        for case .table(let table) in document.sections.flatMap(\.blocks) {
            for row in table.rows {
                guard let number = row.number, let text = row.cells.first?.first,
                    let version = EventID(text).flatMap({ record.version(of: $0) })
                else { continue }
                links[number] = record.entry(version)
            }
        }
        return links
    }
}
