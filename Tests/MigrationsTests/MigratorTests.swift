import Migrations
import Postgres
import Synchronization
import TestSupport
import Testing

@Suite("Migrator")
struct MigratorTests {
    @Test("The migrations are numbered from 1 without gaps")
    func numbers() {
        #expect(Migration.all.map(\.number) == Array(1...Migration.all.count))
        #expect(Set(Migration.all.map(\.name)).count == Migration.all.count)
    }

    @Test("An empty database gets every migration once, in order")
    func appliesInOrder() async throws {
        try await withPool { pool in
            #expect(try await Migrator(pool).status() == .empty)
            let applied = Applied()
            try await Migrator(pool).migrate { applied.add($0) }
            #expect(applied.numbers == Migration.all.map(\.number))
            #expect(applied.objects == SchemaObject.all.map(\.name))
            #expect(try await Migrator(pool).status() == .current)
            let recorded = try await pool.query(
                "select number, name, checksum from schema_migration order by applied_at"
            )
            #expect(
                try recorded.map { Int(try $0.get("number", as: Int32.self)) }
                    == Migration.all.map(\.number)
            )
            #expect(
                try recorded.map { try $0.get("checksum", as: String.self) }
                    == Migration.all.map(\.checksum)
            )
            // A second run finds nothing to do.
            try await Migrator(pool).migrate { Issue.record("\($0) was applied again") }
        }
    }

    @Test("A database that has the first migrations only is older, and gets the rest")
    func continues() async throws {
        try await withPool { pool in
            try await Migrator(pool, migrations: Array(Migration.all.prefix(2)), objects: [])
                .migrate()
            let names = SchemaObject.all.map(\.name)
            #expect(try await Migrator(pool).status() == .older(applied: 2, outdated: names))
            let applied = Applied()
            try await Migrator(pool).migrate { applied.add($0) }
            #expect(applied.numbers == Array(3...Migration.all.count))
            #expect(applied.objects == names)
        }
    }

    @Test("Ten migrators at once apply each migration once")
    func appliesOnce() async throws {
        try await TestCluster.withDatabase { url in
            let applied = Applied()
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<10 {
                    let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
                    group.addTask {
                        try await Migrator(pool).migrate { applied.add($0) }
                        await pool.close()
                    }
                }
                try await group.waitForAll()
            }
            #expect(applied.numbers.sorted() == Migration.all.map(\.number))
            #expect(applied.objects.sorted() == SchemaObject.all.map(\.name).sorted())
        }
    }

    @Test("Two databases of one new cluster can be migrated at the same moment")
    func twoDatabases() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            // More rounds would find the roles there: each needs a cluster of its own.
            try await cluster.withDatabase { first in
                try await cluster.withDatabase { second in
                    try await withThrowingTaskGroup(of: Migrator.Status.self) { group in
                        for url in [first, second] {
                            let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
                            group.addTask {
                                try await Migrator(pool).migrate()
                                let status = try await Migrator(pool).status()
                                await pool.close()
                                return status
                            }
                        }
                        for try await status in group { #expect(status == .current) }
                    }
                }
            }
        }
    }

    @Test("A role that another database makes at this moment does not stop the migration")
    func roleRace() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await cluster.withDatabase { url in
                let configuration = try PostgresConfiguration(url: url)
                let pool = PostgresPool(configuration, limit: 1)
                let other = PostgresPool(
                    try PostgresConfiguration(url: cluster.url()),
                    limit: 2
                )
                try await withThrowingTaskGroup(of: Void.self) { group in
                    try await other.withTransaction { connection in
                        for role in ["ledger_owner", "ledger_reader"] {
                            try await connection.execute(script: "create role \(role) nologin")
                        }
                        group.addTask { try await Migrator(pool).migrate() }
                        // The migrator waits for the name that is not committed yet.
                        try await eventuallyWaits(other)
                    }
                    try await group.waitForAll()
                }
                #expect(try await Migrator(pool).status() == .current)
                await pool.close()
                await other.close()
            }
        }
    }

    private func eventuallyWaits(_ pool: PostgresPool) async throws {
        try await eventually("a session waits for a transaction") {
            let rows = try await pool.query(
                """
                select count(*) as waiting from pg_stat_activity
                where wait_event_type = 'Lock' and wait_event = 'transactionid'
                """
            )
            return try rows[0].get("waiting", as: Int64.self) > 0
        }
    }

    @Test("Who comes behind a migration that waits for a dump is let through; then it is applied")
    func waitsForADump() async throws {
        try await withPool { pool in
            try await Migrator(pool).migrate()
            let configuration = pool.configuration
            let last = Migration(
                number: Migration.all.count + 1,
                name: "last",
                sql: "alter table ledger add column note text;"
            )
            let migrator = Migrator(pool, migrations: Migration.all + [last])
            let others = PostgresPool(configuration, limit: 2)
            let migrating = try await others.withTransaction { dump in
                _ = try await dump.query("lock table ledger in access share mode")
                let migrating = Task { try await migrator.migrate() }
                try await eventually("the migration waits for the table") {
                    let rows = try await others.query(
                        """
                        select count(*) as waiting from pg_locks
                        where relation = 'ledger'::regclass and not granted
                        """
                    )
                    return try rows[0].get("waiting", as: Int64.self) > 0
                }
                // Waits behind it, and ends in an error if that takes as long as the dump.
                _ = try await others.query("select from ledger")
                return migrating
            }
            try await migrating.value
            let columns = try await others.query("select note from ledger")
            #expect(columns.count == 1)
            await others.close()
        }
    }

    @Test("An edited migration that has landed is refused by its name")
    func refusesEdited() async throws {
        try await withPool { pool in
            try await Migrator(pool).migrate()
            var migrations = Migration.all
            migrations[2] = Migration(
                number: 3,
                name: migrations[2].name,
                sql: migrations[2].sql + "-- one more word\n"
            )
            let refusal = MigrationError.edited(number: 3, name: migrations[2].name)
            let edited = Migrator(pool, migrations: migrations)
            await #expect(throws: refusal) { try await edited.status() }
            await #expect(throws: refusal) { try await edited.migrate() }
            #expect(refusal.description.contains("migration 3 (\(migrations[2].name))"))
        }
    }

    @Test("A database with a newer schema is refused, naming the version needed")
    func refusesNewer() async throws {
        try await withPool { pool in
            try await Migrator(pool).migrate()
            let count = Migration.all.count
            let older = Migrator(pool, migrations: Array(Migration.all.dropLast(2)), objects: [])
            let refusal = MigrationError.newer(applied: count, known: count - 2)
            await #expect(throws: refusal) { try await older.status() }
            await #expect(throws: refusal) { try await older.migrate() }
            #expect(refusal.description.contains("schema version \(count)"))
        }
    }

    @Test("A migration that fails leaves nothing, and those before it stay")
    func failsWhole() async throws {
        try await withPool { pool in
            let broken = Migration(
                number: 2,
                name: "broken",
                sql: "create table half (id integer); set local role ledger_owner; select 1 / 0;"
            )
            let migrations = [Migration.all[0], broken]
            await #expect(throws: PostgresError.self) {
                try await Migrator(pool, migrations: migrations).migrate()
            }
            let rows = try await pool.query(
                """
                select to_regclass('public.half') is null as gone, current_user::text as role,
                    (select max(number) from schema_migration) as newest
                """
            )
            #expect(try rows[0].get("gone", as: Bool.self))
            #expect(try rows[0].get("newest", as: Int32.self) == 1)
            // The role of the migration is not left behind on the pool's connection.
            #expect(try rows[0].get("role", as: String.self) == TestCluster.user)
        }
    }

    @Test(
        "An empty database that is not in UTF8 is refused by its encoding, and nothing is made there",
        arguments: ["LATIN1", "SQL_ASCII", "EUC_JP"]
    )
    func refusesEncoding(_ encoding: String) async throws {
        let cluster = try TestCluster.shared
        let name = "encoding_\(encoding.lowercased())"
        try await cluster.sql(
            "create database \(name) encoding '\(encoding)' locale 'C' template template0"
        )
        let configuration = try PostgresConfiguration(url: cluster.url(database: name))
        let pool = PostgresPool(configuration, limit: 1)
        let refusal = MigrationError.encoding(encoding)
        await #expect(throws: refusal) { try await Migrator(pool).status() }
        await #expect(throws: refusal) { try await Migrator(pool).migrate() }
        #expect(refusal.description.contains(encoding))
        #expect(refusal.description.contains("create database NAME encoding 'UTF8'"))
        let rows = try await pool.query(
            "select to_regclass('public.schema_migration')::text as made"
        )
        #expect(try rows[0].get("made", as: String?.self) == nil)
        await pool.close()
        try await cluster.sql("drop database \(name) with (force)")
    }

    @Test("A database with a schema that is not in UTF8 works, and is warned of in one line")
    func warnsOfEncoding() async throws {
        try await TestCluster.withDatabase { url in
            let configuration = try PostgresConfiguration(url: url)
            let pool = PostgresPool(configuration, limit: 1)
            try await Migrator(pool).migrate()
            #expect(try await Migrator(pool).encodingWarning() == nil)
            await pool.close()
            try await TestCluster.shared.sql(
                """
                update pg_database set encoding = pg_char_to_encoding('LATIN1')
                where datname = '\(configuration.database ?? "")'
                """
            )
            let other = PostgresPool(configuration, limit: 1)
            #expect(try await Migrator(other).status() == .current)
            let warning = try #require(try await Migrator(other).encodingWarning())
            #expect(warning.contains("LATIN1") && warning.contains("UTF8"))
            #expect(!warning.contains("\n"))
            await other.close()
        }
    }

    @Test("The first migration that fails leaves an empty database")
    func failsFromTheStart() async throws {
        try await withPool { pool in
            let broken = Migration(number: 1, name: "broken", sql: "select 1 / 0;")
            await #expect(throws: PostgresError.self) {
                try await Migrator(pool, migrations: [broken]).migrate()
            }
            let status = try await Migrator(pool).status()
            #expect(status == .empty)
        }
    }

    @Test("A database's owner with CREATEROLE can migrate, without being a superuser")
    func ownerMigrates() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await cluster.sql("create role clinic login createrole")
            try await cluster.sql("create database clinic owner clinic")
            let url = cluster.url(database: "clinic", user: "clinic")
            let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
            try await Migrator(pool).migrate()
            #expect(try await Migrator(pool).status() == .current)
            await pool.close()
        }
    }

    @Test("A user who may not make the roles is told which ones to ask for")
    func notPermitted() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await cluster.sql("create role clinic login")
            try await cluster.sql("create database clinic owner clinic")
            let url = cluster.url(database: "clinic", user: "clinic")
            let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
            let refusal = MigrationError.notPermitted(number: 1, name: "role")
            await #expect(throws: refusal) { try await Migrator(pool).migrate() }
            #expect(refusal.description.contains("ledger_projector"))
            #expect(try await Migrator(pool).status() == .empty)
            // An administrator makes them: now the same user may.
            for role in [
                "ledger_owner", "ledger_writer", "ledger_projector", "ledger_reader",
                "ledger_sign_in",
            ] {
                try await cluster.sql("create role \(role) nologin; grant \(role) to clinic")
            }
            try await Migrator(pool).migrate()
            #expect(try await Migrator(pool).status() == .current)
            await pool.close()
        }
    }
}

/// What was applied, by whichever migrator.
final class Applied: Sendable {
    private let changes = Mutex<[Migrator.Applied]>([])

    func add(_ change: Migrator.Applied) { changes.withLock { $0.append(change) } }

    /// The numbers of the migrations.
    var numbers: [Int] {
        changes.withLock { $0 }.compactMap { change in
            guard case .migration(let migration) = change else { return nil }
            return migration.number
        }
    }

    /// The names of the functions and views.
    var objects: [String] {
        changes.withLock { $0 }.compactMap { change in
            guard case .object(let object) = change else { return nil }
            return object.name
        }
    }
}

/// Lends a pool on an empty database of its own.
func withPool<Result: Sendable>(
    _ body: (PostgresPool) async throws -> Result
) async throws -> Result {
    try await TestCluster.withDatabase { url in
        let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 2)
        do {
            let result = try await body(pool)
            await pool.close()
            return result
        } catch {
            await pool.close()
            throw error
        }
    }
}
