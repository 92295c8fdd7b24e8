public import CareEpisode
public import Ledger

/// An episode's sessions and hours, week by week, up to a time.
public struct EpisodeAttendance: Hashable, Sendable {
    /// In order: from the admission's week to that of the end, or of the time that is asked for.
    ///
    /// Without gaps where these are at most ``weekLimit``; of more, the last so many, and of those
    /// before them the weeks that have a session entry.
    public var weeks: [Week]
    /// How many weeks without a session entry are not told, since they are too many.
    public var weeksLeftOut = 0
    /// Sessions that the client missed after the date of the end, before the end became known, by
    /// reason; those above zero, in no week.
    public var missedAfterEnd: [MissedReason: Int] = [:]
    /// The settings that the weeks go by, in the order in which they were recorded.
    public var settings: [LedgerSetting] = []
    /// The doubts about the episode, those that belong to a week among them;
    /// `below_weekly_hours` stands with its week alone.
    public var flags: [EpisodeFlag]

    /// The most weeks that are told without a session entry of their own, ten years: somebody who
    /// was admitted in a mistyped year has thousands.
    public static let weekLimit = 520

    /// One week in the ledger's zone.
    ///
    /// A session belongs to the week of the local date of its start.
    public struct Week: Hashable, Sendable {
        /// Which week.
        public var week: LocalWeek
        /// Sessions that the client attended, family sessions among them.
        public var attended = 0
        /// Sessions that the client missed, by reason; those above zero.
        public var missed: [MissedReason: Int] = [:]
        /// The hours, and whether they are enough.
        public var judged = JudgedHours()
        /// Hours a week as planned at the week's last instant, or at the end or the time that is
        /// asked for; nil where no plan was recorded.
        public var plannedHours: Double?
        /// Doubts about the week; one about sessions of two weeks stands with both.
        public var flags: [EpisodeFlag] = []

        /// The hours that count.
        public var hours: Double { judged.hours }
    }

    /// Sessions that the client attended.
    public var attended: Int { weeks.reduce(0) { $0 + $1.attended } }

    /// Sessions that the client missed, by reason; those above zero.
    public var missed: [MissedReason: Int] {
        weeks.reduce(into: [:]) { $0.merge($1.missed, uniquingKeysWith: +) }
    }

    /// Hours that count, of all weeks.
    public var hours: Double {
        Double(weeks.reduce(0) { $0 + $1.judged.microseconds }) / CoveredTime.microsecondsOfAnHour
    }

    /// Sessions that the client attended or should have, also those after the end: what the program
    /// cancelled is none.
    public var expected: Int {
        missed.merging(missedAfterEnd, uniquingKeysWith: +)
            .reduce(attended) { $1.key == .cancelledByProgram ? $0 : $0 + $1.value }
    }

    /// ``attended`` of ``expected``, 0 to 1; nil where none was expected.
    public var rate: Double? { expected == 0 ? nil : Double(attended) / Double(expected) }
}
