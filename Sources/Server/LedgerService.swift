public import CareEpisode
public import Ledger
import Postgres
import ProjectionRuntime
import Projections
public import ServiceLifecycle
import Synchronization

/// What the service is made of: the database, who may ask, and a sequencer for each ledger that is
/// written.
///
/// Any number of instances may serve one database.
public final class LedgerService: Service, Sendable {
    /// How the service works.
    public struct Settings: Sendable {
        /// Whether this process keeps read models at the head and seals.
        public var runsWorkers = true
        /// Who holds leases, for people.
        public var holder = "serve"
        /// How long an append waits for its seal where that is preferred.
        public var sealLimit: Duration = .seconds(10)
        /// How long a request waits for the database before it is answered with 503.
        public var patience: Duration = .milliseconds(4_500)
        /// How often a stream says that it is alive.
        public var heartbeat: Duration = .seconds(15)
        /// Whether webhooks may go to private networks, and over plain http.
        public var allowsPrivateNetworks = false

        /// The time, for questions.
        public var now: @Sendable () -> Instant = { .now }

        /// The usual ones.
        public init() {}
    }

    let database: LedgerDatabase
    let authenticator: Authenticator
    let settings: Settings
    let accessLog: AccessLog
    private let place: @Sendable (LedgerName) -> SealingPlace
    private let feeds = LiveFeeds()
    private let onTrouble: @Sendable (String) -> Void
    private let state = Mutex(State())
    private let (opened, opening) = AsyncStream.makeStream(of: LedgerDescription.self)

    private struct State {
        var ledgers: [LedgerName: LedgerDescription] = [:]
        var sequencers: [LedgerName: Sequencer] = [:]
        var isStopped = false
    }

    /// Makes a service.
    ///
    /// - Parameters:
    ///   - database: where the ledgers are.
    ///   - authenticator: checks tokens.
    ///   - settings: how it works.
    ///   - place: where the signing key and the checkpoint log of a ledger are.
    ///   - onTrouble: told what workers and sealers have to wait out; no health information.
    public init(
        _ database: LedgerDatabase,
        authenticator: Authenticator,
        settings: Settings = Settings(),
        place: @escaping @Sendable (LedgerName) -> SealingPlace,
        onTrouble: @escaping @Sendable (String) -> Void = { _ in }
    ) {
        self.database = database
        self.authenticator = authenticator
        self.settings = settings
        self.place = place
        self.onTrouble = onTrouble
        accessLog = AccessLog(database, patience: settings.patience)
    }

    // MARK: - Ledgers

    /// The ledger of a name, where it has been used before.
    func knownLedger(_ name: LedgerName) -> LedgerDescription? {
        state.withLock { $0.ledgers[name] }
    }

    /// The ledger of a name: its writer runs from the first time on.
    ///
    /// - Throws: ``LedgerError/unknownLedger(_:)``.
    func ledger(_ name: LedgerName) async throws -> LedgerDescription {
        if let known = knownLedger(name) { return known }
        let ledger = try await database.ledger(named: name)
        let isNew = state.withLock { state in
            guard state.ledgers[name] == nil, !state.isStopped else { return false }
            state.ledgers[name] = ledger
            state.sequencers[name] = Sequencer(
                database,
                ledger: ledger,
                timeout: settings.patience
            )
            return true
        }
        if isNew { opening.yield(ledger) }
        return ledger
    }

    /// The writer of a ledger.
    func sequencer(_ ledger: LedgerDescription) throws -> Sequencer {
        guard let sequencer = state.withLock({ $0.sequencers[ledger.name] }) else {
            throw AppendError.stopped
        }
        return sequencer
    }

    // MARK: - Running

