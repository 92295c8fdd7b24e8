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
    mutating func retryParked(isStopped: () -> Bool = { false }) async throws {
        while !isStopped() {
            let asked = try await registry.askedRetries(generation: generation)
            if asked.isEmpty { return }
            try await apply(to: position, and: asked)
        }
    }

    /// One batch, one transaction; where the database refuses rows of it, the others are written all the
    /// same.
    private mutating func apply(to next: Position, and retries: [EpisodeID] = []) async throws {
        let touched = try await reader.episodes(after: position, through: next)
        try await histories.load(
            touched.episodes + retries,
            with: touched.events,
            through: next,
            reader
        )
        let sound = touched.episodes.filter { !refused.contains($0) }
        let doubtful = touched.episodes.filter(refused.contains).map { [$0] }
        let isLong = next.rawValue - position.rawValue > Narrowing.limit
        do {
            if isLong, doubtful.count > Narrowing.aloneLimit {
                return try await applyInSteps(to: next)
            }
            try await commit(sound, doubtful + [retries], to: next)
        } catch let error as PostgresError where error.isAboutValues {
            if isLong { return try await applyInSteps(to: next) }
            try await commit([], [sound] + doubtful + [retries], to: next)
        }
    }

    /// The same in batches that are small enough to be narrowed down.
    private mutating func applyInSteps(to next: Position) async throws {
        // It has the events up to there already.
        histories = HistoryCache()
        while position < next {
            let step = position.rawValue + Int64(Narrowing.limit)
            try await apply(to: Position(rawValue: min(next.rawValue, step)))
        }
    }

    /// - Parameters:
    ///   - sound: episodes that are written together.
    ///   - doubtful: groups of episodes that are narrowed down to those whose rows are refused.
    ///   - next: what the rows reflect then.
    private mutating func commit(
        _ sound: [EpisodeID],
        _ doubtful: [[EpisodeID]],
        to next: Position
    ) async throws {
        var batch = FoldedBatch(
            registry.projection,
            ledger: registry.ledger.id,
            generation: generation,
            after: position
        )
        await batch.add(sound, histories)
        let (folded, held) = (batch, lease)
        let groups = doubtful.filter { !$0.isEmpty }
            .map { group in group.map { (episode: $0, events: histories[$0]) }[...] }
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
        if groups.isEmpty { return }
        refused.subtract(doubtful.joined())
        refused.formUnion(found)
        // Who is forgotten is found again.
        if refused.count > Narrowing.memoryLimit { refused = [] }
    }
}
