import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Statistics from the tables and from any time")
struct StatisticsQueryTests {
    @Test("The tables answer as a fold does, for the past and for what was known then")
    func tablesAndFolds() async throws {
        try await ProjectionFixture.with(timeZone: "America/New_York") { fixture in
            let projection = try CensusProjection(fixture.ledger)
            var histories = RandomHistories(seed: 91, calendar: projection.calendar, days: 40)
            try await fixture.append(histories.events(600, episodes: 30))
            let worker = ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let context = try await LedgerContext(fixture.database, fixture.ledger)
            var found = (readmissions: 0, otherwise: 0)
            for day in stride(from: 0, to: 80, by: 16) {
                let from = date("2024-02-12").adding(days: day)
                let to = from.adding(days: 40)
                func json(_ arguments: [String: String]) async throws -> (String, Int) {
                    let values = ["from": "\(from)", "to": "\(to)", "by": "month"]
                        .merging(arguments) { $1 }.mapValues { [$0] }
                    let question = try StatisticsQuestion.read(
                        Arguments(values),
                        at: context.moment
                    )
                    let answer = try await question.answer(context)
                    let (models, basis) = try await model.folded(
                        knownAt: question.clocks.knowledge?.at,
                        knownBy: .source,
                        effectiveAt: question.effectiveAt
                    )
                    let fold = question.statistics(models, context.calendar, AttendanceSettings())
                    #expect(
                        answer.json.bytes == fold.json(context.ledger, basis).bytes,
                        "\(values)"
                    )
                    let readmissions = answer.value.periods.reduce(0) { $0 + $1.total.readmissions }
                    let text = fold.items.map { String(decoding: $0.value.bytes, as: UTF8.self) }
                    return (text.joined(separator: "\n"), readmissions)
                }
                let now = try await json([:])
                found.readmissions += now.1
                let then = try await json(["known_at": "\(to)"])
                if now.0 != then.0 { found.otherwise += 1 }
                _ = try await json(["program": "php", "by": "week"])
                _ = try await json(["effective_at": "\(from.adding(days: 20))"])
            }
            #expect(found.readmissions > 0 && found.otherwise > 2, "\(found)")
        }
    }

    @Test("A miss after an end that nobody knew of is read though nothing else lies in the period")
    func lateMiss() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            // What the rows say, whichever way they came there: the last session is after the end.
            let from = moment("2026-05-01"), to = moment("2026-06-01")
            let episodes = CensusRows.whole(from..<to, fixture.ledger.id, 1)[0]
            _ = try await fixture.database.projector.query(
                """
                insert into read_model.census_episode (ledger_id, generation, episode_id, client_id,
                    admitted_at, ended_at, end_reason, last_contact_at, length_of_stay_days,
                    session_at, session_minutes, flag, flag_at, flag_events, session_outcome)
                select \(fixture.ledger.id.rawValue), 1, gen_random_uuid(), 'C-' || n, 0,
                    \(from.microseconds - 1), 'completed', 0, 1,
                    array[\(from.microseconds - 1) + n], array[0], '{}', '{}', '{}',
                    array['no_show']
                from generate_series(0::bigint, 1) as s (n)
                """
            )
            let rows = try await fixture.database.reader.query(episodes)
            #expect(try rows.map { try $0.get("client_id", as: String.self) } == ["C-1"])
        }
    }
}
