import CareEpisode
import TestSupport
import Testing

@Suite("Replay")
struct ReplayTests {
    /// An episode with a corrected and a retracted session, of which the source system said when it
    /// recorded them.
    private struct Story {
        let episode = EpisodeID.fresh
        let admission = EventID.fresh
        let session = EventID.fresh
        let wrong = EventID.fresh
        let correction = EventID.fresh
        let retraction = EventID.fresh

        func record(in fixture: CommandLineFixture) async throws {
            func line(_ event: String, known: String) -> String {
                EventText.line(
                    episode,
                    #"{"source_recorded_at":"\#(known)","# + event.dropFirst()
                )
            }
            let file = try fixture.file(
                "story.ndjson",
                lines: [
                    line(EventText.admitted(admission), known: "2025-01-06T10:00:00Z"),
                    line(EventText.session(session), known: "2025-01-07T11:00:00Z"),
                    line(
                        EventText.session(wrong, at: "2025-01-08T09:00:00Z"),
                        known: "2025-01-08T11:00:00Z"
                    ),
                    line(
                        EventText.corrected(session, minutes: 45, id: correction),
                        known: "2025-02-01T10:00:00Z"
                    ),
                    line(EventText.retracted(wrong, id: retraction), known: "2025-02-02T10:00:00Z"),
                ]
            )
            try await fixture.succeed(["import", file])
        }
    }

    private func replay(
        _ fixture: CommandLineFixture,
        _ story: Story,
        _ options: [String] = []
    ) async throws -> ReplayAnswer {
        try await fixture.answer(
            ReplayAnswer.self,
            ["replay", "--episode", "\(story.episode)"] + options
        )
    }

    @Test("Corrected and retracted events are shown, with what was done to them")
    func amendments() async throws {
        try await CommandLineFixture.with { fixture in
            let story = Story()
            try await story.record(in: fixture)
            let all = try await replay(fixture, story)
            #expect(all.version == 5 && all.knownAt == nil)
            #expect(
                all.events.map(\.event.eventId)
                    == [
                        story.admission, story.session, story.wrong, story.correction,
                        story.retraction,
                    ]
                    .map(\.description)
            )
            #expect(all.events.map(\.knowledgeClock) == Array(repeating: "source", count: 5))
            #expect(all.events[1].correctedBy == ["\(story.correction)"])
            #expect(all.events[2].retractedBy == "\(story.retraction)")
            #expect(all.history.map(\.eventId) == ["\(story.admission)", "\(story.session)"])
            #expect(all.history[1].data.minutes == 45)
            #expect(all.history[1].correctedBy == ["\(story.correction)"])

            let text = try await fixture.succeed([
                "replay", "--episode", "\(story.episode)", "--format", "text",
            ])
            #expect(text.text.contains("corrected by \(story.correction)"))
            #expect(text.text.contains("retracted by \(story.retraction)"))
        }
    }

    @Test("Both clocks: what was known at a time, and what had happened by a time")
    func clocks() async throws {
        try await CommandLineFixture.with { fixture in
            let story = Story()
            try await story.record(in: fixture)
            let january = try await replay(fixture, story, ["--known-at", "2025-01-31"])
            #expect(january.events.count == 3)
            #expect(january.history.count == 3)
            #expect(january.history[1].data.minutes == 60)
            // A date means its 24:00.
            let sixth = try await replay(fixture, story, ["--known-at", "2025-01-06"])
            #expect(sixth.events.count == 1)
            let instant = try await replay(
                fixture,
                story,
                ["--known-at", "2025-01-06T09:59:59.999999Z"]
            )
            #expect(instant.events.isEmpty && instant.history.isEmpty)
            // By its own clock the ledger learned everything just now.
            let ledger = try await replay(
                fixture,
                story,
                ["--known-at", "2025-03-01", "--known-by", "ledger"]
            )
            #expect(ledger.events.isEmpty)
            let seventh = try await replay(
                fixture,
                story,
                ["--effective-at", "2025-01-06T12:00:00Z"]
            )
            #expect(seventh.history.map(\.type) == ["admitted"])
        }
    }

    @Test("What differs between two times, and which events made the difference")
    func difference() async throws {
        try await CommandLineFixture.with { fixture in
            let story = Story()
            try await story.record(in: fixture)
            let diff = ["replay", "--episode", "\(story.episode)", "--diff"]
            let answer = try await fixture.answer(
                DifferenceAnswer.self,
                diff + ["2025-01-31", "2025-02-28"]
            )
            #expect(
                answer.learned.map(\.eventId) == ["\(story.correction)", "\(story.retraction)"]
            )
            #expect(answer.differences.map(\.change) == ["changed", "removed"])
            #expect(answer.differences.map(\.eventId) == ["\(story.session)", "\(story.wrong)"])
            #expect(
                answer.differences.map(\.because) == [
                    ["\(story.correction)"], ["\(story.retraction)"],
                ]
            )
            #expect(answer.differences[0].before?.data.minutes == 60)
            #expect(answer.differences[0].after?.data.minutes == 45)
            let none = try await fixture.answer(
                DifferenceAnswer.self,
                diff + ["2025-02-03", "2025-02-28"]
            )
            #expect(none.learned.isEmpty && none.differences.isEmpty)
        }
    }

    @Test("An episode that is not recorded exits with 1")
    func unknown() async throws {
        try await CommandLineFixture.with { fixture in
            let episode = EpisodeID.fresh
            let end = try await fixture.run(["replay", "--episode", "\(episode)"])
            #expect(end.status == 1)
            #expect(end.output.isEmpty)
            #expect(end.errorLines.count == 1 && end.errors.contains("\(episode)"))
        }
    }
}
