public import CareEpisode
import Ledger
import Postgres
public import ProjectionRuntime

extension CensusQuery {
    /// Episodes of clients whose key holds a text, or is among some keys, or that are named, the latest
    /// admission first, as all is known now.
    ///
    /// - Parameters:
    ///   - text: part of a client's key, in any case; nil for none.
    ///   - keys: of clients.
    ///   - episodes: these besides.
    ///   - limit: the most that are returned.
    public func search(
        _ text: String?,
        keys: [String] = [],
        episodes: [EpisodeID] = [],
        limit: Int
    ) async throws -> (episodes: [EpisodeCensus], basis: ReadModelBasis) {
        try await model.withTables { connection, generation, basis in
            let found = CensusEpisodeRow.select(
                ledger.id,
                generation,
                where: """
                    (
                        episode_id = any(\(episodes)) or client_id = any(\(keys))
                        or strpos(lower(client_id), lower(\(text))) > 0
                    )
                    """,
                orderBy: "admitted_at desc, episode_id limit \(limit)"
            )
            let rows = try await connection.query(found)
            let ids = try rows.map { try CensusEpisodeRow($0).episodeID }
            let stays = try await connection.query(
                CensusStayRow.select(
                    ledger.id,
                    generation,
                    where: "episode_id = any(\(ids))",
                    orderBy: "episode_id, ordinal"
                )
            )
            return (try CensusRows.models(episodes: rows, stays: stays), basis)
        }
    }
}
