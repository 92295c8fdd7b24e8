import CareEpisode
import Ledger

/// Judges the weeks of an episode by their hours: the one rule of `below_weekly_hours`.
struct WeekRule {
    private let stays: [EpisodeCensus.Stay]
    private let runs: [UnbrokenRun]
    private let calendar: LocalCalendar
    private let settings: AttendanceSettings

    /// The rule for an episode.
    ///
    /// - Parameters:
    ///   - stays: all of its stays, in order.
    ///   - calendar: of the ledger's zone.
    ///   - settings: below how many hours a week is flagged.
    init(
        _ stays: [EpisodeCensus.Stay],
        _ calendar: LocalCalendar,
        _ settings: AttendanceSettings
    ) {
        self.stays = stays
        self.calendar = calendar
        self.settings = settings
        runs = UnbrokenRun.all(stays, calendar)
    }

    /// The hours of a week that is over, and whether they are enough.
    ///
    /// - Parameters:
    ///   - week: which.
    ///   - sessions: all that are of the week, by start.
    /// - Returns: the hours, and the setting that the threshold comes from.
    func judge(
        _ week: LocalWeek,
        _ sessions: some Collection<EpisodeCensus.Session>
    ) -> (hours: JudgedHours, by: LedgerSetting?) {
        var judged = JudgedHours(microseconds: CoveredTime(sessions).microseconds)
        let end = calendar.startOfDay(week.next.firstDate)
        guard runs.contains(where: { $0.holds(week) }),
            let stay = stays.last(where: { $0.from < end })
        else {
            judged.notJudged = .notThereAllWeek
            return (judged, nil)
        }
        let needed = settings.threshold(stay.program, stay.levelOfCare, on: week.lastDate)
        guard let needed else {
            judged.notJudged = .noThreshold
            return (judged, nil)
        }
        guard sessions.isEmpty || sessions.contains(where: { !$0.isCancelledByProgram }) else {
            judged.notJudged = .closedByProgram
            return (judged, nil)
        }
        judged.notJudged = nil
        judged.threshold = needed.hours
        return (judged, needed.by)
    }
}

extension EpisodeCensus.Session {
    fileprivate var isCancelledByProgram: Bool { outcome == .missed(.cancelledByProgram) }
}

/// A time without a break at one level of care, whatever the program.
private struct UnbrokenRun {
    let firstDate: CalendarDate
    /// The date on which it ended; nil while it lasts.
    let lastDate: CalendarDate?

    /// Stays of a level that touch belong together: one of no length between them breaks nothing.
    static func all(_ stays: [EpisodeCensus.Stay], _ calendar: LocalCalendar) -> [UnbrokenRun] {
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
