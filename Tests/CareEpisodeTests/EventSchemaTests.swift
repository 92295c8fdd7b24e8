import TestSupport
import Testing

@testable import CareEpisode

@Suite("The schema of events")
struct EventSchemaTests {
    private static let components = EventSchema.components
    private static let schema = JSONSchema(components)
    private static let roots = Dictionary(
        uniqueKeysWithValues: EventSchema.allCases.map { ($0, $0.json) }
    )

    private static func isAdmitted(_ value: AnswerJSON, _ root: EventSchema) throws -> Bool {
        try schema.admits(value, try #require(roots[root]))
    }

    private static func component(_ name: String) throws -> AnswerJSON {
        try #require(components.first { $0.name == name }?.value)
    }

    private static func isAccepted(_ value: AnswerJSON, _ schema: EventSchema) -> Bool {
        do {
            switch schema {
            case .importLine: _ = try EventParser.parseLine(value.bytes)
            case .request: _ = try EventParser.parseRequest(value.bytes, from: .trusted)
            case .event:
                if value.kind == "array" { return false }
                _ = try EventParser.parseRequest(value.bytes, from: .trusted)
            }
            return true
        } catch {
            return false
        }
    }

    /// An import line around a payload, with every field of the envelope where `isFull`.
    private static func line(_ type: EventType, _ data: String, isFull: Bool) throws -> AnswerJSON {
        let id = "0192f0c1-7a00-7000-8000-00000000c001"
        let more =
            #","source_recorded_at":"2025-02-01T00:00:00+01:00","correlation_id":"\#(id)","#
            + #""causation_id":"\#(id)","schema_version":1"#
        // RFC 3339 allows a small t and z, which formats of JSON Schema need not.
        let data = data.replacing("t09:00:00z", with: "T09:00:00Z")
        let (document, isJSON) = JSONReader.read(
            EventSamples.line(type, data: data, more: isFull ? more : "")
        )
        #expect(isJSON)
        return AnswerJSON(document)
    }

    private static func event(_ line: AnswerJSON) -> AnswerJSON {
        .object(line.members.filter { $0.name != "episode_id" })
    }

    @Test(
        "What is sent is admitted, with every field and with only the required ones",
        arguments: EventSamples.full.map { ($0.0, $0.1, true) }
            + EventSamples.minimal.map { ($0.0, $0.1, false) }
    )
    func samples(_ type: EventType, _ data: String, _ isFull: Bool) throws {
        let line = try Self.line(type, data, isFull: isFull)
        let event = Self.event(line)
        for (value, schema) in [
            (line, EventSchema.importLine), (event, .event), (event, .request),
            (.array([event, event]), .request),
        ] {
            #expect(Self.isAccepted(value, schema))
            #expect(try Self.isAdmitted(value, schema))
        }
        #expect(try !Self.isAdmitted(line, .event))
        #expect(try !Self.isAdmitted(event, .importLine))
        #expect(try !Self.isAdmitted(.array([]), .request))
    }

    @Test(
        "Of changed events the schema admits those that the parser accepts",
        arguments: [1, 2, 3] as [UInt64]
    )
    func agrees(_ seed: UInt64) throws {
        var generator = SeededRandom(seed: seed)
        var counts = [true: 0, false: 0]
        for (type, data) in EventSamples.full + EventSamples.minimal {
            let line = try Self.line(type, data, isFull: Bool.random(using: &generator))
            for _ in 0..<40 {
                let isLine = Bool.random(using: &generator)
                var value = isLine ? line : Self.event(line)
                for _ in 0..<(Int.random(in: 0..<4, using: &generator) == 0 ? 2 : 1) {
                    value = value.changed(using: &generator)
                }
                let schema: EventSchema = isLine ? .importLine : .request
                let isAccepted = Self.isAccepted(value, schema)
                let text = String(decoding: value.bytes, as: UTF8.self)
                #expect(
                    try Self.isAdmitted(value, schema) == isAccepted,
                    "\(generator): \(text.prefix(3000))"
                )
                counts[isAccepted, default: 0] += 1
            }
        }
        #expect(counts[true, default: 0] > 60 && counts[false, default: 0] > 300, "\(counts)")
    }

    @Test(
        "Every pair of levels is admitted as a step in the direction that the parser accepts",
        arguments: [EventType.steppedDown, .steppedUp]
    )
    func directions(_ type: EventType) throws {
        for from in LevelOfCare.allCases {
            for to in LevelOfCare.allCases {
                let data =
                    #"{"from_level":"\#(from.rawValue)","to_level":"\#(to.rawValue)","rationale":"r"}"#
                let line = try Self.line(type, data, isFull: false)
                let isAccepted = Self.isAccepted(line, .importLine)
                #expect(isAccepted == (type == .steppedDown ? to < from : to > from))
                #expect(try Self.isAdmitted(line, .importLine) == isAccepted)
            }
        }
    }

