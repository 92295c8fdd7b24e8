import CareEpisode
import ProjectionRuntime
import Testing

@testable import Projections

@Suite("Medications at a time")
struct MedicationReviewTests {
    private func names(_ listed: [MedicationReview.Listed]) -> [String] {
        listed.map(\.interval.medication.name)
    }

    @Test("Active from its instant on, and not at the instant of its end")
    func active() throws {
        var story = try Story()
        story.admit(taking: [medication("b"), medication("a")], "03-02")
        story.adjust(.start, medication("c"), mg(1), "03-02")
        story.adjust(.start, medication("d"), mg(1), "03-01")
        story.adjust(.stop, medication("a"), "03-05")
        story.adjust(.hold, medication("c"), "03-06")
        #expect(try names(story.review(at: "03-02").active) == ["d", "b", "a", "c"])
        #expect(try names(story.review(at: "03-04").active) == ["d", "b", "a", "c"])
        #expect(try names(story.review(at: "03-05").active) == ["d", "b", "c"])
        let held = try story.review(at: "03-06")
        #expect(names(held.active) == ["d", "b"])
        #expect(names(held.held) == ["c"])
        #expect(held.held[0].hold?.since == instant("03-06"))
    }

    @Test("What is known and takes effect later is scheduled; of an earlier time nothing is known")
    func scheduled() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, medication("a", order: "o-1"), mg(1), "03-02")
        story.adjust(.increase, medication("a", order: "o-1"), mg(2), "03-10", known: "03-05")
        story.adjust(.start, medication("b", order: "o-2"), mg(1), "03-12", known: "03-04")
        story.adjust(.start, medication("c", order: "o-3"), mg(1), "03-12", known: "03-04")
        story.adjust(.stop, medication("c", order: "o-3"), "03-11")
        let review = try story.review(at: "03-05")
        #expect(names(review.active) == ["a"])
        #expect(review.active[0].interval.to == nil)
        #expect(names(review.scheduled) == ["a", "b"])
        #expect(review.scheduled.map(\.interval.startedBy) == ["increase", "start"])
        #expect(review.timeline.count == 1)
        #expect(review.changes.count == 1)
        #expect(review.flags.isEmpty)
        let end = try #require(review.active[0].scheduledEnd)
        #expect(end.at == instant("03-10") && end.change == "increase")
    }

    @Test("A stop or hold that lies ahead ends the active regimen, and the end of care does not")
    func endsAhead() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, medication("a", order: "o-1"), mg(1), "03-02")
        story.adjust(.start, medication("b", order: "o-2"), mg(1), "03-02")
        story.adjust(.start, medication("c", order: "o-3"), mg(1), "03-02")
        story.adjust(.stop, medication("a", order: "o-1"), "03-10", known: "03-03")
        story.adjust(.hold, medication("b", order: "o-2"), "03-11", known: "03-03")
        story.complete("03-20")
        let active = try story.review(at: "03-05").active
        #expect(active.map(\.scheduledEnd?.change) == ["stop", "hold", nil])
        #expect(active[0].scheduledEnd?.at == instant("03-10"))
        #expect(try story.review(at: "03-10").active.map(\.scheduledEnd?.change) == ["hold", nil])
    }

    @Test("A daily dose is the product on paper, without binary noise")
    func paper() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(
            .start,
            medication("a", order: "o-1"),
            Regimen(dose: 0.1, unit: "mg", route: "oral", frequency: "tid", timesPerDay: 3),
            "03-02"
        )
        story.adjust(
            .increase,
            medication("a", order: "o-1"),
            Regimen(dose: 0.3, unit: "mg", frequency: "daily", timesPerDay: 1),
            "03-03"
        )
        let review = try story.review(at: "03-04")
        #expect(review.active[0].interval.regimen?.dailyDose == 0.3)
        #expect(review.changes[0].toRegimen?.dailyDose == 0.3)
        #expect(review.changes[1].percent == 0)
        #expect(review.flags.isEmpty)
    }

    @Test("After the end nothing is active or held")
    func ended() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, medication("a"), mg(1), "03-02")
        story.adjust(.start, medication("b"), mg(1), "03-02")
        story.adjust(.hold, medication("b"), "03-03")
        story.complete("03-10")
        let before = try story.review(at: "03-09 23:59")
        #expect(before.active.count == 1 && before.held.count == 1)
        let after = try story.review(at: "03-10")
        #expect(after.active.isEmpty && after.held.isEmpty)
        #expect(after.timeline.map(\.interval.endedBy) == ["episode_end", "hold"])
    }

    @Test("A medication that no list knows is not assessed")
    func assessed() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(.start, medication("vitamin x"), mg(500), "03-02")
        story.adjust(.start, medication("sertraline"), mg(50), "03-03")
        let active = try story.review(at: "03-04").active
        #expect(active.map(\.assessment.isAssessed) == [false, true])
        #expect(active[1].assessment.classes == [.antidepressant, .depression])
        let json = active.map {
            String(decoding: $0.json(MedicationReview.Listed.activeFields).bytes, as: UTF8.self)
        }
        #expect(json[0].contains(#""classes":[],"assessed":false"#))
        #expect(
            json[1].contains(
                #""classes":["antidepressant","depression_medication"],"assessed":true"#
            )
        )
    }

    @Test("The answer's members are those that are documented, in their order")
    func json() throws {
        var story = try Story()
        story.admit("03-01")
        story.adjust(
            .start,
            Medication(name: "a \"b\"", rxcui: "1", orderID: "o-1"),
            mg(1.5, times: 2, asNeeded: false),
            "03-02"
        )
        let review = try story.review(at: "03-04")
        let start = "00000000-0000-0000-0000-0000000003ea"
        let medication = #"{"name":"a \"b\"","rxcui":"1","order_id":"o-1"}"#
        let regimen =
            #"{"dose":1.5,"unit":"mg","route":"oral","frequency":"daily","times_per_day":2,"#
            + #""as_needed":false}"#
        #expect(
            String(
                decoding: review.active[0].json(MedicationReview.Listed.activeFields).bytes,
                as: UTF8.self
            )
                == #"{"lineage":"\#(start)","medication":\#(medication),"regimen":\#(regimen),"#
                + #""from":"2024-03-02T00:00:00.000000Z","daily_dose":3,"prescriber":"p-1","#
                + #""reason":{"text":"r"},"event_id":"\#(start)","classes":[],"assessed":false,"#
                + #""since":"2024-03-02T00:00:00.000000Z","on_arrival":false,"substances":[],"#
                + #""route_group":"oral","interval_days":null,"single_dose":false,"#
                + #""scheduled_end":null,"later_end":null}"#
        )
        #expect(
            String(
                decoding: review.timeline[0].json.bytes,
                as: UTF8.self
            )
                == #"{"lineage":"\#(start)","medication":\#(medication),"regimen":\#(regimen),"#
                + #""from":"2024-03-02T00:00:00.000000Z","to":null,"started_by":"start","#
                + #""ended_by":null,"prescriber":"p-1","reason":{"text":"r"},"#
                + #""event_id":"\#(start)"}"#
        )
        #expect(
            String(decoding: review.changes[0].json.bytes, as: UTF8.self)
                == #"{"event_id":"\#(start)","at":"2024-03-02T00:00:00.000000Z","#
                + #""change":"start","lineage":"\#(start)","matched_by":null,"medication":\#(medication),"#
                + #""from_regimen":null,"to_regimen":\#(regimen),"daily_dose_before":null,"#
                + #""daily_dose_after":3,"percent":null,"prescriber":"p-1","reason":{"text":"r"}}"#
        )
    }

    @Test("Every part of an answer has a name of its own")
    func items() throws {
        var story = try Story()
        story.admit(taking: [medication("a"), medication("b")], "03-01")
        story.adjust(.start, medication("c", order: "o-1"), mg(1), "03-10")
        story.adjust(.increase, medication("c", order: "o-1"), mg(2), "03-20")
        let names = try story.review(at: "03-18").items.map(\.name)
        #expect(Set(names).count == names.count)
        let first = "00000000-0000-0000-0000-0000000003e9"
        let start = "00000000-0000-0000-0000-0000000003ea"
        #expect(
            names == [
                "active/\(first)/0", "active/\(first)/1", "active/\(start)",
                "later/\(start)/00000000-0000-0000-0000-0000000003eb",
                "timeline/\(first)/0/\(first)", "timeline/\(first)/1/\(first)",
                "timeline/\(start)/\(start)", "changes/\(start)",
                "flags/not_reviewed/\(first)", "flags/not_reviewed/\(first)/2",
            ]
        )
    }
}
