import CareEpisode

/// Some local dates, one after the other: stays are laid upon them as numbers of dates, from 0.
struct DatePeriod: Hashable {
    /// The first date.
    let first: CalendarDate
    /// The last date, not before the first.
    let last: CalendarDate

    init(_ first: CalendarDate, _ last: CalendarDate) {
        precondition(first <= last, "a period has at least one day")
        self.first = first
        self.last = last
    }

    /// How many dates.
    var count: Int { last - first + 1 }

    /// Which date an instant lies on: below 0 before the period, ``count`` and above after it.
    func date(of instant: Instant, _ calendar: LocalCalendar) -> Int {
        calendar.date(of: instant) - first
    }

    /// Whether an instant lies on one of the dates.
    func contains(_ instant: Instant, _ calendar: LocalCalendar) -> Bool {
        (0..<count).contains(date(of: instant, calendar))
    }
}

extension EpisodeCensus.Stay {
    /// The dates of a period at whose end, at midnight, the stay was there.
    ///
    /// What happens at 24:00 belongs to the next day: from its first date to the one before its
    /// last.
    func midnights(_ period: DatePeriod, _ calendar: LocalCalendar) -> Range<Int> {
        let end = to.map { period.date(of: $0, calendar) } ?? period.count
        return clamp(period.date(of: from, calendar), end, period)
    }

    /// The dates of a period on which the stay was there at any time, its last one among them.
    func dates(_ period: DatePeriod, _ calendar: LocalCalendar) -> Range<Int> {
        let end = to.map { period.date(of: $0, calendar) + 1 } ?? period.count
        return clamp(period.date(of: from, calendar), end, period)
    }

    private func clamp(_ from: Int, _ end: Int, _ period: DatePeriod) -> Range<Int> {
        let first = min(max(from, 0), period.count)
        return first..<max(first, min(end, period.count))
    }
}

/// The numbers that ranges cover together, each once.
func union(_ ranges: [Range<Int>]) -> [Range<Int>] {
    var union: [Range<Int>] = []
    for range in ranges.filter({ !$0.isEmpty }).sorted(by: { $0.lowerBound < $1.lowerBound }) {
        if let last = union.last, range.lowerBound <= last.upperBound {
            union[union.count - 1] =
                last.lowerBound..<max(last.upperBound, range.upperBound)
        } else {
            union.append(range)
        }
    }
    return union
}
