public import CareEpisode
public import ProjectionRuntime

/// Ended episodes, and what their summaries lack.
public struct DischargeSummaryList: Sendable {
    /// The time by which they had ended.
    public var effectiveAt: Instant
    /// The latest end first.
    public var rows: [DischargeSummaryRow]
    /// What the answer rests on.
    public var basis: ReadModelBasis
}

extension DischargeSummaryList: AnswerValue {
    /// The answer of `discharge-summary --program`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .ledger,
        .init("effective_at", \.value.effectiveAt),
        .position, .lag, .knownAt, .knownBy,
        .init("summaries", \.value.rows),
        .parked,
    ]
}

extension DischargeSummaryRow: JSONObject {
    /// The members of a list's element.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("program", \.program),
        .init("admitted_at", \.admittedAt),
        .init("ended_at", \.endedAt),
        .init("end_reason", \.endReason),
        .init("length_of_stay_days", \.lengthOfStayDays),
        .init("missing", \.missing),
    ]

    /// The row by name, for comparing two lists.
    public var item: AnswerItem { AnswerItem("summaries/\(episodeID)", json) }
}
