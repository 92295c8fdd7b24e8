import CareEpisode
import Documents
import Ledger
import ProjectionRuntime
import Testing

@testable import Projections

/// 2026-01-05 was the Monday of 2026-W02.
@Suite("Attendance by the settings of the ledger")
struct AttendanceSettingsTests {
    private func setting(
        _ entry: Int64,
        _ key: String,
        _ value: String,
        from: String,
        recorded: String = "2026-01-01"
    ) -> LedgerSetting {
        LedgerSetting(
            entry: entry,
            key: key,
            value: value,
            fromDate: date(from),
            recordedBy: "a",
            recordedAt: moment(recorded)
        )
    }

    /// Four weeks of five hours each.
    private func story() throws -> AttendanceStory {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        for (week, day) in ["06", "13", "20", "27"].enumerated() {
            story.attend("s-\(week)", minutes: 300, "2026-01-\(day) 10:00")
        }
        return story
    }

    @Test("The setting in force on a week's last date has the say, and the question over it")
    func thresholds() throws {
        let settings = LedgerSettings([
            setting(1, "weekly_hours.iop", "4", from: "2026-01-18"),
            setting(2, "weekly_hours.iop", "6", from: "2026-01-26"),
            setting(3, "weekly_hours.other", "1", from: "2026-01-01"),
        ])
        let story = try story()
        let by = AttendanceSettings(ledger: settings)
        // W02 ends on the 11th, W03 on the 18th.
        #expect(
            try Set(story.below("2026-02-02", by).keys) == ["2026-W02", "2026-W05"]
        )
        let attendance = try #require(try story.attendance("2026-02-02", by))
        #expect(attendance.settings.map(\.entry) == [1, 2], "those that it went by")
        #expect(attendance.weeks.map(\.judged.threshold) == [9, 4, 4, 6, nil])
        let given = AttendanceSettings(["iop": 5], ledger: settings)
        let asked = try #require(try story.attendance("2026-02-02", given))
        #expect(asked.weeks.flatMap(\.flags).isEmpty && asked.settings.isEmpty)
    }

    @Test("As known at a time, what was recorded later does not count")
    func knowledge() throws {
        let settings = LedgerSettings([
            setting(1, "weekly_hours.iop", "1", from: "2026-01-01", recorded: "2026-03-01"),
            setting(2, "first_day_of_week", "sunday", from: "2026-01-01", recorded: "2026-03-02"),
        ])
        func weeks(_ known: String?) throws -> [String] {
            let attendance = try EpisodeAttendance.fold(
                EffectiveHistory(story().events, knownAt: known.map(moment)),
                effectiveAt: moment("2026-01-19"),
                calendar: LocalCalendar(timeZone: "UTC"),
                settings: AttendanceSettings(ledger: settings)
            )
            return try #require(attendance).weeks.filter { !$0.flags.isEmpty }
                .map(\.week.description)
        }
        #expect(try weeks("2026-02-28 23:59") == ["2026-W02", "2026-W03"])
        #expect(try weeks("2026-03-01") == [])
        #expect(try weeks(nil) == [])
    }

    @Test("With another first day the weeks begin then, and are named by their first dates")
    func firstDay() throws {
        let sunday = AttendanceSettings(
            ledger: LedgerSettings([
                setting(1, "first_day_of_week", "sunday", from: "2026-01-15")
            ])
        )
        var story = try story()
        // On Sunday the 18th: with the week of the 20th where Sunday is the first day.
        story.attend("s-x", minutes: 300, "2026-01-18 10:00")
        let attendance = try #require(try story.attendance("2026-02-02", sunday))
        #expect(
            attendance.weeks.map(\.week.description) == [
                "2026-01-04", "2026-01-11", "2026-01-18", "2026-01-25", "2026-02-01",
            ]
        )
        #expect(attendance.weeks.map(\.hours) == [5, 5, 10, 5, 0])
        // The first week began before the admission: it is not whole.
        #expect(try Set(story.below("2026-02-02", sunday).keys) == ["2026-01-11", "2026-01-25"])
        #expect(attendance.settings.map(\.entry) == [1])
        // On the 14th, Monday was the first day still.
        let before = try #require(try story.attendance("2026-01-14", sunday))
        #expect(before.weeks.map(\.week.description) == ["2026-W02", "2026-W03"])
        #expect(before.settings.isEmpty)
    }

    @Test("Text names a flag's week, and shows minutes where rounding would hide the difference")
    func text() throws {
        var story = try AttendanceStory()
        story.admit("2026-01-05 10:00")
        story.attend("s-1", minutes: 538, "2026-01-06 10:00")
        story.attend("s-2", minutes: 390, "2026-01-13 10:00")
        story.miss(.cancelledByClient, id: "s-2", "2026-01-13 10:00")
        let attendance = try #require(try story.attendance("2026-01-19"))
        let basis = ReadModelBasis(position: Position(1), head: Position(1))
        let ledger = LedgerDescription(
            id: LedgerID(rawValue: 1),
            name: .default,
            timeZone: "UTC"
        )
        let text = AttendanceAnswer(
            episodeID: EpisodeID(bits: 1),
            effectiveAt: moment("2026-01-19"),
            attendance: attendance
        ).document(ledger, basis).text
        #expect(text.contains("8 h 58 min"))
        #expect(
            text.contains("Flag: below weekly hours in week 2026-W02: 8 h 58 min of 9 h (")
        )
        #expect(text.contains("Flag: below weekly hours in week 2026-W03: 6.5 h of 9 h ("))
        #expect(text.contains("Flag: duplicate session in week 2026-W03 ("))
        #expect(!text.contains("9.0"), "no rounded figure beside the flag")
    }
}
