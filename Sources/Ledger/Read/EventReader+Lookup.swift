public import CareEpisode
import Postgres

extension EventReader {
    /// The episode of an event; nil where there is no such event.
    public func episode(of event: EventID) async throws -> EpisodeID? {
        try await database.reader.query(
            """
            select episode_id from event
            where ledger_id = \(ledger.id.rawValue) and event_id = \(event)
            """
        ).first?.get("episode_id")
    }

    /// The episode of the event at a position; nil where there is none.
    public func episode(at position: Position) async throws -> EpisodeID? {
        try await database.reader.query(
            """
            select episode_id from event
            where ledger_id = \(ledger.id.rawValue) and position = \(position.rawValue)
            """
        ).first?.get("episode_id")
    }
}
