import Glibc
import TestSupport
import Testing

@testable import Postgres

@Suite("A failing server")
struct FailureTests {
    private func terminate(
        _ process: Int32,
        with configuration: PostgresConfiguration
    ) async throws {
        try await PostgresConnection.withConnection(configuration) { killer in
            try await eventually("the victim works") {
                try await killer.query(
                    """
                    select pid from pg_stat_activity
                    where pid = \(process) and (state = 'active' or wait_event = 'ClientRead')
                    """
                ).count == 1
            }
            _ = try await killer.query("select pg_terminate_backend(\(process))")
        }
    }

    @Test("a backend terminated in mid-query says so, and the pool goes on with another")
    func backendTerminated() async throws {
        try await withPool(limit: 1) { pool in
            let error = try await postgresError {
                try await pool.withConnection { connection in
                    let process = connection.processID
                    let configuration = pool.configuration
                    async let killed: Void = terminate(process, with: configuration)
                    do {
                        _ = try await connection.query("select pg_sleep(600)")
                    } catch {
                        try await killed
                        throw error
                    }
                }
            }
            #expect(error.code == .connectionLost && error.sqlState == .adminShutdown)
            #expect(!error.connectionIsUsable && !error.mayHaveCommitted)
            #expect(try await pool.query("select 1 as n")[0].get("n", as: Int.self) == 1)
        }
    }

    @Test("an idle connection whose backend died is replaced before it is lent")
    func backendTerminatedWhileIdle() async throws {
        try await withPool(limit: 1) { pool in
            let process = try await pool.withConnection { $0.processID }
            try await terminate(process, with: pool.configuration)
            try await PostgresConnection.withConnection(pool.configuration) { watcher in
                try await eventually("it is gone") {
                    try await watcher.query(
                        "select from pg_stat_activity where pid = \(process)"
                    ).isEmpty
                }
            }
            #expect(try await pool.withConnection { $0.processID } != process)
            #expect(pool.statistics == .init(idle: 1, leased: 0, closing: 0, waiting: 0))
        }
    }

    @Test("a connection idle for long is asked before it is lent")
    func checkedBeforeLending() async throws {
        try await withPool(limit: 1, checkAfter: .zero) { pool in
            let first = try await pool.withConnection { connection in
                // The stream ends on this side: the socket looks quiet until it is used.
                connection.processID
            }
            let second = try await pool.withConnection { $0.processID }
            #expect(first == second)
            _ = await pool.withSocket { shutdown($0, Int32(SHUT_WR)) }
            #expect(try await pool.withConnection { $0.processID } != first)
        }
    }

