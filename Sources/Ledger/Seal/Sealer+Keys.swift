import CareEpisode
import Postgres
public import TransparencyLog

extension Sealer {
    /// Adds a key: from now on it signs every checkpoint of a tree, beside those that signed before.
    ///
    /// A sealer that runs elsewhere loses its lease, and goes on with both keys if it can read them.
    ///
    /// - Returns: the new key.
    /// - Throws: ``SealError``.
    public func addKey(to tree: LedgerTree = .events) async throws -> NoteVerifierKey {
        try await withSeizedLease(tree) { sealer, state, identity in
            let (file, origin) = (sealer.place.keys, identity.origin)
            let key = try await PrivateFile.run { try file.newKey(of: origin).verifierKey }
            try await sealer.registry.changeKeys(adding: key, state.lease)
            return key
        }
    }

    /// Ends a key, which signs no more; what it has signed stays verifiable by it.
    ///
    /// - Throws: ``SealError/refused(_:)`` where it does not sign now, or nothing else would.
    public func retireKey(_ key: NoteVerifierKey, of tree: LedgerTree = .events) async throws {
        try await withSeizedLease(tree) { sealer, state, identity in
            guard identity.activeKeys.contains(key) else {
                throw SealError.refused("\(key) is not one of the keys that sign now")
            }
            guard identity.activeKeys.count > 1 else {
                throw SealError.refused("\(key) is the only key that signs: add another one first")
            }
            try await sealer.registry.changeKeys(retiring: key, state.lease)
        }
    }

    private func withSeizedLease<Result>(
        _ tree: LedgerTree,
        _ body: (TreeSealer, SealState, SealIdentity) async throws -> Result
    ) async throws -> Result {
        let sealer = tree == .events ? record : access
        let result = try await withLease(of: sealer, seizing: true) { state in
            guard let identity = try await sealer.registry.identity() else {
                throw SealError.notSealed(registry.ledger.name)
            }
            return try await body(sealer, state, identity)
        }
        guard let result else { throw SealError.leaseLost }
        return result
    }

    /// Declares that the ledger was restored from a backup that lost events, or entries of the access
    /// log, and begins a new log of each.
    ///
    /// - Parameter reason: one line for auditors; no health information.
    /// - Returns: the signed statement, of the events.
    /// - Throws: ``SealError/refused(_:)`` where the database still leads to the newest checkpoints.
    public func declareRestore(reason: String) async throws -> SignedNote {
        guard !reason.isEmpty, reason.utf8.count <= 1_000,
            !reason.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { throw SealError.refused("the reason must be one line of at most 1,000 bytes") }
        let notes = try await record.notes()
        let known = try await registry.identity()
        // Nobody takes the lease who cannot sign.
        for tree in [record, access] {
            if let identity = try await tree.registry.identity() {
                _ = try await tree.signingKeys(identity)
            }
        }
        guard known != nil || !notes.isEmpty else {
            throw SealError.refused("nothing was ever sealed: there is no log that could end")
        }
        guard let lease = try await registry.acquire(seizing: true) else {
            throw SealError.leaseLost
        }
        return try await registry.database.leases.holding(lease.lease) { _ in
            for tree in [record, access] { try await tree.registerAgain(lease) }
            // The access log goes first: whoever dies in between declares again.
            _ = try await access.publishDeclarations(lease)
            if let note = try await record.publishDeclarations(lease) { return note }
            return try await begin(reason, lease)
        }
    }

    private func begin(_ reason: String, _ lease: SealLease) async throws -> SignedNote {
        guard let identity = try await registry.identity() else { throw SealError.leaseLost }
        let other = try await access.registry.identity()
        let isLeading = try await record.leads(identity)
        let isAccessLeading = try await access.leads(other)
        // Whoever died before the events' log was begun goes on.
        let isBegun = (other?.incarnation ?? 0) > identity.incarnation
        guard !isLeading || !isAccessLeading || isBegun else {
            throw SealError.refused(
                "the database still leads to the newest checkpoints of \(record.place.log.path) and "
                    + "of its access log: nothing was lost, and sealing goes on by itself"
            )
        }
        let next = identity.incarnation + 1
        if let other {
            let number = isAccessLeading ? next : max(next, other.incarnation + 1)
            if number > other.incarnation {
                let origin = identity.accessOrigin(incarnation: number)
                _ = try await access.begin(number, origin, after: other, reason, lease)
            }
        }
        let origin = "\(identity.firstOrigin)/\(next)"
        guard let note = try await record.begin(next, origin, after: identity, reason, lease) else {
            throw SealError.refused(
                "\(record.place.log.path) has no checkpoint of \(identity.origin)"
            )
        }
        return note
    }
}

extension TreeSealer {
    /// The notes of the checkpoint log, the oldest first.
    func notes() async throws -> [SignedNote] {
        let log = place.log
        return try await PrivateFile.run { try log.notes() }
    }

