import CareEpisode
import ProjectionTestSupport
import Testing

@testable import Pages

@Suite("The event that a form says")
struct FormEventTests {
    private let calendar: LocalCalendar

    init() throws { calendar = try LocalCalendar(timeZone: "America/New_York") }

    /// A form with everything but data.
    private func form(_ data: [String: String], at time: String = "2025-12-31T17:30") -> FormValues
    {
        var fields = [
            ("/event_id", "0190b2c4-0000-7000-8000-000000000001"), ("/occurred_at", time),
            ("/author/id", "SIM-T1"), ("/author/role", "therapist"),
        ]
        fields += data.map { ("/data\($0.key)", $0.value) }
        return FormValues(fields.map { (name: $0.0, value: $0.1) })
    }

    private func errors(
        _ type: EventType,
        target: EventType? = nil,
        _ values: FormValues
    ) -> [String] {
        do throws(Refusal) {
            _ = try FormEvent(type, target: target, values, calendar).draft()
            return []
        } catch {
            return error.errors.map { "\($0.pointer) \($0.code)" }
        }
    }

    private func said(_ data: EventData) -> [String] {
        data.fieldTexts.map { "\($0.pointer) \($0.text)" }
    }

    @Test("An entry put into a form comes out as it was, of every type", arguments: [1, 2, 3])
    func roundTrip(seed: UInt64) throws {
        var generator = RandomHistories(seed: seed, calendar: calendar, medications: true)
        var types: Set<EventType> = []
        for event in generator.events(400, episodes: 20) {
            let draft = event.draft
            guard !draft.type.isAmendment else { continue }
            types.insert(draft.type)
            var values = form([:], at: draft.occurredAt.description)
            values.put(draft.data, at: "/data", calendar)
            let back = try FormEvent(draft.type, target: nil, values, calendar).draft()
            // A group without any field says nothing.
            #expect(said(back.data) == said(draft.data))
            #expect(back.occurredAt == draft.occurredAt)
            // And below the replacement of a correction.
            var correction = form([
                "/reason": "typed wrongly", "/target_event_id": "\(draft.eventID)",
            ])
            correction.put(draft.data, at: "/data/replacement", calendar)
            let event = FormEvent(.entryCorrected, target: draft.type, correction, calendar)
            guard case .entryCorrected(let data) = try event.draft().data else {
                Issue.record("a correction")
                continue
            }
            #expect(said(try data.replacement.decode(as: draft.type)) == said(draft.data))
        }
        #expect(types.count >= 9)
    }

    @Test(
        "A time of the wall clock is the one that is meant, and one that comes twice is asked for"
    )
    func times() throws {
        let session = ["/kind": "group", "/minutes": "180", "/session_id": "s1"]
        let plain = try FormEvent(.sessionAttended, target: nil, form(session), calendar).draft()
        #expect(plain.occurredAt.description == "2025-12-31T22:30:00.000000Z")
        #expect(
            errors(.sessionAttended, form(session, at: "2025-03-09T02:30"))
                == ["/occurred_at skipped_time"]
        )
        var twice = form(session, at: "2025-11-02T01:30")
        #expect(errors(.sessionAttended, twice) == ["/occurred_at repeated_time"])
        twice["which:/occurred_at"] = "2025-11-02T06:30:00Z"
        let second = FormEvent(.sessionAttended, target: nil, twice, calendar)
        #expect(try second.draft().occurredAt.description == "2025-11-02T06:30:00.000000Z")
        // Another time than the two that the clock showed is nobody's choice.
        twice["which:/occurred_at"] = "2025-11-02T07:30:00Z"
        #expect(errors(.sessionAttended, twice) == ["/occurred_at repeated_time"])
        // A field shows what says all of it: not an hour that comes twice, and no seconds.
        let repeated = try #require(Instant(rfc3339: "2025-11-02T06:30:00Z"))
        #expect(FormTime.text(repeated, calendar) == "2025-11-02T06:30:00.000000Z")
        let exact = try #require(Instant(rfc3339: "2025-12-31T22:30:05Z"))
        #expect(FormTime.text(exact, calendar) == "2025-12-31T22:30:05.000000Z")
    }

    @Test("Elements are numbered anew, so that an error finds the field that is shown")
    func lists() throws {
        let typed = form([
            "/session_id": "s1", "/minutes": "60", "/client_present": "true",
            "/participants/0/mode": "", "/participants/3/relation": "aunt",
            "/participants/7/relation": "parent",
        ])
        let event = FormEvent(.familySessionHeld, target: nil, typed, calendar)
        #expect(event.values["/data/participants/0/relation"] == "aunt")
        #expect(event.values["/data/participants/1/relation"] == "parent")
        #expect(
            errors(.familySessionHeld, typed) == ["/data/participants/0/relation unknown_code"]
        )
        #expect(
            errors(.familySessionHeld, form(["/session_id": "s1", "/minutes": "60"]))
                == ["/data/participants required", "/data/client_present required"]
        )
    }

    @Test("None known is not the same as not recorded")
    func allergies() throws {
        let admission = [
            "/client_id": "SIM-1", "/program": "iop", "/level_of_care": "intensive_outpatient",
        ]
        func allergies(_ more: [String: String]) throws -> [String]? {
            let values = form(admission.merging(more) { $1 })
            let data = try FormEvent(.admitted, target: nil, values, calendar).draft().data
            guard case .admitted(let admitted) = data else { return ["another type"] }
            return admitted.allergies
        }
        #expect(try allergies([:]) == nil)
        #expect(try allergies(["/allergies": "[]"]) == [])
        #expect(try allergies(["/allergies": "[]", "/allergies/1": "latex"]) == ["latex"])
    }

    @Test("What is no number is refused as such, and so is what is too much")
    func numbers() throws {
        func session(_ minutes: String) -> FormValues {
            form(["/kind": "group", "/minutes": minutes, "/session_id": "s1"])
        }
        #expect(errors(.sessionAttended, session("180")) == [])
        for text in [
            "1,80", "three", "180 ", "0x1F", "١٨٠", "+5", "05", ".5", "1.", "NaN", "true", "{}",
        ] {
            #expect(
                errors(.sessionAttended, session(text)) == ["/data/minutes wrong_type"],
                "\(text)"
            )
        }
        #expect(errors(.sessionAttended, session("721")) == ["/data/minutes out_of_range"])
        #expect(errors(.sessionAttended, session("1e2")) == ["/data/minutes wrong_type"])
        var many: [String: String] = [:]
        for index in 0..<300 { many["/facilitators/\(index)/id"] = "SIM-T\(index)" }
        let crowded = many.merging(["/kind": "group", "/minutes": "60", "/session_id": "s1"]) { $1 }
        #expect(!errors(.sessionAttended, form(crowded)).isEmpty)
    }
}
