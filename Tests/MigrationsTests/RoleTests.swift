import Migrations
import Postgres
import TestSupport
import Testing

@Suite("Roles and the immutable record")
struct RoleTests {
    /// What each group role may do, table by table, as `has_table_privilege` tells it.
    private static let privileges: [(role: String, table: String, may: Set<String>)] = [
        ("ledger_writer", "event", ["INSERT", "SELECT"]),
        ("ledger_projector", "event", ["SELECT"]),
        ("ledger_reader", "event", ["SELECT"]),
        ("ledger_writer", "ledger_head", ["SELECT", "UPDATE"]),
        ("ledger_projector", "ledger_head", ["SELECT"]),
        ("ledger_reader", "ledger_head", ["SELECT"]),
        ("ledger_writer", "ledger", ["SELECT"]),
        ("ledger_projector", "ledger", ["SELECT"]),
        ("ledger_reader", "ledger", ["SELECT"]),
        ("ledger_writer", "schema_migration", ["SELECT"]),
        ("ledger_reader", "readable_event", ["SELECT"]),
        ("ledger_writer", "read_model_state", ["SELECT"]),
        ("ledger_reader", "read_model_state", ["SELECT"]),
        ("ledger_projector", "read_model_state", ["DELETE", "INSERT", "SELECT", "UPDATE"]),
        ("ledger_reader", "read_model.census_stay", ["SELECT"]),
        ("ledger_writer", "projection", ["SELECT"]),
        ("ledger_reader", "projection", ["SELECT"]),
        ("ledger_projector", "projection", ["DELETE", "INSERT", "SELECT", "UPDATE"]),
        ("ledger_writer", "seal_log", ["SELECT"]),
        ("ledger_projector", "seal_log", ["INSERT", "SELECT"]),
        ("ledger_reader", "seal_log", ["SELECT"]),
        ("ledger_writer", "tile", ["SELECT"]),
        ("ledger_projector", "tile", ["INSERT", "SELECT"]),
        ("ledger_reader", "tile", ["SELECT"]),
        ("ledger_writer", "checkpoint", ["SELECT"]),
        ("ledger_projector", "checkpoint", ["INSERT", "SELECT"]),
        ("ledger_reader", "checkpoint", ["SELECT"]),
        ("ledger_writer", "verifier_key", ["SELECT"]),
        ("ledger_projector", "verifier_key", ["INSERT", "SELECT", "UPDATE"]),
        ("ledger_reader", "verifier_key", ["SELECT"]),
        ("ledger_writer", "sealer", ["SELECT"]),
        ("ledger_projector", "sealer", ["INSERT", "SELECT", "UPDATE"]),
        ("ledger_reader", "sealer", ["SELECT"]),
    ]

