import CareEpisode
import Postgres
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Ledger
@testable import ProjectionRuntime

/// Whoever may write rows may say that an episode is parked, too.
@Suite("Parked episodes, verified", .serialized)
struct ParkedVerificationTests {
    /// Two batches of events of the same episodes, the first of them folded.
    private func withEpisodes(
        _ seed: UInt64,
        _ body: (
            _ fixture: ProjectionFixture, _ projection: EntryCount, _ later: [RandomEvent]
        ) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: seed)
            let projection = EntryCount()
            try await fixture.append(histories.events(60, episodes: 5))
            try await fixture.catchUp(projection)
            try await body(fixture, projection, histories.events(60, episodes: 5))
        }
    }

    private func verify(
        _ fixture: ProjectionFixture,
        _ projection: EntryCount
    ) async throws -> VerificationReport {
        var report = VerificationReport()
        try await ProjectionVerification(projection, fixture.database, ledger: fixture.ledger)
            .run(through: try await fixture.head(), &report)
        return report
    }

    private func park(_ fixture: ProjectionFixture, _ episode: EpisodeID) async throws {
        try await fixture.superuser(
            """
            insert into read_model_parked
                (ledger_id, name, generation, episode_id, position, reason)
            values (
                \(fixture.ledger.id.rawValue), 'entries', 1, '\(episode)', 60,
                'the database refuses its rows: SQLSTATE 23514 check_violation'
            )
            """
        )
    }

    @Test("Where the database refuses more, or the next event cannot be folded, it is a notice")
    func honest() async throws {
        try await withEpisodes(91) { fixture, projection, later in
            let good = try await fixture.counts()
            let touched = Set(later.map(\.episodeID)).filter { good[$0] != nil }.sorted()
            let (refused, failing) = (try #require(touched.first), try #require(touched.last))
            let entries = try #require(good[refused])
            try await fixture.refuse("episode_id <> '\(refused)' or entries = \(entries)")
            projection.poison[failing] = EntryCount.Poisoned(parkingReason: "poison")
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            projection.poison[failing] = nil
            var longest = projection
            longest.failing = (failing, Int(try #require(good[failing])))
            let report = try await verify(fixture, longest)
            #expect(report.faults == [] && report.notices.count == 2)
            #expect(report.notices.contains { $0.contains("SQLSTATE 23514 check_violation") })
            #expect(report.notices.contains { $0.contains("the next event cannot be folded") })
        }
    }

    @Test("Rows of another part of the history, and rows of none, are found")
    func forged() async throws {
        try await withEpisodes(92) { fixture, projection, later in
            let good = try await fixture.counts()
            let episode = try #require(later.map(\.episodeID).first { good[$0] ?? 0 > 2 })
            let entries = try #require(good[episode])
            try await fixture.refuse("episode_id <> '\(episode)' or entries <= \(entries)")
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            #expect(try await verify(fixture, projection).faults == [])
            for forgery in ["entries = 1", "entries = -1"] {
                try await fixture.superuser(
                    "update read_model.entry_count set \(forgery) where episode_id = '\(episode)'"
                )
                let report = try await verify(fixture, projection)
                #expect(report.faults.map(\.kind.code) == ["read_model"])
            }
            try await fixture.superuser(
                "delete from read_model.entry_count where episode_id = '\(episode)'"
            )
            #expect(try await verify(fixture, projection).faults.count == 1)
        }
    }

    @Test("Of an episode that nothing keeps from being folded and stored, no row is excused")
    func falselyParked() async throws {
        try await withEpisodes(93) { fixture, projection, _ in
            let counts = try await fixture.counts()
            let episode = try #require(counts.first { $0.value > 1 }).key
            try await park(fixture, episode)
            // Its rows are all there: what is wrong is that answers name it.
            let idle = try await verify(fixture, projection)
            #expect(idle.faults == [])
            #expect(idle.notices.contains { $0.contains("`projections retry`") })
            for forgery in [
                "update read_model.entry_count set entries = entries - 1",
                "delete from read_model.entry_count",
            ] {
                try await fixture.superuser("\(forgery) where episode_id = '\(episode)'")
                let report = try await verify(fixture, projection)
                #expect(report.faults.map(\.kind.code) == ["read_model"])
                #expect(report.first?.position != nil)
            }
        }
    }

    @Test("Who may not try what the database refuses is told so")
    func untried() async throws {
        try await withEpisodes(94) { fixture, projection, later in
            let good = try await fixture.counts()
            let episode = try #require(later.map(\.episodeID).first { good[$0] != nil })
            let entries = try #require(good[episode])
            try await fixture.refuse("episode_id <> '\(episode)' or entries = \(entries)")
            try await fixture.append(later)
            try await fixture.catchUp(projection)
            let name = try await fixture.superuser("select quote_ident(current_database()) as name")
            let database = try #require(name.first).get("name", as: String.self)
            try await fixture.superuser("revoke temporary on database \(database) from public")
            let report = try await verify(fixture, projection)
            #expect(report.faults.count == 1)
            #expect(report.faults.first?.kind.detail.contains("42501") == true)
        }
    }
}
