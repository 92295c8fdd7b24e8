import TestSupport
import Testing

@testable import Postgres

@Suite("Cancellation and deadlines")
struct CancellationTests {
    /// Statements of this database that sleep, seen from another session.
    private func sleepers(_ watcher: PostgresConnection) async throws -> Int {
        try await watcher.query(
            """
            select count(*) as n from pg_stat_activity
            where datname = current_database() and pid <> pg_backend_pid()
                and query like '%pg_sleep%' and state = 'active'
            """
        )[0].get("n")
    }

    @Test("cancelling a task cancels its query on the server, and the session goes on")
    func cancelsOnServer() async throws {
        try await withPool(limit: 1) { pool in
            try await PostgresConnection.withConnection(pool.configuration) { watcher in
                let session = try await pool.withConnection { $0.processID }
                let statements: [@Sendable (PostgresConnection) async throws -> Void] = [
                    { _ = try await $0.query("select pg_sleep(600)") },
                    { _ = try await $0.pipeline(["create table t ()", "select pg_sleep(600)"]) },
                    { try await $0.copyOut("copy (select pg_sleep(600)) to stdout") { _ in } },
                    {
                        try await $0.withTransaction { connection in
                            _ = try await connection.query("create table t ()")
                            _ = try await connection.query("select pg_sleep(600)")
                        }
                    },
                ]
                var kept = 0
                for statement in statements {
                    let task = Task { try await pool.withConnection { try await statement($0) } }
                    try await eventually("the query runs") { try await sleepers(watcher) == 1 }
                    task.cancel()
                    let error = try await postgresError { _ = try await task.value }
                    #expect(error.code == .cancelled && !error.mayHaveCommitted)
                    // The server has answered by then that it has stopped.
                    #expect(try await sleepers(watcher) == 0)
                    let row = try await pool.query(
                        "select pg_backend_pid() as process, to_regclass('t') is null as is_undone"
                    )[0]
                    #expect(try row.get("is_undone", as: Bool.self))
                    if error.connectionIsUsable { kept += 1 }
                    if kept == statements.count {
                        #expect(try row.get("process", as: Int32.self) == session)
                    }
                }
                // A machine that takes longer than a moment costs a session, and nothing else.
                #expect(kept > 0)
            }
        }
    }

    @Test("what was done before the server came to stop it counts as done")
    func doneAllTheSame() async throws {
        try await withPool(limit: 1) { pool in
            _ = try await pool.query("create table t (n int8)")
            for n in 0..<200 {
                let task = Task { try await pool.query("insert into t values (\(n))") }
                for _ in 0..<(n % 20) { await Task.yield() }
                task.cancel()
                let result = await task.result
                let found = try await pool.query("select from t where n = \(n)")
                switch result {
                case .success: #expect(found.count == 1)
                case .failure(let error as PostgresError) where !error.mayHaveCommitted:
                    #expect(found.isEmpty)
                case .failure: break
                }
            }
        }
    }

    @Test("a deadline ends the query on the server and leaves the pool whole")
    func deadline() async throws {
        try await withPool(limit: 1) { pool in
            try await PostgresConnection.withConnection(pool.configuration) { watcher in
                _ = try await pool.query("select 1")
                let start = ContinuousClock.now
                let error = try await postgresError {
                    _ = try await pool.query(
                        "select pg_sleep(600)",
                        deadline: .now.advanced(by: .seconds(1))
                    )
                }
                #expect(error.code == .timedOut && !error.mayHaveCommitted)
                #expect(start.duration(to: .now) < .seconds(10))
                try await eventually("the server has stopped") { try await sleepers(watcher) == 0 }
                #expect(try await pool.query("select 1 as n")[0].get("n", as: Int.self) == 1)
            }
        }
    }

    @Test("a call without a deadline has the default one")
    func defaultDeadline() async throws {
        try await withDatabase { configuration in
            var configuration = configuration
            configuration.callTimeout = .seconds(2)
            try await PostgresConnection.withConnection(configuration) { connection in
                let error = try await postgresError {
                    try await connection.execute(script: "select pg_sleep(600)")
                }
                #expect(error.code == .timedOut && error.mayHaveCommitted)
                let later = try await postgresError { _ = try await connection.query("select 1") }
                #expect(later.code == .connectionLost && !later.mayHaveCommitted)
            }
        }
    }

    @Test("the server's own timeout leaves the connection usable")
    func statementTimeout() async throws {
        try await withDatabase { configuration in
            var configuration = configuration
            configuration.set("statement_timeout", to: "2s")
            try await PostgresConnection.withConnection(configuration) { connection in
                let error = try await postgresError {
                    _ = try await connection.query("select pg_sleep(600)")
                }
                #expect(error.code == .server && error.sqlState == .queryCanceled)
                #expect(error.connectionIsUsable && !error.mayHaveCommitted)
                _ = try await connection.query("select 1")
            }
        }
    }

    @Test("a cancelled task sends nothing")
    func cancelledBefore() async throws {
        try await withConnection { connection in
            let configuration = connection.configuration
            let task = Task {
                withUnsafeCurrentTask { $0?.cancel() }
                let pool = PostgresPool(configuration)
                return try await pool.query("create table t ()")
            }
            let error = try await postgresError { _ = try await task.value }
            #expect(error.code == .cancelled && !error.mayHaveCommitted)
            let tables = try await connection.query("select from pg_class where relname = 't'")
            #expect(tables.isEmpty)
        }
    }

    @Test("a thousand cancelled queries leave no statement, no session and no lost place")
    func thousandCancelled() async throws {
        try await withPool(limit: 6, waitLimit: 2000, waitTimeout: .seconds(120)) { pool in
            await withTaskGroup(of: PostgresError.Code?.self) { group in
                for round in 0..<1000 {
                    group.addTask {
                        let task = Task {
                            try await pool.withConnection { connection in
                                // At different stages: while queued, sending and waiting.
                                if round.isMultiple(of: 3) {
                                    _ = try await connection.query("select 1")
                                }
                                _ = try await connection.query("select pg_sleep(600)")
                            }
                        }
                        if !round.isMultiple(of: 2) {
                            // A round trip of another kind lets the query begin.
                            for _ in 0..<(round % 50) { await Task.yield() }
                        }
                        task.cancel()
                        do {
                            try await task.value
                            return nil
                        } catch {
                            return (error as? PostgresError)?.code
                        }
                    }
                }
                for await code in group { #expect(code == .cancelled) }
            }
            try await PostgresConnection.withConnection(pool.configuration) { watcher in
                try await eventually("no statement is left") {
                    try await sleepers(watcher) == 0
                }
                try await eventually("no session is being closed") { pool.statistics.closing == 0 }
                #expect(pool.statistics.leased == 0 && pool.statistics.waiting == 0)
                // All places can still be lent at once.
                let numbers = try await withThrowingTaskGroup(of: Int.self) { group in
                    for n in 0..<6 {
                        group.addTask {
                            try await pool.withConnection { connection in
                                try await connection.query("select \(n) as n")[0].get("n")
                            }
                        }
                    }
                    return try await group.reduce(into: Set<Int>()) { $0.insert($1) }
                }
                #expect(numbers == Set(0..<6))
                let sessions = try await watcher.query(
                    "select from pg_stat_activity where datname = current_database()"
                )
                #expect(sessions.count <= 7)
            }
        }
    }
}
