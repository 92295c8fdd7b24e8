import CareEpisode

/// The sessions of an episode, each counted once.
struct SessionTally {
    /// Each session once, by start: attended, missed, or held with the family alone.
    private(set) var sessions: [Session] = []
    /// The last attended session within the episode, by start.
    private(set) var lastAttended: Session?
    /// `outside_episode`, `duplicate_session`, `overlapping_sessions`.
    private(set) var flags: [EpisodeFlag] = []

    /// One session as the last word about it has it.
    struct Session {
        /// The entry it comes from.
        let entry: EffectiveHistory.Entry
        /// What that says.
        let recorded: RecordedSession

        /// Its actual, or scheduled, start.
        var start: Instant { entry.time }
        var end: Instant { start.advanced(bySeconds: Int64(minutes) * 60) }
        /// Its actual minutes; 0 for a missed one.
        var minutes: Int { recorded.minutes }
        /// Whether the client took part.
        var isAttended: Bool { recorded.outcome == .attended }
        /// Whether its minutes count toward the hours of a week.
        var counts: Bool { recorded.countsTowardHours }
    }

    /// As the census keeps them, by start.
    var counted: [EpisodeCensus.Session] {
        sessions.map {
            EpisodeCensus.Session(
                start: $0.start,
                minutes: $0.counts ? $0.minutes : 0,
                outcome: $0.recorded.outcome
            )
        }
    }

    /// Tallies the sessions of a history.
    ///
    /// - Parameters:
    ///   - entries: in the order of an effective history.
    ///   - from: the admission.
    ///   - to: the end in force; nil for an open episode.
    /// - Throws: ``UnreadablePayload`` where a recorded session is damaged.
    init(_ entries: [EffectiveHistory.Entry], from: Instant, to: Instant?) throws {
        var places: [String: Int] = [:]
        for entry in entries {
            guard let recorded = try RecordedSession(entry.type, payload: entry.payload) else {
                continue
            }
            let session = Session(entry: entry, recorded: recorded)
            if session.start < from || session.start > to ?? session.start {
                flag(.outsideEpisode, session)
                continue
            }
            guard let id = recorded.id else {
                sessions.append(session)
                continue
            }
            guard let place = places[id] else {
                places[id] = sessions.count
                sessions.append(session)
                continue
            }
            let other = sessions[place]
            flag(.duplicateSession, other, session)
            // Attended beats missed; of two of a kind the later word counts.
            let wins =
                session.isAttended == other.isAttended
                ? session.entry.position > other.entry.position : session.isAttended
            if wins { sessions[place] = session }
        }
        sessions.sort { ($0.start, $0.entry.position) < ($1.start, $1.entry.position) }
        let attended = sessions.filter(\.isAttended)
        flagOverlaps(attended)
        lastAttended = attended.last
    }

    private mutating func flag(_ flag: EpisodeFlag.Flag, _ sessions: Session...) {
        flags.append(
            EpisodeFlag(
                flag: flag,
                at: sessions.map(\.start).max() ?? Instant(microseconds: 0),
                eventIDs: sessions.map(\.entry.eventID)
            )
        )
    }

    private mutating func flagOverlaps(_ attended: [Session]) {
        guard var longest = attended.first else { return }
        for session in attended.dropFirst() {
            if session.start < longest.end { flag(.overlappingSessions, longest, session) }
            if session.end > longest.end { longest = session }
        }
    }
}
