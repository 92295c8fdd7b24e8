public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// Ended episodes, and what their summaries lack.
public struct DischargeSummaryList: Sendable {
    /// The time by which they had ended.
    public var effectiveAt: Instant
    /// The latest end first.
    public var rows: [DischargeSummaryRow]
    /// What the answer rests on.
    public var basis: ReadModelBasis

    /// The answer of `discharge-summary --program`.
    public func json(_ ledger: LedgerDescription) -> AnswerJSON {
        .object(
            [
                ("ledger", .string(ledger.name.description)),
                ("effective_at", .instant(effectiveAt)),
            ] + basis.members + [
                ("summaries", .array(rows.map(\.json))), ("parked", basis.parkedJSON),
            ]
        )
    }
}

extension DischargeSummaryRow {
    /// The row by name, for comparing two lists.
    public var item: AnswerItem { AnswerItem("summaries/\(episodeID)", json) }
}