    @Test("Every change of a medication is admitted with what the parser accepts beside it")
    func medications() throws {
        for change in MedicationChange.allCases {
            for (regimen, replaces) in [(false, false), (false, true), (true, false), (true, true)]
            {
                let data =
                    #"{"medication":{"name":"x"},"prescriber":"p","change":"\#(change.rawValue)""#
                    + (regimen ? #","regimen":{}"# : "")
                    + (replaces ? #","replaces":{"name":"y"}"# : "") + "}"
                let line = try Self.line(.medicationAdjusted, data, isFull: false)
                #expect(
                    try Self.isAdmitted(line, .importLine)
                        == Self.isAccepted(line, .importLine),
                    "\(data)"
                )
            }
        }
    }

    @Test("Components have the names that others refer to, each once")
    func names() throws {
        let names = Self.components.map(\.name)
        #expect(Set(names).count == names.count && names.count == 3 + 3 * EventType.allCases.count)
        #expect(names.contains("SessionAttendedData") && names.contains("EntryCorrectedLine"))
        let line = try Self.component("DischargedLine")
        #expect(line["required"]?.elements.map(\.text).contains("episode_id") == true)
        #expect(try Self.component("DischargedEvent")["properties"]?["episode_id"] == nil)
    }
}

extension AnswerJSON {
    /// The same but for one change somewhere in it.
    fileprivate func changed(using generator: inout SeededRandom) -> AnswerJSON {
        let isHere = Int.random(in: 0..<12, using: &generator) == 0
        switch self {
        case .object(var members) where !members.isEmpty && !isHere:
            var index = Int.random(in: 0..<members.count, using: &generator)
            // Most of an event is its data.
            if let data = members.firstIndex(where: { $0.name == "data" }), index != 0 {
                index = data
            }
            switch Int.random(in: 0..<12, using: &generator) {
            case 0: members.remove(at: index)
            case 1: members.append(("unknown", .integer(1)))
            case 2:
                let (name, value) = Self.known.randomElement(using: &generator) ?? ("x", .null)
                members.removeAll { $0.name == name }
                members.append((name, value))
            default: members[index].value = members[index].value.changed(using: &generator)
            }
            return .object(members)
        case .array(var elements) where !elements.isEmpty && !isHere:
            let index = Int.random(in: 0..<elements.count, using: &generator)
            switch Int.random(in: 0..<4, using: &generator) {
            case 0: elements.remove(at: index)
            case 1: elements = Array(repeating: elements[index], count: 257)
            default: elements[index] = elements[index].changed(using: &generator)
            }
            return .array(elements)
        case .integer(let number) where !isHere:
            let numbers = [number - 1, number + 1, 0, -1, 60, 61, 720, 721, 999_999_999_999_999]
            return .integer(numbers.randomElement(using: &generator) ?? 0)
        case .number(let number) where !isHere:
            return .number([number, -number, 60.5, 0.25].randomElement(using: &generator) ?? 0)
        case .string(let text) where !isHere:
            if Bool.random(using: &generator) { return .string(text + "z") }
            return .string(Self.texts.randomElement(using: &generator) ?? "")
        default: return Self.values.randomElement(using: &generator) ?? .null
        }
    }

    private static let values: [AnswerJSON] = [
        .null, true, 1, .number(1.5), "x", "", .array([]), .object([]), .array(["x"]),
    ]

    /// Texts of every kind, every closed code among them.
    private static let texts: [String] =
        [
            "", "x", "own code", "2025-01-31", "2025-01-31T18:05:00Z",
            "0192f0c1-7a00-7000-8000-00000000a001", String(repeating: "ä", count: 4_096),
            String(repeating: "ä", count: 4_097),
        ]
        + EventType.allCases.map(\.rawValue) + LevelOfCare.allCases.map(\.rawValue)
        + MedicationChange.allCases.map(\.rawValue) + SessionKind.allCases.map(\.rawValue)
        + MissedSessionKind.allCases.map(\.rawValue) + AuthorRole.allCases.map(\.rawValue)

    /// Members of the catalog, as they may be sent.
    private static let known: [(String, AnswerJSON)] = [
        ("minutes", 30), ("schema_version", 1), ("schema_version", 2), ("reason", "no_show"),
        ("regimen", .object([])), ("replaces", .object([("name", "x")])), ("track", "own"),
        ("episode_id", "0192f0c1-7a00-7000-8000-00000000a001"), ("planned_hours_per_week", 60),
        ("planned_hours_per_week", 61), ("group_size", 0), ("session_id", "s"), ("position", 1),
        ("change", "hold"), ("level_of_care", "inpatient"), ("diagnoses", .array([])),
        ("participants", .array([])), ("summary", .string(String(repeating: "s", count: 4_097))),
    ]
}
