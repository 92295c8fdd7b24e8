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
        public var requestTimeout: Duration = .milliseconds(4_500)
        /// How often a stream says that it is alive.
        public var heartbeat: Duration = .seconds(15)
        /// Whether webhooks may go to private networks, and over plain http.
        public var allowsPrivateNetworks = false
        /// After which repeats of a decision are told in the access log.
        var repeatInterval = RepeatedDecisions.interval
        /// Where the pages are, and how people sign in to them.
        public var pages = PageSettings()

        /// The most connections of one address at a time; nil for the usual number.
        public var connectionsPerAddress: Int?
        /// The most requests of one token at a time.
        public var requestsPerToken = WorkAtOnce.tokenLimit
        /// The most requests about one ledger at a time.
        public var requestsPerLedger = WorkAtOnce.ledgerLimit
        /// The most connections in all; nil for as many as files allow.
        var mostConnections: Int?

        /// The time, for questions.
        public var now: @Sendable () -> Instant = { .now }

        /// The usual ones.
        public init() {}
    }

    let database: LedgerDatabase
    let authenticator: Authenticator
    let settings: Settings
    let accessLog: AccessLog
    let signIn: SignIn
    let pageWork = PageWork()
    /// Denials whose answers have left.
    let lateDenials = LateDenials()
    /// What is folded for answers.
    let folds = Folds()
    /// How many requests are being answered.
    let workAtOnce: WorkAtOnce
    /// What pages have read of the tables.
    let keptModels = KeptModels()
    private let place: @Sendable (LedgerName) -> SealingPlace
    let feeds = LiveFeeds()
    /// How far read models are, for all who wait for one at the same time.
    let statuses = SingleFlight<LedgerID, [ProjectionStatus]>()
    /// What probes and scrapes ask, by whether ledgers are named: they take no token.
    let readiness = SingleFlight<Bool, Readiness>()
    let gauges = SingleFlight<Int, [(name: String, labels: [(String, String)], value: Double)]>()
    private let workers: LedgerWorkers
    private let onTrouble: @Sendable (String) -> Void
    private let state = Mutex(State())
    private let (opened, opening) = AsyncStream.makeStream(of: LedgerDescription.self)

    private struct State {
        var ledgers: [LedgerName: LedgerDescription] = [:]
        var sequencers: [LedgerName: Sequencer] = [:]
        /// Why this process could not seal a ledger, were it its turn.
        var sealTrouble: [LedgerName: SealError] = [:]
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
        accessLog = AccessLog(
            database,
            timeout: settings.requestTimeout,
            repeatsAfter: settings.repeatInterval
        )
        signIn = SignIn(database, settings.pages)
        workAtOnce = WorkAtOnce(
            token: settings.requestsPerToken,
            ledger: settings.requestsPerLedger,
            address: settings.connectionsPerAddress ?? Connections.addressLimit,
            connections: settings.mostConnections ?? OpenFiles.clients
        )
        workers = LedgerWorkers(database, feeds: feeds) { ledger, _, error in
            onTrouble(ledger.map { "\($0.name): \(error)" } ?? Problem(error).detail)
        }
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
                timeout: settings.requestTimeout,
                feed: feeds.feed(of: ledger.id)
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
                helpers.addTask { await self.accessLog.run() }
                helpers.addTask { await self.lateDenials.run() }
                helpers.addTask { await self.pageWork.run() }
                helpers.addTask { await self.signIn.run() }
                helpers.addTask { await self.signIn.provider?.run() }
                // Whoever holds a lease, or a batch, ends by himself.
                await withDiscardingTaskGroup { group in
                    group.addTask { await self.workers.run { try await self.assignment($0) } }
                    for await ledger in opened { self.serve(ledger, &group) }
                }
                // Those who wrote them are still there.
                let unwritten = await Task { await self.lateDenials.flush() }.value
                if unwritten > 0 { self.onTrouble("the access log lacks \(unwritten) denials") }
                helpers.cancelAll()
            }
            // Nobody asks any more: what was counted is told, also where the process may not wait.
            let untold = await Task { await self.accessLog.tellRepeats(all: true) }.value
            if untold > 0 {
                self.onTrouble("the access log lacks \(untold) repeated decisions")
            }
        } onGracefulShutdown: {
            self.stop()
        }
    }

    /// Has workers, sealers and senders end, and hand back their leases, while requests are still
    /// being answered.
    public func prepareToStop() { workers.stop() }

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

    /// Runs the writer of a ledger.
    private func serve(_ ledger: LedgerDescription, _ group: inout DiscardingTaskGroup) {
        guard let sequencer = state.withLock({ $0.sequencers[ledger.name] }) else { return }
        group.addTask { await sequencer.run() }
        group.addTask { await sequencer.announce() }
    }

    /// What this process does for a ledger under leases.
    private func assignment(_ found: LedgerDescription) async throws -> [any LeasedWork] {
        let ledger = try await ledger(found.name)
        var work: [any LeasedWork] = [
            WebhookSender(
                database,
                ledger: ledger,
                holder: settings.holder,
                accessLog: accessLog,
                allowsPrivate: settings.allowsPrivateNetworks
            )
        ]
        if settings.runsWorkers {
            work.append(sealer(ledger))
            do {
                work += try ReadModels.workers(database, ledger: ledger, holder: settings.holder)
            } catch {
                onTrouble("\(ledger.name): \(error)")
            }
        }
        return work
    }

    private func sealer(_ ledger: LedgerDescription) -> Sealer {
        Sealer(
            database,
            ledger: ledger,
            place: place(ledger.name),
            holder: settings.holder
        ) { [weak self] trouble in
            self?.state.withLock { $0.sealTrouble[ledger.name] = trouble }
        }
    }

    /// The ledgers that this process is to seal and cannot, since key or log are not in place.
    var sealTrouble: [LedgerName: SealError] { state.withLock { $0.sealTrouble } }

    /// The newest checkpoint of a ledger's tree, sealed up to what there is where this process may.
    func checkpoint(
        _ ledger: LedgerDescription,
        of tree: LedgerTree = .events
    ) async throws -> PublishedCheckpoint {
        switch tree {
        case .events:
            let head = try await EventReader(database, ledger: ledger).head().position
            if head > .zero, settings.runsWorkers {
                try await sealer(ledger)
                    .seal(upTo: head, limit: settings.sealLimit, feed: feeds.feed(of: ledger.id))
            }
        case .access:
            if settings.runsWorkers {
                try await sealer(ledger).sealAccessLog(limit: settings.sealLimit)
            }
        }
        guard let newest = try await PublishedCheckpoint.newest(database, ledger, tree) else {
            throw Problem.noCheckpoint(of: tree, ledger)
        }
        return newest
    }
}
