internal import CareEpisode

/// A date at a simulated clinic in New York: its weekday, whether the clinic is open, its clock.
///
/// The offset from UTC follows the rule of the United States since 2007 (daylight time from the
/// second Sunday in March to the first in November), computed here and not taken from the machine's
/// zone tables, so that every machine writes the same bytes.
struct ClinicDay: Comparable {
    /// Days since 1970-01-01.
    var number: Int

    init(_ number: Int) {
        self.number = number
    }

    static func < (left: ClinicDay, right: ClinicDay) -> Bool { left.number < right.number }
    static func + (day: ClinicDay, days: Int) -> ClinicDay { ClinicDay(day.number + days) }
    static func - (day: ClinicDay, other: ClinicDay) -> Int { day.number - other.number }

    /// Monday is 0, Sunday 6.
    var weekday: Int {
        let remainder = (number + 3) % 7
        return remainder < 0 ? remainder + 7 : remainder
    }

    /// The Monday of its week.
    var monday: ClinicDay { self + -weekday }

    var date: CalendarDate { CalendarDate(dayNumber: number) }

    /// Monday to Friday without the holidays on which programs close.
    var isOpen: Bool {
        guard weekday < 5 else { return false }
        let date = date
        switch (date.month, date.day) {
        case (1, 1), (7, 4), (12, 25): return false
        case (11, 22...28): return weekday != 3  // Thanksgiving
        default: return true
        }
    }

    /// This day, or the next on which the clinic is open.
    var openOrNext: ClinicDay {
        var day = self
        while !day.isOpen { day.number += 1 }
        return day
    }

    /// This day, or the last before it on which the clinic was open.
    var openOrPrevious: ClinicDay {
        var day = self
        while !day.isOpen { day.number -= 1 }
        return day
    }

    /// The instant at which the clinic's clock shows this minute of the day (after 03:00).
    func at(minute: Int) -> Instant {
        let minutes = number * 1440 + minute + (isDaylightTime ? 240 : 300)
        return Instant(microseconds: Int64(minutes) * 60_000_000)
    }

    /// 00:00 UTC of this date.
    var utcMidnight: Instant { Instant(microseconds: Int64(number) * 86_400_000_000) }

    private var isDaylightTime: Bool {
        let date = date
        switch date.month {
        case 4...10: return true
        case 3: return date.day - (weekday + 1) % 7 > 7  // the last Sunday was the 8th or later
        case 11: return date.day - (weekday + 1) % 7 < 1  // no Sunday yet this month
        default: return false
        }
    }
}
