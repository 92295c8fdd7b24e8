import CareEpisode
import Ledger
import Postgres

/// The right to rebuild one read model of one ledger, until it expires or a newer program takes it.
///
/// Each rebuild fills tables of its own, and what counts is the switch at its end, which is fenced by
/// the lease on the read model: this one only keeps many processes from doing the same work.
struct RebuildLease: Sendable {
    let generation: Int32
    let epoch: Int64
}

/// How far the rebuild of a read model is.
public struct RebuildProgress: Hashable, Sendable {
    /// Events that have been folded.
    public var folded: Int64
    /// Events that are to be folded.
    public var events: Int64
    /// The version of the fold that fills the new tables.
    public var foldVersion: Int
    /// Who rebuilds, for people.
    public var holder: String
    /// For how long it has been going on.
    public var elapsed: Duration

    /// How long the rest will take if it goes on as it has; nil where nothing is known of that.
    public var rest: Duration? {
        folded > 0 ? elapsed * (Double(max(events - folded, 0)) / Double(folded)) : nil
    }

    /// The columns of a row of `projection_rebuild`, called `r`, that is null where none is under way.
    static let columns: SQL = """
        r.folded as rebuild_folded, r.events as rebuild_events,
        r.fold_version as rebuild_fold_version, r.lease_holder as rebuild_holder,
        extract(epoch from clock_timestamp() - r.began_at)::float8 as rebuild_seconds
        """

    /// Joins what is under way to a row of `projection`, called `p`.
    static let join: SQL = """
        left join projection_rebuild r
            on r.ledger_id = p.ledger_id and r.name = p.name and r.lease_until > clock_timestamp()
        """

    /// Reads ``columns``.
    init?(_ row: PostgresRow) throws {
        guard let folded = try row.get("rebuild_folded", as: Int64?.self) else { return nil }
        self.folded = folded
        events = try row.get("rebuild_events")
        foldVersion = Int(try row.get("rebuild_fold_version", as: Int32.self))
        holder = try row.get("rebuild_holder")
        elapsed = .seconds(try row.get("rebuild_seconds", as: Double.self))
    }
}

extension EpisodeProjection {
    /// Checks a row with `fold_version` and ``RebuildProgress/columns``.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)`` where another version of
    ///   the fold has filled the tables, and ``ProjectionError/rebuilding(projection:progress:)`` where
    ///   that is about to change.
    func checkVersion(_ row: PostgresRow) throws {
        let stored = Int(try row.get("fold_version", as: Int32.self))
        guard stored != foldVersion else { return }
        if let progress = try RebuildProgress(row), progress.foldVersion == foldVersion {
            throw ProjectionError.rebuilding(projection: name, progress: progress)
        }
        throw ProjectionError.rebuildNeeded(
            projection: name,
            stored: stored,
            program: foldVersion
        )
    }
}

extension ProjectionRegistry {
    /// Takes the lease for a rebuild where nobody has it, and makes the tables that it fills.
    ///
    /// What a rebuild that died has left behind is given up. A newer program takes the lease from an
    /// older one, whose rows would not be used.
    ///
    /// - Parameter events: how many events there are to fold.
    /// - Throws: ``ProjectionError/rebuilding(projection:progress:)`` where somebody has it.
    func beginRebuild(events: Int64) async throws -> RebuildLease {
        let id = ledger.id.rawValue
        let version = Int32(projection.foldVersion)
        return try await pool.withTransaction { connection in
            try await lockGenerations(connection)
            let known = try await connection.query(
                """
                select r.generation, r.epoch,
                    r.lease_until > clock_timestamp() and r.fold_version >= \(version) as is_held,
                    \(RebuildProgress.columns)
                from projection_rebuild r
                where r.ledger_id = \(id) and r.name = \(projection.name)
                """
            )
            var epoch: Int64 = 0
            if let row = known.first {
                if try row.get("is_held", as: Bool.self), let progress = try RebuildProgress(row) {
                    throw ProjectionError.rebuilding(
                        projection: projection.name,
                        progress: progress
                    )
                }
                epoch = try row.get("epoch")
                try await giveUp(try row.get("generation"), connection)
            }
            let generation = try await makeGeneration(connection)
            _ = try await connection.query(
                """
                insert into projection_rebuild
                    (ledger_id, name, generation, fold_version, events, epoch, lease_holder,
                    lease_until)
                values (\(id), \(projection.name), \(generation), \(version), \(events),
                    \(epoch + 1), \(holder),
                    clock_timestamp() + make_interval(secs => \(Self.leaseSeconds)))
                on conflict (ledger_id, name) do update
                set generation = excluded.generation, fold_version = excluded.fold_version,
                    folded = 0, events = excluded.events, epoch = excluded.epoch,
                    lease_holder = excluded.lease_holder, lease_until = excluded.lease_until,
                    began_at = clock_timestamp()
                """
            )
            return RebuildLease(generation: generation, epoch: epoch + 1)
        }
    }

    /// Keeps the lease, and says how far the rebuild is; false when the lease is lost.
    func renew(_ lease: RebuildLease, folded: Int64) async throws -> Bool {
        let rows = try await pool.query(
            """
            update projection_rebuild
            set folded = \(folded),
                lease_until = clock_timestamp() + make_interval(secs => \(Self.leaseSeconds))
            where ledger_id = \(ledger.id.rawValue) and name = \(projection.name)
            and epoch = \(lease.epoch)
            """
        )
        return rows.affectedRows == 1
    }

    /// Hands the lease back.
    func release(_ lease: RebuildLease) async throws {
        _ = try await pool.query(
            """
            delete from projection_rebuild
            where ledger_id = \(ledger.id.rawValue) and name = \(projection.name)
            and epoch = \(lease.epoch)
            """
        )
    }

    /// Gives a generation up that was being built: the next one who looks drops its tables.
    func giveUp(_ generation: Int32, _ connection: PostgresConnection) async throws {
        _ = try await connection.query(
            """
            update projection_generation
            set state = 'retired', changed_at = 'epoch'
            where ledger_id = \(ledger.id.rawValue) and name = \(projection.name)
            and generation = \(generation) and state = 'building'
            """
        )
    }
}
