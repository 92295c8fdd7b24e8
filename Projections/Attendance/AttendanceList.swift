public import CareEpisode
public import Ledger

/// How everybody attends who is enrolled at a time, those to look at first on top.
///
/// Pure: a function of episodes and the time.
public struct AttendanceList: Sendable {
    /// The time: who has a stay in force then is listed.
    public var effectiveAt: Instant
    /// Only this program; nil for all.
    public var program: String?
    /// The last week that was over.
    public var lastWeek: LocalWeek
    /// The week that the time lies in.
    public var presentWeek: LocalWeek
    /// The 14 dates up to that of the time.
    public var dates: [CalendarDate]
    /// The most serious first: by the first of ``Enrolled/seriousness``, program, client, episode.
    public var enrolled: [Enrolled]
    /// The settings that the list goes by, in the order in which they were recorded.
    public var settings: [LedgerSetting]

    /// One episode with a stay in force at the time.
    public struct Enrolled: Sendable {
        /// The episode.
        public var episodeID: EpisodeID
        /// The client's pseudonymous key.
        public var clientID: String
        /// The stay in force, as it stood then.
        public var stay: EpisodeCensus.Stay
        /// The date of the time is the stay's first, second, … day.
        public var dayOfStay: Int
        /// The hours of the last week that was over.
        public var lastWeek: JudgedHours
        /// The time that the sessions cover which count toward the hours of the week that the time
        /// lies in, in microseconds.
        public var presentMicroseconds: Int64
        /// The sessions of each of ``AttendanceList/dates``, by start.
        public var days: [[EpisodeCensus.Session]]
        /// No-shows since the last attended session, whatever else was missed in between.
        public var noShowsInARow: Int
        /// When the last attended session began; nil where there is none.
        public var lastAttendedAt: Instant?
        /// Its date.
        public var lastAttendedOn: CalendarDate?
        /// Days since that date, or since that of the admission where there is none.
        public var daysNotSeen: Int
        /// What is doubtful: the list's own flags, then those of the episode; `at` is since when.
        public var flags: [EpisodeFlag]
        /// The settings that the row goes by.
        var settings: [LedgerSetting]

        /// The time of ``presentMicroseconds`` in hours.
        public var presentHours: Double {
            Double(presentMicroseconds) / CoveredTime.microsecondsOfAnHour
        }

        /// Where it stands in the list: 0 is the most serious.
        public var seriousness: Int {
            let flags = Set(flags.map(\.flag))
            let own = Self.serious.firstIndex { flags.contains($0) }
            return own ?? Self.serious.count + (flags.isEmpty ? 1 : 0)
        }

        /// Flags by which the list is ordered, the most serious first; others follow.
        private static let serious: [EpisodeFlag.Flag] =
            [.noShowsInARow, .notSeen, .belowWeeklyHours]
    }

    /// Puts rows in order.
    ///
    /// - Parameters:
    ///   - models: every episode with a stay at the time, with all of its stays up to then.
    ///   - program: only this program; nil for all.
    ///   - time: the time, and what follows from it.
    init(_ models: [EpisodeCensus], program: String?, at time: AttendanceTime) {
        let enrolled = models.compactMap { Enrolled($0, program: program, at: time) }
        self.init(enrolled, program: program, at: time)
    }

    /// Puts rows in order.
    init(_ enrolled: [Enrolled], program: String?, at time: AttendanceTime) {
        effectiveAt = time.effectiveAt
        self.program = program
        lastWeek = time.lastWeek
        presentWeek = time.presentWeek
        dates = time.dates
        self.enrolled =
            enrolled.map { ($0.seriousness, $0) }.sorted { left, right in
                (left.0, left.1.stay.program, left.1.clientID, left.1.episodeID)
                    < (right.0, right.1.stay.program, right.1.clientID, right.1.episodeID)
            }.map(\.1)
        settings = Set(enrolled.flatMap(\.settings) + [time.firstDay].compactMap { $0 })
            .sorted { $0.entry < $1.entry }
    }
}

/// A time at which attendance is listed, and what follows from it.
struct AttendanceTime {
    let effectiveAt: Instant
    let calendar: LocalCalendar
    let attendance: AttendanceSettings
    let date: CalendarDate
    let lastWeek: LocalWeek
    let presentWeek: LocalWeek
    /// The setting that says when weeks begin.
    let firstDay: LedgerSetting?
    let dates: [CalendarDate]
    /// When each of the dates began, and the end of the last one.
    fileprivate let turns: [Instant]

