public import CareEpisode
import Metrics
import Postgres
import Synchronization
public import TransparencyLog

/// Where the private key and the checkpoint log of a ledger lie, and under which name it is sealed.
public struct SealingPlace: Sendable {
    /// The private keys.
    public let keys: SigningKeyFile
    /// What was signed.
    public let log: CheckpointLog
    /// The configured name, nil where none is: the origin is this, a slash and the ledger's name.
    ///
    /// Without one it is ``defaultName``, and whatever the ledger is sealed as already.
    public let name: String?

    /// The configured name of who configures none.
    public static let defaultName = "episode-ledger"

    /// Names the files.
    public init(keys: SigningKeyFile, log: CheckpointLog, name: String? = nil) {
        self.keys = keys
        self.log = log
        self.name = name
    }

    /// The origin of the first log of a ledger.
    func origin(of ledger: LedgerName) -> String { "\(name ?? Self.defaultName)/\(ledger)" }
}

/// Turns new events into tiles and signed checkpoints.
///
/// Any number of sealers may run on one ledger: one holds the lease. What makes a fork impossible is
/// not the lease but the compare-and-set on it in the transaction that publishes, and before that the
/// checkpoint log, to which nobody appends but after the record that he knows.
public final class Sealer: Sendable {
    /// How a sealer works.
    public struct Settings: Sendable {
        /// How long events wait for company before they are sealed.
        public var interval: Duration = .milliseconds(200)
        /// How many events are sealed at once, at most 4,096; so many do not wait.
        public var batch: Int64 = EvidenceReader.pageLimit
        /// How long a lease lasts without being renewed, in seconds of the database's clock.
        public var leaseSeconds: Double = 10

        /// The usual ones.
        public init() {}
    }

    let registry: SealRegistry
    let place: SealingPlace
    private let settings: Settings
    private let tiles: TileStore
    private let events: EvidenceReader
    let reader: EventReader
    private let isStopped = Atomic(false)
    private let lagEvents: Gauge
    private let lag: Metrics.Timer
    private let failures: Counter

