public import CareEpisode
public import Ledger
import Postgres
import Synchronization

/// Writes a read model's rows anew beside those that answer, then switches over.
///
/// Queries never stop, and live workers go on until the switch.
public struct ProjectionRebuild<Projection: EpisodeProjection>: Sendable {
    let registry: ProjectionRegistry<Projection>
    let database: LedgerDatabase
    let reader: EventReader

    /// Rebuilds a read model of one ledger.
    public init(
        _ projection: Projection,
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String
    ) {
        let database = database.atPrimary
        registry = ProjectionRegistry(
            projection: projection,
            ledger: ledger,
            pool: database.projector,
            holder: holder,
            leases: database.leases
        )
        self.database = database
        reader = EventReader(database, ledger: ledger)
    }

    /// What a rebuild did.
    public struct Report: Sendable {
        /// The position that the new rows reflect.
        public var position: Position
        /// Events that were folded.
        public var events: Int64
        /// Episodes that were read, those without rows and the parked ones included.
        public var episodes: Int
        /// Episodes that could not be folded, or whose rows the database refuses.
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
    ///   - onlyIfNeeded: not where this version of the fold has written the rows already, which
    ///     ``AlreadyRebuilt`` says.
    ///   - acceptDifferences: switch even where the rows differ although the fold is the same.
    ///   - parallelism: how many ranges of episodes are folded at once.
    ///   - progress: told how many of how many events have been folded.
    ///   - isStopped: asked a few times a second; once it is true, the rebuild is given up.
    /// - Throws: ``ProjectionError/differs(projection:episodes:examples:)``, the live rows stay;
    ///   ``ProjectionError/rebuilding(projection:progress:)`` where somebody else is at it; and
    ///   `CancellationError` where it was stopped.
    public func run(
        onlyIfNeeded: Bool = false,
        acceptDifferences: Bool = false,
        parallelism: Int = 2,
        progress: @escaping @Sendable (_ done: Int64, _ of: Int64) -> Void = { _, _ in },
        isStopped: @escaping @Sendable () -> Bool = { false }
    ) async throws -> Report {
        try await registry.register()
        // What an earlier one has left takes no room beside this one.
        try await registry.removeOldRows(isStopped: isStopped)
        let head = try await reader.head().position
        let lease = try await registry.beginRebuild(
            events: head.rawValue,
            onlyIfNeeded: onlyIfNeeded
        )
        let folded = Atomic<Int64>(0)
        do {
            return try await database.leases.holding(lease.lease) { _ in
                try await keeping(
                    lease,
                    folded: { folded.load(ordering: .relaxed) },
                    isStopped
                ) {
                    try await build(
                        lease,
                        through: head,
                        acceptDifferences: acceptDifferences,
                        parallelism: parallelism
                    ) { done in
                        folded.store(done, ordering: .relaxed)
                        progress(done, head.rawValue)
                    }
                }
            }
        } catch {
            _ = try? await registry.removeOldRows(isStopped: isStopped)
            throw error
        }
    }

    /// Removes the rows that the last rebuild has replaced; a worker does so too, when it begins.
    public func removeOldRows(isStopped: () -> Bool = { false }) async throws {
        try await registry.removeOldRows(isStopped: isStopped)
    }

