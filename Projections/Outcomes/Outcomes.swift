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
    /// What is counted.
    public let unit: Unit
    /// How many ended how: those above zero, in the order of TEDS.
    public let byReason: [Count]
    /// The lengths of stay of what ended, the shortest first.
    let lengthsOfStay: LengthsOfStay
    /// The stays at each midnight of the period together.
    public let midnights: Int
    /// The episodes that were there on each date of the period, together.
    public let enrolledDates: Int

    /// What a record is of.
    public enum Unit: String, ClosedCode {
        /// A whole episode.
        case episode
        /// An unbroken time at one level of care, as TEDS counts.
        case service
    }

    /// How many ended for one reason.
    public struct Count: Hashable, Sendable {
        /// Why.
        public var reason: EndReason
        /// The reason's number in TEDS; nil for episodes, which TEDS does not count.
        public var tedsReason: Int?
        /// How many; above zero.
        public var records: Int
    }

    /// What ended in the period.
    public var discharges: Int { lengthsOfStay.days.count }

    /// Stays at midnight, on the average of the period's dates.
    public var averageDailyCensus: Double { Double(midnights) / days }

    /// Episodes that were there, on the average of the period's dates.
    public var averageDailyEnrolment: Double { Double(enrolledDates) / days }

    private var days: Double { Double(to - from + 1) }

    /// Counts.
    ///
    /// - Parameters:
    ///   - models: every episode with a stay that overlaps the period.
    ///   - from: the first date.
    ///   - to: the last date.
    ///   - program: only this program's stays, and the episodes or services whose last stay is in
    ///     it; nil for all.
    ///   - unit: what is counted.
    ///   - effectiveAt: just before the last date's 24:00, or now.
    ///   - calendar: of the ledger's zone.
    public init(
        _ models: [EpisodeCensus],
        from: CalendarDate,
        to: CalendarDate,
        program: String?,
        by unit: Unit = .episode,
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) {
        let period = DatePeriod(from, to)
        self.from = from
        self.to = to
        self.program = program
        self.unit = unit
        var counts: [EndReason: Int] = [:]
        var lengths: [Int] = []
        var (midnights, enrolledDates) = (0, 0)
        for model in models.compactMap({ $0.cut(effectiveAt) }) {
            let stays = model.stays.filter { program == nil || $0.program == program }
            midnights += stays.reduce(0) { $0 + $1.midnights(period, calendar).count }
            enrolledDates += union(stays.map { $0.dates(period, calendar) })
                .reduce(0) { $0 + $1.count }
            for ended in model.ended(by: unit, calendar)
            where period.contains(ended.at, calendar)
                && (program == nil || ended.program == program)
            {
                counts[ended.reason, default: 0] += 1
                lengths.append(ended.days)
            }
        }
        byReason = counts.map { reason, records in
            Count(
                reason: reason,
                tedsReason: unit == .service ? reason.teds : nil,
                records: records
            )
        }.sorted { $0.reason.teds < $1.reason.teds }
        lengthsOfStay = LengthsOfStay(lengths.sorted())
        self.midnights = midnights
        self.enrolledDates = enrolledDates
    }
}

extension EpisodeCensus {
    /// The end of the episode, where it has one, or those of its services.
    fileprivate func ended(
        by unit: PeriodOutcomes.Unit,
        _ calendar: LocalCalendar
    ) -> [(at: Instant, reason: EndReason, program: String, days: Int)] {
        switch unit {
        case .episode:
            guard let end, let last = stays.last else { return [] }
            return [(end.at, end.reason, last.program, end.lengthOfStayDays)]
        case .service:
            return services(calendar).compactMap { service in
                guard let at = service.endedAt, let reason = service.reason,
                    let days = service.lengthOfStayDays
                else { return nil }
                return (at, reason, service.program, days)
            }
        }
    }
}
