import CareEpisode
import TestSupport
import Testing

@Suite("Reading canonical bytes")
struct CanonicalObjectTests {
    private let object = CanonicalObject(
        Array(
            #"""
            {"a":"x\n\"ä\\","aa":{"a":1,"b":"}\"]"},"b":[1,{"c":"]"},[]],"bits":\#
            "0192f0c1-7a00-7000-8000-00000000beef","c":"c","d":-12,"e":0.5,"f":true,"g":false,\#
            "h":null,"i":"2025-01-31T18:05:00.000001Z","j":"2025-01-31","k":"","l":{},"m":[],"n":7}
            """#.utf8
        )
    )

    @Test("Each member is found by its name, and only at the top")
    func members() {
        #expect(object.string("a") == "x\n\"ä\\")
        #expect(object.string("c") == "c")
        #expect(object.string("k") == "")
        #expect(object.int("d") == -12)
        #expect(object.int("n") == 7)
        #expect(object.double("e") == 0.5)
        #expect(object.double("d") == -12)
        #expect(object.bool("f") == true && object.bool("g") == false)
        #expect(object.instant("i") == Instant(rfc3339: "2025-01-31T18:05:00.000001Z"))
        #expect(object.date("j") == CalendarDate(iso8601: "2025-01-31"))
        #expect(object.uuidBits("bits") == 0x0192_f0c1_7a00_7000_8000_0000_0000_beef)
        #expect(object.object("aa")?.int("a") == 1)
        #expect(object.object("aa")?.string("b") == "}\"]")
        #expect(
            object.rawValue("b").map { String(decoding: $0, as: UTF8.self) } == #"[1,{"c":"]"},[]]"#
        )
        #expect(object.rawValue("l").map(Array.init) == Array("{}".utf8))
        #expect(object.rawValue("h").map(Array.init) == Array("null".utf8))
    }

    @Test("What is absent or of another type is nil")
    func absent() {
        #expect(object.string("z") == nil && object.rawValue("") == nil && object.int("x") == nil)
        #expect(object.string("d") == nil && object.int("c") == nil && object.bool("d") == nil)
        #expect(object.int("e") == nil && object.double("c") == nil && object.object("b") == nil)
        #expect(
            object.instant("c") == nil && object.date("i") == nil && object.uuidBits("a") == nil
        )
        #expect(CanonicalObject(Array("{}".utf8)).rawValue("a") == nil)
    }

    @Test("It reads of every payload what decoding reads", arguments: EventSamples.full)
    func againstDecoding(_ type: EventType, _ data: String) throws {
        let draft = try EventSamples.draft(type, data: data)
        let object = CanonicalObject(draft.payload())
        switch draft.data {
        case .admitted(let data):
            #expect(object.string("reason") == data.reason)
            #expect(object.string("level_of_care") == data.levelOfCare.rawValue)
            #expect(object.date("planned_end_date") == data.plannedEndDate)
            #expect(object.double("planned_hours_per_week") == data.plannedHoursPerWeek)
        case .sessionAttended(let data): #expect(object.int("minutes") == data.minutes)
        case .medicationAdjusted(let data):
            #expect(object.object("medication")?.string("name") == data.medication.name)
            #expect(object.object("regimen")?.bool("as_needed") == data.regimen?.asNeeded)
        case .familySessionHeld(let data):
            #expect(object.bool("client_present") == data.clientPresent)
        case .steppedDown(let data), .steppedUp(let data):
            #expect(object.string("to_level") == data.toLevel.rawValue)
        case .completed(let end): #expect(object.instant("last_contact_at") == end.lastContactAt)
        case .discharged(let data): #expect(object.string("reason") == data.reason.rawValue)
        case .sessionMissed(let data): #expect(object.string("kind") == data.kind.rawValue)
        case .programChanged(let data): #expect(object.string("program") == data.program)
        case .entryCorrected(let data):
            #expect(object.uuidBits("target_event_id") == data.targetEventID.bits)
            #expect(
                object.rawValue("replacement").map(Array.init) == data.replacement.canonicalBytes
            )
        case .entryRetracted(let data):
            #expect(object.uuidBits("target_event_id") == data.targetEventID.bits)
        }
    }

    @Test("Bytes that end early are read to their end and not beyond")
    func cutBytes() {
        let whole = Array(#"{"a":{"b":["x\"",1]},"c":"y","d":12,"e":"z"}"#.utf8)
        for count in 0..<whole.count - 1 {
            let cut = CanonicalObject(Array(whole.prefix(count)))
            #expect(cut.string("e") == nil)
            #expect(cut.rawValue("nothing") == nil)
        }
        #expect(CanonicalObject(whole).string("e") == "z")
    }
}
