import CareEpisode
import Foundation
import Ledger
import ProjectionRuntime
import ProjectionTestSupport
import Projections
import TestSupport
import Testing

/// Whatever an append accepts, at the limit of any field, every read model takes in, and every question
/// about it is answered.
@Suite("Every field at its limit", .serialized)
struct FieldLimitTests {
    @Test("Every read model takes in every field at its limit, and every question is answered")
    func everyField() async throws {
        try await ProjectionFixture.with(timeZone: "UTC") { fixture in
            var stories = LimitStories(seed: 0x15)
            for (type, data) in EventSamples.full { try stories.add(type, data) }
            // Of every type every text at 4,096 characters or more, and no number or list left out.
            let texts = stories.texts
            for field in [
                "admitted/client_id", "admitted/program", "admitted/diagnoses/0/description",
                "admitted/medications/0/medication/name", "session_attended/session_id",
                "session_attended/facilitators/0/id", "session_missed/session_id",
                "program_changed/program", "stepped_down/program", "discharged/summary",
                "medication_adjusted/medication/order_id", "entry_corrected/replacement/session_id",
                "admitted/author",
            ] {
                #expect(texts[field]?.unicodeScalars.count ?? 0 >= 4_096, "\(field)")
            }
            stories.stories = try await appended(stories, fixture)
            #expect(stories.stories.count > 120)
            let projections = try ReadModels.all(fixture.ledger)
            for projection in projections { try await takesIn(projection, fixture) }
            let asked = try await ask(stories, fixture)
            #expect(asked > 400)
        }
    }

    /// Those that the life cycle accepts as well: it may refuse times and numbers, but no text.
    private func appended(
        _ stories: LimitStories,
        _ fixture: ProjectionFixture
    ) async throws -> [LimitStories.Story] {
        let recordedBy = String(repeating: "ſ", count: 127)
        return try await Sequencer.with(fixture.database, ledger: fixture.ledger) { sequencer in
            var accepted: [LimitStories.Story] = []
            for story in stories.stories {
                let ticket = try sequencer.submit(
                    AppendRequest(
                        episodeID: story.episode,
                        events: story.events,
                        recordedBy: recordedBy
                    )
                )
                let outcome = try await ticket.outcome()
                if case .appended = outcome {
                    accepted.append(story)
                } else {
                    // What a correction says anew is judged by its target's type.
                    let isText =
                        stories.texts[story.field] != nil
                        && story.field != "entry_corrected/replacement/kind"
                    #expect(!isText, "\(story.field): \(outcome)")
                }
            }
            return accepted
        }
    }

    private func takesIn(
        _ projection: some EpisodeProjection,
        _ fixture: ProjectionFixture
    ) async throws {
        try await ProjectionWorker(
            projection,
            fixture.database,
            ledger: fixture.ledger,
            holder: "test"
        ).catchUp(to: try await fixture.head())
        let status = try await ProjectionStatus.all(fixture.database, ledger: fixture.ledger)
            .first { $0.name == projection.name }
        #expect(status?.parked.map(\.reason) == [], "\(projection.name)")
        #expect(status?.lag == 0)
        let report = try await ProjectionRebuild(
            projection,
            fixture.database,
            ledger: fixture.ledger,
            holder: "test"
        ).run()
        #expect(report.parked == 0 && report.differing == 0, "\(projection.name)")
    }

    /// Asks every question about every episode, and with every text that a question can be given.
    ///
    /// - Returns: how many were answered.
    private func ask(_ stories: LimitStories, _ fixture: ProjectionFixture) async throws -> Int {
        let context = try await LedgerContext(fixture.database, fixture.ledger)
        var count = 0
        for description in ReadModels.questions {
            func ask<Asked: Question>(
                _ question: Asked.Type,
                _ set: [String: [String]]
            ) async throws {
                let asked = try Asked.read(Arguments(set), at: context.moment)
                let answer = try await asked.written(context)
                #expect(!answer.json.bytes.isEmpty)
                #expect(answer.basis.parked == [])
                count += 1
            }
            let names = Set(description.question.parameters.map(\.name))
            var base: [String: [String]] = [:]
            if names.contains("facilitator") {
                base = ["date": ["2025-01-07"]]
            } else if names.contains("from") {
                base = ["from": ["2025-01-01"], "to": ["2025-03-01"]]
            }
            if description.path.contains("{episode}") {
                for story in stories.stories {
                    var set = ["episode": [story.episode.description]]
                    if names.contains("interim"), !story.isEnded { set["interim"] = ["true"] }
                    try await ask(description.question, set)
                }
                continue
            }
            try await ask(description.question, base)
            for parameter in description.question.parameters {
                guard case .text = parameter.kind else { continue }
                // A session's own words say enough.
                var set = names.contains("facilitator") ? [:] : base
                set[parameter.name] = [stories.value(of: parameter.name)]
                try await ask(description.question, set)
            }
            if ["getMedicationReview", "getAttendance"].contains(description.operation) {
                for story in stories.stories {
                    try await ask(description.question, ["episode": [story.episode.description]])
                }
            }
        }
        return count
    }
}

/// An episode for each field of each type, in which that field is at its limit.
private struct LimitStories: Sendable {
    struct Story: Sendable {
        let field: String
        let episode: EpisodeID
        let events: [EventDraft]
        let isEnded: Bool
    }

    var stories: [Story] = []
    /// What texts were accepted, by field.
    private(set) var texts: [String: String] = [:]
    private var generator: SeededRandom

    init(seed: UInt64) { generator = SeededRandom(seed: seed) }

