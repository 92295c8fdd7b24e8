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

    /// The episodes whose ids lie between two, both counted, in the order of their ids.
    ///
    /// - Parameter limit: the most that are returned.
    public func episodes(
        from first: EpisodeID,
        through last: EpisodeID,
        limit: Int
    ) async throws -> [EpisodeID] {
        try await database.reader.query(
            """
            select episode_id from event
            where ledger_id = \(ledger.id.rawValue)
            and episode_id between \(first) and \(last)
            and version = 1
            order by episode_id
            limit \(limit)
            """
        ).map { try $0.get("episode_id") }
    }

    /// Where some events stand: their episodes, and their versions there.
    public func places(
        of events: [EventID]
    ) async throws -> [EventID: (episode: EpisodeID, version: Version)] {
        let rows = try await database.reader.query(
            """
            select event_id, episode_id, version from event
            where ledger_id = \(ledger.id.rawValue) and event_id = any(\(events))
            """
        )
        var places: [EventID: (episode: EpisodeID, version: Version)] = [:]
        for row in rows {
            let version = Version(rawValue: try row.get("version"))
            places[try row.get("event_id")] = (try row.get("episode_id"), version)
        }
        return places
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
