import CareEpisode
import Testing

@testable import Projections

/// 2026-01-05 was the Monday of 2026-W02.
@Suite("Weeks below the hours of intensive outpatient care")
struct AttendanceHoursTests {
    @Test("The threshold is 9 hours, 6 with the word adolescent, 20 of partial hospitalization")
    func thresholds() {
        let hours = AttendanceSettings(["iop-teen": 6.5, "adolescent-day": 8, "php-teen": 15])
        func threshold(_ program: String, _ level: LevelOfCare) -> Double? {
            hours.threshold(program, level, on: date("2026-01-11"))?.hours
        }
        func iop(_ program: String) -> Double? { threshold(program, .intensiveOutpatient) }
        func php(_ program: String) -> Double? { threshold(program, .partialHospitalization) }
        #expect(iop("iop") == 9)
        #expect(iop("iop-adolescent") == 6)
        #expect(iop("Adolescent_IOP2") == 6)
        #expect(iop("iop2adolescent") == 6, "words end where letters do")
        #expect(iop("adolescents") == 9 && iop("preadolescent") == 9)
        #expect(iop("iop-teen") == 6.5)
        #expect(iop("adolescent-day") == 8)
        #expect(php("php") == 20 && php("php-adolescent") == 20, "adolescents too")
        #expect(php("php-teen") == 15)
    }

    @Test("A week with exactly the threshold is not below it", arguments: ["iop", "adolescent"])
    func exact(_ program: String) throws {
        let minutes = program == "iop" ? 540 : 360
        var story = try AttendanceStory()
        story.admit(program: program, "2026-01-05 10:00")
        story.attend("s-1", minutes: minutes, "2026-01-06 10:00")
        let short = story.attend("s-2", minutes: minutes - 1, "2026-01-13 10:00")
        story.attend("s-3", minutes: 300, counts: false, "2026-01-14 10:00")
        #expect(try story.below("2026-01-19") == ["2026-W03": [short]], "the sessions counted")
        let given = AttendanceSettings([program: 3])
        #expect(try story.below("2026-01-19", given) == [:])
        #expect(try story.below("2026-01-19", AttendanceSettings([program: 20])).count == 2)
    }

    @Test("The first and the last week count only if they are whole")
    func partialWeeks() throws {
        var story = try AttendanceStory()
        let admission = story.admit("2026-01-06 00:00")
        story.add(.completed(EpisodeEnd()), "2026-01-25 23:59")
        #expect(try story.below("2026-03-01") == ["2026-W03": [admission]])
    }

    @Test("A week counts from an admission on its Monday to an end at its 24:00")
    func wholeWeek() throws {
        var story = try AttendanceStory()
        let admission = story.admit("2026-01-05 16:00")
        story.add(.completed(EpisodeEnd()), "2026-01-12 00:00")
        #expect(try story.below("2026-03-01") == ["2026-W02": [admission]])
    }

    @Test("A week counts once it has ended")
    func effectiveTime() throws {
        var story = try AttendanceStory(timeZone: "America/New_York")
        let admission = story.admit("2026-03-02 15:00")
        // That week ends an hour early: the clocks go forward on its Sunday.
        #expect(try story.below("2026-03-09 03:59") == [:])
        #expect(try story.below("2026-03-09 04:00") == ["2026-W10": [admission]])
        let before = justBefore(moment("2026-03-09 04:00"))
        let attendance = try #require(try story.attendance(at: before))
        #expect(attendance.weeks.flatMap(\.flags).isEmpty)
    }

