import CareEpisode
import Postgres
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Ledger
@testable import ProjectionRuntime

/// Nobody's lock on a table stops the read models: each wait for one would end in an error, which fails
/// these tests.
@Suite("Read models beside a dump, a vacuum and an index that is made", .serialized)
struct LockedTableTests {
    /// Runs a body while another session holds a lock on the tables of two read models.
    private func holding(
        _ mode: String,
        _ fixture: ProjectionFixture,
        _ body: () async throws -> Void
    ) async throws {
        let configuration = try PostgresConfiguration(url: fixture.url)
        try await PostgresConnection.withConnection(configuration) { other in
            try await other.withTransaction { other in
                for table in ["entry_count", "census_episode", "census_stay", "census_life_cycle"] {
                    _ = try await other.query(
                        "lock table read_model.\(raw: table) in \(raw: mode) mode"
                    )
                }
                try await body()
            }
        }
    }

    @Test(
        "A rebuild ends, old rows are removed and the head is reached while a table is locked",
        arguments: [
            // What pg_dump holds until it ends, and what VACUUM, ANALYZE and CREATE INDEX
            // CONCURRENTLY hold.
            "access share", "share update exclusive",
        ]
    )
    func locked(_ mode: String) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 91)
            try await fixture.append(histories.events(60, episodes: 5))
            try await fixture.catchUp(EntryCount())
            try await fixture.catchUp(try fixture.census)
            try await holding(mode, fixture) {
                let counted = try await fixture.rebuild(EntryCount()).run()
                let census = try await fixture.rebuild(try fixture.census).run()
                #expect(counted.generation == 2 && counted.differing == 0)
                #expect(census.generation == 2 && census.differing == 0)
                try await fixture.rebuild(EntryCount()).removeOldRows()
                #expect(try await fixture.counts(1).isEmpty)

                // A worker that runs gets to the head.
                let worker = fixture.worker(EntryCount())
                async let running: Void = worker.run(feed: LiveFeed())
                try await fixture.append(histories.events(60, episodes: 5))
                try await eventually("the worker is at the head") {
                    try await fixture.checkpoint("entries")?.position == Position(120)
                }
                worker.stop()
                try await running
            }
            #expect(
                try await fixture.counts(2)
                    == (try await fixture.expectedCounts(through: Position(120)))
            )
        }
    }
}
