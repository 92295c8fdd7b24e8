import TestSupport
import Testing

@testable import CareEpisode

@Suite("Events")
struct EventRoundTripTests {
    @Test("The samples hold every type, with every field and with only the required ones")
    func samplesAreComplete() {
        #expect(Set(EventSamples.full.map(\.0)) == Set(EventType.allCases))
        #expect(Set(EventSamples.minimal.map(\.0)) == Set(EventType.allCases))
    }

    /// The typed writer against the generic one, which sorts members itself.
    @Test("A payload is the canonical form of the data sent", arguments: EventSamples.full)
    func payloadIsCanonical(_ type: EventType, _ data: String) throws {
        let (document, isJSON) = JSONReader.read(Array(data.utf8))
        #expect(isJSON)
        var expected = String(decoding: document.canonical(0, .ledger), as: UTF8.self)
        expected.replace("BEEF", with: "beef")
        expected.replace("0192F0C1-7A00", with: "0192f0c1-7a00")
        let draft = try EventSamples.draft(type, data: data)
        #expect(draft.type == type)
        #expect(String(decoding: draft.payload(), as: UTF8.self) == expected)
    }

    @Test("What is absent stays absent, and no default is written", arguments: EventSamples.minimal)
    func absentStaysAbsent(_ type: EventType, _ data: String) throws {
        let payload = try EventSamples.draft(type, data: data).payload()
        #expect(String(decoding: payload, as: UTF8.self) == data)
    }

