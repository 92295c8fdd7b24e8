import CareEpisode

/// A time as HTTP headers write it (RFC 9110, 5.6.7).
enum HTTPDate {
    /// Reads a time in any of the three forms that a receiver must take:
    /// `Sun, 06 Nov 1994 08:49:37 GMT`, `Sunday, 06-Nov-94 08:49:37 GMT` and
    /// `Sun Nov  6 08:49:37 1994`; nil where the text is none of them, or there is no such time.
    ///
    /// - Parameter now: a year of two digits is the one that lies nearest, at most 50 years ahead.
    static func instant(_ text: String, now: Instant) -> Instant? {
        let day = "(Mon|Tue|Wed|Thu|Fri|Sat|Sun)"
        let longDay = "(Monday|Tuesday|Wednesday|Thursday|Friday|Saturday|Sunday)"
        let month = "(?<month>\(months.joined(separator: "|")))"
        let time = "(?<hour>[0-9]{2}):(?<minute>[0-9]{2}):(?<second>[0-9]{2})"
        let forms = [
            "\(day), (?<day>[0-9]{2}) \(month) (?<year>[0-9]{4}) \(time) GMT",
            "\(longDay), (?<day>[0-9]{2})-\(month)-(?<year>[0-9]{2}) \(time) GMT",
            "\(day) \(month) (?<day>[0-9]{2}| [0-9]) \(time) (?<year>[0-9]{4})",
        ]
        for form in forms {
            guard let match = try? Regex(form).wholeMatch(in: text) else { continue }
            return instant(now) { match[$0]?.substring.map(String.init) ?? "" }
        }
        return nil
    }

    private static let months = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ]

    /// The time of a match's parts.
    private static func instant(_ now: Instant, _ part: (String) -> String) -> Instant? {
        func number(_ name: String) -> Int? { Int(part(name).replacing(" ", with: "")) }
        guard let day = number("day"), let month = months.firstIndex(of: part("month")),
            let year = number("year"), let hour = number("hour"), let minute = number("minute"),
            let second = number("second"),
            // A minute may have a leap second.
            hour < 24, minute < 60, second <= 60
        else { return nil }
        let whole = part("year").count == 4 ? year : fullYear(year, now)
        let text = [(whole, 4), (month + 1, 2), (day, 2)].map { number, width in
            String(repeating: "0", count: max(0, width - "\(number)".count)) + "\(number)"
        }.joined(separator: "-")
        guard let date = CalendarDate(iso8601: text) else { return nil }
        let seconds = Int64(date.dayNumber) * 86_400 + Int64((hour * 60 + minute) * 60 + second)
        return Instant(microseconds: seconds * 1_000_000)
    }

    /// The year that two digits mean: one from 49 years ago to 50 years ahead.
    private static func fullYear(_ digits: Int, _ now: Instant) -> Int {
        let current = CalendarDate(dayNumber: Int(now.microseconds / 86_400_000_000)).year
        let year = current / 100 * 100 + digits
        if year > current + 50 { return year - 100 }
        return year < current - 49 ? year + 100 : year
    }
}
