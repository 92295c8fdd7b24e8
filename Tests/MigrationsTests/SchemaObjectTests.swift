import CareEpisode
import Ledger
import Migrations
import Postgres
import TestSupport
import Testing

@Suite("Functions and views")
struct SchemaObjectTests {
    @Test("Each file begins with its revision, and makes what it is called after")
    func files() async throws {
        #expect(Set(SchemaObject.all.map(\.name)).count == SchemaObject.all.count)
        try await withPool { pool in
            try await Migrator(pool).migrate()
            let rows = try await pool.query(
                """
                select proname::text as name from pg_proc where pronamespace = 'public'::regnamespace
                union all
                select relname::text from pg_class
                where relnamespace = 'public'::regnamespace and relkind in ('v', 'm')
                order by name
                """
            )
            // No function or view comes from anywhere else.
            #expect(try rows.map { try $0.get("name", as: String.self) } == Self.names.sorted())
            let owners = try await pool.query(
                """
                select bool_and(proowner = 'ledger_owner'::regrole) as owned,
                    bool_and(
                        proconfig @> '{"search_path=public, pg_temp"}' and not prosecdef
                        or proconfig @> '{"search_path=pg_catalog, pg_temp"}' and prosecdef
                    ) as pinned
                from pg_proc where pronamespace = 'public'::regnamespace
                """
            )
            #expect(try owners[0].get("owned", as: Bool.self))
            #expect(try owners[0].get("pinned", as: Bool.self))
        }
    }

    @Test(
        "A text without a revision in its first line is none",
        arguments: [
            "", "select 1;", "-- revision\n", "-- revision 0\n", "-- revision -1\n",
            "-- revision one\n", "\n-- revision 1\n", "-- revision 1 \n",
        ]
    )
    func noRevision(_ text: String) {
        #expect(SchemaObject(name: "x", sql: text) == nil)
    }

