import CareEpisode
import ProjectionRuntime
import Testing

@testable import Projections

/// 2026-01-05 was the Monday of 2026-W02.
@Suite("Which sessions count")
struct SessionTallyTests {
    private func standings(_ story: AttendanceStory) throws -> [SessionStanding] {
        try story.tally().entries.map(\.standing)
    }

    // MARK: Dates

    @Test("A session belongs by its local date: before the registration, and after the discharge")
    func localDates() throws {
        var story = try AttendanceStory(timeZone: "America/New_York")
        story.admit("2026-01-06 20:00")
        // New York is five hours behind.
        let before = story.attend("s-1", minutes: 10, "2026-01-06 04:59")
        story.attend("s-2", kind: .assessment, minutes: 30, "2026-01-06 05:00")
        story.add(.completed(EpisodeEnd()), "2026-01-09 17:00")
        let last = story.attend("s-3", minutes: 60, "2026-01-10 04:59")
        let after = story.attend("s-4", minutes: 100, "2026-01-10 05:00")
        let attendance = try #require(try story.attendance("2026-02-01"))
        #expect(attendance.weeks.map(\.hours) == [1.5] && attendance.attended == 2)
        #expect(attendance.flags.map(\.flag) == [.outsideEpisode, .outsideEpisode])
        #expect(attendance.flags.map(\.eventIDs) == [[before], [after]])
        let tally = try story.tally()
        #expect(tally.lastAttended?.entry.eventID == last)
        #expect(
            tally.entries.map(\.standing)
                == [.outsideEpisode, .counted, .counted, .outsideEpisode]
        )
    }

    @Test("The last contact is judged by its date, too")
    func lastContact() throws {
        func course(_ contact: String) throws -> Course {
            var story = try AttendanceStory()
            story.admit("2026-01-06 15:00")
            story.add(
                .completed(EpisodeEnd(lastContactAt: moment(contact))),
                "2026-01-20 00:00"
            )
            let history = try EffectiveHistory(story.events)
            return try #require(try Course(history, calendar: story.calendar))
        }
        for (contact, days) in [("2026-01-06 09:00", 1), ("2026-01-20 18:00", 15)] {
            let inside = try course(contact)
            #expect(inside.ending?.lastContactAt == moment(contact) && inside.flags.isEmpty)
            #expect(inside.ending?.lengthOfStayDays == days)
        }
        for contact in ["2026-01-05 23:59", "2026-01-21 00:00"] {
            let outside = try course(contact)
            #expect(outside.ending?.lastContactAt == moment("2026-01-20"))
            #expect(outside.flags.map(\.flag) == [.outsideEpisode])
        }
    }

    // MARK: The same session

    @Test("A series has one id: on each date it is a session of its own")
    func series() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        for day in ["05", "07", "09"] {
            story.attend("process-group", minutes: 180, "2026-01-\(day) 15:00")
        }
        story.attend("process-group", minutes: 60, "2026-01-09 19:00")
        let attendance = try #require(try story.attendance("2026-01-12"))
        #expect(attendance.attended == 3 && attendance.weeks.map(\.hours) == [7, 0])
        #expect(attendance.flags.map(\.flag) == [.duplicateSession])
        #expect(
            try standings(story) == [.counted, .counted, .duplicateSession, .counted]
        )
    }

    @Test("A miss without an id is the session of its kind that was attended a little later")
    func missedAndAttended() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        let missed = story.miss(.noShow, "2026-01-06 14:00")
        let attended = story.attend("g", minutes: 140, attendance: .late, "2026-01-06 14:40")
        let attendance = try #require(try story.attendance("2026-01-07"))
        #expect(attendance.attended == 1 && attendance.missed.isEmpty && attendance.rate == 1)
        #expect(attendance.flags.map(\.flag) == [.missedAndAttended])
        #expect(attendance.flags[0].eventIDs == [missed, attended])
        #expect(attendance.flags[0].at == moment("2026-01-06 14:40"))
        #expect(attendance.weeks[0].flags == attendance.flags)
        #expect(try standings(story) == [.missedAndAttended, .counted])
        // Before the client came, it was missed.
        let before = try #require(try story.attendance("2026-01-06 14:39"))
        #expect(before.missed == [.noShow: 1] && before.flags.isEmpty)
    }

    @Test("It must be of its kind, late or not said to be punctual, within an hour and its length")
    func notTheSame() throws {
        func isTaken(
            after minutes: Int,
            _ kind: SessionKind = .group,
            _ attendance: Attendance? = nil,
            scheduled: Int? = nil,
            id: String? = nil
        ) throws -> Bool {
            var story = try AttendanceStory()
            story.admit("2026-01-05 00:00")
            story.miss(.noShow, id: id, minutes: scheduled, "2026-01-06 10:00")
            let hour = 10 + minutes / 60
            let minute = minutes % 60
            story.attend(
                "g",
                kind: kind,
                attendance: attendance,
                "2026-01-06 \(hour):\(minute < 10 ? "0" : "")\(minute)"
            )
            return try story.tally().entries.contains { $0.standing == .missedAndAttended }
        }
        #expect(try isTaken(after: 0) && isTaken(after: 60) && !isTaken(after: 61))
        #expect(try !isTaken(after: 5, .individual))
        #expect(try isTaken(after: 5, .group, .late))
        #expect(try !isTaken(after: 5, .group, .full) && !isTaken(after: 5, .group, .leftEarly))
        #expect(try !isTaken(after: 5, id: "other"))
        // A group that begins as the missed one ends is the next one.
        #expect(try isTaken(after: 44, scheduled: 45) && !isTaken(after: 45, scheduled: 45))
        #expect(try isTaken(after: 60, scheduled: 90) && !isTaken(after: 61, scheduled: 90))
    }

    @Test("Each session is taken once, the earliest first; of back-to-back groups one stays missed")
    func backToBack() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 00:00")
        let first = story.miss(.noShow, minutes: 30, "2026-01-06 10:00")
        let second = story.miss(.noShow, minutes: 30, "2026-01-06 10:30")
        let attended = story.attend("g", "2026-01-06 10:30")
        #expect(try story.tally().flags.map(\.eventIDs) == [[second, attended]])
        #expect(try standings(story) == [.counted, .missedAndAttended, .counted])
        // Two that overlap: the first takes the earliest, the second what is left.
        let third = story.miss(.excused, minutes: 60, "2026-01-07 10:00")
        let fourth = story.miss(.excused, minutes: 60, "2026-01-07 10:10")
        let early = story.attend("h", "2026-01-07 10:15")
        let late = story.attend("i", "2026-01-07 10:20")
        let pairs = try story.tally().flags.filter { $0.flag == .missedAndAttended }
            .map(\.eventIDs)
        #expect(pairs == [[second, attended], [third, early], [fourth, late]])
        #expect(try !story.tally().sessions.map(\.entry.eventID).contains(third))
        #expect(try story.tally().sessions.map(\.entry.eventID).contains(first))
    }

    @Test("A missed family session is the one that was held with the client a little later")
    func lateFamily() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 00:00")
        story.miss(.noShow, kind: .family, "2026-01-06 10:00")
        story.family(present: false, "f-1", "2026-01-06 10:10")
        #expect(try standings(story) == [.counted, .counted])
        story.family(present: true, "f-2", "2026-01-06 10:20")
        #expect(try standings(story) == [.missedAndAttended, .counted, .counted])
    }

    // MARK: Hours

    @Test("What two sessions share counts once, in the week of their starts")
    func unions() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("a", minutes: 180, "2026-01-06 15:00")
        story.attend("b", minutes: 180, "2026-01-06 15:30")
        // Within another, touching it, and with a session that does not count.
        story.attend("c", minutes: 30, "2026-01-06 16:00")
        story.attend("d", minutes: 60, "2026-01-06 18:30")
        story.attend("e", minutes: 600, counts: false, "2026-01-06 12:00")
        // Over midnight from one week into the next, each with its own.
        story.attend("f", minutes: 60, "2026-01-11 23:30")
        story.attend("g", minutes: 60, "2026-01-12 00:00")
        let attendance = try #require(try story.attendance("2026-01-13"))
        #expect(attendance.weeks.map(\.hours) == [5.5, 1] && attendance.hours == 6.5)
        #expect(try story.tally().hours == 6.5)
    }

    @Test("Practitioners' services do not count unless the entry says so")
    func kinds() throws {
        for kind in SessionKind.allCases {
            var story = try AttendanceStory()
            story.admit("2026-01-05 10:00")
            story.attend("a", kind: kind, minutes: 60, "2026-01-06 10:00")
            let isApart = [.medicationManagement, .caseManagement].contains(kind)
            #expect(try story.tally().hours == (isApart ? 0 : 1), "\(kind)")
            story.attend("b", kind: kind, minutes: 30, counts: isApart, "2026-01-06 12:00")
            #expect(try story.tally().hours == (isApart ? 0.5 : 1), "\(kind)")
            let attendance = try #require(try story.attendance("2026-01-07"))
            #expect(attendance.attended == 2, "it was attended all the same")
        }
    }

    // MARK: Ends told later

    @Test("Misses after the date of an end that was told later are listed apart, and in the rate")
    func missedAfterEnd() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", "2026-01-09 10:00")
        let same = story.miss(.noShow, id: "s-2", "2026-01-09 18:00")
        story.miss(.noShow, id: "s-3", "2026-01-12 10:00")
        story.miss(.noShow, id: "s-3", "2026-01-12 10:00")
        story.miss(.excused, id: "s-3", "2026-01-14 10:00")
        story.miss(.cancelledByProgram, id: "s-3", "2026-01-16 10:00")
        let attended = story.attend("s-4", "2026-01-16 12:00")
        let late = story.miss(.noShow, id: "s-5", "2026-01-20 12:01")
        story.add(
            .discharged(Discharged(reason: .droppedOut)),
            "2026-01-09 17:00",
            known: "2026-01-20 12:00",
            recorded: "2026-01-14 10:00"
        )
        let attendance = try #require(try story.attendance("2026-02-01"))
        #expect(attendance.missedAfterEnd == [.noShow: 1, .excused: 1, .cancelledByProgram: 1])
        #expect(attendance.missed == [.noShow: 1], "that of the end's date, \(same)")
        #expect(attendance.weeks.count == 1 && attendance.rate == 0.25)
        let outside = attendance.flags.filter { $0.flag == .outsideEpisode }
        #expect(outside.map(\.eventIDs) == [[attended], [late]])
        #expect(attendance.flags.count == 3, "one was recorded twice")
        // By the ledger's clock the end was known earlier.
        story.clock = .ledger
        let ledger = try #require(try story.attendance("2026-02-01"))
        #expect(ledger.missedAfterEnd == [.noShow: 1, .excused: 1])
        // Before the end nothing was told later.
        let open = try #require(try story.attendance("2026-01-09 16:59"))
        #expect(open.missedAfterEnd.isEmpty && open.missed.isEmpty)
    }

    @Test("Who came to a session after the end did not miss it, though it counts in nothing")
    func attendedAfterEnd() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", "2026-01-09 10:00")
        let missed = story.miss(.noShow, "2026-01-12 10:00")
        let attended = story.attend("s-2", "2026-01-12 10:30")
        let also = story.attend("s-3", "2026-01-13 10:00")
        let twice = story.miss(.noShow, id: "s-3", "2026-01-13 10:00")
        story.add(
            .discharged(Discharged(reason: .droppedOut)),
            "2026-01-09 17:00",
            known: "2026-01-20 12:00"
        )
        let attendance = try #require(try story.attendance("2026-02-01"))
        #expect(attendance.missedAfterEnd.isEmpty && attendance.rate == 1)
        #expect(
            attendance.flags.map { [$0.flag.rawValue] + $0.eventIDs.map(\.description) } == [
                ["outside_episode", "\(attended)"], ["outside_episode", "\(also)"],
                ["duplicate_session", "\(also)", "\(twice)"],
                ["missed_and_attended", "\(missed)", "\(attended)"],
            ]
        )
        #expect(
            try standings(story).suffix(4) == [
                .missedAndAttended, .outsideEpisode, .outsideEpisode, .duplicateSession,
            ]
        )
    }

    @Test("The summary lists them apart, and its rate has them")
    func summary() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", "2026-01-09 10:00")
        let missed = story.miss(.noShow, id: "s-2", "2026-01-12 10:00")
        story.add(
            .discharged(Discharged(reason: .droppedOut)),
            "2026-01-09 17:00",
            known: "2026-01-20 12:00"
        )
        let summary = try #require(
            try DischargeSummary.fold(
                EpisodeID(bits: 1),
                EffectiveHistory(story.events),
                calendar: story.calendar,
                effectiveAt: nil
            )
        )
        let care = summary.courseOfCare
        #expect(care.missedAfterEnd.value == ["no_show": 1])
        #expect(care.missedAfterEnd.eventIDs == [missed])
        #expect(care.missed.value == [:] && care.attendanceRate.value == 0.5)
        #expect(care.attendanceRate.eventIDs.contains(missed))
    }

    @Test("A row is cut as a fold cuts the history, also between an end and a group of its day")
    func cut() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.miss(.noShow, "2026-01-06 10:00")
        story.attend("s-1", attendance: .late, "2026-01-06 10:30")
        story.add(.completed(EpisodeEnd()), "2026-01-09 12:00")
        story.attend("s-2", "2026-01-09 15:00")
        let whole = try #require(
            try EpisodeCensus.fold(
                EpisodeID(bits: 1),
                EffectiveHistory(story.events),
                calendar: story.calendar
            )
        )
        #expect(whole.end?.lastContactAt == moment("2026-01-09 15:00"))
        for time in [
            "2026-01-06 10:00", "2026-01-06 10:30", "2026-01-09 11:59", "2026-01-09 12:00",
            "2026-01-09 15:00",
        ] {
            let folded = try EpisodeCensus.fold(
                EpisodeID(bits: 1),
                EffectiveHistory(story.events, effectiveAt: moment(time)),
                calendar: story.calendar
            )
            // The miss alone is known, and the end without the session of its day.
            let isBetween = ["2026-01-06 10:00", "2026-01-09 12:00"].contains(time)
            #expect(whole.needsFold(at: moment(time)) == isBetween)
            #expect((whole.cut(moment(time)) == folded) != isBetween, "\(time)")
        }
    }
}
