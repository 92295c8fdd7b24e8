import CareEpisode
import TestSupport
import Testing

@Suite("Recorded events")
struct RecordedEventTests {
    private let episode = EpisodeID(bits: 0xE)

    private func record(_ draft: EventDraft, recordedAt: String = "2025-02-01T00:00:00Z") throws
        -> RecordedEvent
    {
        let recorded = try #require(Instant(rfc3339: recordedAt))
        return RecordedEvent(
            episodeID: episode,
            leafHash: [0x00, 0x0F, 0xFF] + Array(repeating: 0xA5, count: 29),
            header: draft.header(ledger: .default, episodeID: episode, recordedBy: "cli:root"),
            history: HistoryEvent(
                position: Position(1234),
                version: Version(5),
                eventID: draft.eventID,
                type: draft.type,
                occurredAt: draft.occurredAt,
                recordedAt: recorded,
                knownAt: draft.sourceRecordedAt ?? recorded,
                payload: draft.payload()
            )
        )
    }

    @Test(
        "A recorded event is served with its header's members, then data and what the ledger adds"
    )
    func served() throws {
        let draft = try EventSamples.draft(.discharged, data: #"{"reason":"died"}"#)
        let event = try record(draft)
        let header = String(decoding: event.header, as: UTF8.self)
        let expected =
            header.dropLast() + #","data":{"reason":"died"},"leaf_hash":"000fff"#
            + String(repeating: "a5", count: 29)
            + #"","position":1234,"recorded_at":"2025-02-01T00:00:00.000000Z","version":5}"#
        #expect(String(decoding: event.served(), as: UTF8.self) == expected)
        for count in 0...2 {
            let list = RecordedEvent.served(Array(repeating: event, count: count)).bytes
            let parts = Array(repeating: expected, count: count).joined(separator: ",")
            #expect(String(decoding: list, as: UTF8.self) == "[\(parts)]")
        }
    }

    @Test("Import refuses a served event and takes its import line", arguments: EventSamples.full)
    func exportAsImport(_ type: EventType, _ data: String) throws {
        var draft = try EventSamples.draft(type, data: data)
        let event = try record(draft)
        let refusal = #expect(throws: Refusal.self) { try EventParser.parseLine(event.served()) }
        #expect(refusal?.errors.map(\.code) == ["recorded_event"])
        #expect(refusal?.description.contains("export --as-import") == true)
        let (episodeID, again) = try EventParser.parseLine(event.importLine())
        draft.sourceRecordedAt = event.history.recordedAt
        #expect(episodeID == episode && again == draft)
        #expect(again.payload() == event.history.payload)
        // A time of its own is kept.
        draft.sourceRecordedAt = Instant(microseconds: 1)
        let dated = try record(draft)
        #expect(try EventParser.parseLine(dated.importLine()).draft == draft)
        #expect(try dated.draft() == draft)
    }

    @Test("The same event sent again in another spelling is the same")
    func sameContent() throws {
        let data = #"{"disposition":"home","last_contact_at":"2025-01-31T18:00:00Z","planned":0}"#
            .replacing(#","planned":0"#, with: "")
        let event = try record(try EventSamples.draft(.completed, data: data))
        let again = EventSamples.line(
            .completed,
            data:
                #"{ "last_contact_at":"2025-01-31T19:00:00.0000009+01:00", "d\u0069sposition":"home"}"#,
            eventID: "0192F0C1-7A00-7000-8000-00000000A001",
            occurredAt: "2025-01-31T13:05:00.000-05:00",
            more: #","correlation_id":"0192f0c1-7a00-7000-8000-00000000c001","schema_version":1"#
        )
        let draft = try EventParser.parseLine(again).draft
        #expect(try draft.hasSameContent(as: event, in: episode))
        #expect(try !draft.hasSameContent(as: event, in: EpisodeID(bits: 0xF)))
    }

    @Test("A correction sent twice is the same, however the times in its replacement are spelled")
    func sameCorrection() throws {
        let correction = { (time: String, at: String) in
            try EventSamples.draft(
                .entryCorrected,
                data: """
                    {"target_event_id":"0192F0C1-7A00-7000-8000-00000000BEEF","reason":"r",\
                    "replacement":{"aftercare":[{"provider":"p","at":"\(at)"}],\
                    "last_contact_at":"\(time)"},"replacement_occurred_at":"\(time)"}
                    """
            )
        }
        let event = try record(correction("2025-01-31T18:00:00Z", "2025-02-02T10:00:00Z"))
        let same = try correction(
            "2025-01-31T20:00:00.000+02:00",
            "2025-02-02t11:00:00.0000004+01:00"
        )
        #expect(try same.hasSameContent(as: event, in: episode))
        let other = try correction("2025-01-31T18:00:00Z", "2025-02-02T10:00:01Z")
        #expect(try !other.hasSameContent(as: event, in: episode))
    }

    @Test(
        "Whatever else differs makes it another event",
        arguments: ["event_id", "type", "occurred_at", "author", "role", "source", "data"]
    )
    func otherContent(_ field: String) throws {
        let draft = try EventSamples.draft(.completed, data: #"{"summary":"s"}"#)
        let event = try record(draft)
        var other = draft
        switch field {
        case "event_id": other.eventID = EventID(bits: 1)
        case "type": other.data = .discharged(Discharged(reason: .other))
        case "occurred_at": other.occurredAt.microseconds += 1
        case "author": other.author.id = "b"
        case "role": other.author.role = .peer
        case "source": other.sourceRecordedAt = draft.occurredAt
        default: other.data = .completed(Completed(summary: "t"))
        }
        #expect(try draft.hasSameContent(as: event, in: episode))
        #expect(try !other.hasSameContent(as: event, in: episode))
        // Who asked and why does not count.
        var same = draft
        same.correlationID = CorrelationID(bits: 1)
        same.causationID = CorrelationID(bits: 2)
        #expect(try same.hasSameContent(as: event, in: episode))
    }
}
