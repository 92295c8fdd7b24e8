import TestSupport
import Testing

@testable import Postgres

@Suite("Transactions")
struct TransactionTests {
    private struct Refused: Error {}

    @Test("a transaction is committed when its body returns and rolled back when it throws")
    func commitAndRollback() async throws {
        try await withPool { pool in
            _ = try await pool.query("create table t (n int8)")
            let result = try await pool.withTransaction { transaction in
                _ = try await transaction.query("insert into t values (1)")
                return transaction.isInTransaction
            }
            #expect(result)
            await #expect(throws: Refused.self) {
                try await pool.withTransaction { transaction in
                    _ = try await transaction.query("insert into t values (2)")
                    throw Refused()
                }
            }
            let rows = try await pool.query("select n from t")
            #expect(try rows.map { try $0.get("n", as: Int.self) } == [1])
            #expect(pool.statistics == .init(idle: 1, leased: 0, closing: 0, waiting: 0))
        }
    }

    @Test("a swallowed error makes the commit fail, not silently roll back")
    func swallowedError() async throws {
        try await withConnection { connection in
            let error = try await postgresError {
                try await connection.withTransaction { transaction in
                    _ = try? await transaction.query("select 1/0")
                }
            }
            #expect(error.code == .transactionAborted && error.connectionIsUsable)
            #expect(!connection.isInTransaction)
        }
    }

    @Test("isolation and access are as asked for, whatever the server's default")
    func options() async throws {
        try await withDatabase { configuration in
            try await PostgresConnection.withConnection(configuration) { connection in
                try await connection.execute(
                    script: """
                        do $$ begin execute format('alter database %I set \
                        default_transaction_isolation = serializable', current_database());
                        execute format('alter database %I set synchronous_commit = off',
                        current_database()); end $$
                        """
                )
            }
            try await PostgresConnection.withConnection(configuration) { connection in
                func shown(_ name: String) async throws -> String {
                    try await connection.query("select current_setting(\(name)) as v")[0].get("v")
                }
                #expect(try await shown("transaction_isolation") == "read committed")
                #expect(try await shown("synchronous_commit") == "on")
                #expect(try await shown("TimeZone") == "UTC")
                #expect(try await shown("application_name") == "episode-ledger")
                for options in [TransactionOptions.serializable, .repeatableRead, .readCommitted] {
                    try await connection.withTransaction(options) { _ in
                        let isolation = try await shown("transaction_isolation")
                        #expect(isolation == options.isolation.rawValue)
                    }
                }
                let error = try await postgresError {
                    try await connection.withTransaction(.readOnlySnapshot) { transaction in
                        _ = try await transaction.query("create table t ()")
                    }
                }
                #expect(error.sqlState == .readOnlyTransaction)
            }
        }
    }

    @Test("transactions do not nest, and the outer one survives the attempt")
    func nesting() async throws {
        try await withConnection { connection in
            try await connection.withTransaction { outer in
                let error = try await postgresError {
                    try await outer.withTransaction { _ in }
                }
                #expect(error.code == .invalidUse)
                _ = try await outer.query("create table t ()")
            }
            _ = try await connection.query("select from t")
        }
    }

    @Test("a cancelled transaction is rolled back, and the connection goes on")
    func cancelledBetweenStatements() async throws {
        try await withPool(limit: 1) { pool in
            _ = try await pool.query("create table t (n int8)")
            let task = Task {
                try await pool.withTransaction { transaction in
                    _ = try await transaction.query("insert into t values (1)")
                    withUnsafeCurrentTask { $0?.cancel() }
                    _ = try await transaction.query("insert into t values (2)")
                }
            }
            let error = try await postgresError { try await task.value }
            #expect(error.code == .cancelled && !error.mayHaveCommitted)
            #expect(try await pool.query("select from t").isEmpty)
            #expect(pool.statistics == .init(idle: 1, leased: 0, closing: 0, waiting: 0))
        }
    }

    @Test("a transaction a caller left open is not lent to the next one")
    func leftOpen() async throws {
        try await withPool(limit: 1) { pool in
            let first = try await pool.withConnection { connection in
                try await connection.execute(script: "begin")
                return connection.processID
            }
            let second = try await pool.withConnection { connection in
                #expect(!connection.isInTransaction)
                return connection.processID
            }
            #expect(first != second)
        }
    }
}
