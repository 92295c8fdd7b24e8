import CareEpisode
import TransparencyLog

extension TreeSealer {
    /// Holds the newest record of the checkpoint log against the database.
    ///
    /// A checkpoint that was signed and not published, because the process died in between, is
    /// published now, if the events still lead to it.
    ///
    /// - Returns: the tree that was published; nil where there was nothing to publish.
    func reconcile(_ note: SignedNote, _ state: SealState) async throws -> TreeEdge? {
        let head = try await leaves.last()
        if let declaration = RestoreDeclaration(text: note.text) {
            try await reconcile(declaration, state, head: head)
            return nil
        }
        let signed = try SignedCheckpoint(parsing: note.description)
        let (size, root) = (signed.checkpoint.size, signed.checkpoint.root)
        guard signed.checkpoint.origin.hasSameBytes(as: state.origin), size >= state.edge.size,
            size <= head,
            size > state.edge.size || root == state.edge.root
        else { throw inconsistent(size, head) }
        guard size > state.edge.size else { return nil }
        let (edge, oldest) = try await extended(state.edge, through: size)
        guard edge.root == root else { throw inconsistent(size, head) }
        try await publish(signed, edge, oldest: oldest, state.lease)
        return edge
    }

    /// Where there is nothing to seal: refuses if the log covers more than there is.
    func checkLog() async throws {
        let log = place.log
        guard let note = try await PrivateFile.run({ try log.newest() }) else { return }
        // Looked up after the log: what was signed was recorded before.
        let head = try await leaves.last()
        let covered =
            try RestoreDeclaration(text: note.text)?.kept ?? TreeCheckpoint(text: note.text)
        guard covered.size <= head else { throw inconsistent(covered.size, head) }
    }

    /// Before the first checkpoint of a new log, what was kept of the old one counts.
    private func reconcile(
        _ declaration: RestoreDeclaration,
        _ state: SealState,
        head: Int64
    ) async throws {
        let kept = declaration.kept
        guard declaration.key.name.hasSameBytes(as: state.origin), kept.size <= head else {
            throw inconsistent(kept.size, head)
        }
        // Further than what is published, there are no tiles: it was sealed after the backup.
        let root =
            kept.size > state.edge.size
            ? try await extended(state.edge, through: kept.size).0.root
            : try await tiles.root(size: kept.size)
        guard root == kept.root else { throw inconsistent(kept.size, head) }
    }

    private func inconsistent(_ size: Int64, _ head: Int64) -> SealError {
        .inconsistent(file: place.log.path, size: size, head: head)
    }

    /// An edge with the leaves up to a place, each recomputed from its row.
    ///
    /// - Returns: the edge, and the time of the first of the new leaves.
    func extended(_ edge: TreeEdge, through: Int64) async throws -> (TreeEdge, oldest: Instant?) {
        var extended = edge
        var oldest: Instant?
        while extended.size < through {
            let next = min(through, extended.size + EvidenceReader.pageLimit)
            let ledger = registry.ledger.name
            try await leaves.rows(after: extended.size, through: next) { row in
                let expected = Position(extended.size + 1)
                guard row.place == expected.rawValue else {
                    throw SealError.damaged(.missing, at: expected)
                }
                let (leaf, fault) = row.check(ledger: ledger)
                if let fault { throw SealError.damaged(fault, at: expected) }
                extended.append(leaf)
                oldest = oldest ?? row.time
            }
            guard extended.size == next else {
                throw SealError.damaged(.missing, at: Position(extended.size + 1))
            }
        }
        return (extended, oldest)
    }

    /// An edge with the leaves of rows that have been read.
    func extended(_ edge: TreeEdge, by rows: [AccessRow]) -> (TreeEdge, oldest: Instant?) {
        var extended = edge
        for row in rows { extended.append(row.leaf) }
        return (extended, rows.first?.time)
    }
}
