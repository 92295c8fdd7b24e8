import Synchronization
import TestSupport
import Testing

@testable import Postgres

/// What a standby does to those who read, done here by a function that fails as often as is wanted.
@Suite("Conflicts with a standby's recovery")
struct StandbyTests {
    private func withConflicts(
        _ number: Int,
        isForWriting: Bool = false,
        _ body: (PostgresPool) async throws -> Void
    ) async throws {
        try await withPool(configure: { $0.isForWriting = isForWriting }) { pool in
            try await pool.withConnection { connection in
                try await connection.execute(
                    script: """
                        create sequence calls;
                        create function read() returns bigint language plpgsql as $$
                        declare
                            call bigint := nextval('calls');
                        begin
                            if call <= \(number) then
                                raise exception 'conflict' using errcode = case
                                    when call % 2 = 0 then '40001' else '40P01'
                                end;
                            end if;
                            return call;
                        end
                        $$;
                        """
                )
            }
            try await body(pool)
        }
    }

    private func calls(_ pool: PostgresPool) async throws -> Int {
        try await pool.query("select last_value as n from calls")[0].get("n")
    }

    @Test("what a standby cancels is read again: statements, pipelines and snapshots")
    func again() async throws {
        try await withConflicts(3) { pool in
            let row = try await pool.query("select read() as n")[0]
            #expect(try row.get("n", as: Int.self) == 4)
        }
        try await withConflicts(3) { pool in
            let rows = try await pool.pipeline(["select 1", "select read() as n"])
            #expect(try rows[1][0].get("n", as: Int.self) == 4)
        }
        try await withConflicts(3) { pool in
            let begun = Mutex(0)
            // A sequence is moved by what may write; the failure is the same.
            let writing = TransactionOptions(isolation: .repeatableRead)
            let call = try await pool.withTransaction(.readOnlySnapshot) { connection in
                begun.withLock { $0 += 1 }
                _ = try await connection.query("select 1")
                return try await pool.withConnection { other in
                    try await other.withTransaction(writing) { other in
                        try await other.query("select read() as n")[0].get("n", as: Int.self)
                    }
                }
            }
            let times = begun.withLock { $0 }
            #expect(call == 4 && times == 4)
        }
    }

    @Test("what a standby cancels each time ends with its error")
    func bounded() async throws {
        try await withConflicts(1_000) { pool in
            let error = try await postgresError { _ = try await pool.query("select read()") }
            #expect(error.sqlState == .serializationFailure)
            #expect(try await calls(pool) == 20)
            let late = try await postgresError {
                _ = try await pool.query("select read()", deadline: .now + .milliseconds(40))
            }
            #expect([.server, .timedOut].contains(late.code))
            #expect(try await calls(pool) < 30)
        }
    }

    @Test("a standby that is asked to write says so with 25006, and the session is not lent again")
    func begunOnStandby() async throws {
        try await TestCluster.withPrivateCluster { primary in
            try await primary.withReplica { replica in
                var configuration = try PostgresConfiguration(url: replica.url())
                configuration.isForWriting = true
                let pool = PostgresPool(configuration, limit: 1)
                let process = try await pool.withConnection { $0.processID }
                let error = try await postgresError {
                    try await pool.withTransaction { _ in _ = Issue.record("it began") }
                }
                #expect(error.sqlState == .readOnlyTransaction)
                #expect(try await pool.withConnection { $0.processID } != process)
                await pool.close()
            }
        }
    }

    @Test("what is there to write is not begun again")
    func writing() async throws {
        try await withConflicts(1_000, isForWriting: true) { pool in
            let error = try await postgresError { _ = try await pool.query("select read()") }
            #expect(error.sqlState == .deadlockDetected)
            #expect(try await calls(pool) == 1)
        }
    }
}
