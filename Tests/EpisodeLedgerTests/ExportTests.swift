import CareEpisode
import TestSupport
import Testing

@Suite("Export")
struct ExportTests {
    @Test("Any part of the ledger, byte for byte what follow prints")
    func parts() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 8, seed: 2)
            let whole = try await fixture.succeed(["export"])
            let lines = whole.lines
            #expect(lines.count == count)

            let middle = ["export", "--after", "10", "--until", "25"]
            #expect(try await fixture.succeed(middle).lines == Array(lines[10..<25]))
            #expect(try await fixture.succeed(["export", "--after", "\(count)"]).output.isEmpty)
            let ahead = try await fixture.run(["export", "--after", "999999"])
            #expect(ahead.status == 1 && ahead.output.isEmpty)
            #expect(ahead.errors.contains("ahead of the ledger, whose head is \(count)"))
            #expect(try await fixture.succeed(["export", "--until", "999999"]).lines == lines)

            let types = ["--types", "admitted", "completed"]
            let wanted = lines.filter {
                $0.contains(#""type":"admitted""#) || $0.contains(#""type":"completed""#)
            }
            #expect(wanted.count > 8 && wanted.count < count)
            #expect(try await fixture.succeed(["export"] + types).lines == wanted)

            for (options, expected) in [([], lines), (types, wanted)] {
                let follow = try fixture.start(["follow", "--after", "0"] + options)
                try await eventually("everything is printed") { follow.lineCount == expected.count }
                follow.signal(2)
                let end = try await follow.end()
                #expect(end.status == 0)
                #expect(end.lines == expected)
                #expect(end.errors.isEmpty)
            }
        }
    }

    @Test("What is exported as an import gives another ledger the same census, known when it was")
    func asImport() async throws {
        try await CommandLineFixture.with { fixture in
            let create = ["ledgers", "create", "--time-zone", "America/New_York"]
            try await fixture.succeed(create + ["one"])
            try await fixture.succeed(create + ["two"])
            let histories = try await fixture.python([
                "random_histories.py", "--seed", "11", "--episodes", "40",
            ])
            let file = try fixture.file("histories.ndjson", histories.output)
            try await fixture.succeed(["import", file, "--ledger", "one"])
            // Also an event of which only the ledger knows when it became known.
            let event = try fixture.file("event.json", lines: [EventText.admitted()])
            try await fixture.succeed(
                ["append", "--ledger", "one", "--episode", "\(EpisodeID.fresh)"],
                input: event
            )

            let lines = try await fixture.succeed(["export", "--as-import", "--ledger", "one"])
            #expect(lines.lines.allSatisfy { $0.contains(#""source_recorded_at":"#) })
            let copy = try fixture.file("copy.ndjson", lines.output)
            let answer = try await fixture.answer(
                ImportAnswer.self,
                ["import", copy, "--ledger", "two"]
            )
            #expect(answer.appended == lines.lines.count && answer.refused == 0)
            for knowledge in [
                [], ["--known-at", "2024-06-30"], ["--known-at", "2024-09-15T12:00:00Z"],
            ] {
                let period = ["census", "--from", "2024-02-01", "--to", "2025-02-01"] + knowledge
                let one = try await fixture.answer(PeriodAnswer.self, period + ["--ledger", "one"])
                let two = try await fixture.answer(PeriodAnswer.self, period + ["--ledger", "two"])
                #expect(one.days.map(\.groups) == two.days.map(\.groups))
                #expect(one.days.contains { $0.total > 0 })
            }
            // The copy's copy is the copy.
            let again = try await fixture.succeed(["export", "--as-import", "--ledger", "two"])
            #expect(again.output == lines.output)
        }
    }

    @Test("What is recorded is not taken as an import")
    func recorded() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 1, seed: 2)
            let file = try fixture.file("x", try await fixture.succeed(["export"]).output)
            let end = try await fixture.run(["import", file])
            #expect(end.status == 2)
            #expect(try fixture.decode(ImportAnswer.self, end.output).refused == count)
            #expect(end.errors.contains("export --as-import"))
        }
    }
}

extension CommandLineFixture {
    /// Imports simulated episodes, and returns how many events they have.
    @discardableResult
    func importSimulated(episodes: Int, seed: Int, ledger: String = "default") async throws -> Int {
        let lines = try await succeed([
            "simulate", "--episodes", "\(episodes)", "--seed", "\(seed)",
        ])
        let file = try file("simulated-\(seed).ndjson", lines.output)
        return try await answer(ImportAnswer.self, ["import", file, "--ledger", ledger]).appended
    }
}
