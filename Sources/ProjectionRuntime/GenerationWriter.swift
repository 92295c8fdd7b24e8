import CareEpisode
import Ledger
import Postgres

/// Brings the rows of one generation further, batch after batch.
///
/// Each batch replaces the rows of the episodes it touches, in one transaction; under a lease it moves
/// the checkpoint in the same one.
struct GenerationWriter<Projection: EpisodeProjection> {
    private let registry: ProjectionRegistry<Projection>
    private let reader: EventReader
    private let batchLimit: Int64
    private let generation: Int32
    /// Of the rows that answer; nil for those of a rebuild, which nobody else writes.
    private(set) var lease: ProjectionLease?
    /// What the rows reflect.
    private(set) var position: Position
    private var histories = HistoryCache()

    /// Goes on with the rows that answer.
    init(
        _ registry: ProjectionRegistry<Projection>,
        _ reader: EventReader,
        lease: ProjectionLease,
        batchLimit: Int = EventReader.foldLimit
    ) {
        self.registry = registry
        self.reader = reader
        self.batchLimit = Int64(batchLimit)
        self.lease = lease
        generation = lease.generation
        position = lease.position
    }

    /// Goes on with the rows of a rebuild.
    init(
        _ registry: ProjectionRegistry<Projection>,
        _ reader: EventReader,
        generation: Int32,
        position: Position
    ) {
        self.registry = registry
        self.reader = reader
        batchLimit = Int64(EventReader.foldLimit)
        self.generation = generation
        self.position = position
    }

    /// Folds batch after batch up to a position.
    mutating func advance(
        to head: Position,
        isStopped: () -> Bool = { false },
        progress: (Position) -> Void = { _ in }
    ) async throws {
        while position < head, !isStopped() {
            let next = min(head.rawValue, position.rawValue + batchLimit)
            try await apply(to: Position(rawValue: next))
            progress(position)
        }
    }

    /// Folds again what `retry` asked for.
    mutating func retryParked() async throws {
        let asked = try await registry.askedRetries(generation: generation)
        if !asked.isEmpty { try await apply(to: position, and: asked) }
    }

    /// One batch, one transaction.
    private mutating func apply(to next: Position, and retries: [EpisodeID] = []) async throws {
        let touched = try await reader.episodes(after: position, through: next)
        let episodes = touched.episodes + retries
        try await histories.load(episodes, with: touched.events, through: next, reader)
        var batch = FoldedBatch(
            registry.projection,
            ledger: registry.ledger.id,
            generation: generation,
            after: position
        )
        await batch.add(episodes, histories)
        let (folded, held) = (batch, lease)
        try await registry.pool.withTransaction { [registry, generation] connection in
            if let held { try await registry.advance(held, to: next, connection) }
            try await registry.write(folded, generation: generation, through: next, connection)
        }
        lease?.position = next
        position = next
    }
}
