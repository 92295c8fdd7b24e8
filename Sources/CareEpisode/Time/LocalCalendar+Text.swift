extension LocalCalendar {
    /// A time as people read it: the wall clock and its offset from UTC, `2026-01-12 09:00 -05:00`.
    ///
    /// - Parameter withSeconds: whether seconds are shown; smaller parts never are.
    public func time(_ instant: Instant, withSeconds: Bool = false) -> String {
        let seconds = floorDivide(Int(instant.microseconds), by: 1_000_000)
        let offset = offset(at: instant)
        let local = seconds + offset
        let day = floorDivide(local, by: 86_400)
        let second = local - day * 86_400
        var clock = "\(Self.two(second / 3_600)):\(Self.two(second / 60 % 60))"
        if withSeconds { clock += ":\(Self.two(second % 60))" }
        let sign = offset < 0 ? "-" : "+"
        let minutes = abs(offset) / 60
        let date = CalendarDate(dayNumber: day)
        return "\(date) \(clock) \(sign)\(Self.two(minutes / 60)):\(Self.two(minutes % 60))"
    }

    private static func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
}
