import CareEpisode
import Postgres
import ProjectionTestSupport
import Projections
import TestSupport
import Testing

@testable import Ledger
@testable import ProjectionRuntime

/// One bad row stops nobody but its episode.
@Suite("Episodes whose rows the database refuses", .serialized)
struct RefusedRowsTests {
    private static let reason = "the database refuses its rows: SQLSTATE 23514 check_violation"

    private func status(
        _ fixture: ProjectionFixture,
        _ name: String = "entries"
    ) async throws -> ProjectionStatus {
        let all = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
        return try #require(all.first { $0.name == name })
    }

    private func retry(_ fixture: ProjectionFixture) async throws {
        let marked = try await ProjectionStatus.retryParked(
            fixture.database,
            ledger: fixture.ledger,
            name: nil,
            episode: nil
        )
        #expect(marked > 0)
        try await fixture.retry(EntryCount())
    }

    @Test("It is parked with its last good rows, the others go on, and status names the SQLSTATE")
    func parks() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 81)
            try await fixture.append(histories.events(60, episodes: 5))
            try await fixture.catchUp(EntryCount())
            let good = try await fixture.counts()
            let later = histories.events(60, episodes: 5)
            let touched = Set(later.map(\.episodeID))
            let (episode, entries) = try #require(good.first { touched.contains($0.key) })
            try await fixture.refuse("episode_id <> '\(episode)' or entries = \(entries)")
            try await fixture.append(later)
            try await fixture.catchUp(EntryCount())

            var expected = try await fixture.expectedCounts(through: Position(120))
            #expect(expected[episode] != entries)
            expected[episode] = entries
            #expect(try await fixture.counts() == expected)
            let status = try await status(fixture)
            #expect(status.position == Position(120) && status.lag == 0)
            #expect(status.parked.map(\.episodeID) == [episode])
            #expect(status.parked.map(\.reason) == [Self.reason])
            let model = ReadModel(EntryCount(), fixture.database, ledger: fixture.ledger)
            #expect(try await model.withTables { $2.parked } == [episode])

            // Asked for again it stays so, and once its rows are taken it is like the others.
            try await retry(fixture)
            #expect(try await fixture.counts() == expected)
            #expect(try await self.status(fixture).parked.map(\.reason) == [Self.reason])
            try await fixture.refuseNothing()
            try await retry(fixture)
            #expect(
                try await fixture.counts()
                    == (try await fixture.expectedCounts(through: Position(120)))
            )
            #expect(try await self.status(fixture).parked.isEmpty)
        }
    }

    @Test("Its rows are those of the longest part of its history that is taken, rebuilt too")
    func longestPart() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 70)
            try await fixture.refuse("entries <= 4")
            try await fixture.append(histories.events(90, episodes: 12))
            // In one batch: there never were any rows before.
            try await fixture.catchUp(EntryCount())
            let expected = try await fixture.expectedCounts(through: Position(90))
            let tooLong = Set(expected.filter { $0.value > 4 }.keys)
            #expect(!tooLong.isEmpty && tooLong.count < expected.count)
            let counts = try await fixture.counts()
            #expect(counts == expected.mapValues { min($0, 4) })
            #expect(Set(try await status(fixture).parked.map(\.episodeID)).isSuperset(of: tooLong))

            let report = try await fixture.rebuild(EntryCount()).run()
            #expect(report.differing == 0 && report.parked >= tooLong.count)
            #expect(try await fixture.counts(2) == counts)
            let parked = try await status(fixture).parked
            #expect(Set(parked.map(\.episodeID)).isSuperset(of: tooLong))
            #expect(Set(parked.map(\.reason)) == [Self.reason])
        }
    }

    @Test("Nobody waits for it a second time: its next events are tried alone, and one may mend it")
    func remembered() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 82)
            let events = histories.events(200, episodes: 12)
            let episode = try #require(events.first).episodeID
            try await fixture.superuser("create sequence refusals")
            try await fixture.superuser("grant all on sequence refusals to public")
            try await fixture.refuse(
                "episode_id <> '\(episode)' or nextval('refusals') < 0"
            )
            try await fixture.append(events.dropLast())
            let registry = fixture.registry(EntryCount())
            try await registry.register()
            let lease = try #require(try await registry.acquire())
            var rows = GenerationWriter(registry, fixture.reader, lease: lease)
            try await rows.advance(to: Position(100))
            let first = try await fixture.refusals()
            #expect(first > 1)
            let later = try await fixture.superuser(
                "select count(*) as number from event where position > 100 and episode_id = '\(episode)'"
            )
            let touched = try #require(later.first).get("number", as: Int64.self)
            #expect(touched > 1)
            for position in 101...199 { try await rows.advance(to: Position(Int64(position))) }
            // One attempt for each of its events, and none together with others.
            #expect(try await fixture.refusals() == first + touched)
            #expect(try await status(fixture).parked.map(\.episodeID) == [episode])

            try await fixture.refuseNothing()
            try await fixture.append([
                RandomEvent(episodeID: episode, draft: SampleEvent.session())
            ])
            try await rows.advance(to: Position(200))
            #expect(try await status(fixture).parked.isEmpty)
            #expect(
                try await fixture.counts()
                    == (try await fixture.expectedCounts(through: Position(200)))
            )
        }
    }

    @Test("One bad episode of 3,000 costs a logarithm of attempts, and all of them bad no square")
    func limitedWork() async throws {
        try await ProjectionFixture.with { fixture in
            let episodes = (0..<3_000).map { _ in EpisodeID.fresh }
            try await fixture.append(
                episodes.map { RandomEvent(episodeID: $0, draft: SampleEvent.admitted()) }
            )
            try await fixture.superuser("create sequence refusals")
            try await fixture.superuser("grant all on sequence refusals to public")
            let bad = episodes[2_000]
            try await fixture.refuse("episode_id <> '\(bad)' or nextval('refusals') < 0")
            try await fixture.catchUp(EntryCount())
            #expect(try await status(fixture).parked.map(\.episodeID) == [bad])
            #expect(try await fixture.counts().count == 2_999)
            // All together, then 256 of them, then halves of these.
            #expect(try await fixture.refusals() <= 2 + 9)

            // A rebuild narrows down as well, and goes to its end.
            let report = try await fixture.rebuild(EntryCount()).run()
            #expect(report.parked == 1 && report.differing == 0)
            #expect(try await fixture.refusals() <= 2 * (2 + 9))

            try await fixture.refuseNothing()
            try await fixture.superuser("alter sequence refusals restart")
            try await fixture.refuse("nextval('refusals') < 0")
            let all = try await fixture.rebuild(EntryCount()).run()
            #expect(all.parked == 3_000)
            #expect(try await status(fixture).parked.count == 1_000, "no more are shown")
            // As many halves as episodes, each of which fails, and the episodes.
            #expect(try await fixture.refusals() <= 2 * 3_000 + 1)
        }
    }

    @Test("What single events say of a parked episode is kept, and each once")
    func insertOnly() async throws {
        try await ProjectionFixture.with { fixture in
            var histories = try fixture.histories(seed: 83)
            let events = histories.events(120, episodes: 8)
            try await fixture.append(events.prefix(60))
            try await fixture.catchUp(try fixture.census)
            try await fixture.superuser(
                """
                alter table read_model.census_episode add constraint refused
                check (episode_id <> '\(try #require(events.first).episodeID)') not valid
                """
            )
            try await fixture.append(events.suffix(60))
            try await fixture.catchUp(try fixture.census)
            #expect(try await status(fixture, "census").parked.count == 1)
            let kept = try await fixture.rows("census_life_cycle")
            #expect(Set(kept).count == kept.count && !kept.isEmpty)
            let stored = try await fixture.rows("census_episode")

            let parked = try await fixture.rebuild(try fixture.census).run()
            #expect(parked.parked == 1 && parked.differing == 0)
            #expect(try await fixture.rows("census_life_cycle", generation: 2) == kept)
            let rebuilt = try await fixture.rows("census_episode", generation: 2)
            #expect(rebuilt.count == stored.count - 1)

            try await fixture.superuser(
                "alter table read_model.census_episode drop constraint refused"
            )
            let whole = try await fixture.rebuild(try fixture.census).run()
            #expect(whole.parked == 0 && whole.differing == 0)
            #expect(try await fixture.rows("census_life_cycle", generation: 3) == kept)
            #expect(try await status(fixture, "census").parked.isEmpty)
        }
    }
}

extension ProjectionFixture {
    /// Has the database refuse rows of the counting read model, from now on.
    func refuse(_ condition: String) async throws {
        try await superuser(
            "alter table read_model.entry_count add constraint refused check (\(condition)) not valid"
        )
    }

    func refuseNothing() async throws {
        try await superuser("alter table read_model.entry_count drop constraint refused")
    }

    /// How often a sequence was asked, by what was rolled back too.
    func refusals() async throws -> Int64 {
        let rows = try await superuser(
            "select case when is_called then last_value else 0 end as number from refusals"
        )
        return try #require(rows.first).get("number")
    }
}
