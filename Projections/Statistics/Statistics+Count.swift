public import CareEpisode
import Ledger

extension Statistics {
    /// A client who comes back so many dates after an end is readmitted.
    static let readmissionDays = 30

    /// Counts.
    ///
    /// Pure: a function of episodes, dates and the time up to which entries take part.
    ///
    /// - Parameters:
    ///   - models: whole episodes: those with a stay or a session in the period, and those of their
    ///     clients that ended in the 30 dates before it.
    ///   - from: the first date.
    ///   - to: the last date.
    ///   - program: only this program's stays and sessions, and the episodes whose last stay is in
    ///     it; nil for all.
    ///   - span: into what the period is divided; nil for not at all.
    ///   - attendance: when weeks begin, and how many hours they should have.
    ///   - effectiveAt: just before the last date's 24:00, or now.
    ///   - calendar: of the ledger's zone.
    public init(
        _ models: [EpisodeCensus],
        from: CalendarDate,
        to: CalendarDate,
        program: String?,
        by span: Span?,
        attendance: AttendanceSettings = AttendanceSettings(),
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) {
        self.from = from
        self.to = to
        self.program = program
        self.span = span
        let firstDay = attendance.ledger.firstDayOfWeek(on: calendar.date(of: effectiveAt))
        let weekday = firstDay?.day ?? .monday
        let weeks = JudgedWeeks(
            DatePeriod(from, to),
            from: weekday,
            effectiveAt: effectiveAt,
            attendance,
            calendar
        )
        var settings: Set<LedgerSetting> = []
        let dates = Self.divided(DatePeriod(from, to), by: span, weekday)
        var counts = dates.map(PeriodCount.init)
        let models = models.compactMap { $0.cut(effectiveAt) }
        for (client, episodes) in Dictionary(grouping: models, by: \.clientID) {
            for model in episodes {
                let episode = CountedEpisode(model, program: program, weeks, calendar)
                settings.formUnion(episode.weeks.compactMap(\.by))
                let readmission = episode.readmission(after: episodes)
                for index in counts.indices {
                    guard let figures = episode.figures(dates[index], readmission) else { continue }
                    counts[index].add(figures, of: episode, client)
                }
            }
        }
        periods = counts.map(\.period)
        if span == .week || !settings.isEmpty || counts.contains(where: \.hasJudgedWeeks) {
            settings.formUnion([firstDay?.by].compactMap { $0 })
        }
        self.settings = settings.sorted { $0.entry < $1.entry }
    }

    /// The parts of a period, in order.
    private static func divided(
        _ period: DatePeriod,
        by span: Span?,
        _ weekday: Weekday
    ) -> [DatePeriod] {
        guard let span else { return [period] }
        var parts: [DatePeriod] = []
        var first = period.first
        while first <= period.last {
            let next = span.end(after: first, weekday)
            parts.append(DatePeriod(first, min(period.last, next.adding(days: -1))))
            first = next
        }
        return parts
    }
}

/// The figures of a period while episodes are added, those of a client one after the other.
private struct PeriodCount {
    private let dates: DatePeriod
    private var total = Count()
    private var groups: [Key: Count] = [:]
    private var readmissions: [Statistics.Readmission] = []

    private struct Key: Hashable {
        let dimension: Statistics.Dimension
        let value: String?
    }

    /// Figures, and the client who was counted last.
    private struct Count {
        var figures = Figures()
        var lastClient: String?

        mutating func add(_ other: Figures, _ client: String?) {
            figures.add(other)
            if let client, client != lastClient {
                figures.clients += 1
                lastClient = client
            }
        }
    }

    init(_ dates: DatePeriod) {
        self.dates = dates
    }

    mutating func add(
        _ part: (figures: Figures, isThere: Bool, readmission: Statistics.Readmission?),
        of episode: CountedEpisode,
        _ client: String
    ) {
        let client = part.isThere ? client : nil
        total.add(part.figures, client)
        for dimension in Statistics.Dimension.allCases {
            let key = Key(dimension: dimension, value: episode.value(of: dimension, in: dates))
            groups[key, default: Count()].add(part.figures, client)
        }
        if let readmission = part.readmission { readmissions.append(readmission) }
    }

    var hasJudgedWeeks: Bool { total.figures.judgedWeeks > 0 }

