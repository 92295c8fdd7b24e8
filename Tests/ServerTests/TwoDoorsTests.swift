import ArgumentParser
import CareEpisode
import Foundation
import Ledger
import Markup
import ProjectionRuntime
import Projections
import Simulator
import TestSupport
import Testing

@testable import EpisodeLedger
@testable import Server

/// The command line and HTTP ask the same questions: the same arguments have the same answer and are
/// refused for the same reasons.
@Suite("Two doors, one question")
struct TwoDoorsTests {
    /// When everything is asked.
    static let now = Instant(rfc3339: "2026-01-15T12:00:00Z")

    /// How many sets of arguments each question is asked with: 50, or 200 with `EPISODE_LEDGER_LONG=1`.
    private static let sets =
        ProcessInfo.processInfo.environment["EPISODE_LEDGER_LONG"] == nil ? 50 : 200

    @Test("Random sets of arguments for each question: the same bytes, the same refusals")
    func parity() async throws {
        let now = try #require(Self.now)
        try await ServiceFixture.with(now: { now }) { fixture in
            try await Self.record(fixture)
            let token = try await fixture.token(.clinician)
            let context = try await LedgerContext(fixture.database, fixture.ledger, now: now)
            let doors = Doors(
                fixture: fixture,
                token: token,
                context: context,
                sets: Self.sets
            )
            for question in ReadModels.questions {
                try await doors.compare(question, question.question)
            }
        }
    }

    /// Simulated episodes, and read models that are at the head.
    private static func record(_ fixture: ServiceFixture) async throws {
        var lines: [[UInt8]] = []
        Simulation(episodes: 12, seed: 7).lines { lines.append($0) }
        let body = Array(lines.joined(separator: [0x0A]))
        let answer = try await fixture.request(
            "POST",
            "/v1/ledgers/default/events:import",
            token: try await fixture.token(.service),
            headers: ["Content-Type": "application/x-ndjson"],
            body: body
        )
        #expect(answer.status == 200)
        #expect(!answer.text.contains("refused"))
        let head = try await EventReader(fixture.database, ledger: fixture.ledger).head().position
        #expect(head.rawValue == Int64(lines.count))
        for path in [
            "census", "medication-review?program=x", "discharge-summaries", "sessions?author=x",
        ] {
            let joint = path.contains("?") ? "&" : "?"
            let token = try await fixture.token(.clinician)
            // A busy machine takes longer than a request may wait.
            try await eventually("\(path) has got to \(head)") {
                try await fixture.get("\(path)\(joint)at_least=\(head)", token: token).status
                    == 200
            }
        }
    }
}

/// Asks both doors.
private struct Doors {
    let fixture: ServiceFixture
    let token: String
    let context: LedgerContext
    let sets: Int

