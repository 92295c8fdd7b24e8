import CareEpisode
import Ledger
import ProjectionRuntime
import Testing

@testable import Projections

/// 2026-01-05 was the Monday of 2026-W02.
@Suite("The weeks and the rate of attendance")
struct AttendanceTests {
    private func weeks(_ attendance: EpisodeAttendance) -> [String] {
        attendance.weeks.map(\.week.description)
    }

    // MARK: Weeks

    @Test("Weeks go from the admission's to that of the time asked for, also without a session")
    func openEpisode() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-07 10:00")
        story.attend("s-1", "2026-01-20 10:00")
        let attendance = try #require(try story.attendance("2026-01-27 09:00"))
        #expect(weeks(attendance) == ["2026-W02", "2026-W03", "2026-W04", "2026-W05"])
        #expect(attendance.weeks.map(\.attended) == [0, 0, 1, 0])
    }

    @Test("An ended episode's weeks go to that of its end")
    func endedEpisode() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-07 10:00")
        story.attend("s-1", "2026-01-14 10:00")
        story.add(.completed(EpisodeEnd()), "2026-01-14 10:00")
        // After the end: outside the episode, and in no week.
        let late = story.attend("s-2", "2026-01-21 10:00")
        let attendance = try #require(try story.attendance("2026-03-01"))
        #expect(weeks(attendance) == ["2026-W02", "2026-W03"])
        #expect(attendance.weeks.map(\.attended) == [0, 1])
        #expect(attendance.flags.map(\.flag) == [.outsideEpisode])
        #expect(attendance.flags.first?.eventIDs == [late])
        #expect(attendance.weeks.flatMap(\.flags).isEmpty)
        // Before the end was effective the episode was open.
        let open = try #require(try story.attendance("2026-01-14 09:59"))
        #expect(weeks(open) == ["2026-W02", "2026-W03"])
        #expect(open.attended == 0)
    }

    @Test("The weeks of a year's end are those of ISO 8601")
    func yearEnd() throws {
        var story = try AttendanceStory()
        story.admit("2026-12-28 09:00")
        story.attend("s-1", "2026-12-31 10:00")
        story.attend("s-2", "2027-01-03 23:59")
        story.attend("s-3", "2027-01-04 00:00")
        let attendance = try #require(try story.attendance("2027-01-05"))
        #expect(weeks(attendance) == ["2026-W53", "2027-W01"])
        #expect(attendance.weeks.map(\.attended) == [2, 1])
    }

    @Test("A session belongs to the week of its local date, also where the clocks go forward")
    func localWeeks() throws {
        var story = try AttendanceStory(timeZone: "America/New_York")
        // In New York the clocks go forward on Sunday 8 March: that week has 167 hours.
        story.admit("2026-02-20 15:00")
        story.attend("s-1", "2026-03-02 04:59")
        story.attend("s-2", "2026-03-02 05:00")
        story.attend("s-3", "2026-03-09 03:59")
        story.attend("s-4", "2026-03-09 04:00")
        let attendance = try #require(try story.attendance("2026-03-12"))
        let attended = Dictionary(
            uniqueKeysWithValues: attendance.weeks.map { ($0.week.description, $0.attended) }
        )
        #expect(attended == ["2026-W08": 0, "2026-W09": 1, "2026-W10": 2, "2026-W11": 1])
    }

    @Test("Of a stay of centuries the last ten years are told, and each week with a session before")
    func mistypedYear() throws {
        var story = try AttendanceStory()
        story.admit(planned: 9, "0205-01-06 10:00")
        story.attend("s-1", "0205-01-06 12:00")
        story.miss(.noShow, id: "s-2", "1951-03-01 10:00")
        let late = story.attend("s-3", "2026-01-20 10:00")
        let attendance = try #require(try story.attendance("2026-01-27 09:00"))
        #expect(attendance.weeks.count == EpisodeAttendance.weekLimit + 2)
        #expect(weeks(attendance).prefix(2) == ["0205-W01", "1951-W09"])
        #expect(weeks(attendance).suffix(2) == ["2026-W04", "2026-W05"])
        let first = attendance.weeks[0].week.firstDate
        let all = (date("2026-01-26") - first) / 7 + 1
        #expect(attendance.weeksLeftOut == all - attendance.weeks.count)
        #expect(attendance.attended == 2 && attendance.missed == [.noShow: 1])
        #expect(attendance.rate == 2.0 / 3)
        // Each is judged as ever.
        #expect(attendance.weeks[1].plannedHours == 9 && attendance.weeks[1].judged.isBelow)
        let held = try #require(attendance.weeks.first { $0.week.description == "2026-W04" })
        #expect(held.attended == 1 && held.flags.first?.eventIDs == [late])
        for week in attendance.weeks.dropFirst(2).dropLast(2) {
            #expect(week.attended == 0 && week.judged.isBelow)
        }
        #expect(attendance.list.bytes.count < 100_000)
        #expect(AnswerJSON.array(attendance.weeks.map(\.json)).bytes.count < 200_000)
    }

    @Test("Up to ten years every week is told, and only beyond is it said what is left out")
    func tenYears() throws {
        var story = try AttendanceStory()
        story.admit("2016-02-08 10:00")
        let all = try #require(try story.attendance("2026-01-20 10:00"))
        #expect(all.weeks.count == EpisodeAttendance.weekLimit && all.weeksLeftOut == 0)
        let more = try #require(try story.attendance("2026-01-27 10:00"))
        #expect(more.weeks.count == EpisodeAttendance.weekLimit && more.weeksLeftOut == 1)
        let episode = EpisodeID(bits: 1)
        let ledger = LedgerDescription(
            id: LedgerID(rawValue: 1),
            name: .default,
            timeZone: "UTC"
        )
        let basis = ReadModelBasis(position: Position(1), head: Position(1))
        func text(_ attendance: EpisodeAttendance) -> String {
            let json = attendance.json(episode, ledger, effectiveAt: moment("2026-01-27"), basis)
            return String(decoding: json.bytes, as: UTF8.self)
        }
        #expect(!text(all).contains("weeks_left_out"))
        #expect(text(more).contains(#""weeks_left_out":1,"#))
    }

    @Test("Without an admission up to the time asked for there is no attendance")
    func notAdmitted() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-07 10:00")
        #expect(try story.attendance("2026-01-07 09:59") == nil)
        #expect(try story.attendance("2026-01-07 10:00")?.weeks.count == 1)
    }

    // MARK: Counting

    @Test("What the program cancelled is listed and is not in the rate")
    func cancelledByProgram() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", "2026-01-06 10:00")
        story.attend("s-2", "2026-01-07 10:00")
        story.attend("s-3", "2026-01-13 10:00")
        story.miss(.noShow, "2026-01-08 10:00")
        story.miss(.cancelledByProgram, "2026-01-08 10:00")
        story.miss(.cancelledByProgram, "2026-01-09 10:00")
        story.miss(.excused, "2026-01-14 10:00")
        let attendance = try #require(try story.attendance("2026-01-15"))
        #expect(attendance.weeks.map(\.attended) == [2, 1])
        #expect(
            attendance.weeks.map(\.missed)
                == [[.noShow: 1, .cancelledByProgram: 2], [.excused: 1]]
        )
        #expect(attendance.missed == [.noShow: 1, .cancelledByProgram: 2, .excused: 1])
        #expect(attendance.rate == 0.6)
    }

    @Test("Where nothing was expected there is no rate")
    func noRate() throws {
        var story = try AttendanceStory()
        func rate() throws -> Double? {
            try #require(try story.attendance("2026-01-06")).rate
        }
        story.admit("2026-01-05 10:00")
        #expect(try rate() == nil)
        story.miss(.cancelledByProgram, "2026-01-05 10:00")
        #expect(try rate() == nil)
        story.miss(.excused, "2026-01-05 11:00")
        #expect(try rate() == 0)
    }

    @Test("A family session counts as attended with the client, and as nothing without")
    func family() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.family(present: true, "f-1", "2026-01-06 10:00")
        story.family(present: false, "f-2", "2026-01-06 12:00")
        let attendance = try #require(try story.attendance("2026-01-07"))
        #expect(attendance.weeks.map(\.attended) == [1] && attendance.missed.isEmpty)
        #expect(attendance.weeks.map(\.hours) == [0.75] && attendance.rate == 1)
        // Its minutes count where the writer says so.
        story.family(present: false, counts: true, "f-3", "2026-01-06 14:00")
        let said = try #require(try story.attendance("2026-01-07"))
        #expect(said.weeks.map(\.attended) == [1] && said.weeks.map(\.hours) == [1.5])
    }

    @Test("A session recorded as missed and as attended was attended, and is flagged")
    func duplicate() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        let attended = story.attend("s-1", minutes: 90, "2026-01-13 10:00")
        let missed = story.miss(.noShow, id: "s-1", "2026-01-13 10:00")
        let attendance = try #require(try story.attendance("2026-01-20"))
        #expect(attendance.weeks.map(\.attended) == [0, 1, 0] && attendance.missed.isEmpty)
        #expect(attendance.weeks.map(\.hours) == [0, 1.5, 0])
        let flags = attendance.weeks.map { $0.flags.filter { $0.flag == .duplicateSession } }
        #expect(flags.map(\.count) == [0, 1, 0])
        #expect(flags[1].first?.eventIDs == [attended, missed])
        #expect(attendance.flags == flags[1], "and with the episode")
    }

    @Test("Sessions that overlap from one week into the next are flagged in both")
    func overlapping() throws {
        var story = try AttendanceStory()
        story.admit(level: .outpatient, "2026-01-05 10:00")
        story.attend("s-1", minutes: 61, "2026-01-11 23:00")
        story.attend("s-2", "2026-01-12 00:00")
        let attendance = try #require(try story.attendance("2026-01-19"))
        #expect(
            attendance.weeks.map { $0.flags.map(\.flag) }
                == [[.overlappingSessions], [.overlappingSessions], []]
        )
        #expect(attendance.flags.map(\.flag) == [.overlappingSessions])
    }

    @Test("Planned hours are those in force at the week's last instant")
    func plannedHours() throws {
        var story = try AttendanceStory()
        story.admit(level: .partialHospitalization, planned: 20, "2026-01-06 10:00")
        story.step(
            .partialHospitalization,
            .intensiveOutpatient,
            planned: 12,
            "2026-01-18 23:59"
        )
        story.change(planned: 9, "2026-01-26 00:00")
        // Says nothing of hours: they stay in force.
        story.change(program: "evening", "2026-01-27 10:00")
        story.add(.completed(EpisodeEnd()), "2026-02-03 10:00")
        story.change(planned: 3, "2026-02-03 10:00")
        func planned(_ time: String) throws -> [Double?] {
            try #require(try story.attendance(time)).weeks.map(\.plannedHours)
        }
        #expect(try planned("2026-03-01") == [20, 12, 12, 9, 9])
        #expect(try planned("2026-01-18 23:58") == [20, 20], "up to the time asked for")
        #expect(try planned("2026-01-26 00:00") == [20, 12, 12, 9])
    }

    @Test("Planned hours are unknown until they are stated")
    func unknownPlan() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.change(planned: 10.5, "2026-01-14 10:00")
        let attendance = try #require(try story.attendance("2026-01-20"))
        #expect(attendance.weeks.map(\.plannedHours) == [nil, 10.5, 10.5])
    }

    // MARK: The answer

    @Test("Items are the weeks, the rate and the flags by name")
    func items() throws {
        var story = try AttendanceStory()
        story.admit(planned: 9, "2026-12-28 09:00")
        let first = story.attend("s-1", minutes: 50, "2026-12-29 10:00")
        let second = story.attend("s-1", minutes: 60, "2026-12-29 10:00")
        story.miss(.noShow, "2027-01-04 10:00")
        let attendance = try #require(try story.attendance("2027-01-04 12:00"))
        let items = attendance.items.map {
            ($0.name, String(decoding: $0.value.bytes, as: UTF8.self))
        }
        #expect(
            items.map(\.0) == [
                "weeks/2026-W53", "weeks/2027-W01", "missed_after_end", "rate",
                "flags/duplicate_session/\(first),\(second)",
            ]
        )
        #expect(
            items[1].1
                == #"{"week":"2027-W01","attended":0,"missed":{"no_show":1},"hours":0,"#
                + #""planned_hours":9,"threshold":null,"not_judged":"not_over","flags":[]}"#
        )
        #expect(items[2].1 == "{}" && items[3].1 == "0.5")
        #expect(items[0].1.contains(#""attended":1,"missed":{},"hours":1,"#))
    }
}
