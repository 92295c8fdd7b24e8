import Foundation
import TestSupport
import Testing

@testable import CareEpisode

@Suite("Days and weeks in a zone")
struct LocalCalendarTests {
    @Test(
        "A day begins at the first instant of its local date",
        arguments: [
            ("UTC", "2025-03-09", "2025-03-09T00:00:00Z"),
            ("America/New_York", "2025-03-09", "2025-03-09T05:00:00Z"),
            ("America/New_York", "2025-03-10", "2025-03-10T04:00:00Z"),
            ("America/New_York", "2025-11-03", "2025-11-03T05:00:00Z"),
            // An old name, which not every system's zone data have: ours are the program's.
            ("US/Eastern", "2025-03-10", "2025-03-10T04:00:00Z"),
            ("Asia/Kathmandu", "2025-06-01", "2025-05-31T18:15:00Z"),
            // Half an hour of daylight saving.
            ("Australia/Lord_Howe", "2025-04-06", "2025-04-05T13:00:00Z"),
            ("Australia/Lord_Howe", "2025-04-07", "2025-04-06T13:30:00Z"),
            ("Australia/Lord_Howe", "2025-10-05", "2025-10-04T13:30:00Z"),
            ("Australia/Lord_Howe", "2025-10-06", "2025-10-05T13:00:00Z"),
            // No 00:00: the clocks went from 23:59:59 to 01:00.
            ("America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"),
            ("Asia/Beirut", "2022-03-27", "2022-03-26T22:00:00Z"),
            // 23:00 twice on the evening before.
            ("America/Sao_Paulo", "2018-02-18", "2018-02-18T03:00:00Z"),
            ("Asia/Beirut", "2022-10-30", "2022-10-29T22:00:00Z"),
            // 00:00 twice on the same date.
            ("America/Havana", "2024-11-03", "2024-11-03T04:00:00Z"),
            // One minute of a Sunday, an hour of the Saturday again, then the Sunday.
            ("America/St_Johns", "2010-11-07", "2010-11-07T02:30:00Z"),
            // A date left out: an empty day before the next.
            ("Pacific/Apia", "2011-12-29", "2011-12-29T10:00:00Z"),
            ("Pacific/Apia", "2011-12-30", "2011-12-30T10:00:00Z"),
            ("Pacific/Apia", "2011-12-31", "2011-12-30T10:00:00Z"),
            ("Pacific/Kwajalein", "1993-08-21", "1993-08-21T12:00:00Z"),
        ]
    )
    func startOfDay(_ zone: String, _ date: String, _ start: String) throws {
        let calendar = try LocalCalendar(timeZone: zone)
        let day = try #require(CalendarDate(iso8601: date))
        #expect(calendar.startOfDay(day) == Instant(rfc3339: start))
    }

    @Test(
        "The date of an instant is that of the day it lies in",
        arguments: [
            ("America/New_York", "2025-03-09T04:59:59.999999Z", "2025-03-08"),
            ("America/New_York", "2025-03-09T05:00:00Z", "2025-03-09"),
            ("America/Sao_Paulo", "2018-11-04T02:59:59.999999Z", "2018-11-03"),
            ("America/Sao_Paulo", "2018-11-04T03:00:00Z", "2018-11-04"),
            ("America/Sao_Paulo", "2018-02-18T02:30:00Z", "2018-02-17"),
            ("Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29"),
            ("Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31"),
            ("America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-07"),
            ("Europe/Berlin", "1969-12-31T23:00:00Z", "1970-01-01"),
            ("Asia/Tokyo", "1899-06-01T00:00:00Z", "1899-06-01"),
            ("America/New_York", "2199-07-01T03:59:59Z", "2199-06-30"),
        ]
    )
    func dateOfInstant(_ zone: String, _ instant: String, _ date: String) throws {
        let calendar = try LocalCalendar(timeZone: zone)
        #expect(calendar.date(of: try #require(Instant(rfc3339: instant))).description == date)
    }

