public import CareEpisode
public import Ledger

/// The answer of `replay`: the events that were known, the history they make, and its state.
public struct ReplayAnswer: JSONObject, Sendable {
    /// The ledger, whose zone the state's days are in.
    let ledger: LedgerName
    /// Whose events they are.
    let episodeID: EpisodeID
    /// What the replay was made for.
    var knownAt: Instant?
    /// Likewise.
    let knownBy: KnowledgeClock
    /// Likewise.
    public var effectiveAt: Instant?
    /// The events and their history.
    public let replay: Replay
    /// What the history leads to; nil without an admission.
    public let state: EpisodeCensus?

    /// The members of the answer.
    public static let fields: [JSONField<Self>] = [
        .init("ledger", \.ledger),
        .init("episode_id", \.episodeID),
        .init("version") { $0.replay.lines.last?.event.history.version ?? .zero },
        .init("known_at", \.knownAt),
        .init("known_by", \.knownBy),
        .init("effective_at", \.effectiveAt),
        .init("events", \.replay.lines),
        .init("history", \.replay.history.entries),
        .init("state", \.state),
    ]
}

/// The answer of `replay --diff`.
struct ReplayDifferenceAnswer: JSONObject {
    let ledger: LedgerName
    let episodeID: EpisodeID
    let first: Instant
    let second: Instant
    let knownBy: KnowledgeClock
    let difference: ReplayDifference

    static let fields: [JSONField<Self>] = [
        .init("ledger", \.ledger),
        .init("episode_id", \.episodeID),
        .init("from", \.first),
        .init("to", \.second),
        .init("known_by", \.knownBy),
        .init("learned", \.difference.learned),
        .init("differences", \.difference.changes),
    ]
}

extension Replay.Line: JSONObject {
    /// An event, and what it counts for.
    public static let fields: [JSONField<Self>] = [
        .init("event", \.event),
        .init("knowledge_time", \.knowledgeTime),
        .init("knowledge_clock") { $0.isSourceTime ? KnowledgeClock.source : .ledger },
        .init("standing", \.standing),
        .init("corrected_by", \.correctedBy),
        .init("retracted_by", \.retractedBy),
    ]
}

extension EffectiveHistory.Entry: JSONObject {
    /// An entry with its corrections applied.
    public static let fields: [JSONField<Self>] = [
        .init("event_id", \.eventID),
        .init("type", \.type),
        .init("time", \.time),
        .init("position", \.position),
        .init("corrected_by", \.correctedBy),
        .init("data", schema: ["type": "object"]) { .raw($0.payload) },
    ]
}

extension ReplayDifference.Change: JSONObject {
    /// `added`, `removed` or `changed`.
    public enum Kind: String, ClosedCode {
        case added, removed, changed
    }

    /// What became of the entry.
    public var kind: Kind { before == nil ? .added : after == nil ? .removed : .changed }

    /// An entry that differs.
    public static let fields: [JSONField<Self>] = [
        .init("change", \.kind),
        .init("event_id", \.eventID),
        .init("before", \.before),
        .init("after", \.after),
        .init("because", \.because),
    ]
}
