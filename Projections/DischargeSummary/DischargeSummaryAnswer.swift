public import CareEpisode
import Ledger
public import ProjectionRuntime
public import TransparencyLog

/// A summary, what it rests on, and what has become known since the end.
public struct DischargeSummaryAnswer: Sendable {
    /// The summary.
    public var summary: DischargeSummary
    /// The time up to which entries take part.
    public var effectiveAt: Instant
    /// What was known.
    public var basis: ReadModelBasis
    /// The clock of every knowledge time in the answer.
    public var clock: KnowledgeClock
    /// The differences; nil of an interim summary.
    public var changedSince: ChangedSince?
    /// A signed checkpoint that covers everything the answer rests on; nil where none does yet.
    public var checkpoint: TreeCheckpoint?

    /// Every event that the answer names.
    public var namedEvents: Set<EventID> {
        Set(summary.statements.flatMap(\.eventIDs))
            .union(summary.flags.flatMap(\.eventIDs))
            .union(changedSince?.changes.flatMap(\.because) ?? [])
    }

    /// What differs from the summary as it was known at an earlier time.
    public struct ChangedSince: Sendable {
        /// That time: the end's own knowledge time, unless another was asked for.
        public var since: Instant
        /// The clock of that time.
        public var clock: KnowledgeClock
        /// The elements that differ, with the events that made the difference.
        public var changes: [KnowledgeDifference.Change]
    }
}

extension DischargeSummaryAnswer: AnswerValue {
    /// The answer of `discharge-summary`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] =
        [
            .init("episode_id", \.value.summary.episodeID),
            .ledger,
            .init("status", \.value.summary.status),
            .position, .lag,
            .init("effective_at", \.value.effectiveAt),
            .knownAt, .knownBy,
        ] + DischargeSummary.fields.map { $0.lifted(\.value.summary) } + [
            .init("changed_since", \.value.changedSince),
            .init("checkpoint", \.value.checkpoint),
            .parked,
        ]
}

extension TreeCheckpoint: JSONObject {
    /// The members of a checkpoint.
    public static let fields: [JSONField<Self>] = [
        .init("origin", \.origin),
        .init("size", \.size),
        .init("root", \.root),
    ]
}

extension TreeHash: JSONText {
    /// 32 bytes in Base64.
    public static var schema: AnswerJSON { ["type": "string", "pattern": "^[A-Za-z0-9+/]{43}=$"] }
}

extension DischargeSummaryAnswer.ChangedSince: JSONObject {
    /// The members of what has changed.
    public static let fields: [JSONField<Self>] = [
        .init("since", \.since),
        .init("known_by", \.clock),
        .init("differences", \.changes),
    ]
}

/// Why there is no summary.
public enum DischargeSummaryError: Error, Hashable, CustomStringConvertible {
    /// The episode is open, as far as the question's times reach.
    case notEnded(EpisodeID)
    /// No admission is known and in force, as far as the question's times reach.
    case notAdmitted(EpisodeID)
    /// The fold fails: what is recorded was changed behind the ledger's back.
    case unreadable(EpisodeID)
    /// What has changed since a time is asked of what was known before it.
    case sinceAhead

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .notEnded(let episode):
            "episode \(episode) has not ended; --interim makes an interim summary"
        case .notAdmitted(let episode):
            "no admission of episode \(episode) is known and in force at the times asked for; "
                + "`episode-ledger replay` shows what is recorded"
        case .unreadable(let episode):
            "episode \(episode) cannot be read; see `episode-ledger projections status`"
        case .sinceAhead:
            "--since must not be later than --known-at: nothing had become known since then"
        }
    }
}

/// One recorded event, for a reader who follows a statement to its sources.
public struct DischargeSummarySource: Hashable, Sendable {
    /// The event.
    public var eventID: EventID
    /// Its type.
    public var type: EventType
    /// When it happened, as it was first recorded.
    public var occurredAt: Instant
    /// When it became known, by the answer's clock.
    public var knownAt: Instant
    /// Whose clock that is: the source's where the answer asks for it and the event says so.
    public var knownBy: KnowledgeClock
    /// Where it stands in the ledger.
    public var position: Position
}