    @Test(
        "Written and read again, an event is the same",
        arguments: EventSamples.full + EventSamples.minimal
    )
    func roundTrip(_ type: EventType, _ data: String) throws {
        let more =
            #","source_recorded_at":"2025-02-01T00:00:00+01:00","correlation_id":"#
            + #""0192F0C1-7A00-7000-8000-00000000C001","causation_id":"#
            + #""0192F0C1-7A00-7000-8000-00000000C002","schema_version":1"#
        let (episode, draft) = try EventParser.parseLine(
            EventSamples.line(type, data: data, more: more)
        )
        #expect(draft.sourceRecordedAt?.description == "2025-01-31T23:00:00.000000Z")
        #expect(draft.correlationID?.description == "0192f0c1-7a00-7000-8000-00000000c001")
        #expect(draft.causationID?.description == "0192f0c1-7a00-7000-8000-00000000c002")
        let line = draft.importLine(episodeID: episode)
        let (episodeAgain, again) = try EventParser.parseLine(line)
        #expect(episodeAgain == episode)
        #expect(again == draft)
        #expect(again.importLine(episodeID: episode) == line)
        #expect(
            try EventData.decode(type, schemaVersion: 1, payload: draft.payload()) == draft.data
        )
    }

    @Test("An import line and a header have exactly the members they should, in their order")
    func envelopeBytes() throws {
        let (episode, draft) = try EventParser.parseLine(
            EventSamples.line(.discharged, data: #"{"reason":"died"}"#)
        )
        #expect(
            String(decoding: draft.importLine(episodeID: episode), as: UTF8.self) == """
                {"author":{"id":"a","role":"nurse"},"data":{"reason":"died"},\
                "episode_id":"0192f0c1-7a00-7000-8000-00000000e001",\
                "event_id":"0192f0c1-7a00-7000-8000-00000000a001",\
                "occurred_at":"2025-01-31T18:05:00.000000Z","schema_version":1,"type":"discharged"}
                """
        )
        let header = draft.header(ledger: .default, episodeID: episode, recordedBy: "cli:\"x\"")
        #expect(
            String(decoding: header, as: UTF8.self) == """
                {"author":{"id":"a","role":"nurse"},\
                "episode_id":"0192f0c1-7a00-7000-8000-00000000e001",\
                "event_id":"0192f0c1-7a00-7000-8000-00000000a001","ledger":"default",\
                "occurred_at":"2025-01-31T18:05:00.000000Z","recorded_by":"cli:\\"x\\"",\
                "schema_version":1,"type":"discharged"}
                """
        )
        let decoded = try EventHeader.decode(header)
        #expect(decoded.recordedBy == "cli:\"x\"")
        #expect(decoded.sourceRecordedAt == nil)
        #expect(decoded.type == .discharged)
    }

    @Test("A header with all members has them in the order of RFC 8785")
    func fullHeader() throws {
        let identifier = CorrelationID(bits: 7)
        var draft = try EventSamples.draft(.completed, data: "{}")
        draft.correlationID = identifier
        draft.causationID = identifier
        draft.sourceRecordedAt = Instant(microseconds: 0)
        let header = draft.header(
            ledger: .default,
            episodeID: EpisodeID(bits: 1),
            recordedBy: "s"
        )
        let (document, _) = JSONReader.read(header)
        #expect(document.errors.isEmpty)
        #expect(document.nodes[0].count == 11)
        #expect(document.canonical(0, .rfc8785) == header)
        #expect(try EventHeader.decode(header).correlationID == identifier)
    }

    @Test("A recorded header is refused where it is none")
    func wrongHeader() {
        #expect(throws: Refusal.self) { try EventHeader.decode(Array("{}".utf8)) }
        #expect(throws: Refusal.self) { try EventHeader.decode(Array("{".utf8)) }
    }

    @Test("A payload of another type or version is not decoded")
    func wrongPayload() throws {
        let payload = Array(#"{"reason":"died"}"#.utf8)
        #expect(throws: Refusal.self) {
            try EventData.decode(.completed, schemaVersion: 1, payload: payload)
        }
        #expect(throws: Refusal.self) {
            try EventData.decode(.discharged, schemaVersion: 2, payload: payload)
        }
        #expect(throws: Refusal.self) {
            try EventData.decode(.discharged, schemaVersion: 1, payload: Array("{".utf8))
        }
    }

    @Test("Limits are met exactly: 4096 and 65536 characters, 256 elements, 16 levels, 15 digits")
    func atTheLimits() throws {
        // Scalars, not bytes or UTF-16 code units: one emoji is one.
        let reason = String(repeating: "😀", count: 4096)
        let allergies = Array(repeating: "\"\"", count: 256).joined(separator: ",")
        let data =
            #"{"client_id":"C","program":"p","level_of_care":"outpatient","reason":""# + reason
            + #"","allergies":["# + allergies + #"],"planned_hours_per_week":12.3456789012345}"#
        let draft = try EventSamples.draft(.admitted, data: data)
        guard case .admitted(let admitted) = draft.data else { throw Unexpected() }
        #expect(admitted.reason == reason)
        #expect(admitted.allergies?.count == 256)
        #expect(admitted.plannedHoursPerWeek == 12.3456789012345)
        let summary = String(repeating: "ß", count: 65_536)
        let end = try EventSamples.draft(.completed, data: "{\"summary\":\"\(summary)\"}")
        #expect(end.data.end?.summary == summary)
        let escaped = try EventSamples.draft(.completed, data: "{\"s\\u0075mmary\":\"\(summary)\"}")
        #expect(escaped == end)
        // Two levels are the event and its data, so thirteen more arrays end on the sixteenth.
        let deep =
            #"{"x":"# + String(repeating: "[", count: 14) + String(repeating: "]", count: 14) + "}"
        let refusal = #expect(throws: Refusal.self) {
            try EventSamples.draft(.completed, data: deep)
        }
        #expect(refusal?.errors.map(\.description) == ["/data/x is not a field of this object"])
    }

    @Test("Surrogate pairs, escapes and scalars outside the basic plane are read as they are meant")
    func escapes() throws {
        let draft = try EventSamples.draft(
            .completed,
            data: #"{"summary":"\ud83d\ude00\u00e4\/\b\f\n\r\t\"\\\u007f\uffff"}"#
        )
        #expect(draft.data.end?.summary == "😀ä/\u{8}\u{C}\n\r\t\"\\\u{7F}\u{FFFF}")
        let expected = "{\"summary\":\"😀ä/\\b\\f\\n\\r\\t\\\"\\\\\u{7F}\u{FFFF}\"}"
        #expect(draft.payload() == Array(expected.utf8))
    }

    @Test("Time is judged against the ledger's clock")
    func timeErrors() throws {
        var draft = try EventSamples.draft(.completed, data: "{}")
        let now = draft.occurredAt
        draft.occurredAt = now.advanced(bySeconds: 300)
        #expect(draft.timeErrors(now: now).isEmpty)
        draft.occurredAt.microseconds += 1
        #expect(
            draft.timeErrors(now: now).map(\.description)
                == ["/occurred_at must be at most 5 minutes after the ledger's clock"]
        )
        draft.data = try EventSamples.draft(
            .medicationAdjusted,
            data: #"{"change":"stop","medication":{"name":"x"},"prescriber":"p"}"#
        ).data
        draft.occurredAt = now.advanced(bySeconds: 366 * 86_400)
        #expect(draft.timeErrors(now: now).isEmpty)
        draft.occurredAt.microseconds += 1
        draft.sourceRecordedAt = Instant(microseconds: now.microseconds + 1)
        #expect(
            draft.timeErrors(now: now).map(\.description) == [
                "/occurred_at must be at most 366 days after the ledger's clock",
                "/source_recorded_at must not be later than the ledger's clock",
            ]
        )
        draft.occurredAt = now
        draft.sourceRecordedAt = now
        #expect(draft.timeErrors(now: now).isEmpty)
        draft.occurredAt = try #require(Instant(rfc3339: "1950-01-01T00:00:00Z"))
        #expect(draft.timeErrors(now: now).isEmpty)
        draft.occurredAt.microseconds -= 1
        #expect(
            draft.timeErrors(now: now).map { "\($0.pointer) \($0.code)" }
                == ["/occurred_at too_early"]
        )
    }
}

struct Unexpected: Error {}
