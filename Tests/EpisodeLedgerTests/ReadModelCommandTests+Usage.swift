import CareEpisode
import Foundation
import TestSupport
import Testing

/// What a script can rely on where a question to a read model is wrong or has no answer.
@Suite("Questions to read models that have no answer")
struct ReadModelCommandUsageTests {
    typealias WrongCall = ExitStatusTests.WrongCall

    private static let episode = "--episode \(ExitStatusTests.episode)"
    private static let period = "--from 2025-01-01 --to 2025-01-31"
    private static let times = "--diff 2025-01-01 2025-01-02"

    /// Every command that compares two knowledge times, each with what it cannot do without.
    private static let comparing = [
        "medication-review \(episode)", "discharge-summary \(episode)",
        "discharge-summary --program p", "attendance \(episode)", "attendance",
        "outcomes \(period)", "retention \(period)", "census",
        "episodes",
    ]

    static let wrongCalls: [WrongCall] =
        comparing.flatMap { command in
            [
                WrongCall(words: "\(command) --diff 2025-01-01", names: ["--diff", "two times"]),
                WrongCall(
                    words: "\(command) --diff 2025-01-01 2025-01-02 2025-01-03",
                    names: ["--diff", "two times"]
                ),
                WrongCall(
                    words: "\(command) \(times) --known-at 2025-01-01",
                    names: ["--known-at", "--diff"]
                ),
            ]
        } + [
            WrongCall(
                words: "medication-review \(episode) --program iop",
                names: ["--episode", "--program"]
            ),
            WrongCall(words: "medication-review --episode 12", names: ["--episode must be a UUID"]),
            WrongCall(
                words: "medication-review --program iop --effective-at yesterday",
                names: ["--effective-at must be a time with an offset"]
            ),
            WrongCall(words: "discharge-summary", names: ["--episode", "--program"]),
            WrongCall(
                words: "discharge-summary --program p \(episode)",
                names: ["--episode", "--program"]
            ),
            WrongCall(words: "discharge-summary --program p --interim", names: ["--interim"]),
            WrongCall(
                words: "discharge-summary --program p --since 2025-01-01",
                names: ["--since", "--episode"]
            ),
            WrongCall(
                words: "discharge-summary \(episode) --from 2025-01-01",
                names: ["--from", "--program"]
            ),
            WrongCall(
                words: "discharge-summary \(episode) --since 2025-01-01 \(times)",
                names: ["--since", "--diff"]
            ),
            WrongCall(words: "discharge-summary \(episode) --format pdf", names: ["--format"]),
            WrongCall(
                words: "attendance \(episode) --program p",
                names: ["--program does not go with --episode"]
            ),
            WrongCall(words: "retention --from 2025-01-01", names: ["--to is required"]),
            WrongCall(
                words: "retention --from 2025-01-01 --to 2025-01-31 --level-of-care php",
                names: ["--level-of-care must be one of inpatient, residential"]
            ),
            WrongCall(words: "outcomes --from 2025-01-01", names: ["--to"]),
            WrongCall(words: "outcomes --to 2025-01-01", names: ["--from"]),
            WrongCall(
                words: "outcomes --from 2025-01-02 --to 2025-01-01",
                names: ["--from must not be after --to"]
            ),
            WrongCall(words: "outcomes --from 2010-01-01 --to 2025-01-01", names: ["3,660 days"]),
            WrongCall(
                words: "census",
                names: ["EPISODE_LEDGER_FORMAT"],
                environment: ["EPISODE_LEDGER_FORMAT": "html"]
            ),
            WrongCall(
                words: "discharge-summary \(episode)",
                names: ["EPISODE_LEDGER_FORMAT"],
                environment: ["EPISODE_LEDGER_FORMAT": "html"]
            ),
        ]
        + ["0", "367", "-1", "two"].map {
            WrongCall(
                words: "medication-review --program iop --not-reviewed-days=\($0)",
                names: ["--not-reviewed-days"]
            )
        }
        + ["iop", "iop=", "=9", "iop=-1", "iop=169", "iop=nan", "iop=nine"].map {
            WrongCall(
                words: "attendance \(episode) --weekly-hours \($0)",
                names: ["--weekly-hours"]
            )
        }
        + ["ledgers", "migrate", "export", "verify"].map {
            WrongCall(words: "\($0) --format html", names: ["--format", "read models"])
        }
        + [
            "ledgers", "verify", "discharge-summary \(episode)",
            "outcomes --from 2025-01-01 --to 2025-01-31",
        ].map { WrongCall(words: "\($0) --format csv", names: ["--format csv", "a list"]) }
        + ["census", "discharge-summary --program iop"].map {
            WrongCall(words: "\($0) \(times) --format csv", names: ["--format csv", "--diff"])
        }

