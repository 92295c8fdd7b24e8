public import CareEpisode

/// The numbers of one program and level on one day.
public struct CensusGroup: Hashable, Sendable {
    /// The program's key.
    public var program: String
    /// The level of care.
    public var levelOfCare: LevelOfCare
    /// Stays at midnight, the day's end.
    public var census = 0
    /// Stays that began with an admission.
    public var admissions = 0
    /// Stays that began with a step or a change of program.
    public var transfersIn = 0
    /// Stays that ended with a step or a change of program.
    public var transfersOut = 0
    /// Stays that ended with the episode.
    public var discharges = 0
}

/// The census of some days.
///
/// Pure: a function of stays, days and the time up to which entries take part.
public struct CensusTally: Sendable {
    /// One day's groups, those with any number above zero, by program and level.
    public struct Day: Sendable {
        /// The local date.
        public var date: CalendarDate
        /// What happened and who was there.
        public var groups: [CensusGroup]

        /// Stays at midnight.
        public var total: Int { groups.reduce(0) { $0 + $1.census } }
    }

    /// In order, one for every date.
    public let days: [Day]

    private struct Key: Hashable {
        let program: String
        let level: LevelOfCare
    }

    /// Counts.
    ///
    /// - Parameters:
    ///   - stays: all that overlap the days.
    ///   - from: the first date.
    ///   - to: the last date.
    ///   - effectiveAt: only what happened up to then takes part.
    ///   - calendar: of the ledger's zone.
    public init(
        _ stays: [EpisodeCensus.Stay],
        from: CalendarDate,
        to: CalendarDate,
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) {
        let count = to - from + 1
        precondition(count > 0, "a period has at least one day")
        var groups: [Key: [CensusGroup]] = [:]
        for stay in stays {
            guard let stay = stay.cut(effectiveAt) else { continue }
            let key = Key(program: stay.program, level: stay.levelOfCare)
            var days =
                groups.removeValue(forKey: key)
                ?? Array(
                    repeating: CensusGroup(program: stay.program, levelOfCare: stay.levelOfCare),
                    count: count
                )
            let first = calendar.date(of: stay.from) - from
            // What happens at 24:00 belongs to the next day: a stay counts at the midnights that
            // end the days from its first to the one before its end.
            let end = stay.to.map { calendar.date(of: $0) - from }
            if days.indices.contains(first) {
                switch stay.startReason {
                case .admission: days[first].admissions += 1
                case .transfer: days[first].transfersIn += 1
                }
            }
            if let end, days.indices.contains(end) {
                if stay.isEndedByTransfer {
                    days[end].transfersOut += 1
                } else {
                    days[end].discharges += 1
                }
            }
            let (low, high) = (max(first, 0), min(end ?? count, count))
            if low < high {
                for day in low..<high { days[day].census += 1 }
            }
            groups[key] = days
        }
        let keys = groups.keys.sorted {
            ($0.program, $0.level.rawValue) < ($1.program, $1.level.rawValue)
        }
        days = (0..<count).map { day in
            Day(
                date: from.adding(days: day),
                groups: keys.compactMap { key in
                    guard let group = groups[key]?[day] else { return nil }
                    return group.isEmpty ? nil : group
                }
            )
        }
    }
}

extension CensusGroup {
    fileprivate var isEmpty: Bool {
        census == 0 && admissions == 0 && transfersIn == 0 && transfersOut == 0 && discharges == 0
    }
}

extension EpisodeCensus.Stay {
    /// The stay as it stood at a time: nil where it had not begun, open where it had not ended.
    public func cut(_ effectiveAt: Instant) -> Self? {
        guard from <= effectiveAt else { return nil }
        guard let to, to > effectiveAt else { return self }
        var open = self
        open.to = nil
        open.endReason = nil
        return open
    }

    /// Whether it ended by a step or a change of program, and not with the episode.
    public var isEndedByTransfer: Bool {
        switch endReason {
        case .transfer: true
        case .end, nil: false
        }
    }
}

extension EpisodeCensus {
    /// The episode as it stood at a time; nil where it had not begun.
    ///
    /// Exact but for sessions recorded twice of which one lies after that time, and for contacts of
    /// the end's date that came after it: see ``needsFold(at:)``.
    public func cut(_ effectiveAt: Instant) -> EpisodeCensus? {
        var cut = self
        cut.stays = stays.compactMap { $0.cut(effectiveAt) }
        guard !cut.stays.isEmpty else { return nil }
        if let end, end.at > effectiveAt { cut.end = nil }
        cut.sessions = sessions.filter { $0.start <= effectiveAt }
        cut.flags = flags.filter { $0.at <= effectiveAt }
        return cut
    }

    /// Whether only a fold tells how the episode stood at a time.
    func needsFold(at effectiveAt: Instant) -> Bool {
        flags.contains { $0.flag == .duplicateSession && $0.at > effectiveAt }
            || end.map { $0.at <= effectiveAt && $0.lastContactAt > effectiveAt } ?? false
    }
}

/// One stay in the midnight census of a date.
public struct CensusEpisode: Sendable {
    /// Whose stay.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// The stay, as it stood then.
    public var stay: EpisodeCensus.Stay
    /// The date is the stay's first, second, … day.
    public var dayOfStay: Int
    /// The time that counted sessions of the date and the six before it cover, in hours.
    public var hoursLast7Days: Double
    /// The episode's doubts.
    public var flags: [EpisodeFlag]
}

/// The census of one date, with the episodes in it.
public struct CensusOfDate: Sendable {
    /// The date, and its numbers.
    public var day: CensusTally.Day
    /// The stays at midnight, by program, level, and how long they have lasted.
    public var episodes: [CensusEpisode]
    /// Puts an answer together.
    ///
    /// - Parameters:
    ///   - date: the date.
    ///   - models: every episode with a stay that overlaps it.
    ///   - effectiveAt: just before the date's 24:00, or now.
    ///   - program: only this program; nil for all.
    ///   - calendar: of the ledger's zone.
    public init(
        _ date: CalendarDate,
        _ models: [EpisodeCensus],
        effectiveAt: Instant,
        program: String?,
        calendar: LocalCalendar
    ) {
        let models = models.compactMap { $0.cut(effectiveAt) }
        func isWanted(_ stay: EpisodeCensus.Stay) -> Bool {
            program.map { $0 == stay.program } ?? true
        }
        day =
            CensusTally(
                models.flatMap(\.stays).filter(isWanted),
                from: date,
                to: date,
                effectiveAt: effectiveAt,
                calendar: calendar
            ).days[0]
        let weekStart = calendar.startOfDay(date.adding(days: -6))
        let next = calendar.startOfDay(date.adding(days: 1))
        episodes = models.flatMap { model in
            model.stays.filter(isWanted).compactMap { stay -> CensusEpisode? in
                guard stay.from < next, stay.to.map({ $0 >= next }) ?? true else { return nil }
                let covered = CoveredTime(
                    model.sessions.lazy.filter { $0.start >= weekStart && $0.start < next }
                )
                return CensusEpisode(
                    episodeID: model.episodeID,
                    clientID: model.clientID,
                    stay: stay,
                    dayOfStay: date - calendar.date(of: stay.from) + 1,
                    hoursLast7Days: covered.hours,
                    flags: model.flags
                )
            }
        }.sorted {
            ($0.stay.program, $0.stay.levelOfCare.rawValue, $0.stay.from, $0.episodeID)
                < ($1.stay.program, $1.stay.levelOfCare.rawValue, $1.stay.from, $1.episodeID)
        }
    }
}
