public import CareEpisode
public import TransparencyLog

extension EventRow {
    /// The entry of 112 bytes that stands for the event in the tree, with the stored commitment:
    /// integers are big-endian.
    public var entry: [UInt8] {
        var entry = Evidence.entryMark
        entry.reserveCapacity(Evidence.entryLength)
        entry += eventID.bytes
        entry += episodeID.bytes
        for number in [version.rawValue, position.rawValue, recordedAt.microseconds, 0] {
            withUnsafeBytes(of: number.bigEndian) { entry += $0 }
        }
        entry += commitment
        return entry
    }

    /// Recomputes everything that can be recomputed from the row alone.
    ///
    /// - Parameter ledger: whose event it must say it is.
    /// - Returns: the leaf as the columns make it, and what is wrong; nil where nothing is.
    public func check(ledger: LedgerName) -> (leaf: TreeHash, fault: EvidenceFault.Kind?) {
        let leaf = TreeHash.leaf(entry)
        guard nonce.count == Evidence.nonceLength else { return (leaf, .content) }
        let committed = Evidence.commitment(nonce: nonce[...], header: header, payload: payload)
        guard committed == commitment else { return (leaf, .content) }
        guard leaf.bytes == leafHash else { return (leaf, .leaf) }
        return (leaf, columnFault(ledger: ledger))
    }

    /// The first column that does not repeat what the header says.
    private func columnFault(ledger: LedgerName) -> EvidenceFault.Kind? {
        let object = CanonicalObject(header)
        guard let occurred = object.instant("occurred_at"),
            let event = object.uuidBits("event_id"),
            let episode = object.uuidBits("episode_id"),
            let name = object.string("ledger"), let kind = object.string("type")
        else { return .header }
        if event != eventID.bits { return .column("event_id") }
        if episode != episodeID.bits { return .column("episode_id") }
        if !kind.hasSameBytes(as: type.name) { return .column("type") }
        if occurred != occurredAt { return .column("occurred_at") }
        if !name.hasSameBytes(as: ledger.description) { return .column("ledger_id") }
        if (object.instant("source_recorded_at") ?? recordedAt) != knownAt {
            return .column("known_at")
        }
        return nil
    }
}

extension TreeCheckpoint {
    /// Whether a proof shows that the tree has an event's leaf at its position.
    func includes(_ leaf: TreeHash, at position: Position, by proof: [TreeHash]) -> Bool {
        TreeProof.verifyInclusion(
            leaf: leaf,
            index: position.rawValue - 1,
            size: size,
            root: root,
            proof: proof
        )
    }
}
