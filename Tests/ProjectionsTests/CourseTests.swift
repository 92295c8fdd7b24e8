import CareEpisode
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("The course of an episode")
struct CourseTests {
    @Test(
        "Each stay of random episodes is opened by an entry of its time that changes it",
        arguments: [81, 82, 83, 84] as [UInt64]
    )
    func openers(_ seed: UInt64) throws {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        var histories = RandomHistories(seed: seed, calendar: calendar)
        var transfers = 0
        for (_, events) in recorded(histories.events(600, episodes: 40)) {
            let history = try EffectiveHistory(events)
            guard let course = try Course(history, calendar: calendar) else { continue }
            #expect(course.stays[0].openedBy == course.admission.eventID)
            let places = try course.stays.map { stay in
                try #require(history.entries.firstIndex { $0.eventID == stay.openedBy })
            }
            #expect(zip(places, places.dropFirst()).allSatisfy(<), "seed \(seed)")
            for (stay, place) in zip(course.stays, places) {
                #expect(history.entries[place].time == stay.from, "seed \(seed)")
                #expect(history.entries[place].type.rawValue == stay.startReason.rawValue)
            }
            for (stay, next) in zip(course.stays, course.stays.dropFirst()) {
                #expect(stay.to == next.from)
                #expect(stay.endReason?.rawValue == next.startReason.rawValue)
                let (before, after) = (stay.row, next.row)
                #expect(
                    before.levelOfCare != after.levelOfCare || before.program != after.program
                        || before.track != after.track
                )
                transfers += 1
            }
            #expect(course.stays.last?.endReason == course.ending.map { .end($0.reason) })
            #expect(course.stays.last?.to == course.ending?.entry.time)
        }
        #expect(transfers > 20, "seed \(seed): \(transfers)")
    }

    @Test("Planned hours are those last stated before a time, within a stay and across stays")
    func plannedHours() throws {
        var story = try Story()
        story.admit("03-01")
        story.add(
            .programChanged(ProgramChanged(rationale: "r", plannedHoursPerWeek: 9)),
            "03-05"
        )
        story.add(.programChanged(ProgramChanged(rationale: "r", program: "day")), "03-10")
        story.add(
            .programChanged(
                ProgramChanged(rationale: "r", program: "evening", plannedHoursPerWeek: 12)
            ),
            "03-15"
        )
        let history = try EffectiveHistory(story.events)
        let course = try #require(try Course(history, calendar: story.calendar))
        #expect(course.stays.map(\.program) == ["iop", "day", "evening"])
        #expect(course.stays[0].plannedHours(before: instant("03-05")) == nil)
        #expect(course.stays[0].plannedHours(before: instant("03-06")) == 9)
        #expect(course.stays[1].plannedHours(before: instant("03-12")) == 9)
        #expect(course.stays[2].plannedHours(before: instant("03-16")) == 12)
    }

    @Test("Every reason is read back from its text, and no other text is a reason")
    func reasons() {
        let ends = [EndReason.completed] + DischargeReason.allCases.map { .discharged($0) }
        let openings = [StayOpening.admission] + Transfer.allCases.map { .transfer($0) }
        let closings = Transfer.allCases.map { StayClosing.transfer($0) } + ends.map { .end($0) }
        #expect(ends.map { EndReason(rawValue: $0.rawValue) } == ends)
        #expect(openings.map { StayOpening(rawValue: $0.rawValue) } == openings)
        #expect(closings.map { StayClosing(rawValue: $0.rawValue) } == closings)
        #expect(
            openings.map(\.rawValue)
                == ["admitted", "stepped_down", "stepped_up", "program_changed"]
        )
        #expect(Set(closings.map(\.rawValue)).count == closings.count)
        for text in ["", "discharged", "session_attended", "Completed"] {
            #expect(EndReason(rawValue: text) == nil && StayOpening(rawValue: text) == nil)
            #expect(StayClosing(rawValue: text) == nil)
        }
        #expect(StayOpening(rawValue: "completed") == nil)
        #expect(StayClosing(rawValue: "admitted") == nil)
    }
}