    /// Makes a sealer.
    ///
    /// - Parameters:
    ///   - database: where the ledger is.
    ///   - ledger: what is sealed.
    ///   - place: where key and log are.
    ///   - holder: who this is, shown as the lease's holder.
    ///   - settings: how it works.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        place: SealingPlace,
        holder: String,
        settings: Settings = Settings()
    ) {
        registry = SealRegistry(
            database: database,
            ledger: ledger,
            holder: holder,
            leaseSeconds: settings.leaseSeconds
        )
        self.place = place
        self.settings = settings
        tiles = TileStore(database, ledger: ledger)
        events = EvidenceReader(database: database, ledger: ledger)
        reader = EventReader(database, ledger: ledger)
        let dimensions = [("ledger", ledger.name.description)]
        lagEvents = Gauge(label: "episode_ledger_unsealed_events", dimensions: dimensions)
        lag = Metrics.Timer(label: "episode_ledger_seal_lag", dimensions: dimensions)
        failures = Counter(label: "episode_ledger_seal_failures", dimensions: dimensions)
    }

    // MARK: - Running

    /// Seals until ``stop()`` or cancellation: takes the lease when it is free, follows the head.
    ///
    /// Failures are waited out and told; ``stop()`` hands the lease back, cancellation leaves it to
    /// expire.
    ///
    /// - Parameters:
    ///   - feed: says when the head has moved.
    ///   - onTrouble: told what keeps the ledger from being sealed; holds no health information.
    /// - Throws: `CancellationError`.
    public func run(
        feed: LiveFeed,
        onTrouble: @Sendable (any Error) -> Void = { _ in }
    ) async throws {
        while !isStopped.load(ordering: .acquiring) {
            do {
                if try await withSeat({ try await self.work(&$0, feed: feed) }) == nil {
                    try await pause(.seconds(1))
                }
            } catch let error as SealError {
                try Task.checkCancellation()
                failures.increment()
                onTrouble(error)
                try await pause(error.isTransient ? .milliseconds(200) : .seconds(5))
            } catch let error as PostgresError {
                try Task.checkCancellation()
                onTrouble(error)
                try await pause(.seconds(1))
            } catch {
                // Such as a stored key or checkpoint that cannot be read: told, never silent.
                try Task.checkCancellation()
                failures.increment()
                onTrouble(error)
                try await pause(.seconds(5))
            }
        }
    }

    /// Lets ``run(feed:onTrouble:)`` return after the seal it is at.
    public func stop() {
        isStopped.store(true, ordering: .releasing)
    }

    /// Sleeps, but not through a stop.
    private func pause(_ duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while .now < end, !isStopped.load(ordering: .acquiring) {
            let rest = ContinuousClock.now.duration(to: end)
            try await Task.sleep(for: min(.milliseconds(100), rest))
        }
    }

    private func work(_ seat: inout SealSeat, feed: LiveFeed) async throws {
        var last = ContinuousClock.now - settings.interval
        while !isStopped.load(ordering: .acquiring) {
            let head = try await reader.head().position
            let waiting = head.rawValue - seat.edge.size
            lagEvents.record(waiting)
            if waiting <= 0 {
                await feed.wait(beyond: Position(seat.edge.size), atMost: .seconds(1))
                guard try await registry.renew(seat.lease) else { throw SealError.leaseLost }
            } else if waiting < settings.batch, .now < last + settings.interval {
                try await pause(ContinuousClock.now.duration(to: last + settings.interval))
            } else {
                last = .now
                try await seal(&seat, through: head)
            }
        }
    }

    // MARK: - One seal

    /// Seals up to a position, in this process if nobody else has the lease.
    ///
    /// - Parameters:
    ///   - position: usually the head.
    ///   - limit: how long to wait for another sealer that makes no progress.
    ///   - progress: told how many events are sealed.
    /// - Returns: the newest checkpoint; nil where the ledger is empty and was never sealed.
    /// - Throws: ``SealError``.
    @discardableResult
    public func seal(
        upTo position: Position,
        limit: Duration = .seconds(30),
        progress: @Sendable (Int64) -> Void = { _ in }
    ) async throws -> SignedCheckpoint? {
        var end = ContinuousClock.now + limit
        var sealed = try await registry.newest()?.checkpoint.size ?? 0
        if sealed >= position.rawValue { try await checkHead() }
        while sealed < position.rawValue {
            let done: Void? = try await withSeat { seat in
                while seat.edge.size < position.rawValue {
                    try await self.seal(&seat, through: position)
                    progress(seat.edge.size)
                }
            }
            if done == nil { try await Task.sleep(for: .milliseconds(50)) }
            let now = try await registry.newest()?.checkpoint.size ?? 0
            if now > sealed { end = .now + limit }
            sealed = now
            if sealed < position.rawValue && .now > end {
                throw SealError.notReached(position, sealed: sealed)
            }
        }
        return try await registry.newest()
    }

    /// One batch: recompute, sign, keep the checkpoint outside the database, publish it.
    private func seal(_ seat: inout SealSeat, through head: Position) async throws {
        let after = seat.edge.size
        let through = min(head.rawValue, after + settings.batch)
        let (edge, oldest) = try await grown(seat.edge, through: through)
        let checkpoint = TreeCheckpoint(
            origin: seat.origin,
            size: through,
            root: edge.root
        )
        let signed = try SignedCheckpoint(checkpoint, signedBy: seat.keys)
        let (log, last) = (place.log, seat.logged)
        try await PrivateFile.run { try log.append(signed.note, after: last) }
        seat.logged = signed.note
        try await publish(signed, edge, oldest: oldest, seat.lease)
        seat.advance(to: edge)
    }

    private func publish(
        _ signed: SignedCheckpoint,
        _ edge: TreeEdge,
        oldest: Instant?,
        _ lease: SealLease
    ) async throws {
        var edge = edge
        let sealedAt = try await registry.publish(signed, edge.takeFullTiles(), lease)
        if let oldest {
            lag.recordMicroseconds(max(0, sealedAt.microseconds - oldest.microseconds))
        }
    }

    /// An edge with the leaves up to a position, each recomputed from its row.
    ///
    /// - Returns: the edge, and the recorded time of the first of the new leaves.
    func grown(_ edge: TreeEdge, through: Int64) async throws -> (TreeEdge, oldest: Instant?) {
        var grown = edge
        var oldest: Instant?
        while grown.size < through {
            let next = min(through, grown.size + EvidenceReader.pageLimit)
            let ledger = registry.ledger.name
            try await events.rows(after: Position(grown.size), through: Position(next)) { row in
                let expected = Position(grown.size + 1)
                guard row.position == expected else {
                    throw SealError.damaged(EvidenceFault(.missing, at: expected))
                }
                let (leaf, fault) = row.check(ledger: ledger)
                if let fault { throw SealError.damaged(EvidenceFault(fault, at: expected)) }
                grown.append(leaf)
                oldest = oldest ?? row.recordedAt
            }
            guard grown.size == next else {
                throw SealError.damaged(EvidenceFault(.missing, at: Position(grown.size + 1)))
            }
        }
        return (grown, oldest)
    }

    // MARK: - The seat

    /// Takes the lease and does something with it, and hands it back whatever happens.
    ///
    /// - Returns: nil where somebody else holds the lease.
    func withSeat<Result>(
        seizing: Bool = false,
        _ body: (inout SealSeat) async throws -> Result
    ) async throws -> Result? {
        let identity = try await registry.identity()
        if let identity { try await checkPlace(identity) }
        guard let lease = try await registry.acquire(seizing: seizing) else { return nil }
        do {
            var seat = try await seat(lease)
            let result = try await body(&seat)
            try await registry.release(lease)
            return result
        } catch {
            if let error = error as? SealError, !error.isTransient {
                try? await registry.report(error, lease)
            }
            // Of a lease that was lost nothing is handed back.
            try? await registry.release(lease)
            throw error
        }
    }

    /// Whether this process may take the lease at all: it has the keys, and its log is not behind.
    private func checkPlace(_ identity: SealIdentity) async throws {
        if let name = place.name, !identity.origin.hasPrefix("\(name)/\(registry.ledger.name)") {
            throw SealError.otherOrigin(
                registered: identity.origin,
                configured: place.origin(of: registry.ledger.name)
            )
        }
        _ = try await signingKeys(identity)
        guard let published = try await registry.newest() else { return }
        let log = place.log
        let newest = try await PrivateFile.run { try log.newest() }
        guard let newest, !isBehind(newest, published) else {
            throw SealError.logBehind(file: log.path, size: published.checkpoint.size)
        }
    }

    /// Whether the newest note of the log is of an earlier checkpoint than one of the database.
    private func isBehind(_ note: SignedNote, _ published: SignedCheckpoint) -> Bool {
        guard let checkpoint = try? TreeCheckpoint(text: note.text) else {
            // A declaration: it comes after every checkpoint of the log that it ends, and only
            // before those of the log that it begins.
            return RestoreDeclaration(text: note.text)?.key.name == published.checkpoint.origin
        }
        return checkpoint.size < published.checkpoint.size
    }

    /// The private halves of all keys that sign.
    func signingKeys(_ identity: SealIdentity) async throws -> [NoteSigningKey] {
        let file = place.keys
        let keys = try await PrivateFile.run { try file.keys() }
        return try identity.activeKeys.map { active in
            guard let key = keys.first(where: { $0.verifierKey == active }) else {
                throw SealError.noSigningKey(origin: identity.origin, file: file.path)
            }
            return key
        }
    }

    /// What a seal goes on from; looked up under the lease.
    private func seat(_ lease: SealLease) async throws -> SealSeat {
        if try await registry.identity() == nil { try await registerKey(lease) }
        guard let identity = try await registry.identity() else { throw SealError.leaseLost }
        // Looked at again, since somebody may have sealed before the lease was had.
        try await checkPlace(identity)
        let keys = try await signingKeys(identity)
        let published = try await registry.newest()
        guard (published?.checkpoint.size ?? 0) == lease.size else {
            throw SealError.damaged(
                EvidenceFault(.checkpoint("the sealer's size is not the newest checkpoint's"))
            )
        }
        let edge = try await tiles.edge(size: lease.size)
        if let published, published.checkpoint.root != edge.root {
            throw SealError.damaged(
                EvidenceFault(
                    .root("the tree does not lead to the newest checkpoint"),
                    at: Position(1),
                    through: Position(lease.size)
                )
            )
        }
        let log = place.log
        let newest = try await PrivateFile.run { try log.newest() }
        var seat = SealSeat(
            lease: lease,
            origin: identity.origin,
            keys: keys,
            edge: edge,
            logged: newest
        )
        if let newest, let further = try await meet(newest, seat) { seat.advance(to: further) }
        return seat
    }

    /// Makes the ledger's first key, and makes it known.
    private func registerKey(_ lease: SealLease) async throws {
        let origin = place.origin(of: registry.ledger.name)
        guard NoteVerifierKey.isName(origin) else {
            throw SealError.refused("\(origin) cannot be an origin: no white space, no plus sign")
        }
        guard try await registry.newest() == nil else {
            throw SealError.damaged(
                EvidenceFault(.checkpoint("there are checkpoints, but no key is registered"))
            )
        }
        let (log, file) = (place.log, place.keys)
        let key = try await PrivateFile.run {
            guard try log.newest() == nil else {
                throw SealError.inconsistent(
                    file: log.path,
                    size: (try log.newest()).flatMap { try? TreeCheckpoint(text: $0.text).size }
                        ?? 0,
                    head: 0
                )
            }
            // One that was made and not registered, since the process died in between.
            if let key = try file.keys().first(where: { $0.verifierKey.name == origin }) {
                return key
            }
            let key = NoteSigningKey(generatedFor: origin)
            try file.add(key)
            return key
        }
        try await registry.register(key.verifierKey, lease)
    }

    /// Holds the newest record of the checkpoint log against the database.
    ///
    /// A checkpoint that was signed and not published, because the process died in between, is
    /// published now, if the events still lead to it.
    ///
    /// - Returns: the tree that was published; nil where there was nothing to publish.
    private func meet(_ note: SignedNote, _ seat: SealSeat) async throws -> TreeEdge? {
        let head = try await reader.head().position.rawValue
        if let declaration = RestoreDeclaration(text: note.text) {
            try await meet(declaration, seat, head: head)
            return nil
        }
        let signed = try SignedCheckpoint(parsing: note.description)
        let (size, root) = (signed.checkpoint.size, signed.checkpoint.root)
        guard signed.checkpoint.origin == seat.origin, size >= seat.edge.size, size <= head,
            size > seat.edge.size || root == seat.edge.root
        else { throw inconsistent(size, head) }
        guard size > seat.edge.size else { return nil }
        let (edge, oldest) = try await grown(seat.edge, through: size)
        guard edge.root == root else { throw inconsistent(size, head) }
        try await publish(signed, edge, oldest: oldest, seat.lease)
        return edge
    }

    /// Where there is nothing to seal: refuses if the log covers more than there is.
    private func checkHead() async throws {
        let log = place.log
        guard let note = try await PrivateFile.run({ try log.newest() }) else { return }
        // Looked up after the log: what was signed was recorded before.
        let head = try await reader.head().position.rawValue
        let covered =
            try RestoreDeclaration(text: note.text)?.kept ?? TreeCheckpoint(text: note.text)
        guard covered.size <= head else { throw inconsistent(covered.size, head) }
    }

    /// Before the first checkpoint of a new log, what was kept of the old one counts.
    private func meet(
        _ declaration: RestoreDeclaration,
        _ seat: SealSeat,
        head: Int64
    ) async throws {
        let kept = declaration.kept
        guard declaration.key.name == seat.origin, kept.size <= head else {
            throw inconsistent(kept.size, head)
        }
        // Further than what is published, there are no tiles: it was sealed after the backup.
        let root =
            kept.size > seat.edge.size
            ? try await grown(seat.edge, through: kept.size).0.root
            : try await tiles.root(size: kept.size)
        guard root == kept.root else { throw inconsistent(kept.size, head) }
    }

    private func inconsistent(_ size: Int64, _ head: Int64) -> SealError {
        .inconsistent(file: place.log.path, size: size, head: head)
    }
}

/// What the holder of the lease knows.
struct SealSeat: Sendable {
    var lease: SealLease
    let origin: String
    let keys: [NoteSigningKey]
    /// The tree as it is published.
    var edge: TreeEdge
    /// The newest note of the checkpoint log.
    var logged: SignedNote?

    /// Goes on from a tree that has been published, its tiles included.
    mutating func advance(to edge: TreeEdge) {
        self.edge = edge
        _ = self.edge.takeFullTiles()
        lease.size = edge.size
    }
}
