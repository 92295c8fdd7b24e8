import CareEpisode
import Ledger

/// The events between two positions, as the histories of the episodes that they belong to.
struct EventBatch: Sendable {
    /// The position before the first.
    let after: Position
    /// The last.
    let through: Position
    /// The episodes that have events among them.
    let episodes: [EpisodeID]
    /// The histories of these, and of others that were asked for, complete up to ``through``.
    let histories: [EpisodeID: EpisodeHistory]

    subscript(episode: EpisodeID) -> EpisodeHistory { histories[episode] ?? EpisodeHistory([]) }
}

/// Reads batches that follow one another, and remembers the histories of their episodes.
struct BatchReader: Sendable {
    let events: EventReader
    private var cache = HistoryCache()
    /// Up to here what is remembered is complete.
    private var position: Position?

    init(_ events: EventReader) { self.events = events }

    /// Reads the events between two positions.
    ///
    /// - Parameter further: episodes whose histories are wanted besides.
    /// - Throws: `LedgerError` where an event is missing or cannot be read.
    mutating func read(
        after: Position,
        through: Position,
        and further: [EpisodeID] = []
    ) async throws -> EventBatch {
        // Of what is not next, nothing is complete; nor where a read has failed half-way.
        if after != position { cache = HistoryCache() }
        position = nil
        let touched = try await events.episodes(after: after, through: through)
        let wanted = touched.episodes + further
        try await cache.load(wanted, with: touched.events, through: through, events)
        position = through
        return EventBatch(
            after: after,
            through: through,
            episodes: touched.episodes,
            histories: Dictionary(
                wanted.map { ($0, EpisodeHistory(cache[$0])) },
                uniquingKeysWith: { first, _ in first }
            )
        )
    }
}
