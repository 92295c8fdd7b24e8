import Documents
public import Markup
import ProjectionRuntime
import Projections

/// The medication review of an episode.
public struct EpisodeMedicationView: PageView {
    private let record: EpisodeRecord
    private let changes: EpisodeChanges

    /// The review, and what differs between two knowledge times.
    public init(_ record: EpisodeRecord, _ changes: EpisodeChanges) {
        self.record = record
        self.changes = changes
    }

    /// The episode, by the beginning of its id.
    public var title: String { "Medication · \(record.title)" }
    /// None of the header's pages.
    public var place: PageName? { nil }
    /// Who, and the state.
    public var parts: [String: [HTML]] { record.parts }
    /// The entries.
    public var members: PageMembers { record.members }

    /// The heading, what differs, the review.
    public var content: [HTML] {
        let review = ReviewPanel(record: record) { review in
            [
                .tag("h2", ["id": "h-rev"], text: "Medication review"),
                .tag("p", text: record.format.upTo(review.effectiveAt)),
            ]
        }
        return EpisodeHeading(record: record, tab: "medication").html
            + ComparisonPanel(record: record, changes: changes).html + [review.html]
    }
}