    @Test("the whole server killed in mid-query fails every call, and the pool recovers with it")
    func serverKilled() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            let configuration = try PostgresConfiguration(url: cluster.url())
            let pool = PostgresPool(configuration, limit: 4)
            _ = try await pool.query("create table t (n int8)")
            let errors = try await withThrowingTaskGroup(of: PostgresError.self) { group in
                for n in 0..<4 {
                    group.addTask {
                        try await postgresError {
                            _ = try await pool.pipeline([
                                "insert into t values (\(n))", "select pg_sleep(600)",
                            ])
                        }
                    }
                }
                try await PostgresConnection.withConnection(configuration) { watcher in
                    try await eventually("all four work") {
                        try await watcher.query(
                            "select from pg_stat_activity where query = 'select pg_sleep(600)'"
                        ).count == 4
                    }
                }
                cluster.killEverything()
                return try await group.reduce(into: []) { $0.append($1) }
            }
            #expect(errors.map(\.code) == Array(repeating: .connectionLost, count: 4))
            #expect(errors.allSatisfy { $0.mayHaveCommitted && !$0.connectionIsUsable } == true)
            let down = try await postgresError { _ = try await pool.query("select 1") }
            #expect(down.code == .connectionFailed && !down.mayHaveCommitted)
            try await cluster.restart()
            #expect(try await pool.query("select from t").isEmpty)
            await pool.close()
            #expect(pool.statistics == .init(idle: 0, leased: 0, closing: 0, waiting: 0))
        }
    }

    @Test("the commit whose answer never came is in doubt, everything before it is not")
    func doubt() async throws {
        try await withDatabase { configuration in
            try await PostgresConnection.withConnection(configuration) { connection in
                let error = try await postgresError {
                    try await connection.withTransaction { transaction in
                        _ = try await transaction.query("create table t ()")
                        shutdown(transaction.session.socket, Int32(SHUT_RDWR))
                        _ = try await transaction.query("select 1")
                    }
                }
                #expect(error.code == .connectionLost && !error.mayHaveCommitted)
            }
            try await PostgresConnection.withConnection(configuration) { connection in
                let error = try await postgresError {
                    try await connection.withTransaction { transaction in
                        _ = try await transaction.query("create table t ()")
                        shutdown(transaction.session.socket, Int32(SHUT_RDWR))
                    }
                }
                #expect(error.code == .connectionLost && error.mayHaveCommitted)
            }
        }
    }

    @Test("a connection cut in mid-COPY fails the COPY, and nothing of it stays")
    func cutInCopy() async throws {
        try await withPool(limit: 1) { pool in
            _ = try await pool.query("create table t (n int8)")
            let cutIn = try await postgresError {
                try await pool.withConnection { connection in
                    _ = try await connection.copyIn("copy t from stdin (format binary)") { writer in
                        var encoder = BinaryCopyEncoder()
                        for n in 0..<200_000 {
                            encoder.row(columns: 1)
                            encoder.append(n)
                            try await writer.write(&encoder)
                            if n == 100_000 {
                                shutdown(connection.session.socket, Int32(SHUT_RDWR))
                            }
                        }
                    }
                }
            }
            #expect(cutIn.code == .connectionLost && !cutIn.mayHaveCommitted)
            var messages = 0
            let cutOut = try await postgresError {
                try await pool.withConnection { connection in
                    try await connection.copyOut(
                        "copy (select generate_series(1, 1000000)) to stdout (format binary)"
                    ) { _ in
                        messages += 1
                        if messages == 1000 {
                            shutdown(connection.session.socket, Int32(SHUT_RDWR))
                        }
                    }
                }
            }
            #expect(cutOut.code == .connectionLost)
            #expect(messages >= 1000 && messages < 1_000_000)
            #expect(try await pool.query("select from t").isEmpty)
        }
    }

    @Test("a backend terminated in mid-COPY is reported, not waited for")
    func terminatedInCopy() async throws {
        try await withPool(limit: 2) { pool in
            _ = try await pool.query("create table t (n int8)")
            let error = try await postgresError {
                try await pool.withConnection { connection in
                    let process = connection.processID
                    _ = try await connection.copyIn("copy t from stdin (format binary)") { writer in
                        var encoder = BinaryCopyEncoder()
                        for n in 0..<1_000_000 {
                            encoder.row(columns: 1)
                            encoder.append(n)
                            try await writer.write(&encoder)
                            if n == 100_000 {
                                _ = try await pool.query("select pg_terminate_backend(\(process))")
                            }
                        }
                    }
                }
            }
            #expect(error.code == .connectionLost && !error.mayHaveCommitted)
            #expect(error.sqlState == .adminShutdown)
        }
    }

    @Test("a server that is not there fails to connect with a reason, in time")
    func noServer() async throws {
        let configuration = try PostgresConfiguration(url: "host=/nonexistent dbname=x")
        let error = try await postgresError {
            try await PostgresConnection.withConnection(configuration) { _ in }
        }
        #expect(error.code == .connectionFailed)
        #expect(error.description.contains("/nonexistent"))
    }

    @Test("a host that accepts and says nothing is passed over for the next one")
    func silentHost() async throws {
        let cluster = try TestCluster.shared
        try await SilentPort.with { silent in
            let port = silent.port
            var configuration = try PostgresConfiguration(
                url: "host=127.0.0.1,\(cluster.folder) port=\(port),\(cluster.port)"
                    + " user=postgres dbname=postgres target_session_attrs=read-write"
            )
            configuration.connectTimeout = .seconds(3)
            try await PostgresConnection.withConnection(configuration) { connection in
                _ = try await connection.query("select 1")
            }
            var alone = try PostgresConfiguration(url: "host=127.0.0.1 port=\(port) user=u")
            alone.connectTimeout = .milliseconds(300)
            let only = alone
            let error = try await postgresError {
                try await PostgresConnection.withConnection(only) { _ in }
            }
            #expect(error.code == .connectionFailed)
            let task = Task { try await PostgresConnection.withConnection(only) { _ in } }
            task.cancel()
            let cancelled = try await postgresError { try await task.value }
            #expect(cancelled.code == .cancelled)
        }
    }

    @Test("a password that is changed at work is read from its file again")
    func passwordRotated() async throws {
        try await TestCluster.withPrivateCluster(
            accessRules: "local all postgres trust\nlocal all all scram-sha-256"
        ) { cluster in
            try await cluster.sql("create role keeper login password 'first'")
            let file = "\(cluster.folder)/passwords"
            func write(_ password: String) async throws {
                let written = await runningProgram([
                    "/bin/sh", "-c", "umask 077; echo \"*:*:*:keeper:$1\" > \"$2\"", "sh",
                    password, file,
                ])
                try #require(written.status == 0, "\(written.output)")
            }
            try await write("first")
            let pool = PostgresPool(
                try PostgresConfiguration(
                    url: "\(cluster.url(user: "keeper"))&passfile=\(file)"
                ),
                limit: 2
            )
            _ = try await pool.query("select 1")
            try await cluster.sql("alter role keeper password 'second'")
            try await cluster.sql(
                "select pg_terminate_backend(pid) from pg_stat_activity where usename = 'keeper'"
            )
            let error = try await postgresError {
                // The session that was open may be lent once more before its end is noticed.
                for _ in 0..<100 { _ = try await pool.query("select 1") }
            }
            #expect([.connectionFailed, .connectionLost].contains(error.code))
            #expect(!error.description.contains("first"))
            try await write("second")
            try await eventually("the new password is used") {
                (try? await pool.query("select 1"))?.count == 1
            }
            await pool.close()
        }
    }

    @Test("where no connection slot is left callers are told so, and served once there is one")
    func noSlotLeft() async throws {
        try await TestCluster.withPrivateCluster(settings: ["max_connections = 8"]) { cluster in
            try await cluster.sql("create role keeper login")
            let configuration = try PostgresConfiguration(url: cluster.url(user: "keeper"))
            let others = PostgresPool(configuration, limit: 8)
            let pool = PostgresPool(configuration, limit: 2)
            // Three of eight are the superuser's.
            try await withThrowingTaskGroup(of: Void.self) { group in
                let held = Flag()
                for _ in 0..<5 {
                    group.addTask {
                        // Whoever counts them below has a slot too, for a moment.
                        try await eventually("a slot is had") {
                            do {
                                try await others.withConnection { _ in
                                    try await eventually("they may go") { held.isSet }
                                }
                                return true
                            } catch let error as PostgresError where error.code == .connectionFailed
                            {
                                return false
                            }
                        }
                    }
                }
                try await eventually("no slot is left") {
                    try await cluster.sql(
                        "select count(*) from pg_stat_activity where usename = 'keeper'"
                    ).hasPrefix("5")
                }
                let error = try await postgresError { _ = try await pool.query("select 1") }
                #expect(error.code == .connectionFailed)
                #expect(error.description.contains("connection slots"))
                held.set()
                try await group.waitForAll()
            }
            await others.close()
            try await eventually("it is served") {
                (try? await pool.query("select 1"))?.count == 1
            }
            await pool.close()
        }
    }
}

extension PostgresPool {
    /// Lends the socket of a connection, for breaking it, and gives the connection back.
    func withSocket(_ body: (CInt) -> CInt) async -> CInt? {
        try? await withConnection { body($0.session.socket) }
    }
}
