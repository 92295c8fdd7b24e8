import CareEpisode
import Foundation
import TestSupport
import Testing

/// Medication reviews, discharge summaries, attendance and outcomes of the program against those of
/// `Tests/Independent`, which shares no code with it.
@Suite(
    "Independent recount of the read models",
    .enabled(
        if: CommandLineFixture.mimic != nil && CommandLineFixture.valueSets != nil,
        "../shared/data is absent"
    )
)
struct ReadModelRecountTests {
    @Test("The MIMIC demo's medications at 500 random times, and every summary")
    func mimic() async throws {
        let path = try #require(CommandLineFixture.mimic)
        try await CommandLineFixture.with { fixture in
            let recount = try await ReadModelRecount(fixture, zone: "UTC", importing: path)
            try await recount.checkMedications(queries: 500, seed: 31)
            try await recount.checkSummaries()
            try await recount.checkOutcomes()
        }
    }

    /// A seed of random histories, and the ledger's zone.
    private static let seeds: [(Int, String)] =
        [11, 901, 902, 903, 904, 905, 906].map { ($0, "America/New_York") }
        + [12, 911, 912].map { ($0, "Australia/Lord_Howe") }

    @Test(
        "Random histories' medications, summaries, attendance and outcomes",
        arguments: seeds
    )
    func random(_ seed: Int, _ zone: String) async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.python([
                "random_histories.py", "--seed", "\(seed)", "--episodes", "16", "--time-zone", zone,
                "--medications",
            ])
            let file = try fixture.file("histories.ndjson", lines.output)
            let recount = try await ReadModelRecount(fixture, zone: zone, importing: file)
            try await recount.checkMedications(queries: 24, seed: seed)
            try await recount.checkSummaries()
            try await recount.checkAttendance()
            try await recount.checkOutcomes()
        }
    }

    @Test("Simulated episodes' medications, summaries, attendance and outcomes")
    func simulated() async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.succeed(["simulate", "--episodes", "60", "--seed", "5"])
            let file = try fixture.file("simulated.ndjson", lines.output)
            let zone = "America/New_York"
            let recount = try await ReadModelRecount(fixture, zone: zone, importing: file)
            try await recount.checkMedications(queries: 100, seed: 5)
            try await recount.checkSummaries()
            try await recount.checkAttendance()
            try await recount.checkOutcomes()
        }
    }

    @Test("The comparison of medications fails where a single flag or time is another one")
    func tampered() async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.python([
                "random_histories.py", "--seed", "13", "--episodes", "20", "--medications",
            ])
            let file = try fixture.file("histories.ndjson", lines.output)
            let recount = try await ReadModelRecount(fixture, zone: "UTC", importing: file)
            let (expected, actual) = try await recount.medications(queries: 40, seed: 32)
            let words = ["compare_medications.py", "--timeline", expected]
            try await fixture.python(words + [actual])
            let text = try String(contentsOfFile: actual, encoding: .utf8)
            for (one, other) in [
                (#""flag":"late_entry""#, #""flag":"no_reason""#), (#""from":"2"#, #""from":"3"#),
            ] {
                let range = try #require(text.range(of: one))
                let path = try fixture.file(
                    "tampered.json",
                    Array(text.replacingCharacters(in: range, with: other).utf8)
                )
                try await fixture.python(words + [path], status: 1)
            }
        }
    }
}

extension CommandLineFixture {
    /// The value sets as they were published.
    fileprivate static let valueSets: String? = {
        let path = tests + "/../../shared/data/rxnorm/bh_rxnorm_value_sets.csv"
        return FileManager.default.fileExists(atPath: path) ? path : nil
    }()
}

/// A ledger whose read models are computed twice.
private struct ReadModelRecount {
    private let fixture: CommandLineFixture
    private let zone: String
    private let eventsPath: String
    private let ledger = ["--ledger", "recount", "--format", "json"]

    init(_ fixture: CommandLineFixture, zone: String, importing path: String) async throws {
        self.fixture = fixture
        self.zone = zone
        try await fixture.succeed(["ledgers", "create", "recount", "--time-zone", zone])
        let answer = try await fixture.answer(
            ImportAnswer.self,
            ["import", path, "--ledger", "recount"]
        )
        #expect(answer.refused == 0 && answer.appended > 0)
        try await fixture.succeed(["projections", "run", "--until-caught-up"] + ledger)
        let export = try await fixture.succeed(["export", "--ledger", "recount"])
        eventsPath = try fixture.file("recorded.ndjson", export.output)
    }

