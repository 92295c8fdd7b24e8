public import CareEpisode

/// What the census knows of one episode.
///
/// Nothing here depends on when one asks.
public struct EpisodeCensus: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// When the episode began.
    public var admittedAt: Instant
    /// What the admission says of where the client comes from, and who pays.
    public var origin = Origin()
    /// In order; at least one.
    public var stays: [Stay]
    /// When and how the episode ended; nil while it is open.
    public var end: End?
    /// The sessions of the episode, each once, by start.
    public var sessions: [Session]
    /// What is doubtful about the history.
    public var flags: [EpisodeFlag]

    /// What an admission says of where the client comes from, and who pays; nil where it does not.
    public struct Origin: Hashable, Sendable {
        /// Who referred the client; a site may have its own.
        public var referralSource: String?
        /// Who pays first.
        public var payerClass: PayerClass?
        /// The level of care before the admission.
        public var priorLevelOfCare: LevelOfCare?
    }

    /// One unbroken time in one program and level of care.
    public struct Stay: Hashable, Sendable {
        /// The program's key.
        public var program: String
        /// The level of care.
        public var levelOfCare: LevelOfCare
        /// Its first instant.
        public var from: Instant
        /// The first instant after it; nil while it lasts.
        public var to: Instant?
        /// What opened it.
        public var startReason: StayOpening
        /// What closed it; nil while it lasts.
        public var endReason: StayClosing?
        /// The event that opened it.
        public var openedBy: EventID
        /// The tracks in it.
        public var tracks = Names()
        /// The schedules in it, such as day and evening.
        public var schedules = Names()

        /// The last track in it; nil where none is named.
        public var track: String? { tracks.last }
    }

    /// Names that followed one another within a stay, each with the time from which it was in force.
    public struct Names: Hashable, Sendable {
        /// The names, in order; a site may have its own.
        public private(set) var names: [String]
        /// As many times, none after the next.
        public private(set) var times: [Instant]

        /// The name in force as a stay begins; none where it is nil.
        public init(_ name: String? = nil, from time: Instant = Instant(microseconds: 0)) {
            names = name.map { [$0] } ?? []
            times = name.map { _ in [time] } ?? []
        }

        /// Names with their times.
        init(_ names: [String], _ times: [Instant]) {
            precondition(names.count == times.count, "each name has its time")
            self.names = names
            self.times = times
        }

        /// The last name; nil where there is none.
        public var last: String? { names.last }

        /// Puts a name in force from a time on; nothing where it is in force already.
        mutating func name(_ name: String, from time: Instant) {
            guard name != last else { return }
            names.append(name)
            times.append(time)
        }

        /// The names that were in force up to a time.
        func through(_ time: Instant) -> Names {
            let count = times.prefix { $0 <= time }.count
            return Names(Array(names.prefix(count)), Array(times.prefix(count)))
        }
    }

    /// An episode's end.
    public struct End: Hashable, Sendable {
        /// When it took effect.
        public var at: Instant
        /// Why.
        public var reason: EndReason
        /// The last contact with the client.
        public var lastContactAt: Instant
        /// Days, by the rule of TEDS for the last level of care.
        public var lengthOfStayDays: Int
    }

    /// What counts of a session.
    public struct Session: Hashable, Sendable {
        /// Its actual, or scheduled, start.
        public var start: Instant
        /// Its minutes that count toward the hours of a week; 0 where none do.
        public var minutes: Int
        /// Who was there.
        public var outcome: RecordedSession.Outcome
    }

    /// The stay in force at a time: before the admission the first, after the end the last.
    func stay(at time: Instant) -> Stay? { stays.last { $0.from <= time } ?? stays.first }
}

/// A doubt about an episode's history, with the events that raise it.
public struct EpisodeFlag: Hashable, Sendable {
    /// What kind of doubt.
    public var flag: Flag
    /// The effective time of the latest of its events: before it, there was no doubt.
    public var at: Instant
    /// The events that raise it.
    public var eventIDs: [EventID]

    /// The kinds of doubt.
    public enum Flag: String, ClosedCode {
        /// Corrections or retractions left a history that an append would refuse.
        case lifeCycleConflict = "life_cycle_conflict"
        /// A session, or the last contact, lies outside the episode.
        case outsideEpisode = "outside_episode"
        /// A session was recorded more than once.
        case duplicateSession = "duplicate_session"
        /// A miss without an id, and the session of its kind that began a little later.
        case missedAndAttended = "missed_and_attended"
        /// Two attended sessions overlap.
        case overlappingSessions = "overlapping_sessions"
        /// A whole week of intensive outpatient care or partial hospitalization had fewer hours than
        /// its program should give.
        ///
        /// Depends on when one asks: raised by ``EpisodeAttendance``, never stored.
        case belowWeeklyHours = "below_weekly_hours"
        /// The client did not come to several sessions one after another, and excused none.
        ///
        /// Depends on when one asks: raised by ``AttendanceList``, never stored.
        case noShowsInARow = "no_shows_in_a_row"
        /// The client has attended no session for some days.
        ///
        /// Depends on when one asks: raised by ``AttendanceList``, never stored.
        case notSeen = "not_seen"
        /// The client is in two stays of one midnight.
        ///
        /// Between a client's episodes: raised by ``CensusOfDate``, never stored.
        case overlappingEpisode = "overlapping_episode"
        /// More clients attended a session than an entry of it says took part.
        ///
        /// Between the episodes of a group: raised by ``SessionList``, never stored.
        case groupSize = "group_size"

        /// One sentence for people.
        public var text: String {
            switch self {
            case .lifeCycleConflict:
                "Corrections left entries that do not fit the life cycle of the episode."
            case .outsideEpisode: "Recorded outside the episode, counted in nothing."
            case .duplicateSession: "The same session was recorded more than once."
            case .missedAndAttended:
                "A session is recorded as missed and as attended a little later; it counts as "
                    + "attended."
            case .overlappingSessions: "Attended sessions overlap."
            case .noShowsInARow:
                "The last sessions that the client was to attend are all no-shows (advisory)."
            case .notSeen: "No session attended for as many days as are set, or more (advisory)."
            case .overlappingEpisode: "The client is counted more than once at this midnight."
            case .groupSize: "More clients attended than the recorded size of the group."
            case .belowWeeklyHours:
                "A whole week had fewer hours than the program's threshold (advisory)."
            }
        }
    }
}