    /// What is asked for in a parameter: a value that is recorded.
    func value(of parameter: String) -> String {
        let field =
            switch parameter {
            case "client_id": "admitted/client_id"
            case "session_id": "session_attended/session_id"
            case "facilitator": "session_attended/facilitators/0/id"
            case "author": "admitted/author"
            default: "admitted/program"
            }
        return texts[field] ?? ""
    }

    mutating func add(_ type: EventType, _ data: String) throws {
        let sample = try JSONSerialization.jsonObject(with: Data(data.utf8))
        add(type, sample, "author") { ($0, $1 as? String ?? "") }
        for path in Self.paths(sample) {
            add(type, sample, path.map(\.text).joined(separator: "/")) { sample, value in
                (Self.replacing(sample, path[...], value), "a")
            } current: {
                Self.value(sample, path[...])
            }
        }
    }

    /// Adds a story where an event is accepted with a field at its limit: the first of the candidates.
    private mutating func add(
        _ type: EventType,
        _ sample: Any,
        _ field: String,
        _ replace: (Any, Any) -> (data: Any, author: String),
        current: () -> Any = { "a" }
    ) {
        for candidate in candidates(current()) {
            let (data, author) = replace(sample, candidate)
            guard let story = try? story(type, data, author: author, "\(type.rawValue)/\(field)")
            else { continue }
            stories.append(story)
            if let text = candidate as? String, text.utf8.count > 100 { texts[story.field] = text }
            return
        }
    }

    /// What may be at the limit of a field, the largest first.
    private mutating func candidates(_ value: Any) -> [Any] {
        switch value {
        case let list as [Any]:
            let texts = (0..<256).map { _ in text(200) as Any }
            return list.isEmpty ? [texts] : [(0..<256).map { _ in list[0] }, texts]
        case is [String: Any]: return []
        case is Int, is Double, is NSNumber:
            return [999_999_999_999_999, 1e-300, 720, 366, 168, 7]
        case is String:
            return [text(65_536), text(4_096, emoji: true), "9999-12-31", "9999-12-31T23:59:59Z"]
        default: return []
        }
    }

    /// Text that cannot be compressed: any of 20,000 characters of three bytes, or any emoji of four.
    private mutating func text(_ count: Int, emoji: Bool = false) -> String {
        var text = String.UnicodeScalarView()
        for _ in 0..<count {
            let isEmoji = emoji && Bool.random(using: &generator)
            let range: ClosedRange<UInt32> = isEmoji ? 0x1F300...0x1F5FF : 0x4E00...0x9FA5
            let scalar = UInt32.random(in: range, using: &generator)
            text.append(Unicode.Scalar(scalar) ?? " ")
        }
        return String(text)
    }

    /// The event in an episode in which it can be recorded.
    private func story(
        _ type: EventType,
        _ data: Any,
        author: String,
        _ field: String
    ) throws -> Story {
        let episode = EpisodeID.fresh
        let session = SampleEvent.session()
        var data = data
        if var object = data as? [String: Any], object["target_event_id"] != nil {
            object["target_event_id"] = session.eventID.description
            data = object
        }
        let line: [String: Any] = [
            "event_id": EventID.fresh.description, "episode_id": episode.description,
            "type": type.rawValue, "occurred_at": "2025-01-31T18:05:00Z",
            "author": ["id": author, "role": "nurse"], "data": data,
        ]
        let bytes = try JSONSerialization.data(withJSONObject: line)
        let event = try EventParser.parseLine([UInt8](bytes)).draft
        var events = [event]
        if type != .admitted {
            let from = (data as? [String: Any])?["from_level"] as? String
            let level = from.flatMap(LevelOfCare.init(rawValue:)) ?? .intensiveOutpatient
            events = [SampleEvent.admitted(level: level), session, event]
        }
        return Story(
            field: field,
            episode: episode,
            events: events,
            isEnded: type == .completed || type == .discharged
        )
    }

    // MARK: - Places in JSON

    private enum Step {
        case member(String)
        case element(Int)

        var text: String {
            switch self {
            case .member(let name): name
            case .element(let index): "\(index)"
            }
        }
    }

    /// The places of all values, those of lists and objects included.
    private static func paths(_ value: Any) -> [[Step]] {
        var paths: [[Step]] = []
        func walk(_ value: Any, _ path: [Step]) {
            if !path.isEmpty { paths.append(path) }
            switch value {
            case let object as [String: Any]:
                for (name, member) in object.sorted(by: { $0.key < $1.key }) {
                    walk(member, path + [.member(name)])
                }
            case let list as [Any]:
                for (index, element) in list.enumerated() {
                    walk(element, path + [.element(index)])
                }
            default: break
            }
        }
        walk(value, [])
        return paths
    }

    private static func value(_ value: Any, _ path: ArraySlice<Step>) -> Any {
        switch path.first {
        case .member(let name): Self.value((value as? [String: Any])?[name] ?? "", path.dropFirst())
        case .element(let index): Self.value((value as? [Any])?[index] ?? "", path.dropFirst())
        case nil: value
        }
    }

    private static func replacing(_ value: Any, _ path: ArraySlice<Step>, _ new: Any) -> Any {
        switch path.first {
        case .member(let name):
            var object = value as? [String: Any] ?? [:]
            object[name] = replacing(object[name] ?? "", path.dropFirst(), new)
            return object
        case .element(let index):
            var list = value as? [Any] ?? []
            list[index] = replacing(list[index], path.dropFirst(), new)
            return list
        case nil: return new
        }
    }
}