    func compare<Asked: Question>(
        _ description: QuestionDescription,
        _ question: Asked.Type
    ) async throws {
        let seed = UInt64.random(in: 0...UInt64.max)
        var generator = SeededRandom(seed: seed)
        var arguments = try await ArgumentPool(fixture)
        var (answered, refused) = (0, 0)
        for number in 1...sets {
            let set = arguments.set(Asked.parameters, &generator)
            let note: Comment = "\(description.path), seed \(seed), set \(number): \(set)"
            let http = try await fixture.get(path(description, set), token: token)
            // What the command line reads from its options.
            let words = words(Asked.parameters, set)
            let read = read(description, words)
            do {
                let asked = try Asked.read(Arguments(set), at: context.moment)
                let command = try #require(try? read.get(), note)
                #expect(command.values == set, note)
                do {
                    let json = try await asked.written(context).json.bytes
                    #expect(http.status == 200, note)
                    #expect(http.bytes == json, note)
                    if number.isMultiple(of: 10) {
                        let page = try await fixture.get(
                            path(description, set),
                            token: token,
                            headers: ["Accept": "text/html"]
                        )
                        let document = try await asked.written(context).document()
                        #expect(page.status == 200, note)
                        #expect(page.text == document.html + "\n", note)
                    }
                    answered += 1
                } catch {
                    #expect(http.status == 404, note)
                    #expect(http.json.string("detail") == "\(error)", note)
                }
            } catch let refusal as QuestionRefusal {
                refused += 1
                #expect(http.status == 400, note)
                let told = http.json.list("errors").map { error in
                    ["pointer", "code", "detail"].map { error[$0] as? String ?? "" }
                }
                let expected = refusal.reasons(spelling: \.name)
                    .map { [$0.parameter, $0.code, $0.detail] }
                #expect(told == expected, note)
                // The command line spells them as options.
                let errors = refusal.reasons { "--\($0.option)" }
                    .map { "\($0.parameter) \($0.detail)" }
                switch read {
                case .failure(let error):
                    #expect(error.text == errors.joined(separator: "\n"), note)
                case .success(let command):
                    // Only the ledger's time and zone forbid it.
                    #expect(command.values == set, note)
                    #expect(throws: QuestionRefusal.self, note) {
                        try Asked(command, at: context.moment)
                    }
                }
            }
        }
        // By chance one in seven of a question with few parameters is refused: one in fifty is out of
        // its reach.
        let few = sets / 50 - 1
        #expect(answered > few, "\(description.path): only \(answered) were answered")
        #expect(refused > few, "\(description.path): only \(refused) were refused")
    }

    private struct Wrong: Error {
        let text: String
    }

    /// What the command makes of its words.
    private func read(
        _ description: QuestionDescription,
        _ words: [String]
    ) -> Result<Arguments, Wrong> {
        func parse<Command: QuestionCommand>(_ command: Command.Type) -> Result<Arguments, Wrong> {
            do {
                let command = try Command.parse(words)
                return .success(command.asking.given(command.arguments))
            } catch {
                return .failure(Wrong(text: Command.message(for: error)))
            }
        }
        switch description.operation {
        case "getEpisode": return parse(ReplayEpisode.self)
        case "listEpisodes": return parse(Episodes.self)
        case "getCensus": return parse(Census.self)
        case "getAttendance": return parse(Attendance.self)
        case "getOutcomes": return parse(Outcomes.self)
        case "getRetention": return parse(RetentionCommand.self)
        case "getStatistics": return parse(StatisticsCommand.self)
        case "listSessions": return parse(SessionsCommand.Held.self)
        case "getMedicationReview": return parse(MedicationReviewCommand.self)
        default:
            do {
                let command = try DischargeSummaryCommand.parse(words)
                return .success(
                    command.options.asking.given(
                        description.operation == "getDischargeSummary"
                            ? command.ofEpisode : command.ofList
                    )
                )
            } catch {
                return .failure(Wrong(text: DischargeSummaryCommand.message(for: error)))
            }
        }
    }

    private func path(_ description: QuestionDescription, _ set: [String: [String]]) -> String {
        var allowed = CharacterSet.alphanumerics
        allowed.insert(charactersIn: "-._~")
        func escaped(_ text: String) -> String {
            text.addingPercentEncoding(withAllowedCharacters: allowed) ?? text
        }
        var path = description.path
        var query: [String] = []
        for (name, values) in set.sorted(by: { $0.key < $1.key }) {
            if path.contains("{\(name)}"), let value = values.first {
                path = path.replacing("{\(name)}", with: escaped(value))
            } else {
                query += values.map { "\(name)=\(escaped($0))" }
            }
        }
        return query.isEmpty ? path : "\(path)?\(query.joined(separator: "&"))"
    }

    private func words(_ parameters: [Parameter], _ set: [String: [String]]) -> [String] {
        parameters.flatMap { parameter -> [String] in
            guard let values = set[parameter.name] else { return [] }
            switch parameter.kind {
            case .flag: return ["--\(parameter.option)"]
            case .times:
                return ["--\(parameter.option)"]
                    + values[0].split(separator: ",", omittingEmptySubsequences: false)
                    .map(String.init)
            default: return values.flatMap { ["--\(parameter.option)", $0] }
            }
        }
    }
}