    var period: Statistics.Period {
        let order = Statistics.Dimension.allCases
        return Statistics.Period(
            from: dates.first,
            to: dates.last,
            total: total.figures,
            groups: order.flatMap { dimension in
                groups.filter { $0.key.dimension == dimension }
                    .sorted { left, right in
                        guard let left = left.key.value else { return false }
                        return right.key.value.map { left < $0 } ?? true
                    }
                    .map { key, count in
                        Statistics.Group(
                            dimension: dimension,
                            value: key.value,
                            figures: count.figures
                        )
                    }
            },
            readmissions: readmissions.sorted {
                ($0.admittedAt, $0.episodeID) < ($1.admittedAt, $1.episodeID)
            }
        )
    }
}

/// The weeks of a period that are over, and what they are judged by.
private struct JudgedWeeks {
    typealias Week = (lastDate: CalendarDate, program: String, isBelow: Bool, by: LedgerSetting?)

    private let weeks: [(week: LocalWeek, instants: Range<Instant>)]
    private let attendance: AttendanceSettings
    private let calendar: LocalCalendar

    init(
        _ period: DatePeriod,
        from weekday: Weekday,
        effectiveAt: Instant,
        _ attendance: AttendanceSettings,
        _ calendar: LocalCalendar
    ) {
        self.attendance = attendance
        self.calendar = calendar
        let first = LocalWeek(of: period.first, from: weekday)
        weeks = sequence(first: first, next: \.next).prefix { $0.lastDate <= period.last }
            .map { ($0, calendar.instants(from: $0.firstDate, through: $0.lastDate)) }
            .filter { $0.1.upperBound.microseconds <= effectiveAt.microseconds + 1 }
    }

    /// Those that are held against a threshold, with the program in force at their end.
    func of(_ model: EpisodeCensus) -> [Week] {
        guard let first = model.stays.first, let last = model.stays.last else { return [] }
        let rule = WeekRule(model.stays, calendar, attendance)
        return weeks.compactMap { week, instants -> Week? in
            guard first.from < instants.upperBound,
                last.to.map({ $0 > instants.lowerBound }) ?? true,
                let stay = model.stays.last(where: { $0.from < instants.upperBound })
            else { return nil }
            let (judged, by) = rule.judge(week, model.sessions.within(instants))
            guard judged.threshold != nil else { return nil }
            return (week.lastDate, stay.program, judged.isBelow, by)
        }
    }
}

/// An episode as statistics of a program see it.
private struct CountedEpisode {
    private let model: EpisodeCensus
    private let calendar: LocalCalendar
    /// Those that are wanted.
    private let stays: [EpisodeCensus.Stay]
    /// Those that are wanted, by start, with their dates.
    private let sessions: [(date: CalendarDate, session: EpisodeCensus.Session)]
    /// Where the last stay is wanted.
    private let end: EpisodeCensus.End?
    /// The weeks that are held against a threshold, those that are wanted.
    let weeks: [JudgedWeeks.Week]
    /// The dates on which anything of it lies; nil for none.
    private let reach: ClosedRange<CalendarDate>?

    init(
        _ model: EpisodeCensus,
        program: String?,
        _ weeks: JudgedWeeks,
        _ calendar: LocalCalendar
    ) {
        func isWanted(_ stay: EpisodeCensus.Stay?) -> Bool {
            program == nil || stay?.program == program
        }
        self.model = model
        self.calendar = calendar
        stays = model.stays.filter { isWanted($0) }
        sessions = model.sessions.filter { $0.outcome != .heldWithoutClient }
            .filter { isWanted(model.stay(at: $0.start)) }
            .map { (calendar.date(of: $0.start), $0) }
        end = isWanted(model.stays.last) ? model.end : nil
        self.weeks = weeks.of(model).filter { program == nil || $0.program == program }
        let starts = [stays.first.map { calendar.date(of: $0.from) }, sessions.first?.date]
        let last = CalendarDate(dayNumber: .max / 2)
        let ends = [
            stays.last.map { $0.to.map { calendar.date(of: $0) } ?? last }, sessions.last?.date,
        ]
        if let first = starts.compactMap({ $0 }).min(), let last = ends.compactMap({ $0 }).max() {
            reach = first...last
        } else {
            reach = nil
        }
    }

