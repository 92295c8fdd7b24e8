import Migrations
import Postgres
import TestSupport
import Testing

@Suite("Roles and the immutable record")
struct RoleTests {
    /// What the owner of a table may do: the projector vacuums what rebuilds have left behind.
    private static let rows = "DELETE INSERT REFERENCES SELECT TRIGGER TRUNCATE UPDATE"

    /// What writer, projector and reader may do with each table, view and sequence there is.
    private static let privileges: [String: (writer: String, projector: String, reader: String)] = [
        "access_checkpoint": ("", "SELECT", "SELECT"),
        "access_entry": ("", "SELECT", "SELECT"),
        "access_log": ("", "SELECT", "SELECT"),
        "access_log_entry_seq": ("", "SELECT", ""),
        "access_seal_log": ("", "SELECT", "SELECT"),
        "access_tile": ("", "SELECT", "SELECT"),
        "access_verifier_key": ("", "SELECT", "SELECT"),
        "checkpoint": ("", "SELECT", "SELECT"),
        "event": ("SELECT", "SELECT", "SELECT"),
        "ledger": ("SELECT", "SELECT", "SELECT"),
        "ledger_head": ("SELECT", "SELECT", "SELECT"),
        "ledger_setting": ("SELECT", "SELECT", "SELECT"),
        // The column by_position_through.
        "message_name": ("", "SELECT UPDATE", "SELECT"),
        "ledger_ledger_id_seq": ("", "", ""),
        "projection": ("", "SELECT", "SELECT"),
        "projection_generation": ("", "SELECT", "SELECT"),
        "projection_parked": ("", "SELECT", "SELECT"),
        "projection_rebuild": ("", "SELECT", "SELECT"),
        "read_model.census_episode": ("", rows, "SELECT"),
        "read_model.census_life_cycle": ("", rows, "SELECT"),
        "read_model.census_stay": ("", rows, "SELECT"),
        "read_model.session_entry": ("", rows, "SELECT"),
        "read_model.session_stay": ("", rows, "SELECT"),
        "read_model.discharge_summary": ("", rows, "SELECT"),
        "read_model.medication_change": ("", rows, "SELECT"),
        "read_model.medication_episode": ("", rows, "SELECT"),
        "read_model.medication_interval": ("", rows, "SELECT"),
        "read_model.medication_lineage": ("", rows, "SELECT"),
        "read_model_parked": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        "read_model_rebuild": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        "read_model_state": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        "readable_event": ("SELECT", "SELECT", "SELECT"),
        "schema_migration": ("SELECT", "SELECT", "SELECT"),
        "schema_object": ("SELECT", "SELECT", "SELECT"),
        "seal_log": ("", "SELECT", "SELECT"),
        // The row itself, and all columns but those that say how far is sealed.
        "sealer": ("", "INSERT SELECT UPDATE", "SELECT"),
        "subscription": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        "subscription_bucket": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        "subscription_dead_letter": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        "tile": ("", "SELECT", "SELECT"),
        "verifier_key": ("", "SELECT", "SELECT"),
        "webhook": ("", "DELETE INSERT SELECT UPDATE", "SELECT"),
        // What webhooks are signed with: the workers' alone.
        "webhook_secret": ("", "DELETE INSERT SELECT UPDATE", ""),
    ]

