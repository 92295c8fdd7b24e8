import CareEpisode
import Ledger
import Postgres

/// The right to rebuild one read model of one ledger.
///
/// It keeps many processes from doing the same work, and its rows from being taken for old ones: a
/// switch to rows whose lease is lost does not count.
struct RebuildLease: Sendable {
    let lease: Lease
    /// Of the rows that are written.
    let generation: Int32
}

/// Another process has written the rows with this version of the fold meanwhile.
public struct AlreadyRebuilt: Error {}

extension ProjectionRegistry {
    private var rebuildRow: Lease.Row {
        Lease.Row("read_model_rebuild", of: ledger.id, named: projection.name)
    }

    /// Takes the lease for a rebuild where nobody has it, and a generation for its rows.
    ///
    /// What a rebuild that died has left behind is given up. A newer program takes the lease from an
    /// older one, whose rows would not be used.
    ///
    /// - Parameters:
    ///   - events: how many events there are to fold.
    ///   - onlyIfNeeded: whether there is nothing to do where this version has written the rows.
    /// - Throws: ``ProjectionError/rebuilding(projection:progress:)`` where somebody has it, and
    ///   ``AlreadyRebuilt``.
    func beginRebuild(events: Int64, onlyIfNeeded: Bool = false) async throws -> RebuildLease {
        let version = Int32(projection.foldVersion)
        return try await pool.withTransaction { connection in
            let next = try await connection.query(
                """
                update read_model_state
                set last_generation = last_generation + 1
                where \(key)
                returning last_generation, fold_version
                """
            )
            guard let state = next.first else { throw leaseLost }
            let generation = try state.get("last_generation", as: Int32.self)
            if onlyIfNeeded, try state.get("fold_version", as: Int32.self) == version {
                throw AlreadyRebuilt()
            }
            _ = try await connection.query(
                """
                insert into read_model_rebuild (ledger_id, name, generation, fold_version, events)
                values (\(ledger.id.rawValue), \(projection.name), \(generation), \(version),
                    \(events))
                on conflict do nothing
                """
            )
            let taken = try await Lease.acquire(
                rebuildRow,
                holder: holder,
                seconds: Self.leaseSeconds,
                seizing: "fold_version < \(version)",
                setting: """
                    generation = \(generation), fold_version = \(version), folded = 0,
                        events = \(events), began_at = statement_timestamp()
                    """,
                connection
            )
            guard let taken else { throw try await rebuilding(connection) }
            return RebuildLease(lease: taken.lease, generation: generation)
        }
    }

    private func rebuilding(_ connection: PostgresConnection) async throws -> ProjectionError {
        let rows = try await connection.query(versionAndRebuild)
        guard let progress = try rows.first.flatMap(RebuildProgress.init) else { return leaseLost }
        return .rebuilding(projection: projection.name, progress: progress)
    }

    /// Keeps the lease, and says how far the rebuild is; false where the lease is lost.
    func renew(_ built: RebuildLease, folded: Int64) async throws -> Bool {
        try await built.lease.renew(pool, setting: "folded = \(folded)")
    }

    /// Makes the rows of a rebuild, which reflect a position, those that answer, and hands back both
    /// leases.
    func activate(
        _ built: RebuildLease,
        at position: Position,
        _ held: ProjectionLease
    ) async throws {
        try await pool.withTransaction { connection in
            let isMoved = try await held.lease.fence(
                connection,
                setting: """
                    generation = \(built.generation),
                        fold_version = \(Int32(projection.foldVersion)),
                        position = \(position.rawValue), updated_at = statement_timestamp()
                    """,
                if: "position = \(held.position.rawValue)"
            )
            guard isMoved, try await built.lease.fence(connection) else { throw leaseLost }
            try await held.lease.release(connection)
            try await built.lease.release(connection)
        }
    }

    /// Takes the lease of a rebuild that has said nothing for a day, so that it can switch nothing
    /// should it go on after all.
    func giveUpDeadRebuild() async throws {
        let taken = try await pool.withConnection { connection in
            try await Lease.acquire(
                rebuildRow,
                holder: holder,
                seconds: Self.leaseSeconds,
                if: Lease.isDead(),
                connection
            )
        }
        try await taken?.lease.release(pool)
    }
}
