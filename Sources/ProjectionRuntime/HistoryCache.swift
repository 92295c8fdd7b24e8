import CareEpisode
import Ledger

/// Histories of the episodes that recent batches touched, complete up to the worker's position.
///
/// Forgotten all at once when they grow beyond a limit: the next batches read what they need again.
struct HistoryCache {
    private var histories: [EpisodeID: [HistoryEvent]] = [:]
    private var events = 0
    private let eventLimit: Int

    init(eventLimit: Int = 200_000) {
        self.eventLimit = eventLimit
    }

    subscript(episode: EpisodeID) -> [HistoryEvent] { histories[episode] ?? [] }

    /// Makes the histories of some episodes complete up to a position.
    ///
    /// - Parameters:
    ///   - episodes: those that are wanted.
    ///   - batch: the events between the position the cache is at and `through`, in order.
    mutating func load(
        _ episodes: [EpisodeID],
        with batch: [(episode: EpisodeID, event: HistoryEvent)],
        through: Position,
        _ reader: EventReader
    ) async throws {
        if events > eventLimit {
            histories = [:]
            events = 0
        }
        let missing = episodes.filter { histories[$0] == nil }
        for (episode, event) in batch where histories[episode] != nil {
            histories[episode]?.append(event)
            events += 1
        }
        guard !missing.isEmpty else { return }
        for (episode, history) in try await reader.histories(of: missing, through: through) {
            histories[episode] = history
            events += history.count
        }
    }
}
