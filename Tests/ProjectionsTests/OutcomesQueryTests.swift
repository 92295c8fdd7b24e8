import CareEpisode
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Outcomes from the tables and from any time", .serialized)
struct OutcomesQueryTests {
    private func withLedger(
        seed: UInt64,
        _ body: (ProjectionFixture, CensusQuery) async throws -> Void
    ) async throws {
        try await ProjectionFixture.with(timeZone: "America/New_York") { fixture in
            let projection = try CensusProjection(fixture.ledger)
            var histories = RandomHistories(seed: seed, calendar: projection.calendar, days: 40)
            try await fixture.append(histories.events(400, episodes: 20))
            let worker = ProjectionWorker(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            )
            try await worker.catchUp(to: try await fixture.head())
            try await body(fixture, try CensusQuery(fixture.database, ledger: fixture.ledger))
        }
    }

    @Test("The tables answer as a fold does, for the past and for what was known then")
    func tablesAndFolds() async throws {
        try await withLedger(seed: 81) { fixture, query in
            let model = ReadModel(
                try CensusProjection(fixture.ledger),
                fixture.database,
                ledger: fixture.ledger
            )
            var found = (discharges: 0, otherwise: 0)
            for day in stride(from: 0, to: 80, by: 8) {
                let from = date("2024-02-12").adding(days: day)
                let to = from.adding(days: 20)
                let effectiveAt = justBefore(query.calendar.startOfDay(to.adding(days: 1)))
                for program in [nil, "php"] {
                    func fold(_ knowledge: Knowledge?) async throws -> PeriodOutcomes {
                        PeriodOutcomes(
                            try await model.folded(
                                knownAt: knowledge?.at,
                                knownBy: knowledge?.by ?? .source,
                                effectiveAt: effectiveAt
                            ).0,
                            from: from,
                            to: to,
                            program: program,
                            effectiveAt: effectiveAt,
                            calendar: query.calendar
                        )
                    }
                    func answer(_ knowledge: Knowledge?) async throws -> PeriodOutcomes {
                        try await query.outcomes(
                            from: from,
                            to: to,
                            effectiveAt: effectiveAt,
                            program: program,
                            knowledge: knowledge
                        ).0
                    }
                    let now = try await answer(nil)
                    #expect(now == (try await fold(nil)), "\(from)")
                    let knowledge = Knowledge(at: effectiveAt)
                    let then = try await answer(knowledge)
                    #expect(then == (try await fold(knowledge)), "\(from)")
                    found.discharges += now.discharges
                    if then != now { found.otherwise += 1 }
                }
            }
            #expect(found.discharges > 5 && found.otherwise > 5, "\(found)")
        }
    }

    @Test("The answer has the members that are documented, the known time among them")
    func json() async throws {
        try await withLedger(seed: 82) { fixture, query in
            let (from, to) = (date("2023-01-01"), date("2023-01-02"))
            let knownAt = moment("2023-01-03")
            let (outcomes, basis) = try await query.outcomes(
                from: from,
                to: to,
                effectiveAt: knownAt,
                knowledge: Knowledge(at: knownAt)
            )
            let head = try await fixture.head()
            #expect(
                String(
                    decoding: outcomes.json(fixture.ledger, basis).bytes,
                    as: UTF8.self
                )
                    == #"{"from":"2023-01-01","to":"2023-01-02","program":null,"by":"episode","#
                    + #""ledger":"clinic","position":\#(head),"lag":0,"known_at":"2023-01-03T00:00:00.000000Z","#
                    + #""known_by":"source","by_reason":[],"discharges":0,"alos_days":null,"#
                    + #""median_los_days":null,"los_quartile_days":null,"adc":0,"#
                    + #""average_daily_enrolment":0,"parked":[]}"#
            )
        }
    }
}
