import CareEpisode
import Ledger
import Migrations
import Postgres
import TestSupport
import Testing

@Suite("Where names are looked up")
struct SearchPathTests {
    /// The schemas that are ours.
    private static let schemas = "'public', 'read_model', 'sign_in'"

    @Test("Every function says where it looks names up, and no view names anything elsewhere")
    func functionsAndViews() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            // Functions of ours are what our roles own, and whatever lies in our schemas.
            let functions = try await pool.query(
                """
                select p.oid::regprocedure::text as name, p.proconfig as settings,
                    p.prosecdef as definer,
                    p.prosrc ~ E'\\\\\\\\' as has_backslash
                from pg_proc p
                join pg_namespace n on n.oid = p.pronamespace
                where n.nspname in (\(raw: Self.schemas))
                or p.proowner in (select oid from pg_roles where rolname like 'ledger\\_%')
                """
            )
            #expect(functions.count == SchemaObject.all.count - 1)
            for function in functions {
                let name = try function.get("name", as: String.self)
                let settings = try function.get("settings", as: [String]?.self) ?? []
                // What runs as its owner finds nothing that somebody made beside it.
                let runsAsOwner = try function.get("definer", as: Bool.self)
                #expect(
                    settings.contains(
                        runsAsOwner
                            ? "search_path=pg_catalog, pg_temp" : "search_path=public, pg_temp"
                    ),
                    "\(name)"
                )
                // What a backslash means is for the session to say.
                #expect(try function.get("has_backslash", as: Bool.self) == false, "\(name)")
            }
            // Triggers fire functions of ours, and those of the server's foreign keys.
            let triggers = try await pool.query(
                """
                select t.tgname::text as name
                from pg_trigger t
                join pg_proc p on p.oid = t.tgfoid
                where not t.tgisinternal and p.pronamespace <> 'public'::regnamespace
                """
            )
            #expect(triggers.isEmpty)
            // What a view names is settled when it is made: here by which schemas it depends on.
            let views = try await pool.query(
                """
                select r.ev_class::regclass::text as name, n.nspname::text as schema
                from pg_rewrite r
                join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
                left join pg_class c on d.refclassid = 'pg_class'::regclass and c.oid = d.refobjid
                left join pg_proc p on d.refclassid = 'pg_proc'::regclass and p.oid = d.refobjid
                left join pg_operator o on d.refclassid = 'pg_operator'::regclass and o.oid = d.refobjid
                join pg_namespace n on n.oid = coalesce(c.relnamespace, p.pronamespace, o.oprnamespace)
                join pg_class v on v.oid = r.ev_class
                join pg_namespace w on w.oid = v.relnamespace
                where w.nspname in (\(raw: Self.schemas)) and v.relkind in ('v', 'm')
                """
            )
            let named = try views.map { try $0.get("schema", as: String.self) }
            #expect(!named.isEmpty)
            #expect(Set(named).isSubset(of: ["pg_catalog", "public", "read_model", "sign_in"]))
            await pool.close()
        }
    }

    /// Schemas called after each role, with a table or a function of every name that there is here.
    ///
    /// A function there says when it is called. Everybody may do everything with them.
    private static let decoys = """
        do $$
        declare
            role_name text;
            made record;
        begin
            foreach role_name in array array[
                'postgres', 'ledger_owner', 'ledger_writer', 'ledger_projector', 'ledger_reader',
                'ledger_sign_in'
            ]
            loop
                execute format('create schema %I', role_name);
                for made in
                    select c.relname from pg_class c
                    where c.relnamespace in ('public'::regnamespace, 'read_model'::regnamespace)
                    and c.relkind in ('r', 'p')
                loop
                    execute format(
                        'create table %I.%I (like %s including defaults)', role_name, made.relname,
                        (
                            select c.oid::regclass from pg_class c
                            where c.relname = made.relname and c.relnamespace in (
                                'public'::regnamespace, 'read_model'::regnamespace
                            )
                        )
                    );
                end loop;
                for made in
                    select p.proname, pg_get_function_identity_arguments(p.oid) as arguments,
                        pg_get_function_result(p.oid) as result
                    from pg_proc p
                    where p.pronamespace = 'public'::regnamespace and p.proname <> 'refuse_change'
                loop
                    execute format(
                        'create function %I.%I(%s) returns %s language plpgsql as '
                            '''begin raise exception ''''a stranger''''''''s function''''; end''',
                        role_name, made.proname, made.arguments, made.result
                    );
                end loop;
                execute format('grant usage on schema %I to public', role_name);
                execute format('grant all on all tables in schema %I to public', role_name);
            end loop;
        end
        $$;
        """

    /// How many rows are in tables of those schemas.
    private static let strayed: SQL = """
        select coalesce(sum((
            xpath('/row/c/text()', query_to_xml(
                format('select count(*) as c from %s', c.oid::regclass), false, true, ''
            ))
        )[1]::text::bigint), 0)::bigint as rows
        from pg_class c
        join pg_namespace n on n.oid = c.relnamespace
        where c.relkind = 'r' and (n.nspname like 'ledger\\_%' or n.nspname = 'postgres')
        """

    /// Makes a ledger, appends with an access decision, and reads all of it back.
    private func usesLedger(_ configuration: PostgresConfiguration) async throws {
        try await LedgerFixture.withDatabase(configuration) { database in
            let name = try #require(LedgerName("north"))
            let ledger = try await database.createLedger(named: name, timeZone: "UTC")
            #expect(try await database.ledgers().map(\.name.description) == ["default", "north"])
            let outcome = try await Sequencer.with(database, ledger: ledger) { sequencer in
                try await sequencer.append(
                    AppendRequest(
                        episodeID: .fresh,
                        events: [SampleEvent.admitted()],
                        expectedVersion: nil,
                        recordedBy: "cli:test",
                        isList: false
                    )
                )
            }
            if case .appended = outcome {} else { Issue.record("not appended: \(outcome)") }
            let rows = try await database.reader.query(
                "select position from event where ledger_id = \(ledger.id.rawValue)"
            )
            #expect(rows.count == 1)
        }
    }

    @Test(
        "Schemas called after each role, with tables and functions of every name, change nothing",
        arguments: [PostgresConfiguration.Pooling.session, .transaction]
    )
    func schemasOfRoles(pooling: PostgresConfiguration.Pooling) async throws {
        try await LedgerFixture.withConfiguration { configuration in
            var configuration = configuration
            configuration.pooling = pooling
            let pool = PostgresPool(configuration, limit: 1)
            try await pool.withConnection { try await $0.execute(script: Self.decoys) }
            try await Migrator(pool).migrate { Issue.record("\($0) was applied again") }
            #expect(try await Migrator(pool).status() == .current)
            try await usesLedger(configuration)
            #expect(try await pool.query(Self.strayed)[0].get("rows", as: Int64.self) == 0)
            await pool.close()
        }
    }

    @Test(
        "Whatever search_path a database sets, it is migrated and used as any other",
        arguments: ["''", "nowhere", "pg_temp, nowhere, pg_catalog"]
    )
    func searchPathOfDatabase(_ path: String) async throws {
        try await TestCluster.withDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let name = configuration.database ?? ""
            try await TestCluster.shared.sql(
                "alter database \(name) set search_path = \(path);"
                    + "alter database \(name) set standard_conforming_strings = off"
            )
            let pool = PostgresPool(configuration, limit: 1)
            try await Migrator(pool).migrate()
            #expect(try await Migrator(pool).status() == .current)
            await pool.close()
            try await usesLedger(configuration)
        }
    }

    /// An append as somebody at a psql prompt would make it, whatever the session has set.
    private static let append: SQL = """
        select encode(leaf_hash[1], 'hex') as leaf, first_position, recorded_at
        from public.append_batch_2(
            1, array[1],
            array['0192f0c1-7a00-7000-8000-00000000e001'::uuid], array[1::bigint],
            array['0192f0c1-7a00-7000-8000-00000000a001'::uuid], array['admitted'],
            array[1::bigint], array[1::bigint], array[sha256('n')], array[sha256('c')],
            array['{}'::bytea], array['{}'::bytea], array['s'::bytea], array['writer'],
            array['appendEvents'], array[true], array[null::uuid], array['d'::bytea],
            array['TREAT'::bytea], array['r'::bytea], false
        )
        """

    @Test("An append from any session is the same, whatever that session has set")
    func appendByHand() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            var configuration = configuration
            configuration.settings = []
            try await PostgresConnection.withConnection(configuration) { connection in
                try await connection.execute(
                    script: Self.decoys + """
                        create temporary table ledger_head (
                            ledger_id integer, position bigint, recorded_at bigint
                        );
                        insert into ledger_head values (1, 41, 0);
                        create temporary table event (like public.event);
                        set search_path = pg_temp, ledger_writer, public;
                        set standard_conforming_strings = off;
                        set bytea_output = escape;
                        set TimeZone = 'Asia/Tokyo';
                        """
                )
                let row = try await connection.query(Self.append)[0]
                #expect(try row.get("first_position", as: Int64.self) == 1)
                let recordedAt = try row.get("recorded_at", as: Int64.self)
                let entry: SQL = """
                    select encode(sha256(
                        '\\x00'::bytea || convert_to('episode-ledger1', 'UTF8') || '\\x0a'::bytea
                        || uuid_send('0192f0c1-7a00-7000-8000-00000000a001')
                        || uuid_send('0192f0c1-7a00-7000-8000-00000000e001')
                        || int8send(1) || int8send(1) || int8send(\(recordedAt))
                        || int8send(0) || sha256('c')
                    ), 'hex') as leaf,
                    (select count(*) from public.event) as stored,
                    (
                        select concat_ws(' ', subject, roles, operation, allowed, detail, purpose)
                        from public.access_log
                    ) as logged,
                    (select position from public.ledger_head where ledger_id = 1) as head
                    """
                try await connection.execute(script: "set standard_conforming_strings = on")
                let expected = try await connection.query(entry)[0]
                #expect(
                    try row.get("leaf", as: String.self) == expected.get("leaf", as: String.self)
                )
                #expect(try expected.get("stored", as: Int64.self) == 1)
                #expect(
                    try expected.get("logged", as: String.self)
                        == "s {writer} appendEvents t d TREAT"
                )
                #expect(try expected.get("head", as: Int64.self) == 1)
                // The guard of the record holds there, too.
                await #expect(throws: PostgresError.self) {
                    _ = try await connection.query("delete from public.event")
                }
            }
        }
    }

    @Test("In a database of an older server nobody makes functions beside ours any more")
    func createOnPublic() async throws {
        try await TestCluster.withDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let pool = PostgresPool(configuration, limit: 1)
            try await TestCluster.shared.sql(
                "grant create on schema public to public",
                database: configuration.database ?? ""
            )
            try await Migrator(pool).migrate()
            let rows = try await pool.query(
                """
                select n.nspacl::text like '%{=UC/%' or n.nspacl::text like '%,=UC/%' as everybody
                from pg_namespace n where n.nspname = 'public'
                """
            )
            #expect(try rows[0].get("everybody", as: Bool.self) == false)
            await pool.close()
        }
    }
}
