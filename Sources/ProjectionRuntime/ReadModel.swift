public import CareEpisode
public import Ledger
public import Postgres

/// What an answer rests on.
public struct ReadModelBasis: Sendable {
    /// Everything up to here takes part.
    public var position: Position
    /// The ledger's head when the answer was made.
    public var head: Position
    /// The knowledge time; nil for everything up to the position.
    public var knownAt: Instant?
    /// Which clock the knowledge time is on.
    public var knownBy: KnowledgeClock
    /// Episodes the answer may be wrong about.
    public var parked: [EpisodeID]
    /// The settings of the ledger that the answer goes by, in the order in which they were recorded.
    public var settings: [LedgerSetting] = []
    /// Of the ledger's zone, in which people read the knowledge time; nil where there is none to read.
    public var calendar: LocalCalendar?

    /// How many events the answer is behind the head.
    public var lag: Int64 { head.rawValue - position.rawValue }

    /// An answer's basis.
    public init(
        position: Position,
        head: Position,
        knownAt: Instant? = nil,
        knownBy: KnowledgeClock = .source,
        parked: [EpisodeID] = []
    ) {
        self.position = position
        self.head = head
        self.knownAt = knownAt
        self.knownBy = knownBy
        self.parked = parked
    }
}

/// Asks one read model of one ledger: its tables for what is known now, its fold for anything else.
public struct ReadModel<Projection: EpisodeProjection>: Sendable {
    /// What is asked.
    public let projection: Projection
    private let database: LedgerDatabase
    let ledger: LedgerDescription

    /// A read model of one ledger.
    public init(_ projection: Projection, _ database: LedgerDatabase, ledger: LedgerDescription) {
        self.projection = projection
        self.database = database
        self.ledger = ledger
    }

    /// Reads the tables that answer now, all in one snapshot.
    ///
    /// - Parameter body: gets the connection, the generation of the rows and the basis; must be quick,
    ///   since a snapshot is held meanwhile.
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)`` or
    ///   ``ProjectionError/rebuilding(projection:progress:)`` where another version of the fold has
    ///   filled them, and what the body throws.
    public func withTables<Result: Sendable>(
        _ body: @Sendable (PostgresConnection, Int32, ReadModelBasis) async throws -> Result
    ) async throws -> Result {
        let id = ledger.id.rawValue
        return try await database.reader.withTransaction(.readOnlySnapshot) { connection in
            let rows = try await connection.query(
                """
                select h.position as head, p.position, p.generation, p.fold_version,
                    array(
                        select k.episode_id
                        from read_model_parked k
                        where k.ledger_id = p.ledger_id and k.name = p.name
                        and k.generation = p.generation
                        order by k.episode_id
                    ) as parked,
                    \(RebuildProgress.columns)
                from ledger_head h
                left join read_model_state p
                    on p.ledger_id = h.ledger_id and p.name = \(projection.name)
                \(RebuildProgress.join)
                where h.ledger_id = \(id)
                """
            )
            guard let row = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
            guard let generation = try row.get("generation", as: Int32?.self) else {
                throw ProjectionError.rebuildNeeded(
                    projection: projection.name,
                    stored: 0,
                    program: projection.foldVersion
                )
            }
            try projection.checkVersion(row)
            let basis = ReadModelBasis(
                position: Position(rawValue: try row.get("position")),
                head: Position(rawValue: try row.get("head")),
                parked: try row.get("parked")
            )
            return try await body(connection, generation, basis)
        }
    }

    /// Folds the histories of the ledger's episodes in any other way.
    public var histories: HistoryFold { HistoryFold(database, ledger: ledger) }

    /// Folds some episodes as they were at an effective time, with all that is known.
    public func folded(
        _ episodes: [EpisodeID],
        through: Position,
        effectiveAt: Instant?
    ) async throws -> [EpisodeID: Projection.Model] {
        guard !episodes.isEmpty else { return [:] }
        let reader = EventReader(database, ledger: ledger)
        let histories = try await reader.histories(of: episodes, through: through)
        return try histories.reduce(into: [:]) { models, item in
            let history = try EffectiveHistory(item.value, effectiveAt: effectiveAt)
            models[item.key] = try projection.fold(item.key, history)
        }
    }
}
