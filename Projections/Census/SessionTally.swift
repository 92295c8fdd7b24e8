import CareEpisode

/// The sessions of an episode, each counted once.
struct SessionTally {
    /// Attended sessions that count toward hours, by start.
    private(set) var counted: [EpisodeCensus.CountedSession] = []
    /// The start of the last attended session within the episode.
    private(set) var lastAttendedAt: Instant?
    /// `outside_episode`, `duplicate_session`, `overlapping_sessions`.
    private(set) var flags: [EpisodeFlag] = []

    /// One session as the last word about it has it.
    private struct Session {
        let id: String?
        let eventID: EventID
        let position: Position
        let start: Instant
        let minutes: Int
        let isAttended: Bool
        let counts: Bool

        var end: Instant { start.advanced(bySeconds: Int64(minutes) * 60) }
    }

    /// Tallies the sessions of a history.
    ///
    /// - Parameters:
    ///   - entries: in the order of an effective history.
    ///   - from: the admission.
    ///   - to: the end in force; nil for an open episode.
    init(_ entries: [EffectiveHistory.Entry], from: Instant, to: Instant?) throws {
        var sessions: [Session] = []
        var places: [String: Int] = [:]
        for entry in entries {
            guard let session = try Self.session(entry) else { continue }
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
                ? session.position > other.position : session.isAttended
            if wins { sessions[place] = session }
        }
        let attended = sessions.filter(\.isAttended).sorted {
            ($0.start, $0.position) < ($1.start, $1.position)
        }
        flagOverlaps(attended)
        lastAttendedAt = attended.last?.start
        counted =
            sessions
            .filter(\.counts)
            .sorted { ($0.start, $0.position) < ($1.start, $1.position) }
            .map { EpisodeCensus.CountedSession(start: $0.start, minutes: $0.minutes) }
    }

    private static func session(_ entry: EffectiveHistory.Entry) throws -> Session? {
        let payload = CanonicalObject(entry.payload)
        func make(attended: Bool, counts: Bool) -> Session {
            Session(
                id: payload.string("session_id"),
                eventID: entry.eventID,
                position: entry.position,
                start: entry.time,
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
                eventIDs: sessions.map(\.eventID)
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