    /// Renews a lease for as long as a body runs; the body is cancelled where the lease is lost.
    ///
    /// The switch hands the lease back: a body that has come to its end has not lost it, though a renewal
    /// that was under way meanwhile did not find it.
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
                        throw registry.leaseLost
                    }
                }
            }
            // The second task ends by an error alone, and what fails first is why.
            var reason: (any Error)?
            while let result = await group.nextResult() {
                switch result {
                case .success(let report?):
                    group.cancelAll()
                    return report
                case .success(nil): break
                case .failure(let error):
                    reason = reason ?? error
                    group.cancelAll()
                }
            }
            throw reason ?? CancellationError()
        }
    }

    private func build(
        _ built: RebuildLease,
        through head: Position,
        acceptDifferences: Bool,
        parallelism: Int,
        progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> Report {
        let began = ContinuousClock.now
        let generation = built.generation
        let folded = try await fold(generation, through: head, parallelism, progress)
        guard folded.events == head.rawValue else {
            // Something is missing from the ledger: reading by position says where.
            try await findMissing(through: head)
            throw LedgerError.missingEvent(head)
        }
        try await registry.analyze()
        let foldTime = began.duration(to: .now)

        // Most of what came since is folded before the live worker is stopped.
        var rows = GenerationWriter(registry, reader, generation: generation, position: head)
        try await rows.advance(to: try await reader.head().position)
        let seized = try await registry.seize()
        do {
            let differing = try await reconcile(&rows, generation, seized)
            if let differing = differing.episodes, !differing.isEmpty, !acceptDifferences {
                throw ProjectionError.differs(
                    projection: registry.projection.name,
                    episodes: differing.count,
                    examples: differing.prefix(3).map(\.description)
                )
            }
            try await registry.activate(built, at: rows.position, differing.lease)
            return Report(
                position: rows.position,
                events: folded.events,
                episodes: folded.episodes,
                parked: folded.parked,
                differing: differing.episodes?.count,
                generation: generation,
                foldTime: foldTime
            )
        } catch {
            // The live worker goes on at once.
            try? await seized.lease.release(registry.pool)
            throw error
        }
    }

    private func fold(
        _ generation: Int32,
        through head: Position,
        _ parallelism: Int,
        _ progress: @escaping @Sendable (Int64) -> Void
    ) async throws -> (episodes: Int, parked: Int, events: Int64) {
        let scan = EpisodeScan(database, ledger: registry.ledger, through: head)
        let tally = Mutex((episodes: 0, parked: 0, events: Int64(0)))
        try await scan.forEachRange(parallelism: parallelism) { range in
            var batch = FoldedBatch(
                registry.projection,
                ledger: registry.ledger.id,
                generation: generation
            )
            var events: Int64 = 0
            try await scan.read(range) { episode, history in
                batch.add(episode, EpisodeHistory(history))
                events += Int64(history.count)
            }
            let folded = batch
            var parked = Set(folded.failed.map(\.episode))
            do {
                try await registry.pool.withTransaction { [registry] connection in
                    // The generation is new: there is nothing to replace.
                    try await registry.copy(folded.rows, connection)
                    try await registry.park(
                        folded.failed,
                        generation: generation,
                        through: head,
                        connection
                    )
                }
            } catch let error as PostgresError where error.isAboutValues {
                parked.formUnion(try await narrow(range, of: scan, generation, through: head))
            }
            let (read, parkedHere) = (folded.added.count, parked.count)
            let done = tally.withLock { tally in
                tally.episodes += read
                tally.parked += parkedHere
                tally.events += events
                return tally.events
            }
            progress(done)
        }
        return tally.withLock { $0 }
    }

    /// Writes the rows of a range of which the database refuses some, and parks the episodes that these
    /// are of.
    ///
    /// - Returns: those episodes.
    private func narrow(
        _ range: EpisodeRange,
        of scan: EpisodeScan,
        _ generation: Int32,
        through head: Position
    ) async throws -> Set<EpisodeID> {
        typealias Narrowed = NarrowedBatch<Projection>
        var histories: [Narrowed.History] = []
        try await scan.read(range) { histories.append(($0, $1)) }
        let narrowed = Narrowed(
            registry: registry,
            generation: generation,
            after: .zero,
            through: head
        )
        var refused: Set<EpisodeID> = []
        for start in stride(from: 0, to: histories.count, by: Narrowing.limit) {
            let part = histories[start..<min(start + Narrowing.limit, histories.count)]
            let found = try await registry.pool.withTransaction {
                try await narrowed.write(part, $0)
            }
            refused.formUnion(found)
        }
        return refused
    }

    private func findMissing(through head: Position) async throws {
        var after = Position.zero
        while after < head {
            after = try await reader.page(after: after, until: head, limit: EventReader.pageLimit)
                .nextAfter
        }
    }

    /// Brings the new rows and, where this program can, those that answer to one position.
    ///
    /// - Returns: the lease on those that answer, and the episodes whose rows differ; nil where they
    ///   were made by another version of the fold: they stay at the position that they reflect.
    private func reconcile(
        _ rows: inout GenerationWriter<Projection>,
        _ generation: Int32,
        _ seized: ProjectionLease
    ) async throws -> (lease: ProjectionLease, episodes: [EpisodeID]?) {
        let head = max(try await reader.head().position, rows.position, seized.position)
        try await rows.advance(to: head)
        guard try await registry.isSameVersion() else { return (seized, nil) }
        var live = GenerationWriter(registry, reader, lease: seized)
        try await live.advance(to: head)
        var lease = seized
        lease.position = live.position
        return (lease, try await differences(lease, generation, through: head))
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
        // Parked episodes keep rows of different ages.
        let parked = try await registry.pool.query(
            """
            select distinct episode_id
            from read_model_parked
            where \(registry.key) and generation in (\(one), \(other))
            """
        ).map { try $0.get("episode_id", as: EpisodeID.self) }
        try await scan.forEachRange(parallelism: 1) { range in
            guard try await lease.lease.renew(registry.pool) else { throw registry.leaseLost }
            for table in registry.projection.tables {
                let columns = table.columns.map(\.name).filter { $0 != "generation" }
                    .joined(separator: ", ")
                func rows(_ generation: Int32) -> SQL {
                    """
                    select \(raw: columns)
                    from \(raw: table.qualifiedName)
                    where \(ProjectionTable.isOf(registry.ledger.id, generation))
                    and \(raw: range.condition)
                    """
                }
                let differing = try await registry.pool.query(
                    """
                    select distinct d.episode_id
                    from (
                        (\(rows(one)) except all \(rows(other)))
                        union all
                        (\(rows(other)) except all \(rows(one)))
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
