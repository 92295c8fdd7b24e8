import CareEpisode
import Metrics
import TransparencyLog

/// Seals one tree of a ledger, under the lease that whoever calls holds.
struct TreeSealer: Sendable {
    let registry: SealRegistry
    /// Where the keys and the checkpoint log of the tree are.
    let place: SealingPlace
    let tiles: TileStore
    let leaves: LeafReader
    /// Told how long the first of what was sealed had waited.
    let lag: Metrics.Timer?

    /// - Parameter registry: of the tree.
    init(_ registry: SealRegistry, _ place: SealingPlace, lag: Metrics.Timer? = nil) {
        let (database, ledger, tree) = (registry.database, registry.ledger, registry.tree)
        self.registry = registry
        self.place = place.of(tree)
        tiles = TileStore(database, ledger: ledger, tree: tree)
        leaves = LeafReader(database: database, ledger: ledger, tree: tree)
        self.lag = lag
    }

    var tree: LedgerTree { registry.tree }

    // MARK: - Whether it may be sealed here

    /// Whether this process may take the lease at all: it has the keys, and its log is not behind.
    func checkPlace(_ identity: SealIdentity) async throws {
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
            let begun = RestoreDeclaration(text: note.text)?.key.name
            return begun?.hasSameBytes(as: published.checkpoint.origin) == true
        }
        return checkpoint.size < published.checkpoint.size
    }

    /// The private halves of all keys that sign.
    func signingKeys(_ identity: SealIdentity) async throws -> [NoteSigningKey] {
        let file = place.keys
        let keys = try await PrivateFile.run { try file.keys() }
        guard !identity.activeKeys.isEmpty else {
            throw SealError.damaged(.checkpoint("every key of the log in force was retired"))
        }
        return try identity.activeKeys.map { active in
            guard let key = keys.first(where: { $0.verifierKey == active }) else {
                throw SealError.noSigningKey(origin: identity.origin, file: file.path)
            }
            return key
        }
    }

    // MARK: - What a seal goes on from

    /// Looked up under the lease; where nothing was ever sealed, the first key is made.
    func state(_ lease: SealLease, _ held: HeldLease) async throws -> SealState {
        if try await registry.identity() == nil { try await registerKey(lease) }
        guard let identity = try await registry.identity() else { throw SealError.leaseLost }
        // Looked at again, since somebody may have sealed before the lease was had.
        try await checkPlace(identity)
        let keys = try await signingKeys(identity)
        let (published, size) = (try await registry.newest(), lease.size(of: tree))
        guard (published?.checkpoint.size ?? 0) == size else {
            throw SealError.damaged(.checkpoint("the sealer's size is not the newest checkpoint's"))
        }
        let edge = try await tiles.edge(size: size)
        if let published, published.checkpoint.root != edge.root {
            throw SealError.damaged(
                .root("the tree does not lead to the newest checkpoint"),
                at: Position(1),
                through: Position(size)
            )
        }
        let log = place.log
        let newest = try await PrivateFile.run { try log.newest() }
        var state = SealState(
            tree: tree,
            lease: lease,
            held: held,
            origin: identity.origin,
            keys: keys,
            edge: edge,
            logged: newest
        )
        if let newest, let further = try await reconcile(newest, state) {
            state.advance(to: further)
        }
        return state
    }

    /// Makes the tree's first key, and makes it known.
    private func registerKey(_ lease: SealLease) async throws {
        let (origin, incarnation) = try await firstLog()
        guard NoteVerifierKey.isName(origin) else {
            throw SealError.refused("\(origin) cannot be an origin: no white space, no plus sign")
        }
        guard try await registry.newest() == nil else {
            throw SealError.damaged(.checkpoint("there are checkpoints, but no key is registered"))
        }
        let (log, file) = (place.log, place.keys)
        let key = try await PrivateFile.run {
            if let newest = try log.newest() {
                let size = (try? TreeCheckpoint(text: newest.text).size) ?? 0
                throw SealError.inconsistent(file: log.path, size: size, head: 0)
            }
            return try file.key(of: origin)
        }
        try await registry.register(key.verifierKey, incarnation: incarnation, lease)
    }

    /// What the first log is called; that of the access log goes with the ledger's log in force.
    private func firstLog() async throws -> (origin: String, incarnation: Int32) {
        guard tree == .access else { return (place.origin(of: registry.ledger.name), 1) }
        guard let identity = try await registry.of(.events).identity() else {
            throw SealError.notSealed(registry.ledger.name)
        }
        return (identity.accessOrigin(incarnation: identity.incarnation), identity.incarnation)
    }

    // MARK: - One seal

    /// One batch: recompute, sign, keep the checkpoint outside the database, publish it.
    ///
    /// - Parameter numbered: what was read from the access log and given its numbers just now, all of it up
    ///   to `last`; without it everything is read.
    func seal(
        _ state: inout SealState,
        through last: Int64,
        batch: Int64,
        numbered: [AccessRow] = []
    ) async throws -> PublishedCheckpoint {
        let after = state.edge.size
        let through = min(last, after + batch)
        let (edge, oldest) =
            numbered.isEmpty
            ? try await extended(state.edge, through: through) : extended(state.edge, by: numbered)
        let checkpoint = TreeCheckpoint(
            origin: state.origin,
            size: through,
            root: edge.root
        )
        let signed = try SignedCheckpoint(checkpoint, signedBy: state.keys)
        let (log, newest) = (place.log, state.logged)
        try await PrivateFile.run { try log.append(signed.note, after: newest) }
        state.logged = signed.note
        let published = try await publish(signed, edge, oldest: oldest, state.lease)
        state.advance(to: edge)
        return published
    }

    @discardableResult
    func publish(
        _ signed: SignedCheckpoint,
        _ edge: TreeEdge,
        oldest: Instant?,
        _ lease: SealLease
    ) async throws -> PublishedCheckpoint {
        var edge = edge
        let sealedAt = try await registry.publish(signed, edge.takeFullTiles(), lease)
        await registry.announce(signed.checkpoint.size)
        if let oldest {
            lag?.recordMicroseconds(max(0, sealedAt.microseconds - oldest.microseconds))
        }
        return PublishedCheckpoint(signed: signed, sealedAt: sealedAt)
    }
}

/// What the holder of the lease seals on from.
struct SealState: Sendable {
    let tree: LedgerTree
    var lease: SealLease
    let held: HeldLease
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
        lease.moved(tree, to: edge.size)
    }
}