    @Test(
        "Days cover all time without overlap: an instant's date is the day that holds it",
        arguments: [
            "UTC", "America/New_York", "America/Sao_Paulo", "America/St_Johns", "America/Havana",
            "Asia/Beirut", "Asia/Amman", "Australia/Lord_Howe", "Pacific/Apia",
            "Pacific/Kwajalein", "Africa/Casablanca", "Antarctica/Troll", "Asia/Kathmandu",
        ]
    )
    func daysCoverTime(_ zone: String) throws {
        let calendar = try LocalCalendar(timeZone: zone)
        let foundation = try #require(TimeZone(identifier: zone))
        var generator = SeededRandom(seed: 24)
        for _ in 0..<4000 {
            // Times around midnight between 1970 and 2038, where there is something to get wrong.
            let day = CalendarDate(dayNumber: .random(in: 0..<24_800, using: &generator))
            let near = Int64.random(in: -7200...7200, using: &generator)
            let instant = calendar.startOfDay(day).advanced(bySeconds: near)
            let date = calendar.date(of: instant)
            #expect(calendar.startOfDay(date) <= instant, "\(instant) \(generator)")
            #expect(instant < calendar.startOfDay(date.adding(days: 1)), "\(instant) \(generator)")
            // The offset is Foundation's, and the date the wall's or, after a repeated evening, one more.
            let seconds = Double(instant.microseconds / 1_000_000)
            let offset = foundation.secondsFromGMT(for: Date(timeIntervalSince1970: seconds))
            let wall = floorDivide(Int(seconds) + offset, by: 86_400)
            #expect(0...1 ~= date.dayNumber - wall, "\(instant) \(generator)")
        }
    }

    @Test("A day has 23, 24 or 25 hours where the clocks change by one")
    func lengthOfDays() throws {
        let calendar = try LocalCalendar(timeZone: "America/New_York")
        let hours = { (text: String) throws -> Int64 in
            let date = try #require(CalendarDate(iso8601: text))
            let start = calendar.startOfDay(date).microseconds
            return (calendar.startOfDay(date.adding(days: 1)).microseconds - start) / 3_600_000_000
        }
        #expect(try hours("2025-03-09") == 23)
        #expect(try hours("2025-03-10") == 24)
        #expect(try hours("2025-11-02") == 25)
    }

    @Test(
        "An unknown zone is an error that names it",
        arguments: ["Europe/Atlantis", "", "New York", "../etc/passwd"]
    )
    func unknownZone(_ name: String) {
        let error = #expect(throws: UnknownTimeZone.self) { try LocalCalendar(timeZone: name) }
        #expect(error?.description.contains("\"\(name)\"") == true)
    }

    @Test(
        "Weeks are those of ISO 8601",
        arguments: [
            ("2025-02-12", "2025-W07", "2025-02-10"),
            ("2024-12-30", "2025-W01", "2024-12-30"),
            ("2025-01-05", "2025-W01", "2024-12-30"),
            ("2021-01-03", "2020-W53", "2020-12-28"),
            ("2027-01-01", "2026-W53", "2026-12-28"),
            ("2022-01-02", "2021-W52", "2021-12-27"),
            ("1970-01-01", "1970-W01", "1969-12-29"),
            ("1969-12-28", "1969-W52", "1969-12-22"),
            ("2008-12-29", "2009-W01", "2008-12-29"),
        ]
    )
    func weeks(_ date: String, _ week: String, _ monday: String) throws {
        let found = LocalWeek(of: try #require(CalendarDate(iso8601: date)))
        #expect(found.description == week)
        #expect(found.firstDate.description == monday)
    }

    @Test("Weeks follow each other, seven days each, as Foundation's ISO calendar has them")
    func weeksAgainstFoundation() throws {
        var calendar = Calendar(identifier: .iso8601)
        calendar.timeZone = try #require(TimeZone(identifier: "UTC"))
        for number in stride(from: -20_000, through: 40_000, by: 1) {
            let date = CalendarDate(dayNumber: number)
            let week = LocalWeek(of: date)
            #expect(week.firstDate <= date && date <= week.lastDate)
            #expect(week < week.next && week.next.firstDate - week.firstDate == 7)
            if number % 37 == 0 {
                let noon = Date(timeIntervalSince1970: Double(number) * 86_400 + 43_200)
                let parts = calendar.dateComponents([.yearForWeekOfYear, .weekOfYear], from: noon)
                let (year, number) = (parts.yearForWeekOfYear ?? 0, parts.weekOfYear ?? 0)
                #expect(week.description == "\(year)-W\(number < 10 ? "0" : "")\(number)")
            }
        }
    }

    @Test("From another day than Monday on a week is named by its first date")
    func otherWeeks() throws {
        // 2026-03-04 was a Wednesday.
        let wednesday = try #require(CalendarDate(iso8601: "2026-03-04"))
        let weeks = Weekday.allCases.map { LocalWeek(of: wednesday, from: $0) }
        #expect(
            weeks.map(\.description) == [
                "2026-W10", "2026-03-03", "2026-03-04", "2026-02-26", "2026-02-27", "2026-02-28",
                "2026-03-01",
            ]
        )
        for week in weeks {
            #expect(week.firstDate <= wednesday && wednesday <= week.lastDate)
            #expect(week.next.firstDate - week.firstDate == 7 && week < week.next)
        }
    }
}
