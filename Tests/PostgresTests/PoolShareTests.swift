import TestSupport
import Testing

@testable import Postgres

@Suite("A pool's shares")
struct PoolShareTests {
    @Test("Who has his share waits for his own, and nobody waits for somebody else's")
    func shares() {
        var shares = PoolShares(limit: 2, all: 4, waitLimit: 2)
        let decisions = [2, 1, 1, 1, 2, 1, 1].map { shares.acquire($0) }
        #expect(
            decisions == [
                .proceed, .proceed, .proceed, .wait(ticket: 1), .proceed, .wait(ticket: 2), .refuse,
            ]
        )
        #expect(shares.waitingCount == 2)
        // In the order in which they came.
        let next = [2, 1].map { shares.release($0) }
        #expect(next == [[], [1]])
        let waited = [2, 1].map { shares.stoppedWaiting($0, 1) }
        #expect(waited == [true, false], "the turn of the first has come")
        let last = shares.release(1)
        let again = shares.acquire(1)
        #expect(last == [] && again == .proceed)
        let ends = [shares.release(1), shares.release(1), shares.release(2)]
        #expect(ends == [[], [], []] && shares.waitingCount == 0)
    }

    @Test("Who is alone has all, and gives nothing of it again once somebody else is there")
    func alone() {
        var shares = PoolShares(limit: 2, all: 4, waitLimit: 9)
        let first = [1, 1, 1, 1, 1, 1, 1].map { shares.acquire($0) }
        #expect(
            first == [
                .proceed, .proceed, .proceed, .proceed, .wait(ticket: 1), .wait(ticket: 2),
                .wait(ticket: 3),
            ]
        )
        // Somebody comes: what is given back beyond the share of the first is for him.
        let other = [2, 2, 2].map { shares.acquire($0) }
        #expect(other == [.proceed, .proceed, .wait(ticket: 4)])
        let given = [shares.release(1), shares.release(1), shares.release(1)]
        #expect(given == [[], [], [1]])
        // He goes, and the first has all again.
        let back = [shares.release(2), shares.release(2)]
        #expect(back == [[4], []])
        let alone = shares.release(2)
        #expect(alone == [2, 3] && shares.waitingCount == 0)
    }

    @Test("The more there are, the less each has, and what one leaves is for the others")
    func many() {
        var shares = PoolShares(limit: 6, all: 7, waitLimit: 9)
        // How many one gets until he has to wait, which he does not.
        func given(_ holder: PoolShares.Holder) -> Int {
            var count = 0
            while true {
                guard case .wait(let ticket) = shares.acquire(holder) else {
                    count += 1
                    continue
                }
                _ = shares.stoppedWaiting(ticket, holder)
                return count
            }
        }
        func giveBack(_ holder: PoolShares.Holder, _ count: Int) {
            for _ in 0..<count { _ = shares.release(holder) }
        }
        // Of eight: seven, then six beside one, four beside two, two beside three or four.
        let first = [given(1), given(2), given(3), given(4), given(5)]
        #expect(first == [7, 6, 4, 2, 2])
        giveBack(1, 6)
        giveBack(2, 5)
        giveBack(3, 3)
        // One comes back, and waits; another one goes, and leaves it to him.
        #expect(given(1) == 1 && given(3) == 1)
        let waiting = shares.acquire(1)
        giveBack(5, 1)
        #expect(waiting == .wait(ticket: 8), "\(waiting)")
        giveBack(4, 2)
        let turns = shares.release(5)
        #expect(turns == [8])
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
                // Another one has his share already.
                let held = Task {
                    try await PostgresPool.$shareholder.withValue(9) {
                        try await pool.withConnection { _ in
                            _ = try? await Task.sleep(for: .seconds(600))
                        }
                    }
                }
                defer { held.cancel() }
                try await eventually("it is held") { pool.statistics.leased == 1 }
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
