public import CareEpisode
public import Ledger
import Postgres
import Synchronization

/// Keeps one read model of one ledger at the head.
///
/// Any number of workers may run: one holds the lease. Each batch replaces the rows of the
/// episodes it touches and moves the checkpoint in one transaction, so that every event counts
/// exactly once, wherever a worker dies.
public final class ProjectionWorker<Projection: EpisodeProjection>: Sendable {
    private let registry: ProjectionRegistry<Projection>
    private let rebuild: ProjectionRebuild<Projection>
    private let reader: EventReader
    private let batchLimit: Int
    private let isStopped = Atomic(false)

    /// The time from one look at the head to the next, once it is reached.
    ///
    /// The longer the more there was to do: a batch of one event costs nearly as much as one of a
    /// hundred, and an episode is folded once for all that has happened in it.
    private static func pace(after work: Duration) -> Duration {
        min(max(work * 4, .milliseconds(100)), .seconds(1))
    }

    /// Makes a worker.
    ///
    /// - Parameters:
    ///   - projection: the read model.
    ///   - database: where ledger and read model are.
    ///   - ledger: whose events.
    ///   - holder: who this is, shown as the lease's holder.
    ///   - batchLimit: the most events of one transaction.
    public init(
        _ projection: Projection,
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String,
        batchLimit: Int = EventReader.foldLimit
    ) {
        registry = ProjectionRegistry(
            projection: projection,
            ledger: ledger,
            pool: database.projector,
            holder: holder
        )
        rebuild = ProjectionRebuild(projection, database, ledger: ledger, holder: holder)
        reader = EventReader(database, ledger: ledger)
        self.batchLimit = min(max(batchLimit, 1), EventReader.foldLimit)
    }

    /// Works until ``stop()`` or cancellation: takes the lease when it is free, follows the head.
    ///
    /// Where an older version of the fold has filled the tables, it first rebuilds them, or waits for
    /// whoever does.
    ///
    /// Failures of the database are waited out; ``stop()`` hands the lease back, cancellation
    /// leaves it to expire.
    ///
    /// - Parameters:
    ///   - feed: says when the head has moved.
    ///   - onTrouble: told what went wrong before each new try; holds no health information.
    /// - Throws: `CancellationError`, ``ProjectionError/rebuildNeeded(projection:stored:program:)``
    ///   where a newer version of the fold has filled the tables, and `LedgerError` where an event is missing or cannot be read.
    public func run(
        feed: LiveFeed,
        onTrouble: @Sendable (any Error) -> Void = { _ in }
    ) async throws {
        while !isStopped.load(ordering: .acquiring) {
            do {
                try await registry.register()
                if let lease = try await registry.acquire() {
                    try await releasing(lease) { try await work(lease, feed: feed) }
                } else {
                    try await Task.sleep(for: .seconds(1))
                }
            } catch ProjectionError.rebuildNeeded(let name, let stored, let program) {
                let needed = ProjectionError.rebuildNeeded(
                    projection: name,
                    stored: stored,
                    program: program
                )
                guard stored < program else { throw needed }
                onTrouble(needed)
                if try await !rebuilt() { try await Task.sleep(for: .seconds(1)) }
            } catch let error as ProjectionError {
                onTrouble(error)
                try await Task.sleep(for: .milliseconds(200))
            } catch let error as PostgresError {
                try Task.checkCancellation()
                onTrouble(error)
                try await Task.sleep(for: .seconds(1))
            }
        }
    }