    /// Makes the first log known again to a database whose backup is older than its first seal.
    func registerAgain(_ lease: SealLease) async throws {
        let notes = try await notes()
        guard try await registry.identity() == nil, let note = notes.first else { return }
        let file = place.keys
        let origin = try TreeCheckpoint(text: note.text).origin
        let keys = try await PrivateFile.run { try file.keys() }
            .map(\.verifierKey).filter { $0.name.hasSameBytes(as: origin) }
        guard let first = keys.first else {
            throw SealError.noSigningKey(origin: origin, file: file.path)
        }
        let incarnation = tree == .access ? LogOrigin.incarnation(ofAccess: origin) : 1
        try await registry.register(first, incarnation: incarnation, lease)
        for key in keys.dropFirst() {
            try await registry.changeKeys(adding: key, lease)
        }
    }

    /// Makes declarations known that the database does not know: the process died before one was
    /// published, or the backup is older than an earlier restore.
    ///
    /// - Returns: the newest note of the log, where it is such a declaration.
    func publishDeclarations(_ lease: SealLease) async throws -> SignedNote? {
        let notes = try await notes()
        for (index, note) in notes.enumerated() {
            guard let identity = try await registry.identity() else { return nil }
            guard let declaration = RestoreDeclaration(text: note.text),
                declaration.last.origin.hasSameBytes(as: identity.origin)
            else { continue }
            let next =
                tree == .access
                ? LogOrigin.incarnation(ofAccess: declaration.key.name) : identity.incarnation + 1
            try await registry.begin(next, declaration.key, declaration: note, lease)
            if index == notes.indices.last { return note }
        }
        return nil
    }

    /// Ends the log in force and begins another one, with a key of its own.
    ///
    /// - Returns: the signed statement; nil where the log in force has signed nothing.
    func begin(
        _ next: Int32,
        _ origin: String,
        after identity: SealIdentity,
        _ reason: String,
        _ lease: SealLease
    ) async throws -> SignedNote? {
        let (log, file, notes) = (place.log, place.keys, try await notes())
        let keys = try await signingKeys(identity)
        let checkpoints = Self.signed(identity, notes)
        guard let last = checkpoints.last else { return nil }
        let head = try await leaves.last()
        let kept = try await newestKept(checkpoints, head: head)
        let key = try await PrivateFile.run { try file.key(of: origin) }
        let declaration = RestoreDeclaration(
            last: last,
            kept: TreeCheckpoint(
                origin: last.origin,
                size: kept?.size ?? 0,
                root: kept?.root ?? .ofEmptyTree
            ),
            key: key.verifierKey,
            head: head,
            declaredAt: try await registry.now(),
            reason: reason
        )
        let note = try SignedNote(declaration.text, signedBy: keys + [key])
        let newest = notes.last
        try await PrivateFile.run { try log.append(note, after: newest) }
        try await registry.begin(next, key.verifierKey, declaration: note, lease)
        return note
    }

    /// What the log in force has signed, the newest last; before its first checkpoint, what was kept when
    /// it began.
    private static func signed(
        _ identity: SealIdentity,
        _ notes: [SignedNote]
    ) -> [TreeCheckpoint] {
        let all = notes.compactMap { try? TreeCheckpoint(text: $0.text) }
        let own = all.filter { $0.origin.hasSameBytes(as: identity.origin) }
        let declarations = notes.compactMap { RestoreDeclaration(text: $0.text) }
        guard own.isEmpty,
            let kept = declarations.last(where: { $0.key.name.hasSameBytes(as: identity.origin) })?
                .kept
        else { return own }
        let begun = TreeCheckpoint(origin: identity.origin, size: kept.size, root: kept.root)
        return all.filter { $0.size < kept.size } + [begun]
    }

    /// Whether the database leads to the newest checkpoint of the log in force.
    ///
    /// - Throws: ``SealError/refused(_:)`` where that log of the events has none.
    func leads(_ identity: SealIdentity?) async throws -> Bool {
        guard let identity else { return true }
        guard let last = Self.signed(identity, try await notes()).last else {
            if tree == .access { return true }
            throw SealError.refused("\(place.log.path) has no checkpoint of \(identity.origin)")
        }
        guard last.size <= (try await leaves.last()) else { return false }
        return try await extended(TreeEdge(), through: last.size).0.root == last.root
    }

    /// The newest checkpoint that the leaves lead to: the tree is extended once, past all of them.
    private func newestKept(
        _ checkpoints: [TreeCheckpoint],
        head: Int64
    ) async throws -> TreeCheckpoint? {
        var edge = TreeEdge()
        var kept: TreeCheckpoint?
        for checkpoint in checkpoints.sorted(by: { $0.size < $1.size })
        where checkpoint.size <= head {
            edge = try await extended(edge, through: checkpoint.size).0
            guard edge.root == checkpoint.root else { break }
            kept = checkpoint
        }
        return kept
    }
}
