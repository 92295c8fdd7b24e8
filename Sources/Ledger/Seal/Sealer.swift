public import CareEpisode
import Metrics
import Postgres
public import TransparencyLog

/// Turns new events into tiles and signed checkpoints.
///
/// Any number of sealers may run on one ledger: one holds the lease. What makes a fork impossible is
/// not the lease but the compare-and-set on it in the transaction that publishes, and before that the
/// checkpoint log, to which nobody appends but after the record that he knows.
public final class Sealer: LeasedWork {
    /// How a sealer works.
    public struct Settings: Sendable {
        /// How long events wait for company before they are sealed.
        public var interval: Duration = .milliseconds(200)
        /// How many events are sealed at once, at most 4,096; so many do not wait.
        public var batch: Int64 = EvidenceReader.pageLimit
        /// How long a lease lasts without being renewed, in seconds of the database's clock.
        public var leaseSeconds: Double = 10
        /// After so long those who are still writing to the access log are told of: no program of ours
        /// takes as long.
        public var writersPatience: Duration = .seconds(90)

        /// The usual ones.
        public init() {}
    }

    /// Asks it to end after the seal it is at.
    public let stopSignal = StopSignal()
    /// The lease of the sealer is free.
    public let call = WorkCall.freeSealer
    /// Seals the events, and the access log.
    let record, access: TreeSealer
    let settings: Settings
    /// Told whether this process could sign, were the lease its own.
    let onPlace: @Sendable (SealError?) -> Void
    private let lagEvents: Gauge
    let failures: Counter

    /// Makes a sealer.
    ///
    /// - Parameters:
    ///   - database: where the ledger is.
    ///   - ledger: what is sealed.
    ///   - place: where key and log are.
    ///   - holder: who this is, shown as the lease's holder.
    ///   - settings: how it works.
    ///   - onPlace: told before each try whether key and checkpoint log are in place here: nil where
    ///     they are.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        place: SealingPlace,
        holder: String,
        settings: Settings = Settings(),
        onPlace: @escaping @Sendable (SealError?) -> Void = { _ in }
    ) {
        let database = database.atPrimary
        self.onPlace = onPlace
        let registry = SealRegistry(
            database: database,
            ledger: ledger,
            holder: holder,
            leaseSeconds: settings.leaseSeconds
        )
        self.settings = settings
        let dimensions = [("ledger", ledger.name.description)]
        lagEvents = Gauge(label: "episode_ledger_unsealed_events", dimensions: dimensions)
        let lag = Metrics.Timer(label: "episode_ledger_seal_lag", dimensions: dimensions)
        record = TreeSealer(registry, place, lag: lag)
        access = TreeSealer(registry.of(.access), place)
        failures = Counter(label: "episode_ledger_seal_failures", dimensions: dimensions)
    }

    /// Of the events, and of the lease.
    var registry: SealRegistry { record.registry }

    // MARK: - Running

    /// Takes the lease when it is free, and seals what comes.
    ///
    /// - Throws: ``SealError``, and what makes a stored key or checkpoint unreadable.
    public func turn(
        _ feed: LiveFeed,
        _ beginning: Place,
        _ onTrouble: @escaping @Sendable (any Error) -> Void
    ) async throws -> Bool {
        do {
            return try await withLease(feed) { state in
                beginning.leave()
                try await self.follow(feed, &state, onTrouble)
            } != nil
        } catch {
            if !(error is PostgresError), !Task.isCancelled { failures.increment() }
            throw error
        }
    }

    /// Trying again is always of use: an operator may bring what is missing.
    public func pause(after error: any Error) -> Duration? {
        switch error {
        case let error as SealError where error.isTransient: .milliseconds(200)
        case is PostgresError: .seconds(1)
        default: .seconds(5)
        }
    }

    private func follow(
        _ feed: LiveFeed,
        _ state: inout SealState,
        _ onTrouble: @Sendable (any Error) -> Void
    ) async throws {
        var last = ContinuousClock.now - settings.interval
        var accesses = AccessSealing(state.lease, state.held)
        let (stopSignal, held) = (stopSignal, state.held)
        while !stopSignal.isRequested {
            if held.isLost { throw SealError.leaseLost }
            if let trouble = try await seal(&accesses, feed) { onTrouble(trouble) }
            let size = Position(state.edge.size)
            if feed.isFresh, feed.head <= size {
                lagEvents.record(0)
                let looks = accesses.looks
                await feed.rest(atMost: accesses.rest) {
                    $0.head > size || stopSignal.isRequested || held.isLost
                        || AccessSealing.isCalled($0, after: looks)
                }
                continue
            }
            // What is not stored is not sealed, whatever was heard of.
            let head = Position(try await record.leaves.last())
            let waiting = head.rawValue - size.rawValue
            lagEvents.record(waiting)
            if waiting <= 0 {
                if feed.head > size {
                    try await stopSignal.sleep(for: .milliseconds(100))
                } else {
                    await feed.wait(beyond: size, atMost: .seconds(1))
                }
            } else if waiting < settings.batch, .now < last + settings.interval {
                let rest = ContinuousClock.now.duration(to: last + settings.interval)
                try await stopSignal.sleep(for: rest)
            } else {
                last = .now
                let through = head.rawValue
                feed.publish(try await record.seal(&state, through: through, batch: settings.batch))
            }
        }
    }

    // MARK: - One seal

    /// Seals up to a position, in this process if nobody else has the lease.
    ///
    /// - Parameters:
    ///   - position: usually the head.
    ///   - limit: how long to wait for another sealer that makes no progress.
    ///   - feed: tells of what another sealer publishes; nil where nobody tells.
    ///   - progress: told how many events are sealed.
    /// - Returns: the newest checkpoint; nil where the ledger is empty and was never sealed.
    /// - Throws: ``SealError``.
    @discardableResult
    public func seal(
        upTo position: Position,
        limit: Duration = .seconds(30),
        feed: LiveFeed = LiveFeed(),
        progress: @Sendable (Int64) -> Void = { _ in }
    ) async throws -> SignedCheckpoint? {
        var end = ContinuousClock.now + limit
        var sealed = try await registry.newest()?.checkpoint.size ?? 0
        if sealed >= position.rawValue { try await record.checkLog() }
        while sealed < position.rawValue {
            let done: Void? = try await withLease { state in
                while state.edge.size < position.rawValue {
                    _ = try await self.record.seal(
                        &state,
                        through: position.rawValue,
                        batch: self.settings.batch
                    )
                    progress(state.edge.size)
                }
            }
            if done == nil {
                let size = Position(sealed)
                await feed.wait(atMost: .milliseconds(50)) { $0.sealed > size }
                try Task.checkCancellation()
            }
            let now = try await registry.newest()?.checkpoint.size ?? 0
            if now > sealed { end = .now + limit }
            sealed = now
            if sealed < position.rawValue && .now > end {
                throw SealError.notReached(position, sealed: sealed)
            }
        }
        return try await registry.newest()
    }
}