    private struct Query: Decodable {
        let episodeId: String
        let effectiveAt: String
        let knownAt: String?
        let knownBy: String
    }

    /// Answers random questions twice; the paths of the independent answers and the program's.
    func medications(queries: Int, seed: Int) async throws -> (expected: String, actual: String) {
        let path = "\(fixture.folder)/queries.json"
        let expected = try await fixture.python([
            "medications.py", "--events", eventsPath,
            "--value-sets", try #require(CommandLineFixture.valueSets),
            "--random", "\(queries)", "--seed", "\(seed)", "--write-queries", path,
        ])
        let asked = try fixture.decode(
            [Query].self,
            Array(try Data(contentsOf: URL(filePath: path)))
        )
        #expect(asked.count == queries)
        let answers = try await eachOf(asked) { query in
            let knownAt = query.knownAt.map { ["--known-at", $0] } ?? []
            return try await fixture.succeed(
                [
                    "medication-review", "--episode", query.episodeId,
                    "--effective-at", query.effectiveAt, "--known-by", query.knownBy,
                ] + knownAt + ledger
            ).output
        }
        return (
            try fixture.file("expected.json", expected.output),
            try fixture.file(
                "actual.json",
                Array("[".utf8) + answers.joined(separator: [0x2C]) + [0x5D]
            )
        )
    }

    func checkMedications(queries: Int, seed: Int) async throws {
        let (expected, actual) = try await medications(queries: queries, seed: seed)
        let compared = try await fixture.python(
            ["compare_medications.py", "--timeline", expected, actual]
        )
        #expect(!compared.text.isEmpty)
    }

    private struct Listed: Decodable {
        let episodes: [Episode]
        struct Episode: Decodable {
            let episodeId: String
            let status: String
        }
    }

    private func episodes() async throws -> [Listed.Episode] {
        try await fixture.answer(Listed.self, ["episodes"] + ledger).episodes
    }

    func checkSummaries() async throws {
        let expected = try await fixture.python(
            ["summaries.py", "--events", eventsPath, "--time-zone", zone]
        )
        let ended = try await episodes().filter { $0.status == "ended" }
        #expect(!ended.isEmpty)
        let answers = try await eachOf(ended) {
            try await fixture.succeed(
                ["discharge-summary", "--episode", $0.episodeId] + ledger
            ).output
        }
        try await compare("compare_summaries.py", expected, answers)
    }

    func checkAttendance() async throws {
        let time = "2026-01-01T00:00:00Z"
        let expected = try await fixture.python([
            "attendance.py", "--events", eventsPath, "--time-zone", zone, "--effective-at", time,
        ])
        let answers = try await eachOf(try await episodes()) {
            try await fixture.succeed(
                ["attendance", "--episode", $0.episodeId, "--effective-at", time] + ledger
            ).output
        }
        try await compare("compare_attendance.py", expected, answers)
    }

    func checkOutcomes() async throws {
        let period = ["--from", "2024-01-01", "--to", "2025-12-31"]
        let expected = try await fixture.python(
            ["outcomes.py", "--events", eventsPath, "--time-zone", zone] + period
        )
        let answer = try await fixture.succeed(["outcomes"] + period + ledger)
        try await compare("compare_outcomes.py", expected, [answer.output])
    }

    private func compare(
        _ script: String,
        _ expected: ProgramEnd,
        _ answers: [[UInt8]]
    ) async throws {
        let compared = try await fixture.python([
            script,
            try fixture.file("expected.json", expected.output),
            try fixture.file("actual.ndjson", answers.flatMap { $0 }),
        ])
        #expect(!compared.text.isEmpty)
    }

    /// Runs the body for each, two at a time; the results in the order of the elements.
    private func eachOf<Element: Sendable>(
        _ elements: some Collection<Element>,
        _ body: @escaping @Sendable (Element) async throws -> [UInt8]
    ) async throws -> [[UInt8]] {
        let elements = Array(elements)
        return try await withThrowingTaskGroup(of: (Int, [UInt8]).self) { group in
            var results = [[UInt8]](repeating: [], count: elements.count)
            for (index, element) in elements.enumerated() {
                if index >= 2, let (done, bytes) = try await group.next() { results[done] = bytes }
                group.addTask { (index, try await body(element)) }
            }
            for try await (done, bytes) in group { results[done] = bytes }
            return results
        }
    }
}