    @Test("The writer may insert and select events, the reader may select, and nothing else")
    func grants() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            for (role, table, may) in Self.privileges {
                var granted: Set<String> = []
                for privilege in [
                    "SELECT", "INSERT", "UPDATE", "DELETE", "TRUNCATE", "REFERENCES", "TRIGGER",
                ] {
                    let rows = try await pool.query(
                        "select has_table_privilege(\(role), \(table), \(privilege)) as may"
                    )
                    if try rows[0].get("may", as: Bool.self) { granted.insert(privilege) }
                }
                #expect(granted == may, "\(role) on \(table)")
            }
            let functions = try await pool.query(
                """
                select p.proname::text as name, r.rolname::text as role
                from pg_proc p, pg_roles r
                where p.proname in ('append_batch', 'create_ledger') and r.rolname like 'ledger%'
                and has_function_privilege(r.rolname, p.oid, 'EXECUTE')
                order by 1, 2
                """
            )
            #expect(
                try functions.map {
                    try $0.get("name", as: String.self) + " " + $0.get("role", as: String.self)
                } == [
                    "append_batch ledger_owner", "append_batch ledger_writer",
                    "create_ledger ledger_owner",
                ]
            )
            await pool.close()
        }
    }

    @Test("No group role can log in, nor is it a superuser, nor member of another")
    func groupRoles() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            let rows = try await pool.query(
                """
                select count(*) as roles, bool_or(rolcanlogin or rolsuper or rolcreaterole) as mighty,
                    bool_or(exists (select from pg_auth_members m where m.member = r.oid)) as member
                from pg_roles r
                where rolname in
                    ('ledger_owner', 'ledger_writer', 'ledger_projector', 'ledger_reader')
                """
            )
            #expect(try rows[0].get("roles", as: Int64.self) == 4)
            #expect(try rows[0].get("mighty", as: Bool.self) == false)
            #expect(try rows[0].get("member", as: Bool.self) == false)
            await pool.close()
        }
    }

    private static let attempts = [
        "update event set type = 'completed' where position = 1",
        "update event set payload = payload where false",
        "delete from event",
        "delete from event where false",
        "truncate event",
        "truncate event cascade",
        "insert into event select * from event on conflict (ledger_id, position) "
            + "do update set type = 'completed'",
    ]

    @Test(
        "Nobody changes, deletes or truncates events",
        arguments: [
            "postgres", "ledger_owner", "ledger_writer", "ledger_projector", "ledger_reader",
        ],
        ["origin", "replica"]
    )
    func immutable(_ role: String, _ replication: String) async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            try await pool.withConnection { connection in
                try await connection.execute(script: Self.oneEvent)
                _ = try await connection.query(
                    "select set_config('session_replication_role', \(replication), false)"
                )
                _ = try await connection.query("select set_config('role', \(role), false)")
                for attempt in Self.attempts {
                    do {
                        _ = try await connection.query(SQL(attempt))
                        Issue.record("\(role) may: \(attempt)")
                    } catch let error as PostgresError {
                        let isMighty = ["postgres", "ledger_owner"].contains(role)
                        #expect(
                            error.sqlState?.rawValue == (isMighty ? "EL001" : "42501"),
                            "\(attempt)"
                        )
                    }
                }
                try await connection.execute(
                    script: "reset role; reset session_replication_role"
                )
                let rows = try await connection.query(
                    "select count(*) as events, min(type) as type from event"
                )
                #expect(try rows[0].get("events", as: Int64.self) == 1)
                #expect(try rows[0].get("type", as: String.self) == "admitted")
            }
            await pool.close()
        }
    }

    @Test(
        "Nobody changes, deletes or truncates what was sealed",
        arguments: [
            "postgres", "ledger_owner", "ledger_writer", "ledger_projector", "ledger_reader",
        ],
        ["origin", "replica"]
    )
    func sealed(_ role: String, _ replication: String) async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            try await pool.withConnection { connection in
                try await connection.execute(script: Self.oneSeal)
                _ = try await connection.query(
                    "select set_config('session_replication_role', \(replication), false)"
                )
                _ = try await connection.query("select set_config('role', \(role), false)")
                for table in ["tile", "checkpoint", "seal_log"] {
                    for attempt in [
                        "update \(table) set ledger_id = 2",
                        "update \(table) set ledger_id = 2 where false",
                        "delete from \(table)", "delete from \(table) where false",
                        "truncate \(table) cascade",
                    ] {
                        do {
                            _ = try await connection.query(SQL(attempt))
                            Issue.record("\(role) may: \(attempt)")
                        } catch let error as PostgresError {
                            let isMighty = ["postgres", "ledger_owner"].contains(role)
                            #expect(
                                error.sqlState?.rawValue == (isMighty ? "EL001" : "42501"),
                                "\(attempt)"
                            )
                        }
                    }
                }
                try await connection.execute(
                    script: "reset role; reset session_replication_role"
                )
                let rows = try await connection.query(
                    """
                    select (select count(*) from tile) + (select count(*) from checkpoint)
                        + (select count(*) from seal_log) as rows
                    """
                )
                #expect(try rows[0].get("rows", as: Int64.self) == 3)
            }
            await pool.close()
        }
    }

    @Test("A writer cannot switch the guard off")
    func guardStays() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            try await pool.withConnection { connection in
                try await connection.execute(script: "set role ledger_writer")
                for attempt in [
                    "alter table event disable trigger all", "drop table event",
                    "drop trigger event_is_immutable on event",
                    "set session_replication_role = replica",
                    "create or replace function refuse_change() returns trigger "
                        + "language plpgsql as 'begin return null; end'",
                ] {
                    do {
                        try await connection.execute(script: attempt)
                        Issue.record("a writer may: \(attempt)")
                    } catch let error as PostgresError {
                        #expect(error.sqlState == .insufficientPrivilege, "\(attempt)")
                    }
                }
                try await connection.execute(script: "reset role")
            }
            await pool.close()
        }
    }

    @Test("Every key of a distributed table begins with the ledger's number")
    func keys() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            let rows = try await pool.query(
                """
                select c.conrelid::regclass::text as table_name, c.conname::text as key
                from pg_constraint c
                join pg_attribute a on a.attrelid = c.conrelid and a.attnum = c.conkey[1]
                where c.contype in ('p', 'u', 'f') and c.connamespace = 'public'::regnamespace
                and c.conrelid not in ('ledger'::regclass, 'schema_migration'::regclass)
                and a.attname <> 'ledger_id'
                """
            )
            #expect(rows.isEmpty)
            let checked = try await pool.query(
                "select count(*) as keys from pg_constraint where conrelid = 'event'::regclass "
            )
            #expect(try checked[0].get("keys", as: Int64.self) >= 3)
            await pool.close()
        }
    }

    @Test("The readable view decodes an event and shows each time as a time")
    func readableView() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            var configuration = configuration
            let pool = PostgresPool(configuration, limit: 1)
            try await pool.withConnection { try await $0.execute(script: Self.oneEvent) }
            await pool.close()
            configuration.role = "ledger_reader"
            let reader = PostgresPool(configuration, limit: 1)
            let rows = try await reader.query(
                """
                select ledger, type, recorded_by, author ->> 'role' as author_role,
                    data ->> 'program' as program, extract(epoch from known_at)::bigint as known_at
                from readable_event
                """
            )
            #expect(try rows[0].get("ledger", as: String.self) == "default")
            #expect(try rows[0].get("recorded_by", as: String.self) == "cli:me")
            #expect(try rows[0].get("author_role", as: String.self) == "nurse")
            #expect(try rows[0].get("program", as: String.self) == "iop")
            #expect(try rows[0].get("known_at", as: Int64.self) == 3)
            await reader.close()
        }
    }

    /// A row of each table that holds what was sealed.
    private static let oneSeal = """
        insert into seal_log (ledger_id, incarnation, origin) values (1, 1, 'test/default');
        insert into tile (ledger_id, level, number, hashes)
        values (1, 0, 0, convert_to(repeat('x', 8192), 'UTF8'));
        insert into checkpoint (ledger_id, size, root, note) values (1, 256, sha256('r'), 'note')
        """

    /// A row as no append would write it, for what is done to rows.
    private static let oneEvent = """
        insert into event (
            ledger_id, position, version, occurred_at, recorded_at, known_at, episode_id, event_id,
            type, nonce, commitment, leaf_hash, header, payload
        )
        select ledger_id, 1, 1, 1000000, 2000000, 3000000, gen_random_uuid(), gen_random_uuid(),
            'admitted', sha256('n'), sha256('c'), sha256('l'),
            '{"author":{"id":"a","role":"nurse"},"recorded_by":"cli:me"}', '{"program":"iop"}'
        from ledger where name = 'default'
        """
}
