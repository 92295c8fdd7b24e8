import Foundation
import TestSupport
import Testing

/// Every read model of the program against that of `Tests/Independent`, which shares no code with it.
@Suite("Independent recount of the read models")
struct ReadModelRecountTests {
    @Test(
        "The MIMIC demo's medications at 500 random times, and every summary",
        .enabled(
            if: CommandLineFixture.mimic != nil,
            "../shared/data/mimic/episodes.ndjson is absent"
        )
    )
    func mimic() async throws {
        let path = try #require(CommandLineFixture.mimic)
        try await CommandLineFixture.with { fixture in
            try await fixture.recount(
                path,
                zone: "UTC",
                ["--queries", "500", "--seed", "31", "--now"]
                    + ["--only", "medications,summaries,census,outcomes,statistics"]
            )
        }
    }

    /// A seed of random histories, and the ledger's zone; the long form has all. `test_random.py` counts what
    /// they provoke.
    private static let seeds: [(Int, String)] = {
        let all =
            [11, 901, 902, 903, 904, 905, 906].map { ($0, "America/New_York") }
            + [12, 911, 912].map { ($0, "Australia/Lord_Howe") }
        let isLong = ProcessInfo.processInfo.environment["EPISODE_LEDGER_LONG"] != nil
        return isLong ? all : all.filter { [11, 901, 902, 12, 911].contains($0.0) }
    }()

    @Test("Random histories, at several knowledge times on both clocks", arguments: seeds)
    func random(_ seed: Int, _ zone: String) async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.python([
                "random_histories.py", "--seed", "\(seed)", "--episodes", "16", "--time-zone", zone,
                "--medications",
            ])
            let path = try fixture.file("histories.ndjson", lines.output)
            try await fixture.recount(path, zone: zone, ["--queries", "24", "--seed", "\(seed)"])
        }
    }

    @Test("Simulated episodes, at several knowledge times on both clocks")
    func simulated() async throws {
        try await CommandLineFixture.with { fixture in
            let lines = try await fixture.succeed(["simulate", "--episodes", "60", "--seed", "5"])
            let path = try fixture.file("simulated.ndjson", lines.output)
            try await fixture.recount(
                path,
                zone: "America/New_York",
                ["--queries", "100", "--seed", "5"]
            )
        }
    }
}

extension CommandLineFixture {
    /// Asks the program about a ledger of these histories; the recount must agree with every answer.
    fileprivate func recount(_ path: String, zone: String, _ words: [String]) async throws {
        let end = try await launch(
            [
                "python3", "-B", Self.tests + "/Independent/recount.py", "--program", Self.program,
                "--events", path, "--time-zone", zone,
            ] + words,
            environment: [
                "EPISODE_LEDGER_DATABASE_URL": url, "EPISODE_LEDGER_DATA_DIR": dataDirectory,
            ],
            limit: .seconds(900)
        ).end()
        #expect(end.status == 0, "\(end.text.prefix(4_000))\(end.errors)")
        #expect(end.text.contains("equal") && !end.text.contains(" 0 answers"))
    }
}
