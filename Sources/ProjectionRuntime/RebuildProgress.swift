import Ledger
import Postgres

/// How far the rebuild of a read model is.
public struct RebuildProgress: Hashable, Sendable {
    /// Events that have been folded.
    public var folded: Int64
    /// Events that are to be folded.
    public var events: Int64
    /// The version of the fold that writes the new rows.
    public var foldVersion: Int
    /// Who rebuilds, for people.
    public var holder: String
    /// For how long it has been going on.
    public var elapsed: Duration

    /// How long the rest will take if it goes on as it has; nil where nothing is known of that.
    public var rest: Duration? {
        folded > 0 ? elapsed * (Double(max(events - folded, 0)) / Double(folded)) : nil
    }

    /// The columns of a row of `read_model_rebuild`, called `r`, that is null where none is under way.
    static let columns: SQL = """
        r.folded as rebuild_folded, r.events as rebuild_events,
        r.fold_version as rebuild_fold_version, r.lease_holder as rebuild_holder,
        extract(epoch from clock_timestamp() - r.began_at)::float8 as rebuild_seconds
        """

    /// Joins what is under way to a row of `read_model_state`, called `p`.
    static let join: SQL = """
        left join read_model_rebuild r
            on r.ledger_id = p.ledger_id and r.name = p.name and \(Lease.isHeld("r.lease_until"))
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
    ///   the fold has written the rows, and ``ProjectionError/rebuilding(projection:progress:)`` where
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
