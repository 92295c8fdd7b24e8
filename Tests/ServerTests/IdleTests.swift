import AsyncHTTPClient
import CareEpisode
import Ledger
import NIOCore
import NIOHTTP1
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("Waiting costs nothing")
struct IdleTests {
    @Test("Idle ledgers and streams make as many statements as none")
    func idle() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let ledgers = 24
            for number in 1...ledgers {
                let name = try #require(LedgerName("idle-\(number)"))
                _ = try await fixture.database.createLedger(named: name, timeZone: "UTC")
            }
            #expect(
                try await fixture.post(.fresh, [SampleEvent.admitted()], token: token).status == 201
            )
            // Every read model, and the seal, of every ledger has somebody who keeps it.
            try await eventually("all leases are held") {
                let rows = try await fixture.database.reader.query(
                    """
                    select (select count(*) from read_model_state where lease_until is not null)
                        + (select count(*) from sealer where lease_until is not null) as held
                    """
                )
                return try rows[0].get("held", as: Int.self) == (ledgers + 1) * 5
            }
            var configuration = HTTPClient.Configuration()
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 100
            let client = HTTPClient(configuration: configuration)
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<60 {
                    group.addTask {
                        var request = HTTPClientRequest(
                            url:
                                "http://127.0.0.1:\(fixture.port)/v1/ledgers/default/events?after=1"
                        )
                        request.headers.add(name: "accept", value: "text/event-stream")
                        request.headers.add(name: "authorization", value: "Bearer \(token)")
                        let response = try await client.execute(request, timeout: .hours(1))
                        for try await _ in response.body {}
                    }
                }
                let feed = fixture.service.feeds.feed(of: fixture.ledger.id)
                func looks(_ number: Int) async throws {
                    let wanted = feed.seen.looks + number
                    try await eventually("\(number) looks") { feed.seen.looks >= wanted }
                }
                // What was done while they began is told late. A look a second, and two renewals every
                // three seconds are left; each looking for himself, they would make some 1,500.
                try await eventually("they are quiet", within: .seconds(120)) {
                    let before = try await Self.transactions(fixture)
                    try await looks(4)
                    return try await Self.transactions(fixture) - before < 30
                }
                group.cancelAll()
                while let result = await group.nextResult() { _ = result }
            }
            try await client.shutdown()
        }
    }

    /// How many transactions the database has seen, this one aside.
    private static func transactions(_ fixture: ServiceFixture) async throws -> Int {
        let rows = try await fixture.database.reader.query(
            """
            select xact_commit + xact_rollback as number
            from pg_stat_database
            where datname = current_database()
            """
        )
        return try rows[0].get("number")
    }
}
