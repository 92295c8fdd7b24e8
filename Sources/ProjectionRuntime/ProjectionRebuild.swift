public import CareEpisode
public import Ledger
import Postgres
import Synchronization

/// Fills new tables for a read model beside the live ones, then switches over.
///
/// Queries never stop, and live workers go on until the switch.
public struct ProjectionRebuild<Projection: EpisodeProjection>: Sendable {
    private let registry: ProjectionRegistry<Projection>
    private let database: LedgerDatabase
    private let reader: EventReader

    /// Rebuilds a read model of one ledger.
    public init(
        _ projection: Projection,
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String
    ) {
        registry = ProjectionRegistry(
            projection: projection,
            ledger: ledger,
            pool: database.projector,
            holder: holder
        )
        self.database = database
        reader = EventReader(database, ledger: ledger)
    }

    /// What a rebuild did.
    public struct Report: Sendable {
        /// The position that the new tables reflect.
        public var position: Position
        /// Events that were folded.
        public var events: Int64
        /// Episodes that were read, those without rows and the parked ones included.
        public var episodes: Int
        /// Episodes that could not be folded.
        public var parked: Int
        /// Episodes whose rows differ from the live ones; nil where those were of another version.
        public var differing: Int?
        /// The generation that answers now.
        public var generation: Int32
        /// How long reading, folding and writing took, without the switch.
        public var foldTime: Duration
    }

    /// Rebuilds.
    ///
    /// - Parameters:
    ///   - acceptDifferences: switch even where the rows differ although the fold is the same.
    ///   - parallelism: how many ranges of episodes are folded at once.
    ///   - progress: told how many of how many events have been folded.
    ///   - isStopped: asked a few times a second; once it is true, the rebuild is given up.
    /// - Throws: ``ProjectionError/differs(projection:episodes:examples:)``, the live tables stay;
    ///   ``ProjectionError/rebuilding(projection:progress:)`` where somebody else is at it; and
    ///   `CancellationError` where it was stopped.
    public func run(
        acceptDifferences: Bool = false,
        parallelism: Int = 2,
        progress: @escaping @Sendable (_ done: Int64, _ of: Int64) -> Void = { _, _ in },
        isStopped: @escaping @Sendable () -> Bool = { false }
    ) async throws -> Report {
        try await registry.register()
        try await registry.dropRetired()
        let head = try await reader.head().position
        let lease = try await registry.beginRebuild(events: head.rawValue)
        let folded = Atomic<Int64>(0)
        do {
            let report = try await keeping(
                lease,
                folded: { folded.load(ordering: .relaxed) },
                isStopped
            ) {
                try await build(
                    lease.generation,
                    through: head,
                    acceptDifferences: acceptDifferences,
                    parallelism: parallelism
                ) { done in
                    folded.store(done, ordering: .relaxed)
                    progress(done, head.rawValue)
                }
            }
            try await registry.release(lease)
            return report
        } catch {
            try? await registry.release(lease)
            try? await registry.abandon(lease.generation)
            throw error
        }
    }

    /// Renews a lease for as long as a body runs; the body is cancelled where the lease is lost.
    private func keeping(
        _ lease: RebuildLease,
        folded: @escaping @Sendable () -> Int64,
        _ isStopped: @escaping @Sendable () -> Bool,
        _ body: @escaping @Sendable () async throws -> Report
    ) async throws -> Report {
        try await withThrowingTaskGroup(of: Report?.self) { group in
            group.addTask { try await body() }
            group.addTask {
                var renewed = ContinuousClock.now
                while true {
                    try await Task.sleep(for: .milliseconds(200))
                    if isStopped() { throw CancellationError() }
                    if renewed.duration(to: .now) < .seconds(1) { continue }
                    renewed = .now
                    guard try await registry.renew(lease, folded: folded()) else {
                        throw ProjectionError.leaseLost(projection: registry.projection.name)
                    }
                }
            }
            defer { group.cancelAll() }
            // The second task ends by an error alone.
            while let report = try await group.next() {
                if let report { return report }
            }
            throw CancellationError()
        }
    }

