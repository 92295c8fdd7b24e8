import CareEpisode

/// The sessions of an episode, each counted once.
struct SessionTally {
    /// Each session once, by start: attended, missed, or held with the family alone.
    private(set) var sessions: [Session] = []
    /// The start of the last attended session within the episode.
    private(set) var lastAttendedAt: Instant?
    /// `outside_episode`, `duplicate_session`, `overlapping_sessions`.
    private(set) var flags: [EpisodeFlag] = []

    /// One session as the last word about it has it.
    struct Session {
        /// What was recorded.
        let entry: EffectiveHistory.Entry
        /// The same for everyone in one group session; a missed one may have none.
        let id: String?
        /// Its actual minutes; 0 for a missed one.
        let minutes: Int
        /// Whether the client took part.
        let isAttended: Bool
        /// Whether its minutes count toward the hours of a week.
        let counts: Bool

        /// Its actual, or scheduled, start.
        var start: Instant { entry.time }
        var end: Instant { start.advanced(bySeconds: Int64(minutes) * 60) }
        /// Whether the client was expected and did not come.
        var isMissed: Bool { entry.type == .sessionMissed }
    }

    /// Sessions that count toward hours, by start.
    var counted: [EpisodeCensus.CountedSession] {
        sessions.filter(\.counts).map {
            EpisodeCensus.CountedSession(start: $0.start, minutes: $0.minutes)
        }
    }

    /// Tallies the sessions of a history.
    ///
    /// - Parameters:
    ///   - entries: in the order of an effective history.
    ///   - from: the admission.
    ///   - to: the end in force; nil for an open episode.
    init(_ entries: [EffectiveHistory.Entry], from: Instant, to: Instant?) {
        var places: [String: Int] = [:]
        for entry in entries {
            guard let session = Self.session(entry) else { continue }
            if session.start < from || session.start > to ?? session.start {
                flag(.outsideEpisode, session)
                continue
            }
            guard let id = session.id else {
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
        lastAttendedAt = attended.last?.start
    }

    private static func session(_ entry: EffectiveHistory.Entry) -> Session? {
        let payload = CanonicalObject(entry.payload)
        func make(attended: Bool, counts: Bool) -> Session {
            Session(
                entry: entry,
                id: payload.string("session_id"),
                minutes: payload.int("minutes") ?? 0,
                isAttended: attended,
                counts: counts
            )
        }
        switch entry.type {
        case .sessionAttended:
            return make(attended: true, counts: payload.bool("counts_toward_hours") ?? true)
        case .familySessionHeld:
            // Without the client it is neither attended nor missed; its minutes count only where
            // the writer says so.
            let present = payload.bool("client_present") ?? false
            return make(attended: present, counts: payload.bool("counts_toward_hours") ?? present)
        case .sessionMissed:
            return make(attended: false, counts: false)
        default:
            return nil
        }
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
