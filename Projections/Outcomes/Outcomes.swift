public import CareEpisode

/// How the episodes ended that ended in a period, and how many clients were there meanwhile.
///
/// Pure: a function of episodes, dates and the time up to which entries take part.
public struct PeriodOutcomes: Hashable, Sendable {
    /// The first date.
    public let from: CalendarDate
    /// The last date.
    public let to: CalendarDate
    /// Only this program; nil for all.
    public let program: String?
    /// How many episodes ended how: those above zero, in the order of TEDS.
    public let byReason: [Count]
    /// The lengths of stay of those episodes together, in days.
    public let lengthOfStayDays: Int
    /// The stays at each midnight of the period together.
    public let midnights: Int

    /// How many episodes ended for one reason.
    public struct Count: Hashable, Sendable {
        /// Why they ended.
        public var reason: EndReason
        /// How many; above zero.
        public var episodes: Int
    }

    /// Episodes that ended in the period.
    public var discharges: Int { byReason.reduce(0) { $0 + $1.episodes } }

    /// Days; nil where no episode ended.
    public var averageLengthOfStay: Double? {
        discharges == 0 ? nil : Double(lengthOfStayDays) / Double(discharges)
    }

    /// Stays at midnight, on the average of the period's dates.
    public var averageDailyCensus: Double { Double(midnights) / Double(to - from + 1) }

    /// Counts.
    ///
    /// - Parameters:
    ///   - models: every episode with a stay that overlaps the period.
    ///   - from: the first date.
    ///   - to: the last date.
    ///   - program: only this program's stays, and the episodes whose last stay is in it; nil for
    ///     all.
    ///   - effectiveAt: just before the last date's 24:00, or now.
    ///   - calendar: of the ledger's zone.
    public init(
        _ models: [EpisodeCensus],
        from: CalendarDate,
        to: CalendarDate,
        program: String?,
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) {
        precondition(from <= to, "a period has at least one day")
        self.from = from
        self.to = to
        self.program = program
        var counts: [EndReason: Int] = [:]
        var (days, midnights) = (0, 0)
        for model in models.compactMap({ $0.cut(effectiveAt) }) {
            for stay in model.stays where program == nil || stay.program == program {
                midnights += stay.midnights(from: from, to: to, calendar)
            }
            guard let end = model.end, (from...to).contains(calendar.date(of: end.at)),
                program == nil || model.stays.last?.program == program
            else { continue }
            counts[end.reason, default: 0] += 1
            days += end.lengthOfStayDays
        }
        byReason = counts.map { Count(reason: $0, episodes: $1) }
            .sorted { $0.reason.teds < $1.reason.teds }
        lengthOfStayDays = days
        self.midnights = midnights
    }
}

extension EpisodeCensus.Stay {
    /// At how many midnights that end the dates of a period the stay was there.
    ///
    /// The midnights that ``CensusTally`` counts, without its days: a comparison of two knowledge
    /// times asks this for single episodes, many times.
    fileprivate func midnights(
        from: CalendarDate,
        to: CalendarDate,
        _ calendar: LocalCalendar
    ) -> Int {
        let first = max(calendar.date(of: self.from), from)
        let next = to.adding(days: 1)
        let end = min(self.to.map { calendar.date(of: $0) } ?? next, next)
        return max(end - first, 0)
    }
}
