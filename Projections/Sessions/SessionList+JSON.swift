public import CareEpisode
import ProjectionRuntime

/// The sessions that were asked for, as they are written.
struct AskedSessions: AnswerValue {
    let question: SessionsQuestion
    let list: SessionList

    /// The answer of `sessions`.
    static let answer: [JSONField<LedgerAnswer<Self>>] =
        [
            .init("from", \.value.question.dates?.from),
            .init("to", \.value.question.dates?.to),
            .init("session_id", \.value.question.selection.sessionID),
            .init("facilitator", \.value.question.selection.facilitator),
            .init("author", \.value.question.selection.author),
            .init("program", \.value.question.selection.program),
            .init("episode_id", \.value.question.selection.episode),
            .init("effective_at", \.value.question.effectiveAt),
            .ledger, .position, .lag, .knownAt, .knownBy,
            .init("sessions", \.value.list.sessions),
            .init("episodes", \.value.list.episodes),
            .parked,
        ]
}

extension SessionList.Session: JSONObject {
    /// The session, who is unmarked, and its entries.
    public static let fields: [JSONField<Self>] = [
        .init("session_id", \.sessionID),
        .init("date", \.date),
        .init("starts_at", \.startsAt),
        .init("kind", \.kind),
        .init("modality", \.modality),
        .init("topic", \.topic),
        .init("programs", \.programs),
        .init("facilitators", \.facilitators),
        .init("attended", \.attended),
        .init("missed", \.missed),
        .init("unmarked", \.unmarked),
        .init("flags", \.flags),
        .init("entries", \.entries),
    ]
}

extension SessionList.Unmarked: JSONObject {
    /// The members of somebody who is unmarked.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("program", \.program),
    ]
}

extension SessionList.Episode: JSONObject {
    /// The members of an episode of the list.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("program", \.program),
        .init("attended", \.attended),
        .init("missed") {
            Dictionary(uniqueKeysWithValues: $0.missed.map { ($0.rawValue, $1) })
        },
        .init("last_attended_at", \.lastAttendedAt),
    ]
}

extension SessionEntry: JSONObject {
    /// The members of an entry.
    public static let fields: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("event_id", \.eventID),
        .init("session_id", \.sessionID),
        .init("kind", \.kind),
        .init("modality", \.modality),
        .init("topic", \.topic),
        .init("starts_at", \.startsAt),
        .init("minutes", \.minutes),
        .init("outcome", \.outcome),
        .init("reason", \.reason),
        .init("attendance", \.attendance),
        .init("counted", \.isCounted),
        .init("standing", \.standing),
        .init("group_size", \.groupSize),
        .init("program", \.program),
        .init("level_of_care", \.levelOfCare),
        .init("facilitators", \.facilitators),
        .init("author", \.author),
    ]
}
