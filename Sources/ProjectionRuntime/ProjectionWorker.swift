public import CareEpisode
public import Ledger
import Postgres

/// Keeps one read model of one ledger at the head.
///
/// Any number of workers may run: one holds the lease. Those of one ledger and process read its events once
/// for all of them. Each batch replaces the rows of the
/// episodes it touches and moves the checkpoint in one transaction, so that every event counts
/// exactly once, wherever a worker dies.
public final class ProjectionWorker<Projection: EpisodeProjection>: LeasedWork {
    /// Asks it to end after the batch it is at.
    public let stopSignal = StopSignal()
    private let rebuild: ProjectionRebuild<Projection>
    private var registry: ProjectionRegistry<Projection> { rebuild.registry }
    private let batches: SharedBatches
    private let batchLimit: Int

    /// Makes a worker.
    ///
    /// - Parameters:
    ///   - projection: the read model.
    ///   - database: where ledger and read model are.
    ///   - ledger: whose events.
    ///   - holder: who this is, shown as the lease's holder.
    ///   - batches: the ledger's, for all read models that this process keeps.
    ///   - batchLimit: the most events of one transaction.
    public init(
        _ projection: Projection,
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String,
        batches: SharedBatches? = nil,
        batchLimit: Int = EventReader.foldLimit
    ) {
        self.batches = batches ?? SharedBatches(database, ledger: ledger)
        rebuild = ProjectionRebuild(projection, database, ledger: ledger, holder: holder)
        self.batchLimit = min(max(batchLimit, 1), EventReader.foldLimit)
    }

    /// How long after a failure rows are looked for again that a rebuild has replaced.
    private static var removalPause: Duration { .seconds(60) }

    /// The lease of the read model is free.
    public var call: String { WorkCall.free(registry.projection.name) }

    /// Takes the lease when it is free, and follows the head.
    ///
    /// Where an older version of the fold has written the rows, it first rebuilds them, or stands by
    /// while somebody else does.
    ///
    /// - Throws: ``ProjectionError``, and `LedgerError` where an event is missing or cannot be read.
    public func turn(
        _ feed: LiveFeed,
        _ beginning: Place,
        _ onTrouble: @escaping @Sendable (any Error) -> Void
    ) async throws -> Bool {
        try await registry.register()
        do {
            guard let lease = try await registry.acquire() else { return false }
            try await rebuild.database.leases.holding(lease.lease, feed) { held in
                beginning.leave()
                // Ends with the folding, which never waits for it.
                async let _ = removeOldRows(feed, held, onTrouble)
                await batches.join()
                do {
                    try await follow(feed, lease, held)
                    await batches.leave()
                } catch {
                    await batches.leave()
                    // The database may be another one now.
                    await batches.reset()
                    throw error
                }
            }
            return true
        } catch ProjectionError.rebuildNeeded(let name, let stored, let program)
            where stored < program
        {
            onTrouble(
                ProjectionError.rebuildNeeded(projection: name, stored: stored, program: program)
            )
            beginning.leave()
            return try await rebuilt()
        } catch ProjectionError.rebuilding {
            return false
        }
    }

    /// Newer rows than this fold's stay so, and what cannot be read has to be looked at by somebody.
    public func pause(after error: any Error) -> Duration? {
        switch error {
        case ProjectionError.rebuildNeeded: nil
        case is ProjectionError: .milliseconds(200)
        case is PostgresError: .seconds(1)
        default: nil
        }
    }