    @Test("A revision that has risen is put in place, and nothing else is")
    func rises() async throws {
        try await withPool { pool in
            try await Migrator(pool).migrate()
            let newer = try Self.edited("append_batch", revision: 9)
            let migrator = Migrator(pool, objects: newer)
            #expect(
                try await migrator.status()
                    == .older(applied: Migration.all.count, outdated: ["append_batch"])
            )
            let applied = Applied()
            try await migrator.migrate { applied.add($0) }
            #expect(applied.numbers.isEmpty && applied.objects == ["append_batch"])
            #expect(try await migrator.status() == .current)
            #expect(try await Self.comment(pool) == "revision 9")
            try await migrator.migrate { Issue.record("\($0) was applied again") }
        }
    }

    @Test("A function with a higher revision is refused as a newer schema, naming the revision")
    func refusesNewer() async throws {
        try await withPool { pool in
            try await Migrator(pool, objects: try Self.edited("append_batch", revision: 10))
                .migrate()
            let refusal = MigrationError.newerObject(name: "append_batch", revision: 10, known: 3)
            await #expect(throws: refusal) { try await Migrator(pool).status() }
            await #expect(throws: refusal) { try await Migrator(pool).migrate() }
            #expect(refusal.description.contains("revision 10 of append_batch or later"))
            // A process that runs already goes on with it.
            let shortfall = try await Migrator(pool).shortfall(deadline: .now + .seconds(60))
            #expect(shortfall == nil)
        }
    }

    @Test("A function that this program has no file of is refused as a newer schema")
    func refusesUnknown() async throws {
        try await withPool { pool in
            let one = try #require(
                SchemaObject(name: "later", sql: "-- revision 1\nselect 1;")
            )
            try await Migrator(pool, objects: SchemaObject.all + [one]).migrate()
            let refusal = MigrationError.newerObject(name: "later", revision: 1, known: 0)
            await #expect(throws: refusal) { try await Migrator(pool).status() }
            await #expect(throws: refusal) { try await Migrator(pool).migrate() }
        }
    }

    @Test("An edited file whose revision was not raised is refused by its name")
    func refusesEdited() async throws {
        try await withPool { pool in
            try await Migrator(pool).migrate()
            let edited = Migrator(pool, objects: try Self.edited("readable_event", revision: 1))
            let refusal = MigrationError.editedObject(name: "readable_event", revision: 1)
            await #expect(throws: refusal) { try await edited.status() }
            await #expect(throws: refusal) { try await edited.migrate() }
            #expect(refusal.description.contains("readable_event"))
        }
    }

    @Test("A file that fails leaves the last migration undone, and what was in place")
    func failsWhole() async throws {
        try await withPool { pool in
            try await Migrator(pool).migrate()
            let last = Migration(
                number: Migration.all.count + 1,
                name: "last",
                sql: "create table last_one (id integer);"
            )
            let broken = try Self.edited("append_batch", revision: 9, with: "select 1 / 0;")
            let migrator = Migrator(pool, migrations: Migration.all + [last], objects: broken)
            await #expect(throws: PostgresError.self) { try await migrator.migrate() }
            #expect(try await Migrator(pool).status() == .current)
            #expect(try await Self.comment(pool) == nil)
            let rows = try await pool.query("select to_regclass('last_one') is null as gone")
            #expect(try rows[0].get("gone", as: Bool.self))
        }
    }

    @Test("Who may not put a function in place is told what it takes")
    func notPermitted() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await cluster.withDatabase { url in
                let owner = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
                try await Migrator(owner).migrate()
                _ = try await owner.query("create role stranger login in role ledger_reader")
                let database = try PostgresConfiguration(url: url).database ?? ""
                let stranger = PostgresPool(
                    try PostgresConfiguration(
                        url: cluster.url(database: database, user: "stranger")
                    ),
                    limit: 1
                )
                let newer = Migrator(
                    stranger,
                    objects: try Self.edited("append_batch", revision: 9)
                )
                await #expect(throws: MigrationError.objectNotPermitted(name: "append_batch")) {
                    try await newer.migrate()
                }
                await stranger.close()
                await owner.close()
            }
        }
    }

    @Test("A process that runs lacks what is of a lower revision, and says which")
    func shortfall() async throws {
        try await withPool { pool in
            let deadline = ContinuousClock.now + .seconds(60)
            let none = try await Migrator(pool).shortfall(deadline: deadline)
            #expect(none == "is at 0, needed is \(Migration.all.count)")
            try await Migrator(pool).migrate()
            let newer = Migrator(pool, objects: try Self.edited("append_batch", revision: 9))
            #expect(
                try await newer.shortfall(deadline: deadline)
                    == "needed is revision 9 of append_batch"
            )
        }
    }

    @Test("A fresh database and one that was upgraded end with the same schema")
    func sameSchema() async throws {
        let fresh = try await withPool { pool in
            try await Migrator(pool).migrate()
            return try await Self.dump(pool)
        }
        // The schema of the release before there were files of functions, in use.
        let upgraded = try await withPool { pool in
            try await Migrator(pool, migrations: Array(Migration.all.prefix(11)), objects: [])
                .migrate()
            _ = try await pool.query("select create_ledger('north', 'UTC')")
            #expect(try await Self.dump(pool) != fresh)
            try await Migrator(pool).migrate()
            #expect(try await Self.dump(pool) != fresh)
            try await Migrator(pool).finish()
            return try await Self.dump(pool)
        }
        #expect(fresh.contains("FUNCTION public.append_batch") && fresh.contains("GRANT"))
        #expect(upgraded == fresh)
        // What an upgrade from a lower revision leaves is what a fresh database gets, too.
        let raised = try await withPool { pool in
            let edited = try SchemaObject.all.map { object in
                try #require(
                    SchemaObject(name: object.name, sql: "-- revision 9\n" + object.sql)
                )
            }
            try await Migrator(pool).migrate()
            try await Migrator(pool, objects: edited).migrate()
            return try await Self.dump(pool)
        }
        #expect(raised == fresh)
    }

    @Test("Where Citus is there, appends do without a generic plan and without sorting")
    func citus() async throws {
        try await withPool { pool in
            // As superuser, who may write the catalogs: the extension itself is not installed here.
            try await pool.withTransaction { connection in
                try await connection.execute(
                    script: """
                        set local allow_system_table_mods = on;
                        insert into pg_extension
                        select 4294967295, 'citus', extowner, extnamespace, false, '13.2', null, null
                        from pg_extension limit 1
                        """
                )
            }
            try await Migrator(pool).migrate()
            let rows = try await pool.query(
                """
                select proconfig as settings, prosecdef as definer from pg_proc
                where proname in ('append_batch', 'append_batch_2')
                """
            )
            #expect(rows.count == 2)
            for row in rows {
                let schema = try row.get("definer", as: Bool.self) ? "pg_catalog" : "public"
                let path = "search_path=\(schema), pg_temp"
                #expect(
                    try row.get("settings", as: [String].self).sorted() == [
                        "enable_bitmapscan=off", "enable_seqscan=off", "enable_sort=off",
                        path,
                    ]
                )
            }
        }
    }

    // MARK: - Help

    private static var names: [String] { SchemaObject.all.map(\.name) }

    /// This program's files, one of them with another revision and a text that can be told.
    private static func edited(
        _ name: String,
        revision: Int,
        with more: String? = nil
    ) throws -> [SchemaObject] {
        let kind = name == "readable_event" ? "view" : "function"
        return try SchemaObject.all.map { object in
            guard object.name == name else { return object }
            let added = more ?? "comment on \(kind) \(name) is 'revision \(revision)';"
            let sql = "-- revision \(revision)\n" + object.sql + added
            return try #require(SchemaObject(name: name, sql: sql))
        }
    }

    /// What ``edited(_:revision:with:)`` has said of `append_batch`.
    private static func comment(_ pool: PostgresPool) async throws -> String? {
        let rows = try await pool.query(
            "select obj_description('append_batch'::regproc, 'pg_proc') as comment"
        )
        return try rows[0].get("comment")
    }

    /// Everything that `pg_dump` says of the schema, owners and grants included.
    private static func dump(_ pool: PostgresPool) async throws -> String {
        let rows = try await pool.query("select current_database()::text as name")
        let cluster = try TestCluster.shared
        let result = await runningProgram([
            try TestCluster.binary("pg_dump"), "--schema-only", "-h", cluster.folder, "-p",
            "\(cluster.port)", "-U", TestCluster.user, try rows[0].get("name"),
        ])
        #expect(result.status == 0, "\(result.output)")
        // Each dump has a word of its own against what its reader might slip in.
        return result.output.split(separator: "\n").filter { !$0.contains("restrict ") }
            .joined(separator: "\n")
    }
}
