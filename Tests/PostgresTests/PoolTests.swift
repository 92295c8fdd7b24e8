import TestSupport
import Testing

@testable import Postgres

@Suite("Pool")
struct PoolTests {
    @Test("many callers share few connections, in turn")
    func shares() async throws {
        try await withPool(limit: 3, waitTimeout: .seconds(60)) { pool in
            let processes = try await withThrowingTaskGroup(of: Int32.self) { group in
                for _ in 0..<100 {
                    group.addTask {
                        try await pool.query("select pg_backend_pid() as p")[0].get("p")
                    }
                }
                return try await group.reduce(into: Set<Int32>()) { $0.insert($1) }
            }
            #expect(processes.count <= 3)
            #expect(pool.statistics.leased == 0 && pool.statistics.waiting == 0)
        }
    }

    @Test("who waits too long or is one too many is refused")
    func waitLimits() async throws {
        try await withPool(limit: 1, waitLimit: 1, waitTimeout: .seconds(3)) { pool in
            try await pool.withConnection { _ in
                async let waiting = postgresError { _ = try await pool.query("select 1") }
                try await eventually("one waits") { pool.statistics.waiting == 1 }
                let surplus = try await postgresError { _ = try await pool.query("select 1") }
                #expect(surplus.code == .poolExhausted && surplus.description.contains("too many"))
                let late = try await waiting
                #expect(late.code == .poolExhausted && late.description.contains("in time"))
            }
            #expect(pool.statistics.waiting == 0)
            _ = try await pool.query("select 1")
        }
    }

    @Test("a caller cancelled while waiting leaves the queue")
    func cancelledWaiting() async throws {
        try await withPool(limit: 1) { pool in
            try await pool.withConnection { _ in
                let task = Task { try await pool.query("select 1") }
                try await eventually("it waits") { pool.statistics.waiting == 1 }
                task.cancel()
                let error = try await postgresError { _ = try await task.value }
                #expect(error.code == .cancelled && !error.mayHaveCommitted)
                #expect(pool.statistics.waiting == 0)
            }
            _ = try await pool.query("select 1")
        }
    }

    @Test("a closed pool refuses those who wait and waits for those who have")
    func closing() async throws {
        try await withPool(limit: 1) { pool in
            try await withThrowingTaskGroup(of: Void.self) { group in
                let closed = Shared(false)
                try await pool.withConnection { connection in
                    let waiting = Task { try await pool.query("select 1") }
                    try await eventually("one waits") { pool.statistics.waiting == 1 }
                    group.addTask {
                        await pool.close()
                        closed.change { $0 = true }
                    }
                    let error = try await postgresError { _ = try await waiting.value }
                    #expect(error.code == .poolClosed)
                    _ = try await connection.query("select 1")
                    #expect(!closed.value)
                }
                try await group.waitForAll()
                #expect(closed.value)
            }
            #expect(pool.statistics == .init(idle: 0, leased: 0, closing: 0, waiting: 0))
            let after = try await postgresError { _ = try await pool.query("select 1") }
            #expect(after.code == .poolClosed)
        }
    }

    @Test("a connection that has grown old is replaced")
    func age() async throws {
        try await withDatabase { configuration in
            let pool = PostgresPool(configuration, limit: 1, maximumAge: .zero)
            let first = try await pool.withConnection { $0.processID }
            let second = try await pool.withConnection { $0.processID }
            #expect(first != second)
            await pool.close()
        }
    }

    @Test("using a connection after it went back to the pool stops the program")
    func escape() async throws {
        let url = try TestCluster.shared.url()
        await #expect(processExitsWith: .failure) { [url = url as String] in
            let pool = PostgresPool(try PostgresConfiguration(url: url))
            var escaped: PostgresConnection?
            try await pool.withConnection { escaped = $0 }
            // Without a precondition nothing of this fails, and the process exits with success.
            _ = try? await escaped?.query("select 1")
        }
    }
}

