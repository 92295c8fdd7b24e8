public import CareEpisode
import Ledger

/// Where an episode's history is cut for an answer about its first versions.
public struct HistoryCut: Sendable {
    /// The last version that takes part.
    public let version: Version
    /// Where that stands in the ledger: of every episode what was recorded up to there takes part.
    public let position: Position
    /// When it became known by the source's clock, or now where that lies ahead: up to then entries
    /// take part, unless the question says otherwise.
    public let effectiveAt: Instant
    /// When the ledger recorded it: what was set up to then takes part.
    public let recordedAt: Instant

    /// Finds a version among the events of an episode.
    ///
    /// - Parameters:
    ///   - version: the last one that takes part.
    ///   - events: all of the episode's, by version.
    ///   - episode: whose.
    ///   - now: when the question is asked.
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``LedgerError/unknownVersion(_:newest:)``.
    public init(
        _ version: Version,
        of events: [HistoryEvent],
        _ episode: EpisodeID,
        now: Instant
    ) throws {
        guard let newest = events.last?.version else { throw LedgerError.unknownEpisode(episode) }
        guard let event = events.first(where: { $0.version == version }) else {
            throw LedgerError.unknownVersion(episode, newest: newest)
        }
        self.version = version
        position = event.position
        effectiveAt = min(event.knownAt, now)
        recordedAt = event.recordedAt
    }
}

extension LedgerContext {
    /// Where a question cuts an episode's history; nil where it asks of all versions.
    ///
    /// - Throws: ``LedgerError/unknownEpisode(_:)``, ``LedgerError/unknownVersion(_:newest:)``.
    public func cut(_ clocks: Clocks, of episode: EpisodeID) async throws -> HistoryCut? {
        guard let version = clocks.version else { return nil }
        let histories = try await reader.histories(of: [episode], through: head)
        return try HistoryCut(version, of: histories[episode] ?? [], episode, now: moment.now)
    }
}

extension HistoryFold {
    /// What one version of an episode changed in an answer: the answer with it and without it, at the
    /// same effective time.
    ///
    /// - Parameters:
    ///   - version: which; the ones after it take no part.
    ///   - episode: whose.
    ///   - others: parts of other episodes that the answer rests on.
    ///   - fold: as for ``run(of:known:through:_:)``.
    ///   - items: the answer's parts.
    public func changes<Part: Sendable>(
        by version: Version,
        of episode: EpisodeID,
        beside others: [Part] = [],
        fold: @Sendable (EpisodeID, EffectiveHistory) throws -> Part?,
        items: ([Part]) -> [AnswerItem]
    ) async throws -> [KnowledgeDifference.Change] {
        var reader = EventReader(database, ledger: ledger)
        reader.assumed = assumed
        let head = try await reader.head().position
        let histories = try await reader.histories(of: [episode], through: head)
        let events = (histories[episode] ?? []).filter { $0.version <= version }
        func parts(_ events: [HistoryEvent]) throws -> [Part] {
            try [fold(episode, EffectiveHistory(events))].compactMap(\.self) + others
        }
        return answerChanges(
            items(try parts(events.dropLast())),
            items(try parts(events)),
            because: events.suffix(1).map(\.eventID)
        )
    }
}
