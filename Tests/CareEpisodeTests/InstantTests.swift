import TestSupport
import Testing

@testable import CareEpisode

@Suite("Instants and dates")
struct InstantTests {
    @Test(
        "RFC 3339 is read in any offset and written in UTC",
        arguments: [
            ("1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000000Z"),
            ("1985-04-12T23:20:50.52Z", "1985-04-12T23:20:50.520000Z"),
            ("1996-12-19T16:39:57-08:00", "1996-12-20T00:39:57.000000Z"),
            ("1937-01-01T12:00:27.87+00:20", "1937-01-01T11:40:27.870000Z"),
            ("2025-01-31t18:05:00z", "2025-01-31T18:05:00.000000Z"),
            ("2025-01-31T18:05:00-00:00", "2025-01-31T18:05:00.000000Z"),
            ("2025-01-31T23:59:59.9999999999+23:59", "2025-01-31T00:00:59.999999Z"),
            ("1969-12-31T23:59:59.999999Z", "1969-12-31T23:59:59.999999Z"),
            ("1969-12-31T23:59:59.9999999Z", "1969-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z"),
            ("0000-12-31T23:59:00-00:01", "0001-01-01T00:00:00.000000Z"),
            ("9999-12-31T23:59:59.999999Z", "9999-12-31T23:59:59.999999Z"),
            ("2000-02-29T12:00:00Z", "2000-02-29T12:00:00.000000Z"),
            ("2024-02-29T00:30:00+01:00", "2024-02-28T23:30:00.000000Z"),
        ]
    )
    func reading(_ text: String, _ canonical: String) throws {
        let instant = try #require(Instant(rfc3339: text))
        #expect(instant.description == canonical)
        #expect(Instant(rfc3339: canonical) == instant)
        #expect(Instant(rfc3339: Substring(canonical)) == instant)
    }

    @Test("Known instants have their microseconds")
    func microseconds() {
        #expect(Instant(rfc3339: "1970-01-01T00:00:00.000001Z")?.microseconds == 1)
        #expect(Instant(rfc3339: "1969-12-31T23:59:59.999999Z")?.microseconds == -1)
        #expect(Instant(rfc3339: "2001-09-09T01:46:40Z")?.microseconds == 1_000_000_000_000_000)
        #expect(Instant(rfc3339: "0001-01-01T00:00:00Z")?.microseconds == -62_135_596_800_000_000)
    }

    @Test("Random instants are written and read again, and sort as their texts do")
    func randomInstants() {
        var generator = SeededRandom(seed: 3339)
        let range = Int64(-62_135_596_800_000_000)..<253_402_300_800_000_000
        for _ in 0..<20_000 {
            let one = Instant(microseconds: .random(in: range, using: &generator))
            let other = Instant(microseconds: .random(in: range, using: &generator))
            #expect(Instant(rfc3339: one.description) == one, "\(generator)")
            #expect((one < other) == (one.description < other.description), "\(generator)")
        }
    }

    @Test("Moving an instant stays within the range of 64 bits")
    func advancing() {
        #expect(Instant(microseconds: 5).advanced(bySeconds: -1).microseconds == -999_995)
        #expect(Instant(microseconds: .max).advanced(bySeconds: 1).microseconds == .max)
        #expect(Instant(microseconds: .min).advanced(bySeconds: -1).microseconds == .min)
        #expect(Instant(microseconds: 0).advanced(bySeconds: .max).microseconds == .max)
    }

    @Test("Every day of four centuries follows the one before, and none is left out")
    func days() throws {
        let first = try #require(CalendarDate(iso8601: "1800-01-01"))
        var date = first
        for number in first.dayNumber...first.dayNumber + 146_097 {
            #expect(date == CalendarDate(dayNumber: number))
            #expect(date.dayNumber == number)
            let next = date.adding(days: 1)
            let isNext =
                (next.year, next.month, next.day) == (date.year, date.month, date.day + 1)
                || next.day == 1
            #expect(isNext && date < next && next - date == 1)
            #expect(CalendarDate(iso8601: date.description) == date)
            date = next
        }
        #expect(date.description == "2200-01-02")
    }

    @Test("Known dates have their day numbers")
    func dayNumbers() {
        #expect(CalendarDate(dayNumber: 0).description == "1970-01-01")
        #expect(CalendarDate(iso8601: "0001-01-01")?.dayNumber == -719_162)
        #expect(CalendarDate(iso8601: "9999-12-31")?.dayNumber == 2_932_896)
        #expect(CalendarDate(iso8601: "2000-02-29")?.dayNumber == 11_016)
    }

    @Test(
        "Dates that do not exist are no dates",
        arguments: [
            "2025-02-29", "1900-02-29", "2025-04-31", "2025-00-10", "2025-13-01", "2025-01-00",
            "2025-01-32", "0000-01-01", "20250101", "2025-1-01", "2025-01-01 ", "", "2025-01-0a",
            "-025-01-01", "2025/01/01",
        ]
    )
    func wrongDates(_ text: String) {
        #expect(CalendarDate(iso8601: text) == nil)
    }
}
