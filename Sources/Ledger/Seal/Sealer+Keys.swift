import CareEpisode
import Postgres
public import TransparencyLog

extension Sealer {
    /// Adds a key: from now on it signs every checkpoint, beside those that signed before.
    ///
    /// A sealer that runs elsewhere loses its lease, and goes on with both keys if it can read them.
    ///
    /// - Returns: the new key.
    /// - Throws: ``SealError``.
    public func addKey() async throws -> NoteVerifierKey {
        try await withSeizedLease { state, identity in
            let (file, origin) = (self.place.keys, identity.origin)
            let key = try await PrivateFile.run { try file.newKey(of: origin).verifierKey }
            try await self.registry.changeKeys(
                adding: key,
                incarnation: identity.incarnation,
                state.lease
            )
            return key
        }
    }

    /// Ends a key, which signs no more; what it has signed stays verifiable by it.
    ///
    /// - Throws: ``SealError/refused(_:)`` where it does not sign now, or nothing else would.
    public func retireKey(_ key: NoteVerifierKey) async throws {
        try await withSeizedLease { state, identity in
            guard identity.activeKeys.contains(key) else {
                throw SealError.refused("\(key) is not one of the keys that sign now")
            }
            guard identity.activeKeys.count > 1 else {
                throw SealError.refused("\(key) is the only key that signs: add another one first")
            }
            try await self.registry.changeKeys(
                retiring: key,
                incarnation: identity.incarnation,
                state.lease
            )
        }
    }

    private func withSeizedLease<Result>(
        _ body: (SealState, SealIdentity) async throws -> Result
    ) async throws -> Result {
        let result = try await withLease(seizing: true) { state in
            guard let identity = try await registry.identity() else {
                throw SealError.notSealed(registry.ledger.name)
            }
            return try await body(state, identity)
        }
        guard let result else { throw SealError.leaseLost }
        return result
    }

    /// Declares that the ledger was restored from a backup that lost events, and begins a new log.
    ///
    /// - Parameter reason: one line for auditors; no health information.
    /// - Returns: the signed statement.
    /// - Throws: ``SealError/refused(_:)`` where the database still leads to the newest checkpoint.
    public func declareRestore(reason: String) async throws -> SignedNote {
        guard !reason.isEmpty, reason.utf8.count <= 1_000,
            !reason.unicodeScalars.contains(where: { $0.value < 0x20 || $0.value == 0x7F })
        else { throw SealError.refused("the reason must be one line of at most 1,000 bytes") }
        let log = place.log
        let notes = try await PrivateFile.run { try log.notes() }
        let known = try await registry.identity()
        // Nobody takes the lease who cannot sign.
        if let known { _ = try await signingKeys(known) }
        guard known != nil || !notes.isEmpty else {
            throw SealError.refused("nothing was ever sealed: there is no log that could end")
        }
        guard let lease = try await registry.acquire(seizing: true) else {
            throw SealError.leaseLost
        }
        return try await registry.database.leases.holding(lease.lease) { _ in
            if known == nil { try await registerAgain(notes, lease) }
            guard let identity = try await registry.identity() else { throw SealError.leaseLost }
            return try await begin(after: identity, notes, reason, lease)
        }
    }

    /// Makes the first log known again to a database whose backup is older than its first seal.
    private func registerAgain(_ notes: [SignedNote], _ lease: SealLease) async throws {
        let file = place.keys
        let origin = try notes.first.map { try TreeCheckpoint(text: $0.text).origin } ?? ""
        let keys = try await PrivateFile.run { try file.keys() }
            .map(\.verifierKey).filter { $0.name == origin }
        guard let first = keys.first else {
            throw SealError.noSigningKey(origin: origin, file: file.path)
        }
        try await registry.register(first, lease)
        for key in keys.dropFirst() {
            try await registry.changeKeys(adding: key, incarnation: 1, lease)
        }
    }

    private func begin(
        after identity: SealIdentity,
        _ notes: [SignedNote],
        _ reason: String,
        _ lease: SealLease
    ) async throws -> SignedNote {
        let (log, file) = (place.log, place.keys)
        // A declaration that the database does not know: the process died before it was published,
        // or the backup is older than an earlier restore, which goes first.
        for (index, note) in notes.enumerated() {
            guard let declaration = RestoreDeclaration(text: note.text),
                declaration.last.origin == identity.origin
            else { continue }
            try await registry.begin(identity, declaration.key, declaration: note, lease)
            guard index < notes.indices.last ?? 0 else { return note }
            guard let next = try await registry.identity() else { throw SealError.leaseLost }
            return try await begin(after: next, notes, reason, lease)
        }
        let keys = try await signingKeys(identity)
        let checkpoints = notes.compactMap { try? TreeCheckpoint(text: $0.text) }
            .filter { $0.origin == identity.origin }
        guard let last = checkpoints.last else {
            throw SealError.refused("\(log.path) has no checkpoint of \(identity.origin)")
        }
        let state = try await reader.head()
        let head = state.position.rawValue
        if try await leads(to: last, head: head) {
            throw SealError.refused(
                "the database still leads to the newest checkpoint of \(log.path), of size "
                    + "\(last.size): nothing was lost, and sealing goes on by itself"
            )
        }
        let kept = try await newestKept(checkpoints, head: head)
        let next = identity.incarnation + 1
        let origin = "\(firstOrigin(identity))/\(next)"
        let key = try await PrivateFile.run { try file.key(of: origin) }
        let declaration = RestoreDeclaration(
            last: last,
            kept: kept ?? TreeCheckpoint(origin: last.origin, size: 0, root: .ofEmptyTree),
            key: key.verifierKey,
            head: head,
            declaredAt: try await registry.now(),
            reason: reason
        )
        let note = try SignedNote(declaration.text, signedBy: keys + [key])
        let newest = notes.last
        try await PrivateFile.run { try log.append(note, after: newest) }
        try await registry.begin(identity, key.verifierKey, declaration: note, lease)
        return note
    }

    /// The origin without the number of a restore.
    private func firstOrigin(_ identity: SealIdentity) -> String {
        guard identity.incarnation > 1 else { return identity.origin }
        return String(identity.origin.dropLast("/\(identity.incarnation)".count))
    }

    private func leads(to checkpoint: TreeCheckpoint, head: Int64) async throws -> Bool {
        guard checkpoint.size <= head else { return false }
        return try await extended(TreeEdge(), through: checkpoint.size).0.root == checkpoint.root
    }

    /// The newest checkpoint that the events lead to: the tree is extended once, past all of them.
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
