import CareEpisode
public import Ledger
public import ProjectionRuntime

/// Ended episodes, and what their summaries lack.
public struct DischargeSummaryList: Sendable {
    /// The latest end first.
    public var rows: [DischargeSummaryRow]
    /// What the answer rests on.
    public var basis: ReadModelBasis

    /// The answer of `discharge-summary --program`.
    public func json(_ ledger: LedgerDescription) -> AnswerJSON {
        .object(
            [("ledger", .string(ledger.name.description))] + basis.members + [
                ("summaries", .array(rows.map(\.json))), ("parked", basis.parkedJSON),
            ]
        )
    }
}
