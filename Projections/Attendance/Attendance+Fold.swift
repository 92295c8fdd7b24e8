public import CareEpisode
import Ledger

extension EpisodeAttendance {
    /// Folds an effective history into an episode's attendance.
    ///
    /// - Parameters:
    ///   - history: of one episode, with all of its times.
    ///   - effectiveAt: only entries up to then take part; an open episode's weeks go up to it.
    ///   - calendar: of the ledger's zone.
    ///   - settings: below how many hours a week is flagged, and when it begins; only what was
    ///     known at the history's time counts.
    /// - Returns: nil where no admission is known up to that time.
    /// - Throws: a refusal where a recorded payload is none of its type.
    public static func fold(
        _ history: EffectiveHistory,
        effectiveAt: Instant,
        calendar: LocalCalendar,
        settings: AttendanceSettings = AttendanceSettings()
    ) throws -> EpisodeAttendance? {
        var settings = settings
        settings.ledger = settings.ledger.known(at: history.knownAt)
        return try Course(history.through(effectiveAt), calendar: calendar).map {
            EpisodeAttendance($0, effectiveAt: effectiveAt, settings)
        }
    }

    private init(
        _ course: Course,
        effectiveAt: Instant,
        _ settings: AttendanceSettings
    ) {
        let calendar = course.calendar
        let firstDay = settings.ledger.firstDayOfWeek(on: calendar.date(of: effectiveAt))
        let weekday = firstDay?.day ?? .monday
        let end = course.ending?.entry.time ?? effectiveAt
        let first = LocalWeek(of: calendar.date(of: course.admission.time), from: weekday)
        let last = LocalWeek(of: calendar.date(of: end), from: weekday)
        weeks = sequence(first: first) { $0 < last ? $0.next : nil }.map { Week(week: $0) }
        flags = course.flags
        for session in course.sessions.missedAfterEnd {
            guard case .missed(let reason) = session.recorded.outcome else { continue }
            missedAfterEnd[reason, default: 0] += 1
        }
        count(course, first)
        judge(course, effectiveAt, settings)
        if let firstDay { self.settings.append(firstDay.by) }
        self.settings = Set(self.settings).sorted { $0.entry < $1.entry }
    }

    /// Counts the sessions of each week.
    private mutating func count(_ course: Course, _ first: LocalWeek) {
        func place(_ date: CalendarDate) -> Int? {
            let days = date - first.firstDate
            return days >= 0 && days / 7 < weeks.count ? days / 7 : nil
        }
        var time = weeks.map { _ in CoveredTime() }
        for session in course.sessions.sessions {
            guard let place = place(session.date) else { continue }
            if session.isAttended { weeks[place].attended += 1 }
            if case .missed(let reason) = session.recorded.outcome {
                weeks[place].missed[reason, default: 0] += 1
            }
            if session.counts { time[place].add(session.counted) }
        }
        for place in weeks.indices { weeks[place].microseconds = time[place].microseconds }
        let dates = Dictionary(
            course.sessions.entries.map { ($0.entry.eventID, $0.date) },
            uniquingKeysWith: { first, _ in first }
        )
        for flag in course.sessions.flags where flag.flag != .outsideEpisode {
            for place in Set(flag.eventIDs.compactMap { dates[$0].flatMap(place) }) {
                weeks[place].flags.append(flag)
            }
        }
    }

    /// Plans and thresholds, and the weeks that are below them.
    private mutating func judge(
        _ course: Course,
        _ effectiveAt: Instant,
        _ settings: AttendanceSettings
    ) {
        let calendar = course.calendar
        let runs = UnbrokenRun.all(course.stays, calendar)
        for (place, week) in weeks.enumerated() {
            let weekEnd = calendar.startOfDay(week.week.next.firstDate)
            // The first stay began with the admission, which lies in the first week.
            let stay = course.stays.last { $0.from < weekEnd } ?? course.stays[0]
            weeks[place].plannedHours = stay.plannedHours(before: weekEnd)
            let sessions = course.sessions.sessions.filter {
                week.week.firstDate <= $0.date && $0.date <= week.week.lastDate
            }
            guard weekEnd <= effectiveAt, runs.contains(where: { $0.holds(week.week) }),
                !sessions.isClosedWeek
            else { continue }
            let needed = settings.threshold(
                stay.program,
                stay.levelOfCare,
                on: week.week.lastDate
            )
            weeks[place].threshold = needed?.hours
            if let setting = needed?.by { self.settings.append(setting) }
            guard weeks[place].isBelow else { continue }
            let counted = sessions.filter(\.counts).map(\.entry.eventID)
            weeks[place].flags.append(
                EpisodeFlag(
                    flag: .belowWeeklyHours,
                    at: weekEnd,
                    eventIDs: counted.isEmpty ? [stay.openedBy] : counted
                )
            )
        }
    }
}

extension [SessionTally.Session] {
    /// Whether these are all that a week had, and the program cancelled each: nobody could come.
    fileprivate var isClosedWeek: Bool {
        !isEmpty && allSatisfy { $0.recorded.outcome == .missed(.cancelledByProgram) }
    }
}

/// A time without a break at one level of care, whatever the program.
private struct UnbrokenRun {
    let firstDate: CalendarDate
    /// The date on which it ended; nil while it lasts.
    let lastDate: CalendarDate?

    /// Stays of a level that touch belong together: one of no length between them breaks nothing.
    static func all(_ stays: [Course.Stay], _ calendar: LocalCalendar) -> [UnbrokenRun] {
        var spans: [(level: LevelOfCare, from: Instant, to: Instant?)] = []
        for stay in stays {
            if let place = spans.lastIndex(where: { $0.level == stay.levelOfCare }),
                spans[place].to == stay.from
            {
                spans[place].to = stay.to
            } else {
                spans.append((stay.levelOfCare, stay.from, stay.to))
            }
        }
        return spans.map {
            UnbrokenRun(
                firstDate: calendar.date(of: $0.from),
                lastDate: $0.to.map { calendar.date(of: $0) }
            )
        }
    }

    /// Whether every date of a week is on or after the first date, and before the last.
    func holds(_ week: LocalWeek) -> Bool {
        firstDate <= week.firstDate && lastDate.map { week.lastDate < $0 } ?? true
    }
}
