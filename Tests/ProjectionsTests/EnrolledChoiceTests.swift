import CareEpisode
import Ledger
import Postgres
import ProjectionTestSupport
import TestSupport
import Testing

@testable import ProjectionRuntime
@testable import Projections

@Suite("Episodes that can have been enrolled at a time")
struct EnrolledChoiceTests {
    @Test(
        "Those that are left out unread have no part in an answer, whatever was known",
        arguments: [71, 72] as [UInt64]
    )
    func leavesOut(seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            let projection = try CensusProjection(fixture.ledger)
            let calendar = projection.calendar
            var histories = RandomHistories(seed: seed, calendar: calendar, days: 120)
            try await fixture.append(histories.events(900, episodes: 60))
            let worker = ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            // What the worker has not come to yet is not left out.
            try await worker.catchUp(to: Position(rawValue: 880))
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let query = try CensusQuery(fixture.database, ledger: fixture.ledger)
            var random = SeededRandom(seed: seed)
            let head = try await fixture.head()
            let times = try await fixture.reader.page(after: .zero, until: head, limit: 1_000)
                .events.map(\.history)
            var (leftOut, found) = (0, 0)
            for _ in 0..<40 {
                let clock = random.pick([KnowledgeClock.source, .ledger])
                let at = random.pick(times).knowledgeTime(clock)
                let day = date("2024-02-10").adding(days: Int.random(in: 0..<160, using: &random))
                let span = calendar.instants(from: day, through: day)
                let effectiveAt = justBefore(span.upperBound)
                let knowledge = Knowledge(at: at, by: clock)
                let all = try await model.folded(
                    knownAt: at,
                    knownBy: clock,
                    effectiveAt: effectiveAt
                ).0
                let whole = CensusOfDate(
                    day,
                    all,
                    effectiveAt: effectiveAt,
                    program: nil,
                    calendar: calendar
                )
                let (answer, _) = try await query.date(
                    day,
                    effectiveAt: effectiveAt,
                    knowledge: knowledge
                )
                #expect(answer.day.groups == whole.day.groups, "\(seed) \(day) \(knowledge)")
                #expect(answer.episodes.map(\.episodeID) == whole.episodes.map(\.episodeID))
                #expect(answer.episodes.map(\.stay) == whole.episodes.map(\.stay))
                found += whole.episodes.count
                let chosen = try await EpisodeChoice.enrolled(in: span).choose(
                    model.histories,
                    knowledge,
                    head
                )
                leftOut += Set(all.map(\.episodeID)).subtracting(try #require(chosen)).count
            }
            #expect(leftOut > 50 && found > 100, "\(leftOut) left out, \(found) found")
        }
    }

    @Test("Every version of admissions and ends has a row, which stays when it is moved")
    func rows() async throws {
        try await ProjectionFixture.with { fixture in
            let projection = try CensusProjection(fixture.ledger)
            var histories = RandomHistories(seed: 74, calendar: projection.calendar, days: 30)
            try await fixture.append(histories.events(600, episodes: 30))
            let worker = ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            let rows = try await fixture.database.reader.query(
                """
                select l.type, count(*) as rows, count(*) filter (where e.type = l.type) as events
                from read_model.census_life_cycle l
                join event e using (ledger_id, position, episode_id, occurred_at, known_at)
                group by l.type
                """
            )
            let counts = try Dictionary(
                uniqueKeysWithValues: rows.map {
                    (try $0.get("type", as: String.self), try $0.get("rows", as: Int64.self))
                }
            )
            for row in rows { #expect(try row.get("rows", as: Int64.self) == row.get("events")) }
            for type in [EventType.admitted, .completed, .entryCorrected, .entryRetracted] {
                #expect(counts[type.rawValue] ?? 0 > 0, "\(type)")
            }
            let admissions = try await fixture.database.reader.query(
                "select count(*) as count from event where type in ('admitted', 'completed')"
            )
            let expected = try #require(admissions.first).get("count", as: Int64.self)
            #expect((counts["admitted"] ?? 0) + (counts["completed"] ?? 0) == expected)
        }
    }
}
