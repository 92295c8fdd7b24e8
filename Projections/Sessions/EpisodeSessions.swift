public import CareEpisode

/// The session entries of an episode that are in force, and the stays in which they lie.
///
/// Nothing here depends on when one asks.
public struct EpisodeSessions: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// Every entry, by start.
    public var entries: [SessionEntry]
    /// In order; at least one.
    public var stays: [Stay]

    /// A time in one program.
    public struct Stay: Hashable, Sendable {
        /// The episode.
        public var episodeID: EpisodeID
        /// The client's pseudonymous key.
        public var clientID: String
        /// The program's key.
        public var program: String
        /// Its first instant.
        public var from: Instant
        /// The first instant after it; nil while it lasts.
        public var to: Instant?

        /// Whether the client is enrolled at a time.
        public func holds(_ time: Instant) -> Bool { from <= time && to.map { $0 > time } ?? true }
    }
}

/// One entry of a session: that a client attended, or missed it, or that it was held with the family.
public struct SessionEntry: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// The event that says so.
    public var eventID: EventID
    /// The same for everyone in a group session; a missed one may have none.
    public var sessionID: String?
    /// What the session was, or would have been.
    public var kind: MissedSessionKind
    /// The method.
    public var modality: SessionModality?
    /// What it was about.
    public var topic: String?
    /// Its actual, or scheduled, start.
    public var startsAt: Instant
    /// Its actual minutes; nil for a missed one.
    public var minutes: Int?
    /// Who was there.
    public var outcome: Outcome
    /// Why it was missed; nil for one that was not.
    public var reason: MissedReason?
    /// How much of it the client attended, where that is recorded.
    public var attendance: Attendance?
    /// Whether its minutes count toward the hours of a week.
    public var isCounted: Bool
    /// Whether it is a session of the episode, and if not, why.
    public var standing: SessionStanding
    /// How many clients took part, as the entry has it.
    public var groupSize: Int?
    /// The program in force at its start.
    public var program: String
    /// The level of care in force at its start.
    public var levelOfCare: LevelOfCare
    /// Who held it, by id.
    public var facilitators: [String]
    /// Who states it, by id.
    public var author: String

    /// Who was at a session.
    public enum Outcome: String, ClosedCode {
        /// The client, alone, in a group, or with the family.
        case attended
        /// Not the client, who was expected.
        case missed
        /// The family without the client, who was not expected.
        case familyWithoutClient = "family_without_client"
    }

    /// Whether it is one of what a client attended or missed.
    public var isOfEpisode: Bool { standing == .counted || standing == .missedAfterEnd }
}