    /// Fills the tables anew with this version of the fold, unless somebody is at it.
    ///
    /// - Returns: whether that is done; not where somebody else is at it, or this worker was stopped.
    private func rebuilt(
        progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> Bool {
        do {
            // One range at a time: beside it the service answers, and other models are rebuilt too.
            _ = try await rebuild.run(
                parallelism: 1,
                progress: progress,
                isStopped: { self.isStopped.load(ordering: .acquiring) }
            )
            return true
        } catch ProjectionError.rebuilding {
            return false
        } catch is CancellationError where isStopped.load(ordering: .acquiring) {
            return false
        }
    }

    /// Lets ``run(feed:onTrouble:)`` return after the batch it is at.
    public func stop() {
        isStopped.store(true, ordering: .releasing)
    }

    /// Hands a lease back whatever happens: whoever goes on, this worker included, need not wait
    /// until it expires.
    private func releasing(
        _ lease: ProjectionLease,
        _ body: () async throws -> Void
    ) async throws {
        do {
            try await body()
        } catch {
            // Of a lease that was lost nothing is handed back.
            try? await registry.release(lease)
            throw error
        }
        try await registry.release(lease)
    }

    private func work(_ first: ProjectionLease, feed: LiveFeed) async throws {
        var lease = first
        var histories = HistoryCache()
        while !isStopped.load(ordering: .acquiring) {
            let began = ContinuousClock.now
            let head = try await reader.head().position
            try await drain(&lease, to: head, &histories)
            if isStopped.load(ordering: .acquiring) { break }
            let pace = Self.pace(after: began.duration(to: .now))
            try await registry.dropRetired()
            // Looks again when the head moves, and once a second anyway.
            await feed.wait(beyond: lease.position, atMost: .seconds(1))
            // The first event after a pause at once; of a steady stream what has gathered meanwhile.
            let rest = ContinuousClock.now.duration(to: began + pace)
            if rest > .zero { try await Task.sleep(for: rest) }
            guard try await registry.renew(lease) else {
                throw ProjectionError.leaseLost(projection: registry.projection.name)
            }
        }
    }

    /// Brings the read model to a position, in this process if nobody else has the lease.
    ///
    /// Where an older version of the fold has filled the tables, that takes a rebuild.
    ///
    /// - Parameters:
    ///   - position: usually the head.
    ///   - limit: how long to wait for another worker that makes no progress.
    ///   - progress: told each position that was reached, and how far a rebuild is.
    /// - Throws: ``ProjectionError/lagging(projection:position:wanted:)`` where the worker that
    ///   holds the lease does not get there, ``ProjectionError/rebuilding(projection:progress:)`` where
    ///   the one that rebuilds does not, and
    ///   ``ProjectionError/rebuildNeeded(projection:stored:program:)`` where a newer version of the
    ///   fold has filled the tables.
    public func catchUp(
        to position: Position,
        limit: Duration = .seconds(30),
        progress: @escaping @Sendable (Position) -> Void = { _ in }
    ) async throws {
        try await registry.register()
        try await catchUpFold(limit: limit, progress: progress)
        var end = ContinuousClock.now + limit
        var last = try await reached()
        while last < position {
            if let lease = try await registry.acquire() {
                do {
                    try await releasing(lease) {
                        var (lease, histories) = (lease, HistoryCache())
                        try await drain(&lease, to: position, &histories, progress: progress)
                    }
                } catch let error as ProjectionError {
                    guard case .leaseLost = error else { throw error }
                }
            } else {
                try await Task.sleep(for: .milliseconds(50))
            }
            let now = try await reached()
            if now > last { end = .now + limit }
            last = now
            if last < position && .now > end {
                throw ProjectionError.lagging(
                    projection: registry.projection.name,
                    position: last.rawValue,
                    wanted: position.rawValue
                )
            }
        }
        try await registry.checkVersion()
    }

    /// Rebuilds where an older version of the fold has filled the tables, or waits for whoever does.
    private func catchUpFold(
        limit: Duration,
        progress: @escaping @Sendable (Position) -> Void
    ) async throws {
        var end = ContinuousClock.now + limit
        var last: Int64 = 0
        while true {
            do {
                return try await registry.checkVersion()
            } catch ProjectionError.rebuildNeeded(let name, let stored, let program) {
                guard stored < program else {
                    throw ProjectionError.rebuildNeeded(
                        projection: name,
                        stored: stored,
                        program: program
                    )
                }
            } catch ProjectionError.rebuilding(let name, let other) {
                if other.folded > last { end = .now + limit }
                last = other.folded
                progress(Position(rawValue: last))
                guard .now < end else {
                    throw ProjectionError.rebuilding(projection: name, progress: other)
                }
            }
            if try await !rebuilt(progress: { done, _ in progress(Position(rawValue: done)) }) {
                try await Task.sleep(for: .milliseconds(200))
            }
        }
    }

    /// Makes the read model known to the ledger, empty, where it is not.
    public func register() async throws {
        try await registry.register()
    }

    /// Whether this version of the fold has filled the tables, or there are none yet.
    public func canAnswer() async throws -> Bool { try await registry.isSameVersion() }

    private func reached() async throws -> Position {
        let rows = try await registry.pool.query(
            """
            select position from projection
            where ledger_id = \(registry.ledger.id.rawValue)
            and name = \(registry.projection.name)
            """
        )
        return Position(rawValue: try rows.first?.get("position") ?? 0)
    }

    /// Folds again what `retry` asked for, then batch after batch up to a position.
    private func drain(
        _ lease: inout ProjectionLease,
        to head: Position,
        _ histories: inout HistoryCache,
        progress: @Sendable (Position) -> Void = { _ in }
    ) async throws {
        let retries = try await registry.askedRetries(generation: lease.generation)
        if !retries.isEmpty {
            try await apply(&lease, to: lease.position, retries: retries, &histories)
        }
        while lease.position < head, !isStopped.load(ordering: .acquiring) {
            let next = min(head.rawValue, lease.position.rawValue + Int64(batchLimit))
            try await apply(&lease, to: Position(rawValue: next), retries: [], &histories)
            progress(lease.position)
        }
    }

    /// One batch, one transaction.
    private func apply(
        _ lease: inout ProjectionLease,
        to position: Position,
        retries: [EpisodeID],
        _ histories: inout HistoryCache
    ) async throws {
        let touched = try await reader.episodes(after: lease.position, through: position)
        try await histories.load(
            touched.episodes + retries,
            with: touched.events,
            through: position,
            reader
        )
        var batch = FoldedBatch(registry.projection, ledger: registry.ledger.id)
        await batch.add(touched.episodes + retries, histories)
        let (now, folded) = (lease, batch)
        try await registry.pool.withTransaction { [registry] connection in
            try await registry.advance(now, to: position, connection)
            try await registry.write(
                folded,
                generation: now.generation,
                through: position,
                connection
            )
        }
        lease.position = position
    }
}
