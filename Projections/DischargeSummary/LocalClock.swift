import CareEpisode
import Foundation

/// Dates and times as people read them, in one zone.
struct LocalClock {
    private let zone: TimeZone

    /// - Parameter calendar: whose zone.
    init(_ calendar: LocalCalendar) {
        guard let zone = TimeZone(identifier: calendar.timeZone) else {
            preconditionFailure("the zone of a calendar is known")
        }
        self.zone = zone
    }

    /// `2026-01-12 09:00 -05:00`: the wall clock, and its offset from UTC.
    func time(_ instant: Instant, withSeconds: Bool = false) -> String {
        let seconds = instant.microseconds.quotientRoundedDown(by: 1_000_000)
        let offset = Int64(
            zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(seconds)))
        )
        let local = seconds + offset
        let day = local.quotientRoundedDown(by: 86_400)
        let second = local - day * 86_400
        var clock = "\(Self.two(second / 3_600)):\(Self.two(second / 60 % 60))"
        if withSeconds { clock += ":\(Self.two(second % 60))" }
        let sign = offset < 0 ? "-" : "+"
        let minutes = abs(offset) / 60
        let date = CalendarDate(dayNumber: Int(day))
        return "\(date) \(clock) \(sign)\(Self.two(minutes / 60)):\(Self.two(minutes % 60))"
    }

    private static func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
}

extension Int64 {
    fileprivate func quotientRoundedDown(by divisor: Int64) -> Int64 {
        let (quotient, remainder) = quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? quotient - 1 : quotient
    }
}
