import CareEpisode
import TestSupport
import Testing

@Suite("Append")
struct AppendTests {
    private func append(
        _ fixture: CommandLineFixture,
        _ episode: EpisodeID,
        _ json: String,
        _ options: [String] = []
    ) async throws -> ProgramEnd {
        try await fixture.run(
            ["append", "--episode", "\(episode)"] + options,
            input: try fixture.file("event-\(EventID.fresh).json", Array(json.utf8))
        )
    }

    @Test("One event, a list, and the same again: recorded once, told the same")
    func appendsAndRepeats() async throws {
        try await CommandLineFixture.with { fixture in
            let (episode, first) = (EpisodeID.fresh, EventID.fresh)
            let admission = EventText.admitted(first)
            let one = try await append(fixture, episode, admission)
            #expect(one.status == 0 && one.errors.isEmpty, "\(one.errors)")
            let admitted = try fixture.decode(AppendAnswer.self, one.output).events
            #expect(admitted.map(\.eventId) == ["\(first)"])
            #expect(admitted.map(\.version) == [1] && admitted.map(\.position) == [1])
            #expect(admitted.map(\.duplicate) == [false])

            let list =
                "\n [" + EventText.session() + ",\n"
                + EventText.completed(at: "2025-02-01T10:00:00Z") + "]"
            let more = try await append(fixture, episode, list, ["--expected-version", "1"])
            #expect(more.status == 0, "\(more.errors)")
            let two = try fixture.decode(AppendAnswer.self, more.output).events
            #expect(two.map(\.version) == [2, 3] && two.map(\.position) == [2, 3])

            var repeated = try fixture.decode(
                AppendAnswer.self,
                try await append(fixture, episode, list, ["--expected-version", "1"]).output
            ).events
            #expect(repeated.map(\.duplicate) == [true, true])
            for index in repeated.indices { repeated[index].duplicate = false }
            #expect(repeated == two)

            let recorded = try await fixture.exported()
            #expect(recorded.map(\.eventId) == (admitted + two).map(\.eventId))
            #expect(recorded.map(\.leafHash) == (admitted + two).map(\.leafHash))
            #expect(recorded.map(\.recordedAt) == (admitted + two).map(\.recordedAt))
            #expect(recorded.allSatisfy { $0.recordedBy.hasPrefix("cli:") })
        }
    }

    @Test("An expected version that is not the episode's is a conflict: 1, and nothing is written")
    func expectedVersion() async throws {
        try await CommandLineFixture.with { fixture in
            let episode = EpisodeID.fresh
            let notYet = try await append(
                fixture,
                episode,
                EventText.admitted(),
                ["--expected-version", "3"]
            )
            #expect(notYet.status == 1 && notYet.errors.contains("version 0"), "\(notYet.errors)")
            let new = try await append(
                fixture,
                episode,
                EventText.admitted(),
                ["--expected-version", "0"]
            )
            #expect(new.status == 0)
            for stale in ["0", "2"] {
                let end = try await append(
                    fixture,
                    episode,
                    EventText.session(),
                    ["--expected-version", stale]
                )
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("version 1"), "\(end.errors)")
                #expect(end.errors.contains("nothing was written"))
            }
            let current = try await append(
                fixture,
                episode,
                EventText.session(),
                ["--expected-version", "1"]
            )
            #expect(current.status == 0)
            #expect(try await fixture.exported().count == 2)
        }
    }

    @Test("A refused list names each field by its place in the list: 2, and nothing is written")
    func refusedList() async throws {
        try await CommandLineFixture.with { fixture in
            let list =
                "[" + EventText.admitted() + "," + EventText.session(minutes: 0) + ","
                + EventText.session(more: #","mood":"good""#) + "]"
            let end = try await append(fixture, .fresh, list)
            #expect(end.status == 2)
            #expect(end.output.isEmpty)
            #expect(
                end.errorLines == [
                    "error: /1/data/minutes must be from 1 to 720",
                    "error: /2/mood is not a field of this object",
                ]
            )
            let late = try await append(
                fixture,
                .fresh,
                "[" + EventText.admitted() + "," + EventText.admitted() + "]"
            )
            #expect(late.status == 2)
            #expect(late.errorLines.count == 1 && late.errors.contains("/1"), "\(late.errors)")
            #expect(try await fixture.exported().isEmpty)
        }
    }

    @Test(
        "What is no event is refused with 2 and a reason",
        arguments: [
            ("", "JSON"), ("\n", "JSON"), ("{", "JSON"), ("[]", "1 to 256"), ("null", "object"),
            (EventText.session() + "\n" + EventText.session(), "JSON"),
            (EventText.admitted().replacing("C-1", with: "C\u{0}"), "JSON"),
            (EventText.session(more: #","source_recorded_at":"2025-01-07T10:00:00Z""#), "source_"),
            (EventText.line(.fresh, EventText.admitted()), "/episode_id"),
        ]
    )
    func noEvent(_ json: String, _ reason: String) async throws {
        try await CommandLineFixture.with { fixture in
            let end = try await append(fixture, .fresh, json)
            #expect(end.status == 2)
            #expect(end.output.isEmpty)
            #expect(end.errors.hasPrefix("error: ") && end.errors.contains(reason), "\(end.errors)")
        }
    }

    @Test("An id with other content, and a list that is recorded in part: nothing is written")
    func reused() async throws {
        try await CommandLineFixture.with { fixture in
            let (episode, id) = (EpisodeID.fresh, EventID.fresh)
            #expect(try await append(fixture, episode, EventText.admitted()).status == 0)
            #expect(try await append(fixture, episode, EventText.session(id)).status == 0)
            let other = try await append(fixture, episode, EventText.session(id, minutes: 50))
            #expect(other.status == 1)
            #expect(other.errors.contains("\(id)"))
            let twice = EventText.session()
            for list in [
                "[" + EventText.session(id) + "," + EventText.session() + "]",
                "[" + twice + "," + twice + "]",
            ] {
                let end = try await append(fixture, episode, list)
                #expect(end.status == 2)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("nothing was written"))
            }
            #expect(try await fixture.exported().count == 2)
        }
    }

    @Test("A list of the most and the largest events may be one line of many megabytes")
    func longList() async throws {
        try await CommandLineFixture.with { fixture in
            let rationale = String(repeating: "ä", count: 20_000)
            let events = (0..<100).map { number in
                EventText.event(
                    "program_changed",
                    at: "2025-01-07T09:00:00Z",
                    #""program":"iop-\#(number)","rationale":"\#(rationale)""#
                )
            }
            let list = "[" + ([EventText.admitted()] + events).joined(separator: ",") + "]"
            #expect(list.utf8.count > 4_000_000)
            let end = try await append(fixture, .fresh, list)
            #expect(end.status == 0, "\(end.errors.prefix(500))")
            #expect(try fixture.decode(AppendAnswer.self, end.output).events.count == 101)
        }
    }

    @Test("The text for people says the version and the position")
    func text() async throws {
        try await CommandLineFixture.with { fixture in
            let (episode, admission) = (EpisodeID.fresh, EventText.admitted())
            let first = try await append(fixture, episode, admission, ["--format", "text"])
            #expect(first.text.hasPrefix("Recorded as version 1 at position 1, 20"))
            let again = try await append(fixture, episode, admission, ["--format", "text"])
            #expect(again.text == first.text.replacing("Recorded", with: "Was recorded"))
        }
    }
}