    /// The figures of some dates, whether a stay is there on any of them, and the readmission that
    /// lies on one; nil where nothing of the episode does.
    func figures(
        _ dates: DatePeriod,
        _ readmission: Statistics.Readmission?
    ) -> (figures: Figures, isThere: Bool, readmission: Statistics.Readmission?)? {
        guard let reach, reach.overlaps(dates.first...dates.last) else { return nil }
        var figures = Figures()
        for stay in stays { figures.count(stay, dates, calendar) }
        if let end, dates.contains(end.at, calendar) {
            figures.lengthsOfStay = LengthsOfStay([end.lengthOfStayDays])
        }
        figures.count(
            sessions.lazy.filter { dates.first <= $0.date && $0.date <= dates.last }
        )
        for week in weeks where dates.first <= week.lastDate && week.lastDate <= dates.last {
            figures.judgedWeeks += 1
            figures.weeksBelow += week.isBelow ? 1 : 0
        }
        let isThere = stays.contains { !$0.dates(dates, calendar).isEmpty }
        guard figures != Figures() || isThere else { return nil }
        let readmission = readmission.flatMap {
            dates.contains($0.admittedAt, calendar) ? $0 : nil
        }
        if readmission != nil { figures.readmissions = 1 }
        return (figures, isThere, readmission)
    }

    /// Of a wanted admission, the latest end of another episode of the client at most 30 dates
    /// before it.
    func readmission(after episodes: [EpisodeCensus]) -> Statistics.Readmission? {
        guard episodes.count > 1, let first = stays.first, first.startReason == .admission else {
            return nil
        }
        let date = calendar.date(of: first.from)
        let ends = episodes.compactMap { other -> (at: Instant, episode: EpisodeID)? in
            guard other.episodeID != model.episodeID, let end = other.end,
                (0...Statistics.readmissionDays).contains(date - calendar.date(of: end.at))
            else { return nil }
            return (end.at, other.episodeID)
        }
        return ends.max(by: <).map { previous in
            Statistics.Readmission(
                episodeID: model.episodeID,
                clientID: model.clientID,
                program: first.program,
                admittedAt: first.from,
                previousEpisodeID: previous.episode,
                previousEndedAt: previous.at,
                days: date - calendar.date(of: previous.at)
            )
        }
    }

    /// What the admission says; of track and schedule the last one in force on the dates, in the
    /// last wanted stay that is there on one of them.
    func value(of dimension: Statistics.Dimension, in dates: DatePeriod) -> String? {
        func last(_ names: KeyPath<EpisodeCensus.Stay, EpisodeCensus.Names>) -> String? {
            let stay = stays.last { !$0.dates(dates, calendar).isEmpty } ?? stays.last
            let next = calendar.startOfDay(dates.last.adding(days: 1))
            return stay?[keyPath: names]
                .through(Instant(microseconds: next.microseconds - 1)).last
        }
        return switch dimension {
        case .referralSource: model.origin.referralSource
        case .payerClass: model.origin.payerClass?.rawValue
        case .priorLevelOfCare: model.origin.priorLevelOfCare?.rawValue
        case .track: last(\.tracks)
        case .schedule: last(\.schedules)
        }
    }
}

extension Figures {
    /// Adds a stay to the identity of some dates.
    fileprivate mutating func count(
        _ stay: EpisodeCensus.Stay,
        _ dates: DatePeriod,
        _ calendar: LocalCalendar
    ) {
        let eve = DatePeriod(dates.first.adding(days: -1), dates.first.adding(days: -1))
        let last = DatePeriod(dates.last, dates.last)
        carriedOver += stay.midnights(eve, calendar).count
        remaining += stay.midnights(last, calendar).count
        if dates.contains(stay.from, calendar) {
            switch stay.startReason {
            case .admission: admitted += 1
            case .transfer: transferredIn += 1
            }
        }
        if let to = stay.to, dates.contains(to, calendar), let reason = stay.endReason {
            switch reason {
            case .end(let reason): ended[reason, default: 0] += 1
            case .transfer: transferredOut += 1
            }
        }
    }

    /// Adds sessions of one episode.
    fileprivate mutating func count(
        _ sessions: some Sequence<(date: CalendarDate, session: EpisodeCensus.Session)>
    ) {
        var lastServiceDay: CalendarDate?
        for (date, session) in sessions {
            switch session.outcome {
            case .attended:
                attended += 1
                if session.minutes > 0, date != lastServiceDay {
                    serviceDays += 1
                    lastServiceDay = date
                }
            case .missed(let reason): missed[reason, default: 0] += 1
            case .heldWithoutClient: break
            }
        }
    }
}
