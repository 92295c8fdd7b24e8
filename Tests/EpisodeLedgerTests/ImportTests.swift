import CareEpisode
import Foundation
import TestSupport
import Testing

@Suite("Import")
struct ImportTests {
    @Test(
        "The MIMIC demo is recorded whole, and once",
        .enabled(
            if: CommandLineFixture.mimic != nil,
            "../shared/data/mimic/episodes.ndjson is absent"
        )
    )
    func mimic() async throws {
        let path = try #require(CommandLineFixture.mimic)
        try await CommandLineFixture.with { fixture in
            let first = try await fixture.answer(ImportAnswer.self, ["import", path])
            #expect(
                first == ImportAnswer(appended: 12_498, duplicates: 0, refused: 0, head: 12_498)
            )
            let again = try await fixture.answer(ImportAnswer.self, ["import", path])
            #expect(
                again == ImportAnswer(appended: 0, duplicates: 12_498, refused: 0, head: 12_498)
            )
            let events = try await fixture.exported()
            #expect(Set(events.map(\.episodeId)).count == 151)
            #expect(events.map(\.position) == Array(1...12_498))
        }
    }

    @Test("Simulated episodes are recorded whole, and once, also from standard input")
    func simulated() async throws {
        try await CommandLineFixture.with { fixture in
            let simulation = ["simulate", "--episodes", "12", "--seed", "7"]
            let lines = try await fixture.succeed(simulation)
            #expect(try await fixture.succeed(simulation).output == lines.output)
            let count = lines.lines.count
            #expect(count > 200)
            let file = try fixture.file("simulated.ndjson", lines.output)
            let first = try await fixture.answer(ImportAnswer.self, ["import", "-"], input: file)
            #expect(
                first == ImportAnswer(appended: count, duplicates: 0, refused: 0, head: count)
            )
            let again = try await fixture.answer(ImportAnswer.self, ["import", file])
            #expect(
                again == ImportAnswer(appended: 0, duplicates: count, refused: 0, head: count)
            )
            #expect(try await fixture.exported().count == count)
        }
    }

    @Test("Refused lines are told as FILE:LINE in their order, and the others are appended")
    func refused() async throws {
        try await CommandLineFixture.with { fixture in
            let (episode, other) = (EpisodeID.fresh, EpisodeID.fresh)
            let reused = EventID.fresh
            let file = try fixture.file(
                "lines.ndjson",
                lines: [
                    EventText.line(episode, EventText.admitted()),  // 1
                    "words",  // 2
                    EventText.line(episode, EventText.session(reused)),  // 3
                    EventText.line(episode, EventText.session(minutes: 0)),  // 4
                    EventText.line(other, EventText.session()),  // 5
                    EventText.line(episode, EventText.session(reused, minutes: 50)),  // 6
                    EventText.line(episode, EventText.admitted()),  // 7
                    EventText.admitted(),  // 8
                    EventText.line(episode, EventText.session(at: "2999-01-01T00:00:00Z")),  // 9
                    EventText.line(episode, EventText.session(at: "2025-01-09T09:00:00Z")),  // 10
                ]
            )
            let end = try await fixture.run(["import", file])
            #expect(end.status == 2)
            #expect(
                try fixture.decode(ImportAnswer.self, end.output)
                    == ImportAnswer(appended: 3, duplicates: 0, refused: 7, head: 3)
            )
            let expected = [
                "\(file):2: the event is not JSON: a value is expected at byte 0",
                "\(file):4: /data/minutes must be from 1 to 720",
                "\(file):5: ", "\(file):6: /event_id ", "\(file):7: ",
                "\(file):8: /episode_id is required", "\(file):9: /occurred_at ",
            ]
            #expect(end.errorLines.count == expected.count, "\(end.errors)")
            for (line, beginning) in zip(end.errorLines, expected) {
                #expect(line.hasPrefix(beginning), "\(line)")
                #expect(line.count > "\(file):10: ".count, "a reason is given")
            }
            let again = try await fixture.run(["import", file])
            #expect(again.status == 2)
            #expect(again.errors == end.errors)
            #expect(
                try fixture.decode(ImportAnswer.self, again.output)
                    == ImportAnswer(appended: 0, duplicates: 3, refused: 7, head: 3)
            )
        }
    }

    @Test("Windows' line ends, blank lines, a byte too many and too few: each line for itself")
    func awkwardBytes() async throws {
        try await CommandLineFixture.with { fixture in
            let episode = EpisodeID.fresh
            let admission = EventText.line(episode, EventText.admitted())
            func session(_ day: Int, more: String = "") -> String {
                EventText.line(
                    episode,
                    EventText.session(at: "2025-01-\(10 + day)T09:00:00Z", more: more)
                )
            }
            let long = String(repeating: "x", count: 2_000_000)
            let text =
                admission + "\r\n"  // 1
                + "\r\n\n   \t\n"  // 2, 3, 4
                + session(1) + "\r\n"  // 5
                + "\0\0\0\n"  // 6
                + session(2, more: #","x":"\#(long)""#) + "\n"  // 7
                + session(3).replacing("group", with: "gr\0up") + "\n"  // 8
                + "  " + session(4) + "  \n"  // 9
                + "\u{FEFF}" + session(5) + "\n"  // 10
                + long + "\n"  // 11
                + session(6)  // 12
            let file = try fixture.file("awkward.ndjson", Array(text.utf8))
            let end = try await fixture.run(["import", file])
            #expect(end.status == 2)
            #expect(
                end.errorLines.map { $0.split(separator: ":")[1] } == ["6", "7", "8", "10", "11"]
            )
            #expect(end.errors.utf8.count < 2_000, "no line is repeated")
            #expect(
                try fixture.decode(ImportAnswer.self, end.output)
                    == ImportAnswer(appended: 4, duplicates: 0, refused: 5, head: 4)
            )
            let again = try await fixture.run(["import", "-"], input: file)
            #expect(again.errors == end.errors.replacing(file, with: "-"))
        }
    }

    @Test("An empty file appends nothing; a file that cannot be read exits with 1 and is named")
    func noLines() async throws {
        try await CommandLineFixture.with { fixture in
            let empty = try fixture.file("empty.ndjson", [])
            let none = ImportAnswer(appended: 0, duplicates: 0, refused: 0, head: 0)
            #expect(try await fixture.answer(ImportAnswer.self, ["import", empty]) == none)
            #expect(try await fixture.answer(ImportAnswer.self, ["import", "-"]) == none)
            for (path, reason) in [
                ("\(fixture.folder)/missing.ndjson", "No such file or directory"),
                (fixture.folder, "Is a directory"),
            ] {
                let end = try await fixture.run(["import", path])
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors == "error: \(path): \(reason)\n")
            }
        }
    }

    @Test(
        "What an independent life cycle calls invalid is refused, and nothing else",
        arguments: [5, 6]
    )
    func independentRefusals(_ seed: Int) async throws {
        try await CommandLineFixture.with { fixture in
            let refusals = "\(fixture.folder)/refusals.json"
            let lines = try await fixture.python([
                "random_histories.py", "--seed", "\(seed)", "--episodes", "60", "--refusals",
                refusals,
            ])
            let expected = try fixture.decode(
                [Int].self,
                Array(FileManager.default.contents(atPath: refusals) ?? Data())
            )
            #expect(expected.count > 5)
            let file = try fixture.file("histories.ndjson", lines.output)
            let end = try await fixture.run(["import", file])
            #expect(end.status == 2)
            let refused = end.errorLines.map { $0.dropFirst(file.count + 1).prefix { $0 != ":" } }
            #expect(refused.map { Int($0) } == expected)
            let answer = try fixture.decode(ImportAnswer.self, end.output)
            #expect(answer.refused == expected.count)
            #expect(answer.appended == lines.lines.count - expected.count)
            #expect(answer.head == answer.appended)
        }
    }
}

extension CommandLineFixture {
    /// The lines of `export`, decoded.
    func exported(_ arguments: [String] = []) async throws -> [RecordedLine] {
        let end = try await succeed(["export"] + arguments)
        return try end.output.split(separator: 0x0A).map {
            try decode(RecordedLine.self, Array($0))
        }
    }
}