    /// Serves until a graceful shutdown: then writers finish their batches, and workers and sealers
    /// hand back their leases.
    public func run() async throws {
        let listener = HeadListener(database.configuration, feeds: feeds)
        await withGracefulShutdownHandler {
            await withTaskGroup(of: Void.self) { helpers in
                helpers.addTask { try? await listener.run() }
                helpers.addTask { await self.authenticator.run() }
                helpers.addTask { await self.openAll() }
                // Whoever holds a lease, or a batch, ends by himself.
                await withDiscardingTaskGroup { group in
                    for await ledger in opened { self.serve(ledger, &group) }
                }
                helpers.cancelAll()
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    private let stops = Mutex<[@Sendable () -> Void]>([])

    /// Has workers, sealers and senders end, and hand back their leases, while requests are still
    /// being answered.
    public func prepareToStop() {
        for stop in stops.withLock({ $0 }) { stop() }
    }

    private func stop() {
        let sequencers = state.withLock { state in
            state.isStopped = true
            return Array(state.sequencers.values)
        }
        for sequencer in sequencers { sequencer.stop() }
        prepareToStop()
        opening.finish()
    }

    var isStopped: Bool { state.withLock { $0.isStopped } }

    /// Finds ledgers to work for, also those that are created later.
    private func openAll() async {
        while !isStopped, !Task.isCancelled {
            do {
                for found in try await database.ledgers() { _ = try await ledger(found.name) }
            } catch {
                onTrouble("\(Problem(error).detail)")
            }
            try? await Task.sleep(for: .seconds(2))
        }
    }

    /// Runs what one ledger needs.
    private func serve(_ ledger: LedgerDescription, _ group: inout DiscardingTaskGroup) {
        guard let sequencer = state.withLock({ $0.sequencers[ledger.name] }) else { return }
        let other = feeds.feed(of: ledger.id)
        group.addTask { await sequencer.run() }
        group.addTask { await sequencer.announce() }
        // What other processes announce moves the feed that this one's streams follow.
        group.addTask {
            while !Task.isCancelled, !self.isStopped {
                await other.wait(beyond: sequencer.feed.head, atMost: .seconds(1))
                sequencer.feed.headMoved(to: other.head)
            }
        }
        push(ledger, sequencer.feed, &group)
        guard settings.runsWorkers else { return }
        do {
            for projection in try ReadModels.all(ledger) {
                work(projection, ledger, sequencer.feed, &group)
            }
        } catch {
            onTrouble("\(ledger.name): \(error)")
        }
        let sealer = Sealer(
            database,
            ledger: ledger,
            place: place(ledger.name),
            holder: settings.holder
        )
        stops.withLock { $0.append { sealer.stop() } }
        group.addTask {
            try? await sealer.run(feed: sequencer.feed) { self.onTrouble("\(ledger.name): \($0)") }
        }
    }

    /// Sends the ledger's webhooks.
    private func push(
        _ ledger: LedgerDescription,
        _ feed: LiveFeed,
        _ group: inout DiscardingTaskGroup
    ) {
        let sender = WebhookSender(
            database,
            ledger: ledger,
            holder: settings.holder,
            allowsPrivate: settings.allowsPrivateNetworks
        )
        stops.withLock { $0.append { sender.stop() } }
        group.addTask {
            await sender.run(feed: feed) { self.onTrouble("\(ledger.name): \($0)") }
        }
    }

    private func work<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ ledger: LedgerDescription,
        _ feed: LiveFeed,
        _ group: inout DiscardingTaskGroup
    ) {
        let worker = ProjectionWorker(
            projection,
            database,
            ledger: ledger,
            holder: settings.holder
        )
        stops.withLock { $0.append { worker.stop() } }
        group.addTask {
            while !self.isStopped, !Task.isCancelled {
                do {
                    try await worker.run(feed: feed) { self.onTrouble("\(ledger.name): \($0)") }
                    return
                } catch {
                    guard !self.isStopped, !Task.isCancelled else { return }
                    self.onTrouble("\(ledger.name): \(error)")
                    try? await Task.sleep(for: .seconds(5))
                }
            }
        }
    }

    /// The newest checkpoint of a ledger, sealed up to the head where this process may.
    func checkpoint(_ ledger: LedgerDescription) async throws -> PublishedCheckpoint {
        let head = try await EventReader(database, ledger: ledger).head().position
        if head > .zero, settings.runsWorkers {
            _ = try await Sealer(
                database,
                ledger: ledger,
                place: place(ledger.name),
                holder: settings.holder
            ).seal(upTo: head, limit: settings.sealLimit)
        }
        guard let newest = try await PublishedCheckpoint.newest(database, ledger) else {
            throw Problem.notFound("the ledger \(ledger.name) has no checkpoint yet")
        }
        return newest
    }
}
