public import CareEpisode

/// How dates and times are written, by the ledger's wall clock.
public struct DisplayFormat: Sendable {
    /// Whose habit is followed.
    public enum Locale: String, CaseIterable, Sendable {
        /// "Wed, Dec 31, 2025", "5:30 PM".
        case american = "en-US"
        /// "Wed 31 Dec 2025", "17:30".
        case british = "en-GB"
    }

    /// Days of the ledger's zone.
    public let calendar: LocalCalendar
    private let locale: Locale

    /// Dates and times of a zone.
    public init(_ calendar: LocalCalendar, _ locale: Locale = .american) {
        self.calendar = calendar
        self.locale = locale
    }

    // MARK: - Dates

    private static let months = [
        "January", "February", "March", "April", "May", "June", "July", "August", "September",
        "October", "November", "December",
    ]

    private static let days = [
        "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday",
    ]

    private static func weekday(_ date: CalendarDate) -> String {
        days[date - LocalWeek(of: date).firstDate]
    }

    /// The first letter of a date's day of the week.
    public static func letter(_ date: CalendarDate) -> String { String(weekday(date).prefix(1)) }

    private func dated(_ month: String, _ date: CalendarDate, year: Bool) -> String {
        switch locale {
        case .american: "\(month) \(date.day)" + (year ? ", \(date.year)" : "")
        case .british: "\(date.day) \(month)" + (year ? " \(date.year)" : "")
        }
    }

    /// "Dec 31" or "31 Dec".
    public func day(_ date: CalendarDate) -> String {
        dated(String(Self.months[date.month - 1].prefix(3)), date, year: false)
    }

    /// "Wed, Dec 31" or "Wed 31 Dec".
    public func weekdayAndDay(_ date: CalendarDate) -> String {
        Self.weekday(date).prefix(3) + separator + day(date)
    }

    /// "Wed, Dec 31, 2025" or "Wed 31 Dec 2025".
    public func date(_ date: CalendarDate) -> String {
        Self.weekday(date).prefix(3) + separator
            + dated(String(Self.months[date.month - 1].prefix(3)), date, year: true)
    }

    /// "Wednesday, December 31, 2025" or "Wednesday 31 December 2025".
    public func longDate(_ date: CalendarDate) -> String {
        Self.weekday(date) + separator + dated(Self.months[date.month - 1], date, year: true)
    }

    /// "December 2025".
    public func month(_ date: CalendarDate) -> String {
        "\(Self.months[date.month - 1]) \(date.year)"
    }

    private var separator: String { locale == .american ? ", " : " " }

    // MARK: - Times

    /// "5:30 PM" or "17:30"; with its offset where the clock shows it twice.
    public func time(_ instant: Instant) -> String {
        let wall = calendar.wallClock(instant)
        let minute = wall.minute < 10 ? "0\(wall.minute)" : "\(wall.minute)"
        var text: String
        switch locale {
        case .american:
            let hour = wall.hour % 12 == 0 ? 12 : wall.hour % 12
            text = "\(hour):\(minute) \(wall.hour < 12 ? "AM" : "PM")"
        case .british: text = "\(wall.hour < 10 ? "0" : "")\(wall.hour):\(minute)"
        }
        if wall.isRepeated { text += " (\(Self.offset(wall.offset)))" }
        return text
    }

    /// "Wed, Dec 31, 2025, 5:30 PM".
    public func dateAndTime(_ instant: Instant) -> String {
        "\(date(calendar.wallClock(instant).date)), \(time(instant))"
    }

    /// A knowledge time; a midnight as the end of the day before.
    public func knowledge(_ instant: Instant) -> String {
        endedDay(instant).map { "\(date($0)), end of day" } ?? dateAndTime(instant)
    }

    /// Up to when things happened: "end of Wed, Dec 31, 2025", or with the time.
    public func upTo(_ instant: Instant) -> String {
        endedDay(instant).map { "end of \(date($0))" } ?? dateAndTime(instant)
    }

    /// The day that ends at an instant; nil of any other instant.
    private func endedDay(_ instant: Instant) -> CalendarDate? {
        let date = calendar.date(of: instant)
        return calendar.startOfDay(date) == instant ? date.adding(days: -1) : nil
    }

    /// The last day of which something is before an instant: at midnight the day that ends.
    public func dayUpTo(_ instant: Instant) -> CalendarDate {
        endedDay(instant) ?? calendar.date(of: instant)
    }

    /// "Wed, Dec 31, 5:30 PM": without the year.
    public func dayAndTime(_ instant: Instant) -> String {
        "\(weekdayAndDay(calendar.wallClock(instant).date)), \(time(instant))"
    }

    /// The zone with its offset at an instant, "America/New_York (UTC−05:00)".
    public func zone(at instant: Instant) -> String {
        "\(calendar.timeZone) (\(Self.offset(calendar.wallClock(instant).offset)))"
    }

    /// A sentence of an answer, in which its dates are written as on pages.
    func dated(_ text: String) -> String {
        text.replacing(/\b\d{4}-\d{2}-\d{2}\b/) { match in
            CalendarDate(iso8601: match.output).map(date) ?? String(match.output)
        }
    }

    private static func offset(_ seconds: Int) -> String {
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = abs(seconds) / 60
        return "UTC\(seconds < 0 ? "−" : "+")\(two(minutes / 60)):\(two(minutes % 60))"
    }
}