    @Test("A week in which the client left the level does not count, nor that of the return")
    func otherLevel() throws {
        var story = try AttendanceStory()
        let admission = story.admit("2026-01-05 10:00")
        story.step(.intensiveOutpatient, .partialHospitalization, "2026-01-14 10:00")
        let back = story.step(
            .partialHospitalization,
            .intensiveOutpatient,
            "2026-01-20 10:00"
        )
        story.step(.intensiveOutpatient, .outpatient, "2026-02-02 10:00")
        #expect(
            try story.below("2026-03-01") == ["2026-W02": [admission], "2026-W05": [back]]
        )
        // Before the step was effective nothing was broken.
        #expect(try Set(story.below("2026-01-13").keys) == ["2026-W02"])
    }

    @Test("Other levels have no threshold", arguments: LevelOfCare.allCases)
    func levels(_ level: LevelOfCare) throws {
        var story = try AttendanceStory()
        story.admit(level: level, "2026-01-05 10:00")
        let isJudged = [.intensiveOutpatient, .partialHospitalization].contains(level)
        #expect(try story.below("2026-01-12").isEmpty != isJudged)
    }

    @Test("Partial hospitalization needs 20 hours, in weeks in which it was not broken")
    func partialHospitalization() throws {
        var story = try AttendanceStory()
        story.admit(level: .partialHospitalization, "2026-01-05 10:00")
        story.attend("s-1", minutes: 720, "2026-01-06 09:00")
        let short = story.attend("s-2", minutes: 479, "2026-01-07 09:00")
        story.attend("s-3", minutes: 720, "2026-01-13 09:00")
        story.attend("s-4", minutes: 480, "2026-01-14 09:00")
        // The week of the step is whole at neither level.
        story.step(.partialHospitalization, .intensiveOutpatient, "2026-01-21 10:00")
        let found = try story.below("2026-01-26")
        #expect(Set(found.keys) == ["2026-W02"] && found["2026-W02"]?.last == short)
    }

    @Test("A week in which the program cancelled all there was is not judged")
    func closedWeek() throws {
        var story = try AttendanceStory()
        let admission = story.admit("2026-01-05 10:00")
        story.miss(.cancelledByProgram, "2026-01-06 10:00")
        story.miss(.cancelledByProgram, "2026-01-08 10:00")
        #expect(try story.below("2026-01-12") == [:])
        // Two weeks with nothing at all, and with one miss that the client made.
        story.miss(.cancelledByProgram, "2026-01-20 10:00")
        story.miss(.noShow, "2026-01-21 10:00")
        #expect(
            try story.below("2026-01-26") == ["2026-W03": [admission], "2026-W04": [admission]]
        )
        // A session with the family alone is something, too.
        story.family(present: false, "f-1", "2026-01-07 10:00")
        #expect(try story.below("2026-01-12") == ["2026-W02": [admission]])
    }

    @Test("Hours are compared to the microsecond, whatever the threshold's fraction")
    func exactThreshold() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", minutes: 498, "2026-01-06 10:00")
        // In floating point 8.3 * 60 is more than 498.
        #expect(try story.below("2026-01-12", AttendanceSettings(["iop": 8.3])) == [:])
        #expect(try story.below("2026-01-12", AttendanceSettings(["iop": 8.300001])).count == 1)
    }

    @Test("A change of program breaks nothing; the program at the week's end has the say")
    func programChange() throws {
        var story = try AttendanceStory()
        story.admit(program: "iop-adolescent", "2026-01-05 10:00")
        for (week, day) in [6, 13, 20].enumerated() {
            let date = day < 10 ? "0\(day)" : "\(day)"
            story.attend("s-\(week)", minutes: 420, "2026-01-\(date) 10:00")
        }
        let change = story.change(program: "iop-adult", "2026-01-14 10:00")
        #expect(try Set(story.below("2026-01-26").keys) == ["2026-W03", "2026-W04"])
        #expect(try story.below("2026-02-02")["2026-W05"] == [change], "which opened the stay")
        // A new plan alone opens no stay.
        story.change(planned: 12, "2026-01-27 10:00")
        #expect(try story.below("2026-02-02")["2026-W05"] == [change])
    }

    @Test("A stay of no length at another level breaks nothing")
    func zeroLength() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.step(.intensiveOutpatient, .outpatient, "2026-01-14 10:00")
        let back = story.step(.outpatient, .intensiveOutpatient, "2026-01-14 10:00")
        #expect(try story.below("2026-01-19")["2026-W03"] == [back])
    }

    @Test("The flag stands with its week alone, and says that it is advisory")
    func place() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        let attendance = try #require(try story.attendance("2026-01-12"))
        #expect(attendance.flags.isEmpty)
        let flag = try #require(attendance.weeks.first?.flags.first)
        #expect(flag.flag.rawValue == "below_weekly_hours" && flag.at == moment("2026-01-12"))
        #expect(flag.flag.text.contains("advisory"))
    }
}
