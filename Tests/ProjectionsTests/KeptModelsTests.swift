import CareEpisode
import Ledger
import ProjectionTestSupport
import TestSupport
import Testing

@testable import ProjectionRuntime
@testable import Projections

@Suite("Models that are kept between questions")
struct KeptModelsTests {
    @Test(
        "Answers from what is kept are those of the tables, whatever was recorded in between",
        arguments: [301, 302] as [UInt64]
    )
    func answers(seed: UInt64) async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(
                seed: seed,
                calendar: calendar,
                days: 60,
                medications: true
            )
            var random = SeededRandom(seed: seed)
            // The histories are of 2024: everything is kept.
            let kept = KeptModels(days: 10_000)
            let projections = try ReadModels.all(fixture.ledger)
            var changed = 0
            for turn in 0..<12 {
                let events = histories.events(Int.random(in: 1...60, using: &random), episodes: 20)
                try await fixture.append(events)
                for projection in projections { try await fixture.keepUp(projection) }
                // Models of another snapshot are there from the second turn on.
                if turn > 0 { changed += events.count }
                var context = try await LedgerContext(fixture.database, fixture.ledger)
                let day = date("2024-02-10").adding(days: Int.random(in: 0..<90, using: &random))
                let questions: [(any Question.Type, [String: [String]])] = [
                    (CensusQuestion.self, ["date": [day.description]]),
                    (
                        CensusQuestion.self,
                        ["from": [day.adding(days: -20).description], "to": [day.description]]
                    ),
                    (AttendanceQuestion.self, ["effective_at": [day.description]]),
                    (MedicationReviewQuestion.self, ["effective_at": [day.description]]),
                    (MedicationReviewQuestion.self, [:]),
                    (OutcomesQuestion.self, ["from": ["2024-03-01"], "to": [day.description]]),
                ]
                for (question, values) in questions {
                    guard question != OutcomesQuestion.self || day > date("2024-03-01") else {
                        continue
                    }
                    context.kept = nil
                    let expected = try await bytes(question, values, context)
                    context.kept = kept
                    #expect(
                        try await bytes(question, values, context) == expected,
                        "seed \(seed) turn \(turn) \(question) \(values)"
                    )
                }
            }
            #expect(changed > 100)
        }
    }

    private func bytes<Asked: Question>(
        _ question: Asked.Type,
        _ values: [String: [String]],
        _ context: LedgerContext
    ) async throws -> [UInt8] {
        try await Asked.read(Arguments(values), at: context.moment).written(context).json.bytes
    }

    @Test("An episode that is parked, and one that is read again, is as the tables have it")
    func parked() async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(seed: 303, calendar: calendar)
            try await fixture.append(histories.events(200, episodes: 12))
            let projection = try CensusProjection(fixture.ledger)
            try await fixture.keepUp(projection)
            let kept = KeptModels(days: 10_000)
            func census(_ kept: KeptModels?) async throws -> ([UInt8], Int) {
                var context = try await LedgerContext(fixture.database, fixture.ledger)
                context.kept = kept
                let day = ["2024-03-10"]
                let answer = try await CensusQuestion.read(
                    Arguments(["date": day]),
                    at: context.moment
                ).answer(context)
                return (answer.json.bytes, answer.basis.parked.count)
            }
            _ = try await census(kept)
            _ = try await fixture.poison()
            try await fixture.keepUp(projection)
            let (bytes, parked) = try await census(kept)
            #expect(parked == 1)
            #expect(try await census(nil).0 == bytes)
        }
    }

    @Test("A rebuild, and a ledger's other read models, leave nothing old behind")
    func rebuilt() async throws {
        try await ProjectionFixture.with { fixture in
            let calendar = try LocalCalendar(timeZone: fixture.ledger.timeZone)
            var histories = RandomHistories(seed: 304, calendar: calendar)
            try await fixture.append(histories.events(150, episodes: 10))
            let projection = try CensusProjection(fixture.ledger)
            try await fixture.keepUp(projection)
            let kept = KeptModels(days: 10_000)
            let model = ReadModel(projection, fixture.database, ledger: fixture.ledger)
            let reads = Counter()
            func whole() async throws -> Int {
                let id = fixture.ledger.id
                return try await model.keptModels(
                    notEndedBefore: calendar.startOfDay(date("2024-02-10")),
                    kept
                ) { connection, generation, start, episodes in
                    if episodes == nil { await reads.add() }
                    return try await CensusRows.notOver(
                        before: start,
                        episodes,
                        id,
                        generation,
                        connection
                    )
                }.0.count
            }
            let count = try await whole()
            #expect(count > 0)
            #expect(try await whole() == count)
            #expect(await reads.count == 1, "nothing has changed: nothing is read again")
            _ = try await ProjectionRebuild(
                projection,
                fixture.database,
                ledger: fixture.ledger,
                holder: "test"
            ).run()
            #expect(try await whole() == count)
            #expect(await reads.count == 2, "other rows: everything is read again")
        }
    }

    private actor Counter {
        var count = 0
        func add() { count += 1 }
    }
}
