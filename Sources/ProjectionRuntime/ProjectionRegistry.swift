import CareEpisode
import Ledger
import Postgres

/// The right to bring the rows of one read model of one ledger further.
struct ProjectionLease: Sendable {
    let lease: Lease
    /// Of the rows that answer.
    let generation: Int32
    /// What they reflect.
    var position: Position
}

/// The row that says where a read model stands, and the statements that move it.
struct ProjectionRegistry<Projection: EpisodeProjection>: Sendable {
    /// How long a lease lasts without a sign of life.
    static var leaseSeconds: Double { 10 }

    let projection: Projection
    let ledger: LedgerDescription
    let pool: PostgresPool
    /// Who holds the lease, for people.
    let holder: String
    /// Of this process; nil where nobody keeps leases.
    var leases: LeaseKeeper?

    /// Finds the row of this read model in any table that has one.
    var key: SQL { "ledger_id = \(ledger.id.rawValue) and name = \(projection.name)" }

    private var leaseRow: Lease.Row {
        Lease.Row("read_model_state", of: ledger.id, named: projection.name)
    }

    /// Makes the read model known to the ledger, without rows, where it is not.
    func register() async throws {
        let known = try await pool.query("select from read_model_state where \(key)")
        if !known.isEmpty { return }
        _ = try await pool.query(
            """
            insert into read_model_state (ledger_id, name, fold_version)
            values (\(ledger.id.rawValue), \(projection.name), \(Int32(projection.foldVersion)))
            on conflict do nothing
            """
        )
    }

    // MARK: - The lease

    /// Takes the lease where nobody holds it.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)``.
    func acquire() async throws -> ProjectionLease? {
        let condition: SQL = "fold_version = \(Int32(projection.foldVersion))"
        let own = leases?.isUnreturned(leaseRow) ?? "false"
        if let lease = try await take(Self.leaseSeconds, if: condition, seizing: own) {
            return lease
        }
        try await checkVersion()
        return nil
    }

    /// Takes the lease from whoever holds it: only for the switch after a rebuild.
    func seize() async throws -> ProjectionLease {
        guard let lease = try await take(Self.leaseSeconds * 6, seizing: "true") else {
            throw leaseLost
        }
        return lease
    }

    private func take(
        _ seconds: Double,
        if condition: SQL = "true",
        seizing: SQL = "false"
    ) async throws -> ProjectionLease? {
        try await pool.withConnection { connection in
            try await Lease.acquire(
                leaseRow,
                holder: holder,
                seconds: seconds,
                if: condition,
                seizing: seizing,
                returning: "generation, position",
                connection
            )
        }.map { lease, row in
            ProjectionLease(
                lease: lease,
                generation: try row.get("generation"),
                position: Position(rawValue: try row.get("position"))
            )
        }
    }

    /// The compare-and-set at the head of every batch's transaction: it also takes the row's lock,
    /// so that a worker without the lease writes nothing.
    func advance(
        _ held: ProjectionLease,
        to position: Position,
        _ connection: PostgresConnection
    ) async throws {
        let isHeld = try await held.lease.fence(
            connection,
            setting: "position = \(position.rawValue), updated_at = statement_timestamp()",
            if: "position = \(held.position.rawValue)"
        )
        guard isHeld else { throw leaseLost }
    }

    var leaseLost: ProjectionError { .leaseLost(projection: projection.name) }

    // MARK: - What the rows are

    /// Which version of the fold has written the rows, and how far a rebuild of them is.
    var versionAndRebuild: SQL {
        """
        select p.fold_version, \(RebuildProgress.columns)
        from read_model_state p
        \(RebuildProgress.join)
        where p.ledger_id = \(ledger.id.rawValue) and p.name = \(projection.name)
        """
    }

    /// Whether this version of the fold has written the rows; true also where there are none yet.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)``,
    ///   ``ProjectionError/rebuilding(projection:progress:)``.
    func checkVersion() async throws {
        let rows = try await pool.query(versionAndRebuild)
        if let row = rows.first { try projection.checkVersion(row) }
    }

    /// Whether the rows that answer were made by this version of the fold.
    func isSameVersion() async throws -> Bool {
        do {
            try await checkVersion()
            return true
        } catch let error as ProjectionError where error.isAboutVersion {
            return false
        }
    }

    /// What the rows that answer reflect; 0 where there are none.
    func position() async throws -> Position {
        let rows = try await pool.query("select position from read_model_state where \(key)")
        return Position(rawValue: try rows.first?.get("position") ?? 0)
    }
}