    @Test("Wrong usage exits with 64 and names the option", arguments: wrongCalls)
    func usage(_ call: WrongCall) async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let end = try await fixture.run(
                call.words.split(separator: " ").map(String.init),
                environment: call.environment
            )
            #expect(end.status == 64, "\(end.errors)")
            #expect(end.output.isEmpty)
            for name in call.names { #expect(end.errors.contains(name), "\(end.errors)") }
        }
    }

    @Test("Times of --diff in the wrong order are wrong usage too, also a date and an instant")
    func order() async throws {
        try await Riverside.with { riverside in
            for command in Self.comparing {
                // The date means 05:00 UTC of the next day.
                let end = try await riverside.run(
                    "\(command) --diff 2025-01-02 2025-01-03T04:59:59Z"
                )
                #expect(end.status == 64, "\(command): \(end.errors)")
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("--diff takes the earlier time first"))
            }
        }
    }

    // MARK: - No answer

    private static let ofEpisode = ["medication-review", "discharge-summary", "attendance"]

    @Test("An episode that is not recorded exits with 1 and is named, also by --diff")
    func unknown() async throws {
        try await Riverside.with { riverside in
            try await riverside.record(MedicatedEpisode().lines)
            for command in Self.ofEpisode {
                for more in ["", Self.times, "--known-at 2025-01-20"] {
                    let end = try await riverside.run("\(command) \(Self.episode) \(more)")
                    expectFailure(end, naming: ExitStatusTests.episode)
                }
            }
        }
    }

    @Test("An episode whose admission is not known yet, or was retracted, exits with 1")
    func notAdmitted() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            for command in Self.ofEpisode {
                let end = try await riverside.run(
                    "\(command) --episode \(story.episode) --known-at 2025-01-05"
                )
                expectFailure(end, naming: "\(story.episode)")
            }
            try await riverside.record([
                EventText.line(story.episode, EventText.retracted(story.admission))
            ])
            for command in Self.ofEpisode {
                let end = try await riverside.run("\(command) --episode \(story.episode)")
                expectFailure(end, naming: "\(story.episode)")
            }
        }
    }

    @Test("An open episode has no discharge summary but an interim one")
    func open() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            let summary = "discharge-summary --episode \(story.episode)"
            for format in ["json", "text", "html"] {
                let end = try await riverside.run("\(summary) --format \(format)")
                expectFailure(end, naming: "--interim")
            }
            let interim = try await riverside.json("\(summary) --interim")
            #expect(interim["status"] == .string("interim"))
            #expect(interim["changed_since"].isNull)
            #expect(interim["client"]["ended_at"]["value"].isNull)
            let text = try await riverside.text("\(summary) --interim")
            #expect(
                text.hasPrefix("Interim summary\n")
                    && text.contains("Interim: the episode was open at ")
            )
        }
    }

    private func expectFailure(_ end: ProgramEnd, naming name: String) {
        #expect(end.status == 1, "\(end.errors)")
        #expect(end.output.isEmpty)
        #expect(end.errorLines.count == 1)
        #expect(end.errors.contains(name), "\(end.errors)")
        for words in Riverside.healthInformation { #expect(!end.errors.contains(words)) }
    }

    @Test("A time that lies ahead is refused with 2 where nothing can be known of it")
    func ahead() async throws {
        try await Riverside.with { riverside in
            let story = MedicatedEpisode()
            try await riverside.record(story.lines)
            for words in [
                "outcomes --from 2998-12-31 --to 2999-01-01",
                "outcomes --from 2998-12-31 --to 2999-01-01 \(Self.times)",
                "attendance --episode \(story.episode) --effective-at 2999-01-01",
                "attendance --episode \(story.episode) --effective-at 2999-01-01T00:00:00Z",
            ] {
                let end = try await riverside.run(words)
                #expect(end.status == 2, "\(words): \(end.errors)")
                #expect(end.output.isEmpty)
                #expect(end.errorLines.count == 1 && end.errors.contains("ahead"))
            }
            let list = "discharge-summary --program iop-day --effective-at 2999-01-01"
            expectRefusal(try await riverside.run(list), naming: "--effective-at")
            // What is ordered may take effect later.
            let review = "medication-review --episode \(story.episode)"
            let later = try await riverside.json("\(review) --effective-at 2999-01-01")
            #expect(later["scheduled"].elements.isEmpty && later["active"].elements.count == 3)
        }
    }

    @Test("--since later than now or than what was known is refused with 2, and named")
    func sinceAhead() async throws {
        try await Riverside.with { riverside in
            let story = EndedEpisode()
            try await riverside.record(story.lines)
            let command = "discharge-summary --episode \(story.episode)"
            for words in [
                "--since 2999-01-01", "--since 2999-01-01T00:00:00Z",
                "--known-at 2025-02-05 --since 2025-02-06",
                "--known-at 2025-02-05 --since 2999-01-01",
                "--known-at 2026-01-01T00:00:00Z --since 2026-01-01T00:00:00.000001Z",
            ] {
                for format in ["json", "html"] {
                    let end = try await riverside.run("\(command) \(words) --format \(format)")
                    expectRefusal(end, naming: "--since")
                }
            }
            // The same time is not later, and today's 24:00 is now.
            let days = DateFormatter()
            days.locale = Locale(identifier: "en_US_POSIX")
            days.timeZone = TimeZone(identifier: "America/New_York")
            days.dateFormat = "yyyy-MM-dd"
            let today = days.string(from: Date())
            for words in ["--known-at 2025-02-10 --since 2025-02-10", "--since \(today)"] {
                let answer = try await riverside.json("\(command) \(words)")
                #expect(answer["changed_since"]["differences"] == .array([]), "\(words)")
            }
        }
    }

    private func expectRefusal(_ end: ProgramEnd, naming name: String) {
        #expect(end.status == 2, "\(end.errors)")
        #expect(end.output.isEmpty)
        #expect(!end.errorLines.isEmpty, "\(end.errors)")
        #expect(end.errorLines.allSatisfy { $0.contains(name) }, "\(end.errors)")
    }
}
