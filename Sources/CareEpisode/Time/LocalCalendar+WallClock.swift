/// What a wall clock shows at an instant.
public struct WallClock: Hashable, Sendable {
    /// The date as the clock shows it.
    public let date: CalendarDate
    /// 0 to 23.
    public let hour: Int
    /// 0 to 59.
    public let minute: Int
    /// How far the clock is ahead of UTC, in seconds.
    public let offset: Int
    /// Whether the clock shows the same at another instant too, since it was put back.
    public let isRepeated: Bool
}

extension LocalCalendar {
    /// What the wall clock of the zone shows at an instant.
    public func wallClock(_ instant: Instant) -> WallClock {
        let offset = offset(at: instant)
        let local = floorDivide(Int(instant.microseconds), by: 1_000_000) + offset
        let day = floorDivide(local, by: 86_400)
        let minutes = (local - day * 86_400) / 60
        let date = CalendarDate(dayNumber: day)
        return WallClock(
            date: date,
            hour: minutes / 60,
            minute: minutes % 60,
            offset: offset,
            isRepeated: instants(date, hour: minutes / 60, minute: minutes % 60).count > 1
        )
    }

    /// The instants at which the wall clock shows a time: none where clocks were put forward over
    /// it, two where they were put back.
    public func instants(_ date: CalendarDate, hour: Int, minute: Int) -> [Instant] {
        let local = date.dayNumber * 86_400 + hour * 3_600 + minute * 60
        // No zone changes twice within two days.
        let offsets = [local - 86_400, local + 86_400].map {
            offset(at: Instant(microseconds: Int64($0) * 1_000_000))
        }
        return Set(offsets).map { Instant(microseconds: Int64(local - $0) * 1_000_000) }
            .filter { local - offset(at: $0) == Int($0.microseconds / 1_000_000) }
            .sorted()
    }
}
