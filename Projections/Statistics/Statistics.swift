public import CareEpisode
public import Ledger

/// What a director and a state count of a period: who was there, who came and went, how long, and how
/// they attended; as a whole and by where clients come from, who pays, track and schedule.
public struct Statistics: Sendable {
    /// The first date.
    public let from: CalendarDate
    /// The last date.
    public let to: CalendarDate
    /// Only this program; nil for all.
    public let program: String?
    /// Into what the period is divided; nil for not at all.
    public let span: Span?
    /// In order, without gaps.
    public let periods: [Period]
    /// The settings that judged weeks go by, in the order in which they were recorded.
    public let settings: [LedgerSetting]

    /// Into what a period is divided; its first and last part end with it.
    public enum Span: String, ClosedCode {
        /// Months of the calendar.
        case month
        /// Weeks.
        case week

        /// The first date after the span that holds a date; weeks begin on a weekday.
        func end(after date: CalendarDate, _ weekday: Weekday) -> CalendarDate {
            switch self {
            case .week: return LocalWeek(of: date, from: weekday).next.firstDate
            case .month:
                let (year, month) =
                    date.month == 12 ? (date.year + 1, 1) : (date.year, date.month + 1)
                guard let next = CalendarDate(year: year, month: month, day: 1) else {
                    preconditionFailure("each month has a first day")
                }
                return next
            }
        }
    }

    /// The figures of some dates.
    public struct Period: Sendable {
        /// The first date.
        public let from: CalendarDate
        /// The last date.
        public let to: CalendarDate
        /// Of everybody.
        public let total: Figures
        /// Of those with the same value of a dimension, each dimension by value; those without one
        /// last.
        public let groups: [Group]
        /// Who came back, by admission.
        public let readmissions: [Readmission]
    }

    /// By what episodes are told apart.
    public enum Dimension: String, ClosedCode {
        /// Who referred the client.
        case referralSource = "referral_source"
        /// Who pays first.
        case payerClass = "payer_class"
        /// The level of care before the admission.
        case priorLevelOfCare = "prior_level_of_care"
        /// The last track of the period.
        case track
        /// The last schedule of the period.
        case schedule
    }

    /// The figures of those with the same value of a dimension.
    public struct Group: Sendable {
        /// Which dimension.
        public let dimension: Dimension
        /// The value; nil where nothing is recorded.
        public let value: String?
        /// Their figures.
        public let figures: Figures
    }

    /// An admission at most 30 dates after an end of the client.
    public struct Readmission: Hashable, Sendable {
        /// The episode that began.
        public let episodeID: EpisodeID
        /// The client's pseudonymous key.
        public let clientID: String
        /// The program of the admission.
        public let program: String
        /// When it began.
        public let admittedAt: Instant
        /// The episode that had ended: of several the one that ended last.
        public let previousEpisodeID: EpisodeID
        /// When that ended.
        public let previousEndedAt: Instant
        /// Dates from the end to the admission, 0 to 30.
        public let days: Int
    }
}

/// What is counted of stays, clients, ends and sessions.
public struct Figures: Hashable, Sendable {
    /// Stays at the midnight before the first date.
    public var carriedOver = 0
    /// Stays that began with an admission.
    public var admitted = 0
    /// Stays that began with a step or a change of program.
    public var transferredIn = 0
    /// Stays that ended with the episode, by reason; those above zero.
    public var ended: [EndReason: Int] = [:]
    /// Stays that ended with a step or a change of program.
    public var transferredOut = 0
    /// Stays at the midnight that ends the last date.
    public var remaining = 0
    /// Clients with a stay on any of the dates, each once.
    public var clients = 0
    /// Admissions at most 30 dates after an end of the client.
    public var readmissions = 0
    /// Of the episodes that ended.
    var lengthsOfStay = LengthsOfStay()
    /// Dates with an attended session that counts toward hours, of each episode for itself.
    public var serviceDays = 0
    /// Sessions that clients attended.
    public var attended = 0
    /// Sessions that clients missed, by reason; those above zero.
    ///
    /// Those after an end that nobody knew of yet are among them.
    public var missed: [MissedReason: Int] = [:]
    /// Weeks that were held against a threshold of hours and ended on one of the dates, of each
    /// episode for itself.
    public var judgedWeeks = 0
    /// Those of them that were below it.
    public var weeksBelow = 0

    /// ``weeksBelow`` of ``judgedWeeks``, 0 to 1; nil where none was judged.
    public var belowRate: Double? {
        judgedWeeks == 0 ? nil : Double(weeksBelow) / Double(judgedWeeks)
    }

    /// Sessions that clients attended or should have: what the program cancelled is none.
    public var expected: Int {
        missed.reduce(attended) { $1.key == .cancelledByProgram ? $0 : $0 + $1.value }
    }

    /// ``attended`` of ``expected``, 0 to 1; nil where none was expected.
    public var attendanceRate: Double? { share(attended) }

    /// Those missed without a word, of ``expected``, 0 to 1; nil where none was expected.
    public var noShowRate: Double? { share(missed[.noShow] ?? 0) }

    private func share(_ part: Int) -> Double? {
        expected == 0 ? nil : Double(part) / Double(expected)
    }

    /// Adds the figures of another episode, but for its client.
    mutating func add(_ other: Figures) {
        carriedOver += other.carriedOver
        admitted += other.admitted
        transferredIn += other.transferredIn
        ended.merge(other.ended, uniquingKeysWith: +)
        transferredOut += other.transferredOut
        remaining += other.remaining
        readmissions += other.readmissions
        lengthsOfStay.add(other.lengthsOfStay)
        serviceDays += other.serviceDays
        attended += other.attended
        missed.merge(other.missed, uniquingKeysWith: +)
        judgedWeeks += other.judgedWeeks
        weeksBelow += other.weeksBelow
    }
}
