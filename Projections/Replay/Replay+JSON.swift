public import CareEpisode
public import Ledger
import ProjectionRuntime

extension Replay {
    /// The answer of `replay`: the events that were known, the history they make, and its state.
    ///
    /// - Parameters:
    ///   - episode: whose events they are.
    ///   - ledger: whose zone the state's days are in.
    ///   - knownAt: what the replay was made for.
    ///   - knownBy: likewise.
    ///   - effectiveAt: likewise.
    ///   - state: what the history leads to; nil without an admission.
    public func json(
        _ episode: EpisodeID,
        _ ledger: LedgerDescription,
        knownAt: Instant?,
        knownBy: KnowledgeClock,
        effectiveAt: Instant?,
        state: EpisodeCensus?
    ) -> AnswerJSON {
        [
            "ledger": .string(ledger.name.description),
            "episode_id": .string(episode.description),
            "version": .integer(lines.last?.event.history.version.rawValue ?? 0),
            "known_at": .instant(knownAt),
            "known_by": .string(knownBy.rawValue),
            "effective_at": .instant(effectiveAt),
            "events": .array(lines.map(\.json)),
            "history": .array(history.entries.map(\.json)),
            "state": state?.json(overlapping: false).without("overlapping_episode") ?? .null,
        ]
    }
}

extension ReplayDifference {
    /// The members of the answer of `replay --diff` that say what differs.
    public var members: [(name: String, value: AnswerJSON)] {
        [
            ("learned", .array(learned.map { .raw($0.served()) })),
            ("differences", .array(changes.map(\.json))),
        ]
    }
}

extension Replay.Line {
    fileprivate var json: AnswerJSON {
        [
            "event": .raw(event.served()),
            "knowledge_time": .instant(knowledgeTime),
            "knowledge_clock": isSourceTime ? "source" : "ledger",
            "standing": .string(standing.rawValue),
            "corrected_by": .array(correctedBy.map { .string($0.description) }),
            "retracted_by": .text(retractedBy?.description),
        ]
    }
}

extension EffectiveHistory.Entry {
    fileprivate var json: AnswerJSON {
        [
            "event_id": .string(eventID.description),
            "type": .string(type.rawValue),
            "time": .instant(time),
            "position": .integer(position.rawValue),
            "corrected_by": .array(correctedBy.map { .string($0.description) }),
            "data": .raw(payload),
        ]
    }
}

extension ReplayDifference.Change {
    /// `added`, `removed` or `changed`.
    public var kind: String {
        before == nil ? "added" : after == nil ? "removed" : "changed"
    }

    fileprivate var json: AnswerJSON {
        [
            "change": .string(kind),
            "event_id": .text(eventID?.description),
            "before": before?.json ?? .null,
            "after": after?.json ?? .null,
            "because": .array(because.map { .string($0.description) }),
        ]
    }
}

extension AnswerJSON {
    fileprivate func without(_ name: String) -> AnswerJSON {
        guard case .object(let members) = self else { return self }
        return .object(members.filter { $0.name != name })
    }
}
