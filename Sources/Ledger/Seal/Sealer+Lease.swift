import CareEpisode
import TransparencyLog

extension Sealer {
    /// Takes the lease and does something with it, and hands it back whatever happens.
    ///
    /// - Returns: nil where somebody else holds the lease.
    func withLease<Result>(
        _ feed: LiveFeed? = nil,
        seizing: Bool = false,
        _ body: (inout SealState) async throws -> Result
    ) async throws -> Result? {
        let identity = try await registry.identity()
        do {
            if let identity { try await checkPlace(identity) }
            onPlace(nil)
        } catch let error as SealError {
            onPlace(error)
            throw error
        }
        guard let lease = try await registry.acquire(seizing: seizing) else { return nil }
        return try await registry.database.leases.holding(lease.lease, feed) { held in
            do {
                var state = try await state(lease, held)
                return try await body(&state)
            } catch let error as SealError where !error.isTransient {
                try? await registry.report(error, lease)
                throw error
            }
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
    private func state(_ lease: SealLease, _ held: HeldLease) async throws -> SealState {
        if try await registry.identity() == nil { try await registerKey(lease) }
        guard let identity = try await registry.identity() else { throw SealError.leaseLost }
        // Looked at again, since somebody may have sealed before the lease was had.
        try await checkPlace(identity)
        let keys = try await signingKeys(identity)
        let published = try await registry.newest()
        guard (published?.checkpoint.size ?? 0) == lease.size else {
            throw SealError.damaged(.checkpoint("the sealer's size is not the newest checkpoint's"))
        }
        let edge = try await tiles.edge(size: lease.size)
        if let published, published.checkpoint.root != edge.root {
            throw SealError.damaged(
                .root("the tree does not lead to the newest checkpoint"),
                at: Position(1),
                through: Position(lease.size)
            )
        }
        let log = place.log
        let newest = try await PrivateFile.run { try log.newest() }
        var state = SealState(
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

    /// Makes the ledger's first key, and makes it known.
    private func registerKey(_ lease: SealLease) async throws {
        let origin = place.origin(of: registry.ledger.name)
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
        try await registry.register(key.verifierKey, lease)
    }
}

/// What the holder of the lease seals on from.
struct SealState: Sendable {
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
        lease.size = edge.size
    }
}
