/// A day of the week, as settings name it.
public enum Weekday: String, ClosedCode {
    case monday, tuesday, wednesday, thursday, friday, saturday, sunday
}

/// Seven dates from one day of the week on.
///
/// From a Monday on it is a week of ISO 8601, the first of a year being the one with its first
/// Thursday.
public struct LocalWeek: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The first date.
    public let firstDate: CalendarDate

    /// The week that holds a date.
    public init(of date: CalendarDate, from weekday: Weekday = .monday) {
        let first = Weekday.allCases.firstIndex(of: weekday) ?? 0
        firstDate = date.adding(days: -((Self.daysSinceMonday(date) - first + 7) % 7))
    }

    private init(firstDate: CalendarDate) { self.firstDate = firstDate }

    /// The last date.
    public var lastDate: CalendarDate { firstDate.adding(days: 6) }

    /// The week after this one.
    public var next: LocalWeek { LocalWeek(firstDate: firstDate.adding(days: 7)) }

    /// The week before this one.
    public var previous: LocalWeek { LocalWeek(firstDate: firstDate.adding(days: -7)) }

    /// So many weeks after this one; before it where the number is below 0.
    public func advanced(by weeks: Int) -> LocalWeek {
        LocalWeek(firstDate: firstDate.adding(days: 7 * weeks))
    }

    /// Whether `left` begins earlier.
    public static func < (left: LocalWeek, right: LocalWeek) -> Bool {
        left.firstDate < right.firstDate
    }

    /// Of a week of ISO 8601 its year and number, such as `2025-W07`; of any other its first date.
    public var description: String {
        guard Self.daysSinceMonday(firstDate) == 0 else { return firstDate.description }
        let thursday = firstDate.adding(days: 3)
        let newYear = CalendarDate.dayNumber(year: thursday.year, month: 1, day: 1)
        var bytes: [UInt8] = []
        appendDecimal(abs(thursday.year), width: 4, to: &bytes)
        bytes += [UInt8(ascii: "-"), UInt8(ascii: "W")]
        appendDecimal((thursday.dayNumber - newYear) / 7 + 1, width: 2, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// 1970-01-01 was a Thursday.
    private static func daysSinceMonday(_ date: CalendarDate) -> Int {
        let shifted = date.dayNumber + 3
        return shifted - floorDivide(shifted, by: 7) * 7
    }
}
