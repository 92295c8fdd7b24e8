import CareEpisode
import Foundation
import TestSupport
import Testing

/// What the program says about twenty-two episodes made by hand, each about one thing.
///
/// Beside each episode stands what is to be expected, written before the program answered. After a
/// change on purpose, run this test once with EPISODE_LEDGER_WRITE_GOLDEN=1 and look at the
/// difference.
@Suite("Golden episodes")
struct GoldenEpisodesTests {
    static let folder = "\(CommandLineFixture.tests)/EpisodeLedgerTests/GoldenEpisodes"

    @Test("Twenty-two episodes are reviewed and summarized as was agreed on")
    func golden() async throws {
        let cases = try GoldenCase.all(in: Self.folder)
        try await CommandLineFixture.with { fixture in
            let masks = try await Self.record(cases, fixture)
            let answers = try await Self.ask(cases.flatMap(\.questions), fixture)
            for (name, answer) in answers.sorted(by: { $0.key < $1.key }) {
                try Self.compare(name, masks.applied(to: answer))
            }
            let agreed = try FileManager.default.contentsOfDirectory(
                atPath: "\(Self.folder)/Answers"
            )
            #expect(Set(agreed).subtracting(answers.keys) == [], "nobody asks for these any more")
        }
    }

    @Test("Each episode has its case and what is expected of it")
    func complete() throws {
        let files = try FileManager.default.contentsOfDirectory(atPath: Self.folder)
        let episodes = files.filter { $0.hasSuffix(".ndjson") }.map { $0.dropLast(7) }.sorted()
        #expect(episodes.count == 22)
        #expect(try GoldenCase.all(in: Self.folder).map(\.name) == episodes.map(String.init))
        for episode in episodes { #expect(files.contains("\(episode).md")) }
    }

    @Test("Indented JSON is the same JSON")
    func indentation() {
        let json = #"{"a":[{"b":"{,:\"\\"},[],{}],"c":1.50,"d":"å","e":[null,true]}"#
        let indented = """
            {
              "a": [
                {
                  "b": "{,:\\"\\\\"
                },
                [],
                {}
              ],
              "c": 1.50,
              "d": "å",
              "e": [
                null,
                true
              ]
            }
            """
        #expect(String(decoding: indentedJSON(Array(json.utf8)), as: UTF8.self) == indented)
    }

    /// Imports the episodes into one ledger, and returns what differs from one run to the next.
    private static func record(
        _ cases: [GoldenCase],
        _ fixture: CommandLineFixture
    ) async throws -> Masks {
        let lines = try cases.flatMap { try $0.lines(in: folder) }
        let file = try fixture.file("episodes.ndjson", lines: lines)
        try await fixture.succeed(
            ["ledgers", "create", "golden", "--time-zone", GoldenCase.zone]
        )
        let answer = try await fixture.answer(
            ImportAnswer.self,
            ["import", file, "--ledger", "golden"]
        )
        #expect(answer.appended == lines.count && answer.refused == 0)
        try await fixture.succeed(["projections", "run", "--until-caught-up", "--ledger", "golden"])
        let recorded = try await fixture.succeed(["export", "--ledger", "golden"]).output
            .split(separator: 0x0A)
            .map { try fixture.decode(RecordedLine.self, Array($0)) }
        return try Masks(recorded)
    }

    /// The answers by the names of their files; the program runs twice at a time.
    private static func ask(
        _ questions: [GoldenQuestion],
        _ fixture: CommandLineFixture
    ) async throws -> [String: String] {
        #expect(Set(questions.map(\.file)).count == questions.count, "each has a file of its own")
        return try await withThrowingTaskGroup(of: (String, String).self) { group in
            var answers: [String: String] = [:]
            for (index, question) in questions.enumerated() {
                if index >= 2, let (file, answer) = try await group.next() {
                    answers[file] = answer
                }
                group.addTask { (question.file, try await question.answer(fixture)) }
            }
            while let (file, answer) = try await group.next() { answers[file] = answer }
            return answers
        }
    }

    private static func compare(_ name: String, _ answer: String) throws {
        let path = "\(folder)/Answers/\(name)"
        if ProcessInfo.processInfo.environment["EPISODE_LEDGER_WRITE_GOLDEN"] == "1" {
            try Data(answer.utf8).write(to: URL(filePath: path))
        }
        let agreed = String(
            decoding: FileManager.default.contents(atPath: path) ?? Data(),
            as: UTF8.self
        )
        if answer != agreed {
            Issue.record("\(path) differs:\n\(difference(from: agreed, to: answer))")
        }
    }

    /// The first lines that went and came, each with its number.
    private static func difference(from agreed: String, to answer: String) -> String {
        let lines = { (text: String) in
            text.split(separator: "\n", omittingEmptySubsequences: false)
        }
        let changes = lines(answer).difference(from: lines(agreed))
        let told = changes.prefix(20).map { change in
            switch change {
            case .remove(let offset, let line, _): "- \(offset + 1): \(line.prefix(160))"
            case .insert(let offset, let line, _): "+ \(offset + 1): \(line.prefix(160))"
            }
        }
        let rest = changes.count > told.count ? ["… \(changes.count - told.count) more"] : []
        return (told + rest).joined(separator: "\n")
    }
}

/// One episode, and what is asked about it.
private struct GoldenCase: Decodable {
    /// The time zone of the ledger.
    static let zone = "America/New_York"

