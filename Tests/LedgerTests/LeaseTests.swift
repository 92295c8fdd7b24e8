import CareEpisode
import Ledger
import Postgres
import TestSupport
import Testing

@Suite("Lease")
struct LeaseTests {
    /// The row of a ledger's sealer, which every ledger has.
    private static func row(_ ledger: LedgerID) -> Lease.Row {
        Lease.Row("sealer", of: ledger)
    }

    private static func acquire(
        _ row: Lease.Row,
        _ holder: String,
        _ pool: PostgresPool
    ) async throws -> Lease? {
        try await pool.withConnection { connection in
            try await Lease.acquire(row, holder: holder, seconds: 60, connection)?.lease
        }
    }

    @Test("A lease that was handed back is free, also where its holder renews it once more")
    func released() async throws {
        try await LedgerFixture.withDatabase { database in
            let pool = PostgresPool(database.configuration, limit: 1)
            let ledger = try await database.ledger(named: .default).id
            _ = try await pool.query(
                "insert into sealer (ledger_id) values (\(ledger.rawValue)) on conflict do nothing"
            )
            let row = Self.row(ledger)
            let first = try #require(try await Self.acquire(row, "first", pool))
            #expect(try await first.renew(pool))
            #expect(try await Self.acquire(row, "second", pool) == nil)
            try await first.release(pool)
            // The loop that keeps a lease may be between two looks when it is handed back.
            #expect(try await first.renew(pool) == false)
            let second = try #require(try await Self.acquire(row, "second", pool))
            #expect(second.epoch > first.epoch)
            #expect(try await first.renew(pool) == false)
            try await first.release(pool)
            #expect(try await second.renew(pool), "what is lost is not handed back")
            await pool.close()
        }
    }

    @Test(
        "A lease that was taken while the clock was ahead holds nobody off",
        arguments: ["200 days", "3 minutes"]
    )
    func clockWasAhead(by ahead: String) async throws {
        try await LedgerFixture.withDatabase { database in
            let pool = PostgresPool(database.configuration, limit: 1)
            let ledger = try await database.ledger(named: .default).id
            _ = try await pool.query(
                "insert into sealer (ledger_id) values (\(ledger.rawValue)) on conflict do nothing"
            )
            let row = Self.row(ledger)
            let first = try #require(try await Self.acquire(row, "first", pool))
            func set(_ ahead: String) async throws {
                _ = try await pool.query(
                    "update sealer set lease_until = clock_timestamp() + \(ahead)::text::interval"
                )
            }
            // Its holder is there, and brings it back to what a lease may last.
            try await set(ahead)
            #expect(try await first.renew(pool))
            #expect(try await Self.acquire(row, "second", pool) == nil)
            let rows = try await pool.query(
                """
                select extract(epoch from lease_until - clock_timestamp())::float8 as rest
                from sealer
                """
            )
            #expect(try rows[0].get("rest", as: Double.self) <= Lease.longest)
            // Its holder is gone.
            try await set(ahead)
            let second = try #require(try await Self.acquire(row, "second", pool))
            #expect(second.epoch > first.epoch)
            #expect(try await first.renew(pool) == false)
            await pool.close()
        }
    }
}