    private func build(
        _ generation: Int32,
        through head: Position,
        acceptDifferences: Bool,
        parallelism: Int,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> Report {
        let began = ContinuousClock.now
        let scan = EpisodeScan(database, ledger: registry.ledger, through: head)
        let tally = Mutex((episodes: 0, parked: 0, events: Int64(0)))
        try await scan.forEachRange(parallelism: parallelism) { range in
            var batch = FoldedBatch(registry.projection, ledger: registry.ledger.id)
            var events: Int64 = 0
            try await scan.read(range) { episode, history in
                batch.add(episode, history)
                events += Int64(history.count)
            }
            try await write(batch, generation: generation, through: head)
            let done = tally.withLock { tally in
                tally.episodes += batch.folded.count + batch.failed.count
                tally.parked += batch.failed.count
                tally.events += events
                return tally.events
            }
            progress(done)
        }
        let folded = tally.withLock { $0 }
        guard folded.events == head.rawValue else {
            // Something is missing from the ledger: reading by position says where.
            try await findMissing(through: head)
            throw LedgerError.missingEvent(head)
        }
        try await registry.complete(generation)
        let foldTime = began.duration(to: .now)

        // Most of what came since is folded before the live worker is stopped.
        let position = try await follow(generation, from: head)
        var lease = try await registry.seize()
        let (reached, differing): (Position, [EpisodeID]?)
        do {
            (reached, differing) = try await meet(&lease, generation, from: position)
            if let differing, !differing.isEmpty, !acceptDifferences {
                throw ProjectionError.differs(
                    projection: registry.projection.name,
                    episodes: differing.count,
                    examples: differing.prefix(3).map(\.description)
                )
            }
            try await registry.activate(generation, at: reached, lease)
        } catch {
            // The live worker goes on at once.
            try? await registry.release(lease)
            throw error
        }
        return Report(
            position: reached,
            events: folded.events,
            episodes: folded.episodes,
            parked: folded.parked,
            differing: differing?.count,
            generation: generation,
            foldTime: foldTime
        )
    }

    private func write(
        _ batch: FoldedBatch<Projection>,
        generation: Int32,
        through: Position
    ) async throws {
        try await registry.pool.withTransaction { [registry] connection in
            // The tables are new: there is nothing to replace.
            try await registry.copy(batch.encoders, generation: generation, connection)
            try await registry.park(
                batch.failed,
                generation: generation,
                through: through,
                connection
            )
        }
    }

    private func findMissing(through head: Position) async throws {
        var after = Position.zero
        while after < head {
            after = try await reader.page(after: after, until: head, limit: EventReader.pageLimit)
                .nextAfter
        }
    }

    /// Brings the new tables and, where this program can, the live ones to one position.
    ///
    /// - Returns: that position, and the episodes whose rows differ; nil where the live rows were
    ///   made by another version of the fold: they stay at the position that they reflect.
    private func meet(
        _ lease: inout ProjectionLease,
        _ generation: Int32,
        from built: Position
    ) async throws -> (Position, [EpisodeID]?) {
        let head = max(try await reader.head().position, built, lease.position)
        _ = try await follow(generation, from: built, to: head)
        guard try await registry.isSameVersion() else { return (head, nil) }
        var histories = HistoryCache()
        while lease.position < head {
            let next = Position(
                rawValue: min(head.rawValue, lease.position.rawValue + Int64(EventReader.foldLimit))
            )
            let batch = try await folded(after: lease.position, through: next, &histories)
            let now = lease
            try await registry.pool.withTransaction { [registry] connection in
                try await registry.advance(now, to: next, connection)
                try await registry.write(
                    batch,
                    generation: now.generation,
                    through: next,
                    connection
                )
            }
            lease.position = next
        }
        return (head, try await differences(lease, generation, through: head))
    }

    /// Brings the new tables, which nobody else writes, further.
    private func follow(
        _ generation: Int32,
        from start: Position,
        to wanted: Position? = nil
    ) async throws -> Position {
        var position = start
        var histories = HistoryCache()
        let head: Position
        if let wanted { head = wanted } else { head = try await reader.head().position }
        while position < head {
            let next = Position(
                rawValue: min(head.rawValue, position.rawValue + Int64(EventReader.foldLimit))
            )
            let batch = try await folded(after: position, through: next, &histories)
            try await registry.pool.withTransaction { [registry] connection in
                try await registry.write(
                    batch,
                    generation: generation,
                    through: next,
                    connection
                )
            }
            position = next
        }
        return position
    }

    private func folded(
        after: Position,
        through: Position,
        _ histories: inout HistoryCache
    ) async throws -> FoldedBatch<Projection> {
        let touched = try await reader.episodes(after: after, through: through)
        try await histories.load(touched.episodes, with: touched.events, through: through, reader)
        var batch = FoldedBatch(registry.projection, ledger: registry.ledger.id)
        await batch.add(touched.episodes, histories)
        return batch
    }

    /// The episodes that have other rows in the live generation than in another, a range at a time.
    private func differences(
        _ lease: ProjectionLease,
        _ other: Int32,
        through: Position
    ) async throws -> [EpisodeID] {
        let one = lease.generation
        let scan = EpisodeScan(database, ledger: registry.ledger, through: through)
        let found = Mutex<Set<EpisodeID>>([])
        let id = registry.ledger.id.rawValue
        // Parked episodes keep rows of different ages.
        let parked = try await registry.pool.query(
            """
            select distinct episode_id from projection_parked
            where ledger_id = \(id) and name = \(registry.projection.name)
            and generation in (\(one), \(other))
            """
        ).map { try $0.get("episode_id", as: EpisodeID.self) }
        try await scan.forEachRange(parallelism: 1) { range in
            guard try await registry.renew(lease) else {
                throw ProjectionError.leaseLost(projection: registry.projection.name)
            }
            for table in registry.projection.tables {
                let columns = table.columns.joined(separator: ", ")
                func rows(_ generation: Int32) -> String {
                    """
                    select \(columns) from \(table.qualifiedName(generation))
                    where ledger_id = \(id) and \(range.condition)
                    """
                }
                let differing = try await registry.pool.query(
                    """
                    select distinct d.episode_id
                    from (
                        (\(raw: rows(one)) except all \(raw: rows(other)))
                        union all
                        (\(raw: rows(other)) except all \(raw: rows(one)))
                    ) as d
                    """
                )
                let episodes = try differing.map { try $0.get("episode_id", as: EpisodeID.self) }
                found.withLock { $0.formUnion(episodes) }
            }
        }
        return found.withLock { $0.subtracting(parked).sorted() }
    }
}
