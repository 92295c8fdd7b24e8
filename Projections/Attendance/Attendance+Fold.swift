public import CareEpisode

extension EpisodeAttendance {
    /// Folds an effective history into an episode's attendance.
    ///
    /// - Parameters:
    ///   - history: of one episode, with all of its times.
    ///   - effectiveAt: only entries up to then take part; an open episode's weeks go up to it.
    ///   - calendar: of the ledger's zone.
    ///   - weeklyHours: below which a week is flagged.
    /// - Returns: nil where no admission is known up to that time.
    /// - Throws: a refusal where a recorded payload is none of its type.
    public static func fold(
        _ history: EffectiveHistory,
        effectiveAt: Instant,
        calendar: LocalCalendar,
        weeklyHours: WeeklyHours = WeeklyHours()
    ) throws -> EpisodeAttendance? {
        try Course(history.through(effectiveAt), calendar: calendar).map {
            EpisodeAttendance($0, effectiveAt: effectiveAt, weeklyHours: weeklyHours)
        }
    }

    private init(_ course: Course, effectiveAt: Instant, weeklyHours: WeeklyHours) {
        let calendar = course.calendar
        let end = course.ending?.entry.time ?? effectiveAt
        let first = ISOWeek(of: calendar.date(of: course.admission.time))
        let last = ISOWeek(of: calendar.date(of: end))
        weeks = sequence(first: first) { $0 < last ? $0.next : nil }.map { Week(week: $0) }
        flags = course.flags
        func place(_ instant: Instant) -> Int {
            (ISOWeek(of: calendar.date(of: instant)).firstDate - first.firstDate) / 7
        }
        var counted: [Int: [EventID]] = [:]
        for session in course.sessions.sessions {
            let place = place(session.start)
            if session.isAttended { weeks[place].attended += 1 }
            if case .missed(let reason) = session.recorded.outcome {
                weeks[place].missed[reason, default: 0] += 1
            }
            if session.counts {
                weeks[place].minutes += session.minutes
                counted[place, default: []].append(session.entry.eventID)
            }
        }
        for flag in course.sessions.flags where flag.flag != .outsideEpisode {
            let sessions = course.history.entries.filter { flag.eventIDs.contains($0.eventID) }
            for place in Set(sessions.map { place($0.time) }) { weeks[place].flags.append(flag) }
        }
        let runs = UnbrokenRun.all(course.stays, of: .intensiveOutpatient, calendar)
        for (place, week) in weeks.enumerated() {
            let weekEnd = calendar.startOfDay(week.week.next.firstDate)
            // The first stay began with the admission, which lies in the first week.
            let stay = course.stays.last { $0.from < weekEnd } ?? course.stays[0]
            weeks[place].plannedHours = stay.plannedHours(before: weekEnd)
            guard weekEnd <= effectiveAt, runs.contains(where: { $0.holds(week.week) }),
                week.hours < weeklyHours.threshold(stay.program)
            else { continue }
            weeks[place].flags.append(
                EpisodeFlag(
                    flag: .belowWeeklyHours,
                    at: weekEnd,
                    eventIDs: counted[place] ?? [stay.openedBy]
                )
            )
        }
    }
}

/// A time without a break at one level of care, whatever the program.
private struct UnbrokenRun {
    let firstDate: CalendarDate
    /// The date on which it ended; nil while it lasts.
    let lastDate: CalendarDate?

    /// Stays that touch belong together: one of no length between them breaks nothing.
    static func all(
        _ stays: [Course.Stay],
        of level: LevelOfCare,
        _ calendar: LocalCalendar
    ) -> [UnbrokenRun] {
        var spans: [(from: Instant, to: Instant?)] = []
        for stay in stays where stay.levelOfCare == level {
            if let before = spans.last, before.to == stay.from {
                spans[spans.count - 1].to = stay.to
            } else {
                spans.append((stay.from, stay.to))
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
    func holds(_ week: ISOWeek) -> Bool {
        firstDate <= week.firstDate && lastDate.map { week.lastDate < $0 } ?? true
    }
}
