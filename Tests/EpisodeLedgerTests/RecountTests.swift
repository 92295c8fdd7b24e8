import CareEpisode
import Foundation
import TestSupport
import Testing

/// The census of the program against that of `Tests/Independent`, which shares no code with it.
@Suite("Independent recount")
struct RecountTests {
    @Test(
        "The MIMIC demo's census is the independent one's, every day",
        .enabled(
            if: CommandLineFixture.mimic != nil,
            "../shared/data/mimic/episodes.ndjson is absent"
        ),
        arguments: ["UTC", "Asia/Kathmandu"]
    )
    func mimic(_ zone: String) async throws {
        let path = try #require(CommandLineFixture.mimic)
        try await CommandLineFixture.with { fixture in
            let recount = try await Recount(fixture, zone: zone, importing: path)
            try await recount.check()
            try await recount.checkKnowledge(quantiles: [0.3, 0.8], of: .source)
            try await recount.checkKnowledge(quantiles: [0.5], of: .ledger)
        }
    }

    @Test(
        "Random histories' census is the independent one's, every day, known at any time",
        arguments: [1, 2, 3],
        ["America/New_York", "Australia/Lord_Howe"]
    )
    func random(_ seed: Int, _ zone: String) async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.python([
                "random_histories.py", "--seed", "\(seed)", "--episodes", "80", "--time-zone", zone,
            ])
            let file = try fixture.file("histories.ndjson", lines.output)
            let recount = try await Recount(fixture, zone: zone, importing: file)
            try await recount.check()
            try await recount.checkKnowledge(quantiles: [0.1, 0.5, 0.9], of: .source)
            try await recount.checkKnowledge(quantiles: [0.5], of: .ledger)
            try await recount.checkDates(every: 17)
        }
    }

    @Test("Simulated episodes' census is the independent one's, every day")
    func simulated() async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.succeed(["simulate", "--episodes", "50", "--seed", "3"])
            let file = try fixture.file("simulated.ndjson", lines.output)
            let recount = try await Recount(fixture, zone: "America/Chicago", importing: file)
            try await recount.check()
            try await recount.checkKnowledge(quantiles: [0.25, 0.75], of: .source)
            try await recount.checkDates(every: 41)
        }
    }

    @Test("The comparison fails where a single number is another one")
    func tampered() async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.python([
                "random_histories.py", "--seed", "4", "--episodes", "20",
            ])
            let file = try fixture.file("histories.ndjson", lines.output)
            let recount = try await Recount(fixture, zone: "America/New_York", importing: file)
            let (expected, actual) = try await recount.files([])
            try await fixture.python(["compare_census.py", expected, actual])
            let text = try String(contentsOfFile: expected, encoding: .utf8)
            for (number, another) in [
                (#""census": 1"#, #""census": 2"#), (#""discharges": 1"#, #""discharges": 0"#),
                ("intensive_outpatient", "outpatient"),
            ] {
                let range = try #require(text.range(of: number))
                let other = text.replacingCharacters(in: range, with: another)
                let path = try fixture.file("tampered.json", Array(other.utf8))
                let end = try await fixture.python(["compare_census.py", path, actual], status: 1)
                #expect(!end.text.isEmpty)
            }
        }
    }
}

/// A ledger that is counted twice.
private struct Recount {
    private let fixture: CommandLineFixture
    private let zone: String
    private let eventsPath: String
    private let events: [RecordedLine]
    private let dates: (first: CalendarDate, last: CalendarDate)

    init(_ fixture: CommandLineFixture, zone: String, importing path: String) async throws {
        self.fixture = fixture
        self.zone = zone
        try await fixture.succeed(["ledgers", "create", "recount", "--time-zone", zone])
        let answer = try await fixture.answer(
            ImportAnswer.self,
            ["import", path, "--ledger", "recount"]
        )
        #expect(answer.refused == 0)
        let export = try await fixture.succeed(["export", "--ledger", "recount"])
        eventsPath = try fixture.file("recorded.ndjson", export.output)
        events = try export.output.split(separator: 0x0A).map {
            try fixture.decode(RecordedLine.self, Array($0))
        }
        let days = events.map { String($0.occurredAt.prefix(10)) }
        let first = try #require(days.min().flatMap { CalendarDate(iso8601: $0) })
        let last = try #require(days.max().flatMap { CalendarDate(iso8601: $0) })
        // Corrections move entries beyond what the events' own times say.
        let today = try #require(CalendarDate(iso8601: String(Date.now.ISO8601Format().prefix(10))))
        dates = (first.adding(days: -40), min(last.adding(days: 40), today.adding(days: -1)))
    }

    /// Counts twice, and returns the paths of the independent answer and of the program's.
    func files(_ knowledge: [String]) async throws -> (expected: String, actual: String) {
        let period = ["--from", "\(dates.first)", "--to", "\(dates.last)"]
        let expected = try await fixture.python(
            ["census.py", "--events", eventsPath, "--time-zone", zone] + period + knowledge
        )
        let actual = try await fixture.succeed(
            ["census", "--ledger", "recount", "--format", "json"] + period + knowledge
        )
        return (
            try fixture.file("expected.json", expected.output),
            try fixture.file("actual.json", actual.output)
        )
    }

    func check(_ knowledge: [String] = []) async throws {
        let (expected, actual) = try await files(knowledge)
        let compared = try await fixture.python(["compare_census.py", expected, actual])
        #expect(compared.text.contains("the identity holds"))
        #expect(!compared.text.contains(" 0 groups"), "there is something to compare")
    }

    /// Checks what was known when parts of the events had become known.
    func checkKnowledge(quantiles: [Double], of clock: KnowledgeClock) async throws {
        let times = events.map {
            clock == .source ? ($0.sourceRecordedAt ?? $0.recordedAt) : $0.recordedAt
        }.sorted()
        for quantile in quantiles {
            let time = times[Int(Double(times.count - 1) * quantile)]
            try await check(["--known-at", time, "--known-by", clock.rawValue])
        }
    }

    /// Checks that the census of a date is the period's.
    func checkDates(every step: Int) async throws {
        let ledger = ["--ledger", "recount"]
        let period = try await fixture.answer(
            PeriodAnswer.self,
            ["census", "--from", "\(dates.first)", "--to", "\(dates.last)"] + ledger
        )
        let days = period.days.filter { !$0.groups.isEmpty }
        for index in stride(from: 0, to: days.count, by: step) {
            let day = days[index]
            let one = try await fixture.answer(
                CensusAnswer.self,
                ["census", "--date", day.date] + ledger
            )
            #expect(one.date == day.date && one.total == day.total)
            #expect(one.episodes.count == day.total)
            // What happened after the day takes no part in the census of a date: its groups are
            // those of the period all the same.
            #expect(one.groups == day.groups, "\(day.date)")
        }
    }
}
