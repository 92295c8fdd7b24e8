import CareEpisode
import Testing

@testable import Projections

/// What counts as "at admission": the state just after the admission's entry, by time and position.
@Suite("The medications of a discharge summary at the instant of admission")
struct DischargeSummaryArrivalTests {
    private typealias Outcomes = [DischargeSummary.Element<DischargeSummary.MedicationOutcome>]

    private func medications(_ story: Story) throws -> DischargeSummary.Medications {
        try #require(try story.summary()).medications
    }

    private func names(_ states: [DischargeSummary.Element<DischargeSummary.MedicationState>])
        -> [String]
    {
        states.compactMap(\.value?.prescription.medication.name)
    }

    private func names(_ outcomes: Outcomes) -> [String] {
        outcomes.compactMap(\.value?.prescription.medication.name)
    }

    @Test("What takes effect at the admission's instant and is recorded later is course of care")
    func sameInstant() throws {
        var story = try Story()
        for name in ["d", "e"] {
            story.adjust(.start, medication(name, order: "o-\(name)"), mg(10), "02-20")
        }
        let admission = story.admit(
            taking: ["a", "b", "c"].map { medication($0, order: "o-\($0)") },
            "03-01"
        )
        let increase = story.adjust(.increase, medication("a", order: "o-a"), mg(20), "03-01")
        let stop = story.adjust(.stop, medication("b", order: "o-b"), reason: "rash", "03-01")
        story.adjust(.hold, medication("c", order: "o-c"), "03-01")
        story.adjust(.stop, medication("d", order: "o-d"), "03-01")
        story.adjust(.hold, medication("e", order: "o-e"), "03-01")
        story.adjust(.resume, medication("e", order: "o-e"), mg(10), "03-02")
        story.adjust(.start, medication("f", order: "o-f"), mg(1), "03-01")
        story.complete("04-01")
        let all = try medications(story)
        #expect(Set(names(all.atAdmission)) == ["a", "b", "c", "d", "e"])
        #expect(all.atAdmission.allSatisfy { $0.value?.heldSince == nil })
        #expect(Set(names(all.stopped)) == ["b", "d"] && names(all.held) == ["c"])
        #expect(names(all.continued) == ["e"] && names(all.new) == ["f"])
        #expect(all.startedAndStopped.isEmpty)

        let changed = try #require(all.changed.first)
        #expect(all.changed.count == 1 && changed.eventIDs == [admission, increase])
        #expect(changed.value?.steps.map(\.change) == [.increase])
        #expect(changed.value?.prescription.regimen?.dose == 20)
        let stopped = try #require(all.stopped.first { $0.eventIDs.contains(admission) })
        #expect(stopped.value?.kind == .stopped(at: instant("03-01"), before: nil))
        #expect(stopped.value?.prescriber == "p-1" && stopped.value?.reason?.text == "rash")
        #expect(stopped.eventIDs == [admission, stop])
    }

    @Test("What ended before the admission's instant, or was held by then, is so at the admission")
    func justBefore() throws {
        var story = try Story()
        story.adjust(.start, medication("a", order: "o-a"), mg(10), "02-20")
        story.adjust(.stop, medication("a", order: "o-a"), "02-29 23:59")
        story.adjust(.start, medication("b", order: "o-b"), mg(10), "02-20")
        story.adjust(.hold, medication("b", order: "o-b"), "02-25")
        story.adjust(.hold, medication("b", order: "o-b"), "02-29 23:59")
        story.adjust(.start, medication("c", order: "o-c"), mg(10), "02-20")
        story.adjust(.hold, medication("c", order: "o-c"), "02-25")
        story.adjust(.stop, medication("c", order: "o-c"), "02-26")
        story.adjust(.start, medication("d", order: "o-d"), mg(10), "02-20")
        story.adjust(.stop, medication("d", order: "o-d"), "02-19")
        story.admit("03-01")
        story.complete("04-01")
        let all = try medications(story)
        #expect(names(all.atAdmission) == ["b"] && names(all.held) == ["b"])
        #expect(all.atAdmission.first?.value?.heldSince == instant("02-25"))
        #expect(all.held.first?.value?.steps == [], "nothing was decided in the episode")
        #expect(all.stopped.isEmpty && all.startedAndStopped.isEmpty)
    }

    @Test("In an episode that ends at the instant of its admission, what one arrives on goes on")
    func noLength() throws {
        var story = try Story()
        story.adjust(.start, medication("b", order: "o-b"), mg(10), "02-20")
        let admission = story.admit(taking: [medication("a", order: "o-a")], "03-01")
        story.complete("03-01")
        let all = try medications(story)
        #expect(Set(names(all.atAdmission)) == ["a", "b"])
        #expect(Set(names(all.atDischarge)) == ["a", "b"])
        #expect(Set(names(all.continued)) == ["a", "b"] && all.new.isEmpty)
        let arrived = try #require(all.continued.first { $0.eventIDs == [admission] })
        #expect(arrived.value?.kind == .continued(from: instant("03-01")))
    }
}
