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
        flags = course.flags
        weeks = Self.told(
            first,
            last,
            with: Set(course.sessions.entries.map { LocalWeek(of: $0.date, from: weekday) })
        ).map { Week(week: $0) }
        weeksLeftOut = (last.firstDate - first.firstDate) / 7 + 1 - weeks.count
        for session in course.sessions.missedAfterEnd {
            guard case .missed(let reason) = session.recorded.outcome else { continue }
            missedAfterEnd[reason, default: 0] += 1
        }
        count(course, from: weekday)
        judge(course, effectiveAt, settings, from: weekday)
        if let firstDay { self.settings.append(firstDay.by) }
        self.settings = Set(self.settings).sorted { $0.entry < $1.entry }
    }

    /// The weeks from one to another that are told, in order.
    ///
    /// - Parameter entered: the weeks with a session entry, as many as there are entries at most.
    private static func told(
        _ first: LocalWeek,
        _ last: LocalWeek,
        with entered: Set<LocalWeek>
    ) -> [LocalWeek] {
        let start = max(first, last.advanced(by: 1 - weekLimit))
        return entered.filter { first <= $0 && $0 < start }.sorted()
            + sequence(first: start) { $0 < last ? $0.next : nil }
    }

    /// Counts the sessions of each week.
    private mutating func count(_ course: Course, from weekday: Weekday) {
        let places = Dictionary(uniqueKeysWithValues: zip(weeks.map(\.week), weeks.indices))
        func place(_ date: CalendarDate) -> Int? { places[LocalWeek(of: date, from: weekday)] }
        for session in course.sessions.sessions {
            guard let place = place(session.date) else { continue }
            if session.isAttended { weeks[place].attended += 1 }
            if case .missed(let reason) = session.recorded.outcome {
                weeks[place].missed[reason, default: 0] += 1
            }
        }
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

    /// Plans, hours and thresholds, and the weeks that are below them.
    private mutating func judge(
        _ course: Course,
        _ effectiveAt: Instant,
        _ settings: AttendanceSettings,
        from weekday: Weekday
    ) {
        let calendar = course.calendar
        let ofWeek = Dictionary(grouping: course.sessions.sessions) {
            LocalWeek(of: $0.date, from: weekday)
        }
        let rule = WeekRule(course.stays.map(\.row), calendar, settings)
        for (place, week) in weeks.enumerated() {
            let weekEnd = calendar.startOfDay(week.week.next.firstDate)
            // The first stay began with the admission, which lies in the first week.
            let stay = course.stays.last { $0.from < weekEnd } ?? course.stays[0]
            weeks[place].plannedHours = stay.plannedHours(before: weekEnd)
            let sessions = ofWeek[week.week] ?? []
            guard weekEnd <= effectiveAt else {
                let covered = CoveredTime(sessions.lazy.map(\.counted))
                weeks[place].judged.microseconds = covered.microseconds
                continue
            }
            let (judged, setting) = rule.judge(week.week, sessions.map(\.counted))
            weeks[place].judged = judged
            if let setting { self.settings.append(setting) }
            guard judged.isBelow else { continue }
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
