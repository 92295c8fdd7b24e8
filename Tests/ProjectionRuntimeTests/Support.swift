import CareEpisode
import Postgres
import ProjectionTestSupport

@testable import Ledger
@testable import ProjectionRuntime
@testable import Projections

extension ProjectionFixture {
    var census: CensusProjection {
        get throws { try CensusProjection(ledger) }
    }

    func histories(seed: UInt64) throws -> RandomHistories {
        RandomHistories(seed: seed, calendar: try census.calendar)
    }

    func registry<Projection>(
        _ projection: Projection,
        holder: String = "test"
    ) -> ProjectionRegistry<Projection> {
        ProjectionRegistry(
            projection: projection,
            ledger: ledger,
            pool: database.projector,
            holder: holder
        )
    }

    func worker<Projection>(
        _ projection: Projection,
        holder: String = "test",
        batchLimit: Int = EventReader.pageLimit
    ) -> ProjectionWorker<Projection> {
        ProjectionWorker(
            projection,
            database,
            ledger: ledger,
            holder: holder,
            batchLimit: batchLimit
        )
    }

    func rebuild<Projection>(_ projection: Projection) -> ProjectionRebuild<Projection> {
        ProjectionRebuild(projection, database, ledger: ledger, holder: "rebuild")
    }

    /// Brings a read model to the head in this process.
    func catchUp(_ projection: some EpisodeProjection) async throws {
        try await worker(projection).catchUp(to: try await head())
    }

    /// What the census must be at a position, folded from the events up to there and no further.
    func expectedCensus(through position: Position) async throws -> [EpisodeCensus] {
        let scan = EpisodeScan(database, ledger: ledger, through: position)
        let projection = try census
        var models: [EpisodeCensus] = []
        try await scan.read(EpisodeRange(from: nil, to: nil)) { episode, events in
            if let model = try projection.fold(episode, EffectiveHistory(events)) {
                models.append(model)
            }
        }
        return models.sorted { $0.episodeID < $1.episodeID }
    }

    /// What the live tables of the census hold, and where it stands, in one snapshot.
    func storedCensus() async throws -> (models: [EpisodeCensus], basis: ReadModelBasis) {
        let (models, basis) = try await CensusQuery(database, ledger: ledger)
            .episodes(overlapping: nil, effectiveAt: Instant(microseconds: .max), knowledge: nil)
        return (models.sorted { $0.episodeID < $1.episodeID }, basis)
    }

    /// The rows of all tables of the census.
    func censusRows(_ generation: Int32) async throws -> [String] {
        try await rows("census_episode", generation: generation)
            + rows("census_stay", generation: generation)
    }

    /// The rows of the counting read model as numbers by episode.
    func counts(_ generation: Int32 = 1) async throws -> [EpisodeID: Int64] {
        let rows = try await database.reader.query(
            """
            select episode_id, entries
            from read_model.entry_count
            where ledger_id = \(ledger.id.rawValue) and generation = \(generation)
            """
        )
        return try rows.reduce(into: [:]) { counts, row in
            counts[try row.get("episode_id", as: EpisodeID.self)] = try row.get("entries")
        }
    }

    /// What becomes of every generation of which there are rows: `active`, `building` or `old`.
    func generations(_ projection: some EpisodeProjection) async throws -> [Int32: String] {
        let rows = try await database.projector.query(
            """
            select g.generation, case
                when g.generation = s.generation then 'active'
                when g.generation = r.generation and r.lease_until is not null then 'building'
                else 'old' end as state
            from (
                select distinct generation
                from \(raw: projection.tables[0].qualifiedName)
                where ledger_id = \(ledger.id.rawValue)
            ) g
            join read_model_state s
                on s.ledger_id = \(ledger.id.rawValue) and s.name = \(projection.name)
            left join read_model_rebuild r using (ledger_id, name)
            """
        )
        return try rows.reduce(into: [:]) { states, row in
            states[try row.get("generation", as: Int32.self)] = try row.get("state")
        }
    }

    /// The newest generation that was ever begun.
    func lastGeneration(_ name: String) async throws -> Int32? {
        try await database.projector.query(
            """
            select last_generation
            from read_model_state
            where ledger_id = \(ledger.id.rawValue) and name = \(name)
            """
        ).first?.get("last_generation")
    }
}

extension ReadModel {
    /// Folds the histories of a whole ledger as they were known at a time.
    ///
    /// Reads every event; nothing is held but the models.
    ///
    /// - Parameters:
    ///   - knownAt: only what was known then; nil for everything, and so is the time of the newest
    ///     event or later.
    ///   - knownBy: which clock `knownAt` is on.
    ///   - effectiveAt: only entries up to this time; nil for all.
    func folded(
        knownAt: Instant?,
        knownBy: KnowledgeClock,
        effectiveAt: Instant? = nil
    ) async throws -> ([Projection.Model], ReadModelBasis) {
        let projection = projection
        return try await histories.run(
            known: knownAt.map { Knowledge(at: $0, by: knownBy) }
        ) { episode, history in
            try projection.fold(episode, history.through(effectiveAt))
        }
    }
}
