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
        /// How many clients the stays at midnight are of.
        public var clients: Int

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
    ///   - models: every episode with a stay that overlaps the days.
    ///   - from: the first date.
    ///   - to: the last date.
    ///   - program: only this program's stays; nil for all.
    ///   - effectiveAt: only what happened up to then takes part.
    ///   - calendar: of the ledger's zone.
    public init(
        _ models: [EpisodeCensus],
        from: CalendarDate,
        to: CalendarDate,
        program: String?,
        effectiveAt: Instant,
        calendar: LocalCalendar
    ) {
        let period = DatePeriod(from, to)
        var groups: [Key: [CensusGroup]] = [:]
        var midnights: [String: [Range<Int>]] = [:]
        for model in models {
            for stay in model.stays where program == nil || stay.program == program {
                guard let stay = stay.cut(effectiveAt) else { continue }
                let key = Key(program: stay.program, level: stay.levelOfCare)
                var days =
                    groups.removeValue(forKey: key)
                    ?? Array(
                        repeating: CensusGroup(
                            program: stay.program,
                            levelOfCare: stay.levelOfCare
                        ),
                        count: period.count
                    )
                stay.count(in: &days, period, calendar)
                groups[key] = days
                midnights[model.clientID, default: []].append(stay.midnights(period, calendar))
            }
        }
        var clients = Array(repeating: 0, count: period.count)
        for dates in midnights.values.flatMap(union) { for date in dates { clients[date] += 1 } }
        let keys = groups.keys.sorted {
            ($0.program, $0.level.rawValue) < ($1.program, $1.level.rawValue)
        }
        days = (0..<period.count).map { day in
            Day(
                date: from.adding(days: day),
                groups: keys.compactMap { key in
                    guard let group = groups[key]?[day] else { return nil }
                    return group.isEmpty ? nil : group
                },
                clients: clients[day]
            )
        }
    }
}

extension EpisodeCensus.Stay {
    /// Adds the stay to the numbers of its group on each day of a period.
    fileprivate func count(
        in days: inout [CensusGroup],
        _ period: DatePeriod,
        _ calendar: LocalCalendar
    ) {
        let first = period.date(of: from, calendar)
        if days.indices.contains(first) {
            switch startReason {
            case .admission: days[first].admissions += 1
            case .transfer: days[first].transfersIn += 1
            }
        }
        if let end = to.map({ period.date(of: $0, calendar) }), days.indices.contains(end) {
            if isEndedByTransfer {
                days[end].transfersOut += 1
            } else {
                days[end].discharges += 1
            }
        }
        for day in midnights(period, calendar) { days[day].census += 1 }
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
        var stay = self
        stay.tracks = tracks.through(effectiveAt)
        stay.schedules = schedules.through(effectiveAt)
        if let to, to > effectiveAt {
            stay.to = nil
            stay.endReason = nil
        }
        return stay
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
    /// Exact but for sessions recorded twice, or missed and attended, of which one lies after that
    /// time, and for contacts of the end's date that came after it: see ``needsFold(at:)``.
    public func cut(_ effectiveAt: Instant) -> EpisodeCensus? {
        if lies(notAfter: effectiveAt) { return self }
        var cut = self
        cut.stays = stays.compactMap { $0.cut(effectiveAt) }
        guard !cut.stays.isEmpty else { return nil }
        if let end, end.at > effectiveAt { cut.end = nil }
        cut.sessions = sessions.filter { $0.start <= effectiveAt }
        cut.flags = flags.filter { $0.at <= effectiveAt }
        return cut
    }

    /// Whether nothing of the episode lies after a time: mostly so, where the time is now.
    private func lies(notAfter time: Instant) -> Bool {
        end.map { $0.at <= time } ?? true
            && sessions.last.map { $0.start <= time } ?? true
            && flags.allSatisfy { $0.at <= time }
            && stays.allSatisfy { stay in
                stay.from <= time && stay.to.map { $0 <= time } ?? true
                    && stay.tracks.times.last.map { $0 <= time } ?? true
                    && stay.schedules.times.last.map { $0 <= time } ?? true
            }
    }

    /// Whether the episode lies in a time, or a session after its end does.
    func overlaps(_ time: Range<Instant>) -> Bool {
        admittedAt < time.upperBound
            && (end.map { $0.at >= time.lowerBound } ?? true
                || sessions.last.map { $0.start >= time.lowerBound } ?? false)
    }

    /// The episode with the stays alone that overlap a time; nil without any.
    func stays(overlapping time: Range<Instant>) -> EpisodeCensus? {
        func overlaps(_ stay: Stay) -> Bool {
            stay.from < time.upperBound && stay.to.map { $0 >= time.lowerBound } ?? true
        }
        if stays.allSatisfy(overlaps) { return self }
        var episode = self
        episode.stays = stays.filter(overlaps)
        return episode.stays.isEmpty ? nil : episode
    }

    /// Whether only a fold tells how the episode stood at a time.
    func needsFold(at effectiveAt: Instant) -> Bool {
        flags.contains {
            [.duplicateSession, .missedAndAttended].contains($0.flag) && $0.at > effectiveAt
        }
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
    /// `overlapping_episode`, where the client is in another stay of that midnight too: in whichever
    /// program, also one that is not asked about.
    public var overlap: EpisodeFlag?

    /// Those of the episode, and that of its client.
    public var allFlags: [EpisodeFlag] { flags + [overlap].compactMap { $0 } }
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
        day =
            CensusTally(
                models,
                from: date,
                to: date,
                program: program,
                effectiveAt: effectiveAt,
                calendar: calendar
            ).days[0]
        let period = DatePeriod(date, date)
        let all = models.flatMap { model in
            model.stays.filter { !$0.midnights(period, calendar).isEmpty }
                .map { CensusEpisode(model, $0, date, calendar) }
        }.sorted {
            ($0.stay.program, $0.stay.levelOfCare.rawValue, $0.stay.from, $0.episodeID)
                < ($1.stay.program, $1.stay.levelOfCare.rawValue, $1.stay.from, $1.episodeID)
        }
        let ofClient = Dictionary(grouping: all.map { ($0.clientID, $0.stay) }, by: \.0)
        episodes = all.filter { program == nil || $0.stay.program == program }.map { episode in
            var episode = episode
            let stays = (ofClient[episode.clientID] ?? []).map(\.1)
            if stays.count > 1 {
                episode.overlap = EpisodeFlag(
                    flag: .overlappingEpisode,
                    at: stays.map(\.from).max() ?? episode.stay.from,
                    eventIDs: stays.map(\.openedBy)
                )
            }
            return episode
        }
    }
}

extension CensusEpisode {
    /// A stay in the midnight census of a date.
    fileprivate init(
        _ model: EpisodeCensus,
        _ stay: EpisodeCensus.Stay,
        _ date: CalendarDate,
        _ calendar: LocalCalendar
    ) {
        let weekStart = calendar.startOfDay(date.adding(days: -6))
        let next = calendar.startOfDay(date.adding(days: 1))
        let covered = CoveredTime(
            model.sessions.lazy.filter { $0.start >= weekStart && $0.start < next }
        )
        self.init(
            episodeID: model.episodeID,
            clientID: model.clientID,
            stay: stay,
            dayOfStay: date - calendar.date(of: stay.from) + 1,
            hoursLast7Days: covered.hours,
            flags: model.flags
        )
    }
}
