import CareEpisode
import ProjectionTestSupport
import TestSupport
import Testing

@testable import Projections

@Suite("Attendance of random episodes")
struct AttendancePropertyTests {
    /// Random histories and times to ask for, with the course and the attendance of each.
    private func forEach(
        seeds: ClosedRange<UInt64>,
        _ zone: String,
        _ body: (Course, EpisodeAttendance, Case) throws -> Void
    ) throws {
        let calendar = try LocalCalendar(timeZone: zone)
        for seed in seeds { try forEach(seed: seed, calendar, body) }
    }

    /// What was asked of which history.
    private struct Case: CustomStringConvertible {
        let seed: UInt64
        let calendar: LocalCalendar
        let effectiveAt: Instant

        var description: String { "seed \(seed), \(calendar.timeZone), at \(effectiveAt)" }
    }

    private func forEach(
        seed: UInt64,
        _ calendar: LocalCalendar,
        _ body: (Course, EpisodeAttendance, Case) throws -> Void
    ) throws {
        var generator = SeededRandom(seed: seed)
        var histories = RandomHistories(seed: seed, calendar: calendar)
        for (_, events) in recorded(histories.events(500, episodes: 25)) {
            let history = try EffectiveHistory(events)
            for _ in 0..<6 {
                let days = Int64.random(in: -2..<50, using: &generator)
                let time = generator.pick(events).occurredAt
                    .advanced(bySeconds: generator.pick([0, days * 86_400, 7 * 86_400]))
                guard
                    let attendance = try EpisodeAttendance.fold(
                        history,
                        effectiveAt: time,
                        calendar: calendar
                    )
                else { continue }
                let course = try #require(
                    try Course(history.through(time), calendar: calendar)
                )
                let asked = Case(seed: seed, calendar: calendar, effectiveAt: time)
                try body(course, attendance, asked)
            }
        }
    }

    @Test(
        "The weeks together have the sessions, minutes and misses of the course",
        arguments: ["UTC", "America/New_York", "Africa/Cairo", "Australia/Lord_Howe"]
    )
    func sums(_ zone: String) throws {
        var total = 0
        try forEach(seeds: 51...54, zone) { course, attendance, asked in
            let (calendar, time) = (asked.calendar, asked.effectiveAt)
            let sessions = course.sessions.sessions
            #expect(attendance.attended == sessions.filter(\.isAttended).count, "\(asked)")
            let missed = sessions.count { $0.entry.type == .sessionMissed }
            #expect(attendance.missed.values.reduce(0, +) == missed, "\(asked)")
            #expect(abs(attendance.hours - course.sessions.hours) < 1e-9, "\(asked)")
            total += sessions.count
            // No gap, nothing twice, and what was there is there.
            let weeks = attendance.weeks.map(\.week)
            #expect(zip(weeks, weeks.dropFirst()).allSatisfy { $0.next == $1 })
            #expect(weeks.first == LocalWeek(of: calendar.date(of: course.admission.time)))
            let last = course.ending?.entry.time ?? time
            #expect(weeks.last == LocalWeek(of: calendar.date(of: last)))
            for week in attendance.weeks {
                let start = calendar.startOfDay(week.week.firstDate)
                let end = calendar.startOfDay(week.week.next.firstDate)
                let within = sessions.filter { $0.start >= start && $0.start < end }
                #expect(week.attended == within.filter(\.isAttended).count, "\(asked)")
                #expect(week.judged.microseconds == covered(within), "\(asked)")
            }
        }
        #expect(total > 1_000)
    }

    /// Between each two neighbors among the starts and ends, either all of the time counts or none.
    private func covered(_ sessions: [SessionTally.Session]) -> Int64 {
        let sessions = sessions.filter(\.counts)
        let turns = Set(sessions.flatMap { [$0.start, $0.end] }).sorted()
        return zip(turns, turns.dropFirst()).reduce(0) { total, part in
            let isCovered = sessions.contains { $0.start <= part.0 && part.1 <= $0.end }
            return isCovered ? total + part.1.microseconds - part.0.microseconds : total
        }
    }

    @Test(
        "A week is flagged exactly where the level held from its Monday on and the hours are few",
        arguments: ["UTC", "America/New_York", "Africa/Cairo"]
    )
    func flags(_ zone: String) throws {
        var flagged = 0
        var clear = 0
        try forEach(seeds: 61...70, zone) { course, attendance, asked in
            let (calendar, time) = (asked.calendar, asked.effectiveAt)
            for week in attendance.weeks {
                let end = calendar.startOfDay(week.week.next.firstDate)
                // By instants: the level was in force from the last one of Monday to that of Sunday.
                let last = justBefore(end)
                let first = justBefore(
                    calendar.startOfDay(week.week.firstDate.adding(days: 1))
                )
                let turns = course.stays.map(\.from).filter { $0 > first && $0 <= last }
                let level = course.stays.last { $0.from <= last }?.levelOfCare
                let needed: Double =
                    switch level {
                    case .intensiveOutpatient: 9
                    case .partialHospitalization: 20
                    default: 0
                    }
                let isHeld = ([first, last] + turns).allSatisfy { instant in
                    let stay = course.stays.last { $0.from <= instant }
                    return stay?.levelOfCare == level && stay?.to.map { $0 > instant } ?? true
                }
                let sessions = course.sessions.sessions.filter {
                    $0.date >= week.week.firstDate && $0.date <= week.week.lastDate
                }
                let isClosed =
                    !sessions.isEmpty
                    && sessions.allSatisfy {
                        $0.recorded.outcome == .missed(.cancelledByProgram)
                    }
                let isBelow = end <= time && isHeld && !isClosed && week.hours < needed
                #expect(
                    week.flags.contains { $0.flag == .belowWeeklyHours } == isBelow,
                    "\(asked), \(week.week)"
                )
                if isBelow { flagged += 1 } else { clear += 1 }
            }
        }
        #expect(flagged > 20 && clear > 500, "\(flagged) \(clear)")
    }
}