    /// - Parameters:
    ///   - effectiveAt: the time.
    ///   - calendar: of the ledger's zone.
    ///   - settings: what was set when what is told was known.
    init(_ effectiveAt: Instant, _ calendar: LocalCalendar, _ settings: AttendanceSettings) {
        self.effectiveAt = effectiveAt
        self.calendar = calendar
        attendance = settings
        let date = calendar.date(of: effectiveAt)
        self.date = date
        let firstDay = settings.ledger.firstDayOfWeek(on: date)
        self.firstDay = firstDay?.by
        let week = LocalWeek(of: date, from: firstDay?.day ?? .monday)
        presentWeek = week
        lastWeek = week.previous
        dates = (-13...0).map { date.adding(days: $0) }
        turns = (-13...1).map { calendar.startOfDay(date.adding(days: $0)) }
    }

    /// The sessions of a week.
    fileprivate func sessions(
        of week: LocalWeek,
        _ sessions: [EpisodeCensus.Session]
    ) -> ArraySlice<EpisodeCensus.Session> {
        sessions.within(calendar.instants(from: week.firstDate, through: week.lastDate))
    }
}

extension AttendanceList.Enrolled {
    /// An episode's row; nil where no stay is in force, or one in another program.
    ///
    /// - Parameters:
    ///   - model: the episode with all of its stays.
    ///   - program: only this program; nil for all.
    ///   - time: when.
    init?(_ model: EpisodeCensus, program: String? = nil, at time: AttendanceTime) {
        guard let model = model.cut(time.effectiveAt), let stay = model.stays.last,
            stay.to == nil, program == nil || stay.program == program
        else { return nil }
        let (calendar, date) = (time.calendar, time.date)
        let sessions = model.sessions
        let rule = WeekRule(model.stays, calendar, time.attendance)
        let (judged, by) = rule.judge(time.lastWeek, time.sessions(of: time.lastWeek, sessions))
        let present = CoveredTime(time.sessions(of: time.presentWeek, sessions))
        let attended = sessions.last { $0.outcome == .attended }
        let attendedOn = attended.map { calendar.date(of: $0.start) }
        let seen = attendedOn ?? calendar.date(of: model.admittedAt)
        let noShows = sessions.reversed().prefix { $0.outcome != .attended }
            .filter { $0.outcome == .missed(.noShow) }
        let ledger = time.attendance.ledger
        let fewShows = ledger.noShowsInARow(of: stay.program, on: date)
        let fewDays = ledger.notSeenDays(of: stay.program, on: date)
        episodeID = model.episodeID
        clientID = model.clientID
        self.stay = stay
        dayOfStay = date - calendar.date(of: stay.from) + 1
        lastWeek = judged
        presentMicroseconds = present.microseconds
        days = zip(time.turns, time.turns.dropFirst()).map { Array(sessions.within($0..<$1)) }
        noShowsInARow = noShows.count
        lastAttendedAt = attended?.start
        lastAttendedOn = attendedOn
        daysNotSeen = date - seen
        settings = [by, fewShows?.by, fewDays?.by].compactMap { $0 }
        flags = []
        func flag(_ flag: EpisodeFlag.Flag, since at: Instant) {
            flags.append(EpisodeFlag(flag: flag, at: at, eventIDs: []))
        }
        let needed = fewShows?.count ?? AttendanceSettings.noShowsInARow
        if noShows.count >= needed {
            flag(.noShowsInARow, since: noShows[noShows.count - needed].start)
        }
        let longest = fewDays?.days ?? AttendanceSettings.notSeenDays
        if daysNotSeen >= longest {
            flag(.notSeen, since: calendar.startOfDay(seen.adding(days: longest)))
        }
        if judged.isBelow {
            // Since the end of the first of the weeks that are below, one after another, as far back
            // as the attendance of one episode tells every week.
            var first = time.lastWeek
            let furthest = first.advanced(by: 1 - EpisodeAttendance.weekLimit)
            func isBelow(_ week: LocalWeek) -> Bool {
                rule.judge(week, time.sessions(of: week, sessions)).hours.isBelow
            }
            while first > furthest, isBelow(first.previous) { first = first.previous }
            flag(.belowWeeklyHours, since: calendar.startOfDay(first.next.firstDate))
        }
        flags += model.flags
    }
}

extension [EpisodeCensus.Session] {
    /// Those that begin within a time; they are sorted by start.
    func within(_ time: Range<Instant>) -> ArraySlice<Element> {
        let end = place(time.upperBound)
        return self[Swift.min(place(time.lowerBound), end)..<end]
    }

    /// The place of the first that begins at a time or later.
    private func place(_ time: Instant) -> Int {
        var (low, high) = (0, count)
        while low < high {
            let middle = (low + high) / 2
            if self[middle].start < time { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
