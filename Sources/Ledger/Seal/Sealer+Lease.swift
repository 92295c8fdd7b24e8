import TransparencyLog

extension Sealer {
    /// Takes the lease and does something with it, and hands it back whatever happens.
    ///
    /// - Parameter tree: what is sealed; nil for the events.
    /// - Returns: nil where somebody else holds the lease.
    func withLease<Result>(
        _ feed: LiveFeed? = nil,
        of tree: TreeSealer? = nil,
        seizing: Bool = false,
        _ body: (inout SealState) async throws -> Result
    ) async throws -> Result? {
        let tree = tree ?? record
        return try await withBareLease(feed, seizing: seizing) { lease, held in
            do {
                var state = try await tree.state(lease, held)
                return try await body(&state)
            } catch {
                guard
                    let fault = error as? SealError ?? SealError.damage(error, tree.tree),
                    !fault.isTransient
                else { throw error }
                try? await tree.registry.report(fault, lease)
                throw fault
            }
        }
    }

    /// Takes the lease where keys and checkpoint logs of both trees are in place here.
    func withBareLease<Result>(
        _ feed: LiveFeed? = nil,
        seizing: Bool = false,
        _ body: (SealLease, HeldLease) async throws -> Result
    ) async throws -> Result? {
        do {
            for tree in [record, access] {
                do {
                    try await checkPlace(of: tree)
                } catch  where SealError.damage(error, tree.tree) != nil {
                    // That is told where it is sealed; of the access log it keeps no event from being
                    // sealed.
                }
            }
            onPlace(nil)
        } catch let error as SealError {
            onPlace(error)
            throw error
        }
        guard let lease = try await registry.acquire(seizing: seizing) else { return nil }
        return try await registry.database.leases.holding(lease.lease, feed) { held in
            try await body(lease, held)
        }
    }

    private func checkPlace(of tree: TreeSealer) async throws {
        if let identity = try await tree.registry.identity() {
            try await tree.checkPlace(identity)
        }
    }
}