/// Values for parameters, good and bad ones.
private struct ArgumentPool {
    private let episodes: [String]
    private let times = [
        "2025-10-15", "2025-11-30", "2025-12-24T18:00:00Z", "2025-12-31T23:59:59.5-05:00",
        "2026-01-15", "2026-01-15T12:00:00Z",
    ]
    private let wrongTimes = ["2026-01-16", "2027-01-01T00:00:00Z", "yesterday", "2025-02-30", ""]

    init(_ fixture: ServiceFixture) async throws {
        let page = try await EventReader(fixture.database, ledger: fixture.ledger)
            .page(after: .zero, limit: 1_000)
        episodes = Array(Set(page.events.map { $0.episodeID.description })).sorted()
    }

    /// Some of the parameters, mostly with good values.
    mutating func set(
        _ parameters: [Parameter],
        _ generator: inout SeededRandom
    ) -> [String: [String]] {
        var set: [String: [String]] = [:]
        for parameter in parameters {
            let chance = parameter.isRequired ? 29 : parameter.name == "diff" ? 4 : 10
            guard Int.random(in: 0..<30, using: &generator) < chance else { continue }
            if case .flag = parameter.kind {
                set[parameter.name] = ["true"]
                continue
            }
            let count = parameter.repeats ? Int.random(in: 1...2, using: &generator) : 1
            set[parameter.name] = (0..<count).map { _ in value(parameter, &generator) }
        }
        // A path has an episode, and the list on the command line something to be known by.
        let names = Set(parameters.map(\.name))
        if names.contains("interim"), set["episode"] == nil || set["episode"] == [""] {
            set["episode"] = [episodes[0]]
        }
        if names == Set(DischargeSummariesQuestion.parameters.map(\.name)),
            set["program"] == nil, set["from"] == nil, set["to"] == nil
        {
            set["program"] = ["op-aftercare"]
        }
        if names == Set(ReplayQuestion.parameters.map(\.name)), set["episode"] ?? [""] == [""] {
            set["episode"] = [episodes[0]]
        }
        return set
    }

    private func value(_ parameter: Parameter, _ generator: inout SeededRandom) -> String {
        let isGood = Int.random(in: 0..<12, using: &generator) > 0
        func one(_ good: [String], _ wrong: [String]) -> String {
            (isGood ? good : wrong).randomElement(using: &generator) ?? ""
        }
        switch parameter.kind {
        case .text:
            return one(
                ["iop-adult-day", "op-aftercare", "iop-dual-diagnosis", "nobody", "a b&c=d"],
                [""]
            )
        case .date: return one(["2025-10-01", "2025-11-15", "2025-12-31"], wrongTimes)
        case .time, .pastTime: return one(times, wrongTimes)
        case .times:
            let pair = (times + wrongTimes).shuffled(using: &generator)
            return isGood
                ? "2025-11-01,2025-12-15T12:00:00Z" : pair.prefix(2).joined(separator: ",")
        case .episode:
            return one(episodes, ["01950000-0000-7000-8000-000000000000", "no-uuid", ""])
        case .integer(let range):
            return one(
                [String(range.lowerBound), String(range.upperBound), "30"],
                [String(range.lowerBound - 1), String(range.upperBound + 1), "two", "1.5", ""]
            )
        case .cursor: return one(["0", "30", "2.30"], ["-1", "two", "1.", ""])
        case .choice(let words): return one(words, ["neither", ""])
        case .flag: return "true"
        case .programHours:
            return one(["iop-adult-day=12", "a=b=9.5", "x=0"], ["iop", "=9", "x=169", "x=nan"])
        case .types: return one(["admitted,completed"], ["yoga"])
        case .pattern: return one(["consumer-1"], ["a b"])
        }
    }
}