    @Test("Each role may do with each table, view and sequence what is listed, and nothing else")
    func grants() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            // A privilege of a column counts as one of its table.
            let rows = try await pool.query(
                """
                select c.oid::regclass::text as name, r.role,
                    coalesce(string_agg(p.privilege, ' ' order by p.privilege) filter (
                        where case
                            when c.relkind = 'S' then p.privilege in ('SELECT', 'UPDATE', 'USAGE')
                                and has_sequence_privilege(r.role, c.oid, p.privilege)
                            when p.privilege = 'USAGE' then false
                            when p.privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
                                then has_any_column_privilege(r.role, c.oid, p.privilege)
                            else has_table_privilege(r.role, c.oid, p.privilege)
                        end
                    ), '') as granted
                from pg_class c
                cross join unnest(array['writer', 'projector', 'reader']) as n (name)
                cross join lateral (select 'ledger_' || n.name as role) r
                cross join unnest(array[
                    'SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER', 'USAGE'
                ]) as p (privilege)
                where c.relnamespace in ('public'::regnamespace, 'read_model'::regnamespace)
                and c.relkind in ('r', 'p', 'v', 'm', 'S', 'f')
                group by c.oid, r.role
                """
            )
            var found: [String: [String: String]] = [:]
            for row in rows {
                found[try row.get("name"), default: [:]][try row.get("role")] = try row.get(
                    "granted"
                )
            }
            #expect(Set(found.keys) == Set(Self.privileges.keys))
            for (name, granted) in found {
                guard let may = Self.privileges[name] else { continue }
                #expect(granted["ledger_writer"] == may.writer, "the writer on \(name)")
                #expect(granted["ledger_projector"] == may.projector, "the projector on \(name)")
                #expect(granted["ledger_reader"] == may.reader, "the reader on \(name)")
            }
            await pool.close()
        }
    }

    @Test("The writer may append, the owner may make ledgers, and nobody may call anything else")
    func functions() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            let rows = try await pool.query(
                """
                select p.proname || ' ' || r.rolname as granted
                from pg_proc p, pg_roles r
                where p.pronamespace in ('public'::regnamespace, 'read_model'::regnamespace)
                and r.rolname like 'ledger%' and has_function_privilege(r.rolname, p.oid, 'EXECUTE')
                order by granted
                """
            )
            #expect(
                try rows.map { try $0.get("granted", as: String.self) } == [
                    "append_batch ledger_owner",
                    "append_batch_2 ledger_owner", "append_batch_2 ledger_writer",
                    "begin_seal_log ledger_owner", "begin_seal_log ledger_projector",
                    "change_verifier_keys ledger_owner", "change_verifier_keys ledger_projector",
                    "create_ledger ledger_owner",
                    "number_access_entries ledger_owner", "number_access_entries ledger_projector",
                    "publish_checkpoint ledger_owner", "publish_checkpoint ledger_projector",
                    "publish_tiles ledger_owner", "publish_tiles ledger_projector",
                    "refuse_change ledger_owner",
                    "write_access ledger_owner", "write_access ledger_writer",
                    "write_access_decisions ledger_owner", "write_access_decisions ledger_writer",
                ]
            )
            let schemas = try await pool.query(
                """
                select n.nspname || ' ' || r.rolname || ' ' || p.privilege as granted
                from pg_namespace n, pg_roles r, unnest(array['CREATE', 'USAGE']) as p (privilege)
                where n.nspname in ('public', 'read_model') and r.rolname like 'ledger%'
                and has_schema_privilege(r.rolname, n.oid, p.privilege)
                order by granted
                """
            )
            #expect(
                try schemas.map { try $0.get("granted", as: String.self) } == [
                    "public ledger_owner CREATE", "public ledger_owner USAGE",
                    "public ledger_projector USAGE", "public ledger_reader USAGE",
                    "public ledger_sign_in USAGE", "public ledger_writer USAGE",
                    "read_model ledger_owner USAGE",
                    "read_model ledger_projector USAGE",
                    "read_model ledger_reader USAGE",
                ]
            )
            await pool.close()
        }
    }

    @Test("Who signs people in reaches no ledger, and nobody else signs in")
    func signIn() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            let rows = try await pool.query(
                """
                select r.rolname || ' ' || c.oid::regclass::text as granted
                from pg_class c, pg_roles r
                where c.relkind in ('r', 'p', 'v', 'm', 'f')
                and c.relnamespace in (
                    'public'::regnamespace, 'read_model'::regnamespace, 'sign_in'::regnamespace
                )
                and r.rolname in (
                    'ledger_writer', 'ledger_projector', 'ledger_reader', 'ledger_sign_in'
                )
                and (c.relnamespace = 'sign_in'::regnamespace or r.rolname = 'ledger_sign_in')
                and (
                    has_any_column_privilege(r.oid, c.oid, 'SELECT, INSERT, UPDATE, REFERENCES')
                    or has_table_privilege(r.oid, c.oid, 'DELETE, TRUNCATE, TRIGGER')
                )
                order by granted
                """
            )
            #expect(
                try rows.map { try $0.get("granted", as: String.self) } == [
                    "ledger_sign_in sign_in.failure", "ledger_sign_in sign_in.flow",
                    "ledger_sign_in sign_in.form_key", "ledger_sign_in sign_in.link",
                    "ledger_sign_in sign_in.logout", "ledger_sign_in sign_in.session",
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
                    ('ledger_owner', 'ledger_writer', 'ledger_projector', 'ledger_reader',
                    'ledger_sign_in')
                """
            )
            #expect(try rows[0].get("roles", as: Int64.self) == 5)
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

    @Test(
        "Nobody changes, deletes or truncates settings, and only the owner adds some",
        arguments: [
            "postgres", "ledger_owner", "ledger_writer", "ledger_projector", "ledger_reader",
        ],
        ["origin", "replica"]
    )
    func settings(_ role: String, _ replication: String) async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            try await pool.withConnection { connection in
                func add(_ entry: Int) -> SQL {
                    SQL(
                        "insert into ledger_setting select 1, \(entry), 'k', 'v', '2026-01-01', 'a', 1"
                    )
                }
                _ = try await connection.query(add(1))
                _ = try await connection.query(
                    "select set_config('session_replication_role', \(replication), false)"
                )
                _ = try await connection.query("select set_config('role', \(role), false)")
                let isMighty = ["postgres", "ledger_owner"].contains(role)
                for attempt in [
                    "update ledger_setting set value = '1'", "delete from ledger_setting",
                    "update ledger_setting set value = '1' where false", "truncate ledger_setting",
                    "delete from ledger_setting where false",
                ] {
                    do {
                        _ = try await connection.query(SQL(attempt))
                        Issue.record("\(role) may: \(attempt)")
                    } catch let error as PostgresError {
                        #expect(
                            error.sqlState?.rawValue == (isMighty ? "EL001" : "42501"),
                            "\(attempt)"
                        )
                    }
                }
                do {
                    _ = try await connection.query(add(2))
                    #expect(isMighty, "\(role) may add settings")
                } catch let error as PostgresError {
                    #expect(!isMighty && error.sqlState?.rawValue == "42501")
                }
                try await connection.execute(
                    script: "reset role; reset session_replication_role"
                )
                let rows = try await connection.query(
                    "select count(*) as rows, min(value) as value from ledger_setting"
                )
                #expect(try rows[0].get("rows", as: Int64.self) == (isMighty ? 2 : 1))
                #expect(try rows[0].get("value", as: String.self) == "v")
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
                and c.conrelid not in (
                    'ledger'::regclass, 'schema_migration'::regclass, 'schema_object'::regclass
                )
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
    private static let oneEvent = EventTable.insert(
        [
            "position": "1", "version": "1", "occurred_at": "1000000", "recorded_at": "2000000",
            "known_at": "3000000", "episode_id": "gen_random_uuid()",
            "event_id": "gen_random_uuid()", "type": "'admitted'", "nonce": "sha256('n')",
            "commitment": "sha256('c')", "leaf_hash": "sha256('l')",
            "header": #"'{"author":{"id":"a","role":"nurse"},"recorded_by":"cli:me"}'"#,
            "payload": #"'{"program":"iop"}'"#,
        ],
        from: "ledger where name = 'default'"
    )
}
