public import CareEpisode

/// How long clients stay in a service, and how services ended.
///
/// A service is an unbroken time at one level of care, as TEDS counts. Pure: a function of episodes,
/// dates and the time up to which entries take part.
public struct Retention: Hashable, Sendable {
    /// The first date.
    public let from: CalendarDate
    /// The last date.
    public let to: CalendarDate
    /// Only services whose last stay is in this program; nil for all.
    public let program: String?
    /// Only services at this level; nil for all.
    public let levelOfCare: LevelOfCare?
    /// Up to when entries take part: until then who has not ended is in care.
    public let effectiveAt: Instant
    /// Services that began in the period.
    public let began: Int
    /// Those of them that lasted still.
    public let open: Int
    /// Those that began in the period, day by day.
    public let curve: RetentionCurve
    /// The days at which people read it off.
    public let readings: [Reading]
    /// The services that ended in the period, whenever they began.
    public let ended: EndedServices
    /// The same by program, level of care and month of the end.
    public let groups: [Group]

    /// What is told of a day.
    public struct Reading: Hashable, Sendable {
        /// The day.
        public var day: Int
        /// Services that reached it.
        public var atRisk: Int
        /// The estimate; nil where too few reached it.
        public var estimate: RetentionCurve.Day?
    }

    /// Ended services that have something in common.
    public struct Group: Hashable, Sendable {
        /// What they have in common.
        public var dimension: Dimension
        /// Which; a month as `2025-10`.
        public var value: String
        /// The services.
        public var services: EndedServices
    }

    /// What services are grouped by.
    public enum Dimension: String, ClosedCode {
        /// The program of the last stay.
        case program
        /// The level of care.
        case levelOfCare = "level_of_care"
        /// The month in which they ended.
        case month
    }

    /// The days at which the curve is read off.
    public static let readingDays = [7, 14, 30, 60, 90]

    /// Counts and estimates.
    ///
    /// - Parameters:
    ///   - models: every episode with a stay that overlaps the period.
    ///   - from: the first date.
    ///   - to: the last date.
    ///   - program: only this program; nil for all.
    ///   - level: only this level of care; nil for all.
    ///   - effectiveAt: only what happened up to then takes part.
    ///   - least: how many services must have reached a day that is told.
    ///   - calendar: of the ledger's zone.
    public init(
        _ models: [EpisodeCensus],
        from: CalendarDate,
        to: CalendarDate,
        program: String? = nil,
        levelOfCare level: LevelOfCare? = nil,
        effectiveAt: Instant,
        least: Int = RetentionCurve.least,
        calendar: LocalCalendar
    ) {
        let period = DatePeriod(from, to)
        let today = calendar.date(of: effectiveAt)
        var lengths: [RetentionCurve.Length] = []
        var ended = EndedServices()
        var groups: [Key: EndedServices] = [:]
        for service in models.compactMap({ $0.cut(effectiveAt) }).flatMap({ $0.services(calendar) })
        where (program == nil || service.program == program)
            && (level == nil || service.levelOfCare == level)
        {
            let level = service.levelOfCare
            if period.contains(service.startedAt, calendar) {
                let open = level.lengthOfStay(days: today - calendar.date(of: service.startedAt))
                lengths.append((service.lengthOfStayDays ?? open, service.reason))
            }
            guard let at = service.endedAt, let reason = service.reason,
                let days = service.lengthOfStayDays, period.contains(at, calendar)
            else { continue }
            ended.add(reason, days: days)
            let month = String(calendar.date(of: at).description.prefix(7))
            for (dimension, value) in [
                (Dimension.program, service.program), (.levelOfCare, level.rawValue),
                (.month, month),
            ] {
                groups[Key(dimension: dimension, value: value), default: EndedServices()]
                    .add(reason, days: days)
            }
        }
        let curve = RetentionCurve(lengths, least: least)
        self.from = from
        self.to = to
        self.program = program
        levelOfCare = level
        self.effectiveAt = effectiveAt
        began = lengths.count
        open = lengths.count { $0.reason == nil }
        self.curve = curve
        readings = Self.readingDays.map { day in
            Reading(
                day: day,
                atRisk: lengths.count { $0.days >= day },
                estimate: day <= curve.days.count ? curve.days[day - 1] : nil
            )
        }
        self.ended = ended
        self.groups = Dimension.allCases.flatMap { dimension in
            groups.filter { $0.key.dimension == dimension }.sorted { $0.key.value < $1.key.value }
                .map { Group(dimension: dimension, value: $0.key.value, services: $0.value) }
        }
    }

    private struct Key: Hashable {
        let dimension: Dimension
        let value: String
    }
}
