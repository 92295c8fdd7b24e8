import TestSupport
import Testing

@testable import Postgres

@Suite("A pool's shares")
struct PoolShareTests {
    @Test("Who has his share waits for his own, and nobody waits for somebody else's")
    func shares() {
        var shares = PoolShares(limit: 2, waitLimit: 2)
        let decisions = [1, 1, 1, 2, 1, 1].map { shares.acquire($0) }
        #expect(
            decisions == [
                .proceed, .proceed, .wait(ticket: 1), .proceed, .wait(ticket: 2), .refuse,
            ]
        )
        #expect(shares.waitingCount == 2)
        // In the order in which they came.
        let next = [2, 1].map { shares.release($0) }
        #expect(next == [nil, 1])
        let waited = [2, 1].map { shares.stoppedWaiting($0, 1) }
        #expect(waited == [true, false], "the turn of the first has come")
        let last = shares.release(1)
        let again = shares.acquire(1)
        #expect(last == nil && again == .proceed)
        let ends = [shares.release(1), shares.release(1)]
        #expect(ends == [nil, nil] && shares.waitingCount == 0)
    }

    @Test("Of whoever is cancelled, or waits too long, no share is lost")
    func given() async throws {
        try await withDatabase { configuration in
            let pool = PostgresPool(
                configuration,
                limit: 3,
                shareLimit: 1,
                waitTimeout: .seconds(3)
            )
            try await PostgresPool.$shareholder.withValue(7) {
                try await pool.withConnection { _ in
                    let late = try await postgresError { _ = try await pool.query("select 1") }
                    #expect(late.code == .poolExhausted)
                    for _ in 0..<3 {
                        let waiting = Task { try await pool.query("select 1") }
                        try await eventually("it waits") { pool.statistics.waiting == 1 }
                        waiting.cancel()
                        let cancelled = try await postgresError { _ = try await waiting.value }
                        #expect(cancelled.code == .cancelled)
                    }
                    // Another one's is not touched.
                    let rows = try await PostgresPool.$shareholder.withValue(8) {
                        try await pool.query("select 1")
                    }
                    #expect(rows.count == 1)
                }
                #expect(try await pool.query("select 1").count == 1)
            }
            #expect(pool.statistics.waiting == 0)
            await pool.close()
        }
    }
}