    /// Writes the rows anew with this version of the fold, unless somebody is at it.
    ///
    /// - Returns: whether that is done; not where somebody else is at it, or this worker was stopped.
    private func rebuilt(
        progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> Bool {
        do {
            // One range at a time: beside it the service answers, and other models are rebuilt too.
            _ = try await rebuild.run(
                onlyIfNeeded: true,
                parallelism: 1,
                progress: progress,
                isStopped: { self.stopSignal.isRequested }
            )
            return true
        } catch is AlreadyRebuilt {
            return true
        } catch ProjectionError.rebuilding {
            return false
        } catch is CancellationError where stopSignal.isRequested {
            return false
        }
    }

    private func follow(
        _ feed: LiveFeed,
        _ lease: ProjectionLease,
        _ held: HeldLease
    ) async throws {
        var rows = writer(lease)
        let (name, stopSignal) = (registry.projection.name, stopSignal)
        let retry = WorkCall.retry(name)
        var looks = 0
        while !stopSignal.isRequested {
            if held.isLost { throw registry.leaseLost }
            let seen = feed.seen
            let isFresh = feed.isFresh
            if !isFresh || seen.looks > looks && seen.calls.contains(retry) {
                looks = seen.looks
                try await rows.retryParked(isStopped: { stopSignal.isRequested })
            }
            if !isFresh || seen.head > rows.position {
                let pause = try await rows.advance(with: batches) { stopSignal.isRequested }
                feed.modelMoved(name, to: rows.position)
                if let pause {
                    try await stopSignal.sleep(for: pause)
                    continue
                }
                // What was heard of and is not there is not looked for all the time.
                if seen.head > rows.position { try await stopSignal.sleep(for: .milliseconds(100)) }
            }
            let (position, done) = (rows.position, looks)
            await feed.rest {
                $0.head > position || stopSignal.isRequested || held.isLost
                    || $0.looks > done && $0.calls.contains(retry)
            }
        }
    }

    private func writer(_ lease: ProjectionLease) -> GenerationWriter<Projection> {
        GenerationWriter(registry, rebuild.reader, lease: lease, batchLimit: batchLimit)
    }

    /// Removes what the last rebuild has replaced, and what one has left that came to nothing.
    ///
    /// A switch ends the lease, and so begins a new turn.
    private func removeOldRows(
        _ feed: LiveFeed,
        _ held: HeldLease,
        _ onTrouble: @Sendable (any Error) -> Void
    ) async {
        let (stopSignal, call) = (stopSignal, WorkCall.remove(registry.projection.name))
        while !stopSignal.isRequested, !held.isLost, !Task.isCancelled {
            let looks = feed.seen.looks
            do {
                try await registry.removeOldRows(isStopped: { stopSignal.isRequested })
                await feed.wait(atMost: .seconds(3_600)) {
                    stopSignal.isRequested || held.isLost
                        || $0.looks > looks && $0.calls.contains(call)
                }
            } catch {
                if !Task.isCancelled { onTrouble(error) }
                try? await stopSignal.sleep(for: Self.removalPause)
            }
        }
    }

    /// Brings the read model to a position, in this process if nobody else has the lease.
    ///
    /// Where an older version of the fold has written the rows, that takes a rebuild.
    ///
    /// - Parameters:
    ///   - position: usually the head.
    ///   - limit: how long to wait for another worker that makes no progress.
    ///   - progress: told each position that was reached, and how far a rebuild is.
    /// - Throws: ``ProjectionError/lagging(projection:position:wanted:)`` where the worker that
    ///   holds the lease does not get there, ``ProjectionError/rebuilding(projection:progress:)`` where
    ///   the one that rebuilds does not, and
    ///   ``ProjectionError/rebuildNeeded(projection:stored:program:)`` where a newer version of the
    ///   fold has written the rows.
    public func catchUp(
        to position: Position,
        limit: Duration = .seconds(30),
        progress: @escaping @Sendable (Position) -> Void = { _ in }
    ) async throws {
        try await registry.register()
        try await waitForFold(limit: limit, progress: progress)
        var end = ContinuousClock.now + limit
        var last = try await registry.position()
        while last < position {
            if let lease = try await registry.acquire() {
                do {
                    try await rebuild.database.leases.holding(lease.lease) { _ in
                        var rows = writer(lease)
                        try await rows.retryParked(isStopped: { stopSignal.isRequested })
                        try await rows.advance(
                            to: position,
                            isStopped: { stopSignal.isRequested },
                            progress: progress
                        )
                    }
                } catch ProjectionError.leaseLost {
                    // Somebody else goes on from there.
                }
            } else {
                try await Task.sleep(for: .milliseconds(50))
            }
            let now = try await registry.position()
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

    /// Rebuilds where an older version of the fold has written the rows, or waits for whoever does.
    private func waitForFold(
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

    /// Makes the read model known to the ledger, without rows, where it is not.
    public func register() async throws {
        try await registry.register()
    }

    /// Whether this version of the fold has written the rows, or there are none yet.
    public func canAnswer() async throws -> Bool { try await registry.isSameVersion() }
}
