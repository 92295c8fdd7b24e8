import CareEpisode
import Ledger
import Migrations
import Postgres
import TestSupport
import Testing

@Suite("Privileges of older programs")
struct FinishTests {
    /// The schema of the last release that wrote by privileges on tables, with this one's functions.
    private func withUpgraded(
        _ body: (PostgresPool, PostgresConfiguration) async throws -> Void
    ) async throws {
        try await TestCluster.withDatabase { url in
            var configuration = try PostgresConfiguration(url: url)
            configuration.applicationName = Migrator.sessionName
            let pool = PostgresPool(configuration, limit: 2)
            try await Migrator(pool, migrations: Array(Migration.all.prefix(22)), objects: [])
                .migrate()
            try await Migrator(pool).migrate()
            try await body(pool, configuration)
            await pool.close()
        }
    }

    @Test(
        "A new database has none of them, and one that was upgraded keeps them until the end is said"
    )
    func untilFinished() async throws {
        try await withUpgraded { pool, _ in
            let migrator = Migrator(pool)
            #expect(try await migrator.roleStatus() == .unfinished(olderSessions: 0))
            #expect(try await Self.mayInsert(pool))
            try await migrator.migrate()
            #expect(try await Self.mayInsert(pool))
            try await migrator.finish()
            #expect(try await migrator.roleStatus() == .finished)
            #expect(try await !Self.mayInsert(pool))
            // And again: nothing to do.
            try await migrator.finish()
            try await migrator.migrate()
            #expect(try await migrator.roleStatus() == .finished)
        }
        try await TestCluster.withDatabase { url in
            let pool = PostgresPool(try PostgresConfiguration(url: url), limit: 1)
            try await Migrator(pool).migrate()
            #expect(try await Migrator(pool).roleStatus() == .finished)
            await pool.close()
        }
    }

    @Test("While a session of an older program is connected nothing is taken away, and it is named")
    func olderSessions() async throws {
        try await withUpgraded { pool, configuration in
            var older = configuration
            older.applicationName = "episode-ledger"
            try await PostgresConnection.withConnection(older) { connection in
                let pid: Int32 = try await connection.query("select pg_backend_pid() as pid")[0]
                    .get("pid")
                let migrator = Migrator(pool)
                #expect(try await migrator.roleStatus() == .unfinished(olderSessions: 1))
                await #expect(throws: MigrationError.olderSessions([pid])) {
                    try await migrator.finish()
                }
                #expect("\(MigrationError.olderSessions([pid]))".contains("process \(pid)"))
                #expect(try await Self.mayInsert(pool))
            }
            try await eventually("it has gone") {
                try await Migrator(pool).roleStatus() == .unfinished(olderSessions: 0)
            }
            try await Migrator(pool).finish()
        }
    }

    @Test("An administrator who is no superuser sees the older sessions of another login, too")
    func seenByAdministrator() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await cluster.sql(
                "create role clinic_admin login createrole; create role clinic_app login"
            )
            try await cluster.withDatabase { url in
                let superuser = try PostgresConfiguration(url: url)
                try await cluster.sql(
                    "alter database \(superuser.database ?? "") owner to clinic_admin;"
                )
                func login(_ name: String) throws -> PostgresConfiguration {
                    try PostgresConfiguration(
                        url: url.replacing("user=\(TestCluster.user)", with: "user=\(name)")
                    )
                }
                var administrator = try login("clinic_admin")
                administrator.applicationName = Migrator.sessionName
                let pool = PostgresPool(administrator, limit: 1)
                try await Migrator(pool, migrations: Array(Migration.all.prefix(22)), objects: [])
                    .migrate()
                try await Migrator(pool).migrate()
                var older = try login("clinic_app")
                older.applicationName = "episode-ledger"
                try await PostgresConnection.withConnection(older) { connection in
                    let pid: Int32 = try await connection.query("select pg_backend_pid() as pid")[0]
                        .get("pid")
                    await #expect(throws: MigrationError.olderSessions([pid])) {
                        try await Migrator(pool).finish()
                    }
                }
                await pool.close()
            }
        }
    }

    @Test("Many that finish at once end alike")
    func atOnce() async throws {
        try await withUpgraded { _, configuration in
            let pool = PostgresPool(configuration, limit: 8)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<8 { group.addTask { try await Migrator(pool).finish() } }
                try await group.waitForAll()
            }
            #expect(try await Migrator(pool).roleStatus() == .finished)
            await pool.close()
        }
    }

    @Test("Whoever may act as the owner is told, and whoever may not is not")
    func mighty() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let pool = PostgresPool(configuration, limit: 1)
            #expect(try await Migrator(pool).mightyUser() == "postgres")
            let name = "app_\(configuration.database ?? "")"
            try await pool.withConnection { connection in
                try await connection.execute(
                    script: "create role \(name) login; grant ledger_writer to \(name);"
                        + "set session authorization \(name)"
                )
                let rows = try await connection.query(
                    "select pg_has_role(session_user, 'ledger_owner', 'MEMBER') as mighty"
                )
                #expect(try rows[0].get("mighty", as: Bool.self) == false)
                try await connection.execute(
                    script: "reset session authorization; drop role \(name)"
                )
            }
            await pool.close()
        }
    }

    private static func mayInsert(_ pool: PostgresPool) async throws -> Bool {
        try await pool.query(
            "select has_table_privilege('ledger_writer', 'event', 'INSERT') as may"
        )[0].get("may")
    }
}
