public import CareEpisode
public import Ledger
import Postgres

/// Where one read model stands.
public struct ProjectionStatus: Sendable {
    /// An episode whose fold failed, or whose rows the database refuses.
    public struct Parked: Sendable {
        /// The episode.
        public var episodeID: EpisodeID
        /// Up to which position its history was folded when that failed.
        public var position: Position
        /// Why, without health information.
        public var reason: String
        /// Whether somebody asked to fold it again and no worker has yet.
        public var isRetryAsked: Bool
    }

    /// The read model's name.
    public var name: String
    /// What it reflects.
    public var position: Position
    /// The ledger's head.
    public var head: Position
    /// The generation of the rows that answer.
    public var generation: Int
    /// The fold that wrote them.
    public var foldVersion: Int
    /// Who holds the lease now; nil where nobody does.
    public var leaseHolder: String?
    /// The rebuild that is under way; nil where none is.
    public var rebuild: RebuildProgress?
    /// Episodes that answers may be wrong about.
    public var parked: [Parked]

    /// How many events it is behind.
    public var lag: Int64 { head.rawValue - position.rawValue }

    /// The state of every read model that a ledger has, by name.
    public static func all(
        _ database: LedgerDatabase,
        ledger: LedgerDescription
    ) async throws -> [ProjectionStatus] {
        let id = ledger.id.rawValue
        let results = try await database.reader.pipeline([
            """
            select p.name, p.position, h.position as head, p.generation, p.fold_version,
                case when \(Lease.isHeld("p.lease_until")) then p.lease_holder end as lease_holder,
                \(RebuildProgress.columns)
            from read_model_state p
            join ledger_head h on h.ledger_id = p.ledger_id
            \(RebuildProgress.join)
            where p.ledger_id = \(id)
            order by p.name
            """,
            """
            select k.name, k.episode_id, k.position, k.reason, k.retry_asked
            from read_model_parked k
            join read_model_state p using (ledger_id, name, generation)
            where k.ledger_id = \(id)
            order by k.name, k.episode_id
            limit 1000
            """,
        ])
        let parked = try results[1].map { row in
            (
                try row.get("name", as: String.self),
                Parked(
                    episodeID: try row.get("episode_id"),
                    position: Position(rawValue: try row.get("position")),
                    reason: try row.get("reason"),
                    isRetryAsked: try row.get("retry_asked")
                )
            )
        }
        return try results[0].map { row in
            let name = try row.get("name", as: String.self)
            return ProjectionStatus(
                name: name,
                position: Position(rawValue: try row.get("position")),
                head: Position(rawValue: try row.get("head")),
                generation: Int(try row.get("generation", as: Int32.self)),
                foldVersion: Int(try row.get("fold_version", as: Int32.self)),
                leaseHolder: try row.get("lease_holder"),
                rebuild: try RebuildProgress(row),
                parked: parked.filter { $0.0 == name }.map(\.1)
            )
        }
    }

    /// Asks the lease holder to fold parked episodes again.
    ///
    /// - Returns: how many episodes were marked.
    public static func retryParked(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        name: String?,
        episode: EpisodeID?
    ) async throws -> Int {
        try await database.projector.query(
            """
            update read_model_parked k
            set retry_asked = true
            from read_model_state p
            where k.ledger_id = \(ledger.id.rawValue)
            and p.ledger_id = k.ledger_id and p.name = k.name and p.generation = k.generation
            and (\(name)::text is null or k.name = \(name)::text)
            and (\(episode)::uuid is null or k.episode_id = \(episode)::uuid)
            """
        ).affectedRows
    }
}