    /// Up to when, and as known when, a read model is asked.
    struct View: Decodable {
        /// Tells it from the case's first view, which has no name.
        var view: String?
        /// Nil of a summary: after everything that happened.
        var effectiveAt: String?
        var knownAt: String?
        /// Whether the episode is summarized while it is open.
        var interim: Bool?

        var options: [String] {
            ["--effective-at", effectiveAt ?? "2025-11-30"]
                + (knownAt.map { ["--known-at", $0] } ?? [])
                + (interim == true ? ["--interim"] : [])
        }

        static let afterEverything = View()
    }

    var name: String
    var reviews: [View]
    /// Nil where there is one, of the whole episode.
    var summaries: [View]?

    /// The cases, in the order of their names.
    static func all(in folder: String) throws -> [GoldenCase] {
        let decoder = JSONDecoder()
        decoder.keyDecodingStrategy = .convertFromSnakeCase
        let json = try Data(contentsOf: URL(filePath: "\(folder)/cases.json"))
        return try decoder.decode([GoldenCase].self, from: json)
    }

    /// The import lines.
    func lines(in folder: String) throws -> [String] {
        try String(contentsOfFile: "\(folder)/\(name).ndjson", encoding: .utf8)
            .split(separator: "\n").map(String.init)
    }

    private var episode: String { "01950000-00\(name.prefix(2))-7000-8000-000000000000" }

    var questions: [GoldenQuestion] {
        reviews.flatMap { questions("review", "medication-review", $0, ["json", "text"]) }
            + (summaries ?? [.afterEverything]).flatMap {
                questions("summary", "discharge-summary", $0, ["json", "text", "html"])
            }
    }

    private func questions(
        _ kind: String,
        _ command: String,
        _ view: View,
        _ formats: [String]
    ) -> [GoldenQuestion] {
        formats.map { format in
            GoldenQuestion(
                file: "\(name).\(view.view.map { "\(kind)-\($0)" } ?? kind)."
                    + (format == "text" ? "txt" : format),
                arguments: [command, "--episode", episode] + view.options
                    + ["--format", format, "--ledger", "golden"]
            )
        }
    }
}

/// A run of the program, and the file that its answer is kept in.
private struct GoldenQuestion {
    var file: String
    var arguments: [String]

    /// What is printed, in lines that can be compared; of a failure the exit code and the error.
    func answer(_ fixture: CommandLineFixture) async throws -> String {
        let end = try await fixture.run(arguments)
        guard end.status == 0 else {
            #expect(end.output.isEmpty)
            return "exit \(end.status)\n\(end.errors)"
        }
        #expect(end.errors.isEmpty, "\(file): \(end.errors)")
        if file.hasSuffix(".html") { return brokenHTML(end.text) }
        guard file.hasSuffix(".json") else { return end.text }
        return String(decoding: indentedJSON(end.output), as: UTF8.self)
    }
}

/// Names for what differs from one run to the next: when and by whom the ledger recorded events.
private struct Masks {
    private var names: [String: String] = [:]

    init(_ recorded: [RecordedLine]) throws {
        let wallClock = DateFormatter()
        wallClock.locale = Locale(identifier: "en_US_POSIX")
        wallClock.timeZone = TimeZone(identifier: GoldenCase.zone)
        // As texts and pages show it.
        let formats = [
            "yyyy-MM-dd HH:mm:ss xxx",
            #"'<span class="time">'yyyy-MM-dd'</span>' HH:mm:ss '<span class="time">'xxx'</span>'"#,
        ]
        for line in recorded {
            names[line.recordedBy] = "<recorded_by>"
            names[line.recordedAt] = "<recorded_at>"
            let instant = try #require(Instant(rfc3339: line.recordedAt))
            let seconds = (Double(instant.microseconds) / 1_000_000).rounded(.down)
            for format in formats {
                wallClock.dateFormat = format
                let time = wallClock.string(from: Date(timeIntervalSince1970: seconds))
                names[time] = "<recorded_at>"
            }
        }
    }

    func applied(to text: String) -> String {
        names.reduce(text) { $0.replacingOccurrences(of: $1.key, with: $1.value) }
    }
}

/// A page with its parts on lines of their own, as the program need not print it.
private func brokenHTML(_ page: String) -> String {
    page.replacing(/><(section|header|h2|table|tr|div|p|ul|\/main)\b/) { ">\n<\($0.output.1)" }
}

/// JSON with one member or element a line, its strings and numbers byte for byte.
private func indentedJSON(_ json: [UInt8]) -> [UInt8] {
    var lines: [UInt8] = []
    var depth = 0
    var isInString = false
    var isEscaped = false
    func breakLine() { lines += [0x0A] + [UInt8](repeating: 0x20, count: 2 * depth) }
    for (index, byte) in json.enumerated() {
        if isInString {
            lines.append(byte)
            if isEscaped {
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
            }
            continue
        }
        switch byte {
        case UInt8(ascii: "["), UInt8(ascii: "{"):
            lines.append(byte)
            depth += 1
            // The closing brackets come two code points after the opening ones.
            if index + 1 < json.count, json[index + 1] != byte + 2 { breakLine() }
        case UInt8(ascii: "]"), UInt8(ascii: "}"):
            depth -= 1
            if json[index - 1] != byte - 2 { breakLine() }
            lines.append(byte)
        case UInt8(ascii: ","):
            lines.append(byte)
            breakLine()
        case UInt8(ascii: ":"):
            lines += [byte, 0x20]
        default:
            lines.append(byte)
            isInString = byte == UInt8(ascii: "\"")
        }
    }
    return lines
}