@Suite("Roles and transaction poolers")
struct RoleTests {
    /// A role of this test, dropped again.
    private func withRole(
        _ body: (PostgresConfiguration, _ role: String) async throws -> Void
    ) async throws {
        try await withDatabase { configuration in
            let role = "role_\(configuration.database ?? "")"
            try await PostgresConnection.withConnection(configuration) { connection in
                _ = try await connection.query("create role \(identifier: role) nologin")
            }
            do {
                try await body(configuration, role)
            } catch {
                try await TestCluster.shared.sql("drop role \(role)")
                throw error
            }
            try await TestCluster.shared.sql("drop role \(role)")
        }
    }

    @Test("the session acts as the role if it may", arguments: [true, false])
    func role(isSession: Bool) async throws {
        try await withRole { configuration, role in
            var configuration = configuration
            configuration.pooling = isSession ? .session : .transaction
            configuration.role = role
            try await PostgresConnection.withConnection(configuration) { connection in
                let user: SQL = "select current_user::text as u"
                #expect(try await connection.query(user)[0].get("u", as: String.self) == role)
                try await connection.withTransaction { transaction in
                    let inside = try await transaction.query(user)[0].get("u", as: String.self)
                    #expect(inside == role)
                }
            }
        }
    }

    @Test("a role that does not exist, or is not the user's, leaves the user itself")
    func otherRole() async throws {
        try await withRole { configuration, role in
            let login = "login_\(role)"
            try await TestCluster.shared.sql("create role \(login) login")
            let plain = try PostgresConfiguration(
                url: TestCluster.shared.url(database: configuration.database ?? "", user: login)
            )
            for (base, wanted, expected) in [
                (configuration, "no such role", "postgres"), (plain, role, login),
            ] {
                for pooling in [PostgresConfiguration.Pooling.session, .transaction] {
                    var configuration = base
                    configuration.role = wanted
                    configuration.pooling = pooling
                    try await PostgresConnection.withConnection(configuration) { connection in
                        let row = try await connection.query("select current_user::text as u")[0]
                        #expect(try row.get("u", as: String.self) == expected)
                    }
                }
            }
            try await TestCluster.shared.sql("drop role \(login)")
        }
    }

    @Test("through a transaction pooler nothing is left in the session, and all settings hold")
    func transactionPooling() async throws {
        try await withRole { configuration, role in
            var configuration = configuration
            configuration.pooling = .transaction
            configuration.role = role
            configuration.set("statement_timeout", to: "12345ms")
            try await PostgresConnection.withConnection(configuration) { connection in
                let look: SQL = "select current_setting('statement_timeout') as t, \(1) as n"
                for _ in 0..<2 {
                    let row = try await connection.pipeline([look, look])[1][0]
                    #expect(try row.get("t", as: String.self) == "12345ms")
                }
                try await connection.withTransaction(.serializable) { transaction in
                    let row = try await transaction.query(look)[0]
                    #expect(try row.get("t", as: String.self) == "12345ms")
                }
                try await connection.execute(
                    script: """
                        do $$ begin
                        assert current_setting('statement_timeout') = '12345ms';
                        assert current_user = '\(role)';
                        end $$
                        """
                )
                var lines: [String] = []
                try await connection.copyOut(
                    "copy (select current_user) to stdout"
                ) { lines.append(String(decoding: $0, as: UTF8.self)) }
                #expect(lines == ["\(role)\n"])
                // Sent behind the connection's back, without the head of a pipeline.
                let limit = connection.limit(nil)
                let bare = try await connection.run(
                    [
                        """
                        select current_user::text as u, current_setting('statement_timeout') as t,
                            (select count(*) from pg_prepared_statements) as n
                        """
                    ],
                    limit,
                    addsPrefix: false
                )
                #expect(try bare[0][0].get("u", as: String.self) == "postgres")
                #expect(try bare[0][0].get("t", as: String.self) == "0")
                #expect(try bare[0][0].get("n", as: Int.self) == 0)
            }
        }
    }
}
