import CareEpisode

extension EpisodeSessions {
    /// Folds an effective history into an episode's sessions.
    ///
    /// - Returns: nil for an episode without a known, unretracted admission.
    /// - Throws: what makes a recorded payload or header none.
    static func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory,
        calendar: LocalCalendar
    ) throws -> EpisodeSessions? {
        try Course(history, calendar: calendar).map { try EpisodeSessions(episode, $0) }
    }

    /// The sessions of a course.
    ///
    /// - Throws: what makes a recorded payload or header none.
    init(_ episode: EpisodeID, _ course: Course) throws {
        let client = course.admitted.clientID
        self.init(
            episodeID: episode,
            clientID: client,
            entries: try course.sessions.entries.map { session in
                let stay = course.stays.last { $0.from <= session.start } ?? course.stays[0]
                var entry = SessionEntry(episode, client, session, stay.row)
                try entry.read(session.entry)
                return entry
            },
            stays: course.stays.map {
                Stay(
                    episodeID: episode,
                    clientID: client,
                    program: $0.program,
                    from: $0.from,
                    to: $0.to
                )
            }
        )
    }
}

extension SessionEntry {
    /// What the tally of the episode says of an entry.
    fileprivate init(
        _ episode: EpisodeID,
        _ client: String,
        _ session: SessionTally.Session,
        _ stay: EpisodeCensus.Stay
    ) {
        self.init(
            episodeID: episode,
            clientID: client,
            eventID: session.entry.eventID,
            sessionID: session.recorded.id,
            kind: .other,
            startsAt: session.start,
            minutes: session.minutes,
            outcome: .attended,
            isCounted: session.standing == .counted && session.counts,
            standing: session.standing,
            program: stay.program,
            levelOfCare: stay.levelOfCare,
            facilitators: [],
            author: ""
        )
        switch session.recorded.outcome {
        case .attended: break
        case .heldWithoutClient: outcome = .familyWithoutClient
        case .missed(let reason):
            outcome = .missed
            self.reason = reason
            minutes = nil
        }
    }

    /// What the entry itself says besides.
    fileprivate mutating func read(_ entry: EffectiveHistory.Entry) throws {
        author = try EventHeader.decode(entry.header).author.id
        switch try entry.decode() {
        case .sessionAttended(let data):
            kind = MissedSessionKind(rawValue: data.kind.rawValue) ?? .other
            modality = data.modality
            topic = data.topic
            attendance = data.attendance
            groupSize = data.groupSize
            facilitators = data.facilitators?.map(\.id) ?? []
        case .sessionMissed(let data): kind = data.kind
        case .familySessionHeld(let data):
            kind = .family
            facilitators = data.facilitators?.map(\.id) ?? []
        case .admitted, .medicationAdjusted, .steppedDown, .steppedUp, .programChanged, .completed,
            .discharged, .entryCorrected, .entryRetracted:
            preconditionFailure("the tally has session entries alone")
        }
    }
}
