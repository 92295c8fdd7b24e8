/// A week of ISO 8601: Monday to Sunday, the first of a year being the one with its first Thursday.
public struct ISOWeek: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// The year the week counts in, which is the year of its Thursday.
    public var year: Int
    /// The week of that year, 1 to 53.
    public var week: Int

    /// The week that holds a date.
    public init(of date: CalendarDate) {
        let thursday = date.dayNumber - ISOWeek.daysSinceMonday(date.dayNumber) + 3
        year = CalendarDate(dayNumber: thursday).year
        let newYear = CalendarDate.dayNumber(year: year, month: 1, day: 1)
        week = (thursday - newYear) / 7 + 1
    }

    /// The week's Monday.
    public var firstDate: CalendarDate {
        let fourthOfJanuary = CalendarDate.dayNumber(year: year, month: 1, day: 4)
        let firstMonday = fourthOfJanuary - ISOWeek.daysSinceMonday(fourthOfJanuary)
        return CalendarDate(dayNumber: firstMonday + (week - 1) * 7)
    }

    /// The week's Sunday.
    public var lastDate: CalendarDate { firstDate.adding(days: 6) }

    /// The week after this one.
    public var next: ISOWeek { ISOWeek(of: firstDate.adding(days: 7)) }

    /// Whether `left` is the earlier week.
    public static func < (left: ISOWeek, right: ISOWeek) -> Bool {
        (left.year, left.week) < (right.year, right.week)
    }

    /// `YYYY-Www`, such as `2025-W07`.
    public var description: String {
        var bytes: [UInt8] = []
        appendDecimal(abs(year), width: 4, to: &bytes)
        bytes += [UInt8(ascii: "-"), UInt8(ascii: "W")]
        appendDecimal(week, width: 2, to: &bytes)
        return String(decoding: bytes, as: UTF8.self)
    }

    /// 1970-01-01 was a Thursday.
    private static func daysSinceMonday(_ dayNumber: Int) -> Int {
        let shifted = dayNumber + 3
        return shifted - floorDivide(shifted, by: 7) * 7
    }
}
