import CareEpisode
import Ledger
import Postgres

/// Brings the rows of one generation further, batch after batch.
///
/// Each batch replaces the rows of the episodes it touches, in one transaction; under a lease it moves
/// the checkpoint in the same one.
struct GenerationWriter<Projection: EpisodeProjection> {
    private let registry: ProjectionRegistry<Projection>
    private var reader: BatchReader
    private let batchLimit: Int64
    private let generation: Int32
    /// Of the rows that answer; nil for those of a rebuild, which nobody else writes.
    private(set) var lease: ProjectionLease?
    /// What the rows reflect.
    private(set) var position: Position
    /// What this writer has written, so that it is not written again; nil for a rebuild.
    private var written: WrittenRows?
    /// Episodes whose rows the database has refused: nobody else's are written together with theirs.
    private var refused: Set<EpisodeID> = []

    /// Goes on with the rows that answer.
    init(
        _ registry: ProjectionRegistry<Projection>,
        _ reader: EventReader,
        lease: ProjectionLease,
        batchLimit: Int = EventReader.foldLimit
    ) {
        self.registry = registry
        self.reader = BatchReader(reader)
        self.batchLimit = Int64(batchLimit)
        self.lease = lease
        written = WrittenRows()
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
        self.reader = BatchReader(reader)
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

    /// Folds what others fold too, up to the head or to where the others rest.
    ///
    /// - Returns: how long they rest; nil at the head.
    mutating func advance(
        with others: SharedBatches,
        isStopped: () -> Bool
    ) async throws -> Duration? {
        while !isStopped() {
            switch try await others.next(after: position, limit: batchLimit) {
            case .nothing: return nil
            case .wentBack: throw registry.leaseLost
            case .rest(let pause): return pause
            case .batch(let batch):
                // What was read alone is not gone on from.
                reader = BatchReader(reader.events)
                try await apply(batch)
                await others.done(batch)
            case .alone(let through):
                let head = try await reader.events.head().position
                guard head > position else { return nil }
                try await apply(to: min(through, head))
            }
        }
        return nil
    }

    /// Folds again what `retry` asked for.
    mutating func retryParked(isStopped: () -> Bool = { false }) async throws {
        while !isStopped() {
            let asked = try await registry.askedRetries(generation: generation)
            if asked.isEmpty { return }
            try await apply(to: position, and: asked)
        }
    }

    /// One batch, one transaction; read by this writer alone.
    private mutating func apply(to next: Position, and retries: [EpisodeID] = []) async throws {
        let batch = try await reader.read(after: position, through: next, and: retries)
        try await apply(batch, and: retries)
    }

    /// One batch, one transaction; where the database refuses rows of it, the others are written all the
    /// same.
    private mutating func apply(_ batch: EventBatch, and retries: [EpisodeID] = []) async throws {
        guard batch.after == position else { throw registry.leaseLost }
        let sound = batch.episodes.filter { !refused.contains($0) }
        let doubtful = batch.episodes.filter(refused.contains).map { [$0] }
        let isLong = batch.through.rawValue - position.rawValue > Narrowing.limit
        do {
            if isLong, doubtful.count > Narrowing.aloneLimit {
                return try await applyInSteps(to: batch.through)
            }
            try await commit(sound, doubtful + [retries], of: batch)
        } catch let error as PostgresError where error.isAboutValues {
            if isLong { return try await applyInSteps(to: batch.through) }
            try await commit([], [sound] + doubtful + [retries], of: batch)
        }
    }

    /// The same in batches that are small enough to be narrowed down.
    private mutating func applyInSteps(to next: Position) async throws {
        while position < next {
            let step = position.rawValue + Int64(Narrowing.limit)
            try await apply(to: Position(rawValue: min(next.rawValue, step)))
        }
    }

    /// - Parameters:
    ///   - sound: episodes that are written together.
    ///   - doubtful: groups of episodes that are narrowed down to those whose rows are refused.
    ///   - events: what the rows reflect then, with the histories of these episodes.
    private mutating func commit(
        _ sound: [EpisodeID],
        _ doubtful: [[EpisodeID]],
        of events: EventBatch
    ) async throws {
        let next = events.through
        var batch = FoldedBatch(
            registry.projection,
            ledger: registry.ledger.id,
            generation: generation,
            after: position,
            written: written
        )
        await batch.add(sound, of: events)
        let (folded, held) = (batch, lease)
        let groups = doubtful.filter { !$0.isEmpty }
            .map { group in group.map { (episode: $0, events: events[$0].events) }[...] }
        let narrowed = NarrowedBatch(
            registry: registry,
            generation: generation,
            after: position,
            through: next
        )
        let found = try await registry.pool.withTransaction { [registry, generation] connection in
            if let held { try await registry.advance(held, to: next, connection) }
            if !folded.added.isEmpty {
                try await registry.write(
                    folded,
                    generation: generation,
                    through: next,
                    connection
                )
            }
            var found: Set<EpisodeID> = []
            for group in groups {
                found.formUnion(try await narrowed.write(group, connection))
            }
            return found
        }
        lease?.position = next
        position = next
        written?.add(folded.digests)
        for episode in folded.failed.map(\.episode) + groups.joined().map(\.episode) {
            written?.forget(episode)
        }
        if groups.isEmpty { return }
        refused.subtract(doubtful.joined())
        refused.formUnion(found)
        // Who is forgotten is found again.
        if refused.count > Narrowing.memoryLimit { refused = [] }
    }
}
