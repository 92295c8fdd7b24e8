public import Markup
public import Projections

/// The discharge summary of an episode, or an interim one: the document, whose numbers lead to the
/// entries.
public struct EpisodeSummaryView: PageView {
    private let record: EpisodeRecord
    private let changes: EpisodeChanges
    private let answer: DischargeSummaryAnswer?

    /// The summary; nil where no admission is known, so that there is none.
    public init(
        _ record: EpisodeRecord,
        _ changes: EpisodeChanges,
        _ answer: DischargeSummaryAnswer?
    ) {
        self.record = record
        self.changes = changes
        self.answer = answer
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
        guard let answer else {
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
        return SummaryPanel(record, answer).html
    }
}
