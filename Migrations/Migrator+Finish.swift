import Postgres

/// What the database's roles may do.
///
/// A program that knows no `append_batch_2` writes by privileges on tables: whoever has the password of
/// `ledger_writer` could write any event row, or move a head. This one writes by functions that belong to
/// `ledger_owner` and look at what they write. The old privileges stay during an upgrade, for processes of
/// the older program that still run; ``Migrator/finish()`` takes them away.
public enum RoleStatus: Sendable, Equatable {
    /// Each role may do what it needs and nothing else.
    case finished
    /// The privileges of an older program are still there, and so many of its sessions.
    case unfinished(olderSessions: Int)
}

extension Migrator {
    /// What sessions of this program are called in `pg_stat_activity`; those of the programs before are
    /// called ``olderName``.
    public static let sessionName = "episode-ledger/2"
    static let olderName = "episode-ledger"

    /// Takes away what only older programs need.
    ///
    /// Does nothing where that is done.
    ///
    /// - Throws: ``MigrationError/olderSessions(_:)`` while sessions of an older program are connected.
    public func finish() async throws {
        let end = ContinuousClock.now + Self.limit
        try await pool.withTransaction(deadline: end) { connection in
            let rows = try await connection.query(
                """
                select pid
                from pg_stat_activity
                where datname = current_database() and application_name = \(Self.olderName)
                -- Of another login's session the type is not shown, but to superusers.
                and coalesce(backend_type, 'client backend') = 'client backend'
                and pid <> pg_backend_pid()
                order by pid
                """
            )
            guard rows.isEmpty else {
                throw MigrationError.olderSessions(try rows.map { try $0.get("pid") })
            }
            try await narrow(connection, by: end)
        }
    }

    /// What the roles may do in the database now.
    public func roleStatus() async throws -> RoleStatus {
        let rows = try await pool.query(
            """
            select has_any_column_privilege('ledger_writer', 'public.event', 'INSERT')
                or has_any_column_privilege('ledger_writer', 'public.ledger_head', 'UPDATE')
                or has_any_column_privilege('ledger_writer', 'public.access_log', 'INSERT')
                or has_any_column_privilege('ledger_projector', 'public.checkpoint', 'INSERT')
                or has_any_column_privilege('ledger_projector', 'public.tile', 'INSERT') as is_open,
                (
                    select count(*)
                    from pg_stat_activity
                    where datname = current_database() and application_name = \(Self.olderName)
                    and coalesce(backend_type, 'client backend') = 'client backend'
                    and pid <> pg_backend_pid()
                ) as older
            """
        )
        guard let row = rows.first, try row.get("is_open") else { return .finished }
        return .unfinished(olderSessions: Int(try row.get("older", as: Int64.self)))
    }

    /// Who may act as `ledger_owner`: the roles protect nothing from him.
    ///
    /// - Returns: the connection's user, where that is one.
    public func mightyUser() async throws -> String? {
        let rows = try await pool.query(
            """
            select session_user::text as name
            where pg_has_role(session_user, 'ledger_owner', 'MEMBER')
            """
        )
        return try rows.first?.get("name")
    }

    /// Leaves each role what it needs.
    func narrow(
        _ connection: PostgresConnection,
        by end: ContinuousClock.Instant
    ) async throws {
        do {
            try await lock(connection, by: end)
            try await connection.execute(script: Self.narrowing)
        } catch let error as PostgresError where error.sqlState == .insufficientPrivilege {
            throw MigrationError.finishNotPermitted
        }
        try await connection.execute(script: "reset role")
    }

    /// Every table, in the order of the migrations that made it.
    private static let narrowing = """
        set local role ledger_owner;

        -- Events: by append_batch_2 alone.
        revoke insert on event from ledger_writer;
        revoke update on ledger_head from ledger_writer;
        revoke execute on function append_batch from ledger_writer;

        -- The access log: by write_access and write_access_decisions alone.
        revoke insert on access_log from ledger_writer;

        -- What was sealed: by begin_seal_log, change_verifier_keys, publish_tiles, publish_checkpoint and
        -- number_access_entries alone. Of the sealer's row the projector keeps the lease and why nothing is
        -- signed; how far is sealed is publish_checkpoint's to say.
        revoke insert on
            seal_log, tile, checkpoint, access_entry, access_seal_log, access_tile, access_checkpoint
            from ledger_projector;
        revoke insert, update on verifier_key, access_verifier_key, sealer from ledger_projector;
        grant insert (ledger_id) on sealer to ledger_projector;
        grant update (
            epoch, lease_holder, lease_until, updated_at, trouble, trouble_position, access_trouble,
            access_trouble_number
        ) on sealer to ledger_projector;

        -- After a restore, names by position end with what was kept.
        revoke update on message_name from ledger_projector;
        grant update (by_position_through) on message_name to ledger_projector;

        -- Who appends reads the events, and nothing of those who work.
        revoke select on
            seal_log, verifier_key, tile, checkpoint, sealer, message_name, subscription,
            subscription_bucket, webhook, subscription_dead_letter, projection, projection_generation,
            projection_parked, projection_rebuild, read_model_state, read_model_parked,
            read_model_rebuild
            from ledger_writer;

        -- Of programs before migration 13.
        revoke insert, update, delete
            on projection, projection_generation, projection_parked, projection_rebuild
            from ledger_projector;
        reset role;
        revoke create on schema read_model from ledger_projector
        """
}
