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
    /// In order; at least one.
    public var stays: [Stay]
    /// When and how the episode ended; nil while it is open.
    public var end: End?
    /// Attended sessions within the episode that count toward hours, by start.
    public var sessions: [CountedSession]
    /// What is doubtful about the history.
    public var flags: [EpisodeFlag]

    /// One unbroken time in one program, track and level of care.
    public struct Stay: Hashable, Sendable {
        /// The program's key.
        public var program: String
        /// The track, where one is named.
        public var track: String?
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

    /// Minutes that count toward the hours of a week.
    public struct CountedSession: Hashable, Sendable {
        /// The session's actual start.
        public var start: Instant
        /// Its actual minutes.
        public var minutes: Int
    }
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
            case .belowWeeklyHours:
                "A whole week had fewer hours than the program's threshold (advisory)."
            }
        }
    }
}
