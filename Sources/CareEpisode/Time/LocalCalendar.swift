/// Days and weeks in one IANA time zone.
///
/// A day begins at the first instant of its local date, also when the clocks change then, and ends
/// where the next begins: days never overlap. A date that a zone left out (Samoa had no 30 December
/// 2011) is an empty day. Finding a day costs a binary search. Rules are known for the years 1900 to
/// 2200; outside, the offset of the nearer end holds.
public struct LocalCalendar: Sendable {
    /// The zone's name, as it was given.
    public let timeZone: String
    private let offsets: ZoneOffsets

    /// The calendar of a zone of the IANA database; throws ``UnknownTimeZone`` for other names.
    public init(timeZone identifier: String) throws {
        guard let offsets = ZoneOffsets.of(identifier) else {
            throw UnknownTimeZone(name: identifier)
        }
        self.timeZone = identifier
        self.offsets = offsets
    }

    /// How far the wall clock is ahead of UTC at an instant, in seconds.
    func offset(at instant: Instant) -> Int {
        offsets.offset(at: floorDivide(Int(instant.microseconds), by: 1_000_000))
    }

    /// The date of the day that `instant` lies in.
    public func date(of instant: Instant) -> CalendarDate {
        let seconds = floorDivide(Int(instant.microseconds), by: 1_000_000)
        var day = floorDivide(seconds + offsets.offset(at: seconds), by: 86_400)
        // Where clocks went back over midnight, the wall shows a date that is over already.
        if offsets.changes(near: seconds), startOfDay(day + 1) <= seconds { day += 1 }
        return CalendarDate(dayNumber: day)
    }

    /// The first instant of a date; of a date the zone left out, the first instant after it.
    public func startOfDay(_ date: CalendarDate) -> Instant {
        Instant(microseconds: Int64(startOfDay(date.dayNumber)) * 1_000_000)
    }

    private func startOfDay(_ dayNumber: Int) -> Int {
        offsets.firstInstant(onOrAfterLocal: dayNumber * 86_400)
    }
}

/// A name that is not in the IANA time zone database.
public struct UnknownTimeZone: Error, Hashable, CustomStringConvertible {
    /// The name that was asked for.
    public let name: String

    /// Says which zone is unknown.
    public var description: String {
        "unknown time zone \"\(name)\": name one of the IANA database, such as America/New_York or UTC"
    }
}
