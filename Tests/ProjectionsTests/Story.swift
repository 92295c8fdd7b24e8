import CareEpisode

@testable import Projections

/// An episode told entry by entry, without a database.
struct Story {
    static let episode = EpisodeID(bits: 7)

    /// Who states every entry.
    static let author = Author(id: "T-1", role: .therapist)

    private(set) var events: [HistoryEvent] = []
    var calendar: LocalCalendar

    init(timeZone: String = "UTC") throws {
        calendar = try LocalCalendar(timeZone: timeZone)
    }

    /// Adds an event.
    ///
    /// - Parameters:
    ///   - time: `MM-DD` of 2024, or `MM-DD HH:MM`, in UTC.
    ///   - known: when the source knew it; nil for at once.
    @discardableResult
    mutating func add(_ data: EventData, _ time: String, known: String? = nil) -> EventID {
        let number = Int64(events.count + 1)
        let eventID = EventID(bits: UInt128(1_000 + number))
        events.append(
            HistoryEvent(
                position: Position(number),
                version: Version(number),
                eventID: eventID,
                type: data.type,
                occurredAt: instant(time),
                recordedAt: Instant(microseconds: 1_767_225_600_000_000 + number),
                knownAt: instant(known ?? time),
                payload: data.canonicalBytes(),
                header: data.type.hasReadAuthor ? header(eventID, data, time) : []
            )
        )
        return eventID
    }

    private func header(_ eventID: EventID, _ data: EventData, _ time: String) -> [UInt8] {
        EventDraft(eventID: eventID, occurredAt: instant(time), author: Self.author, data: data)
            .header(ledger: .default, episodeID: Self.episode, recordedBy: "test")
    }

    @discardableResult
    mutating func admit(
        program: String = "iop",
        track: Track? = nil,
        _ time: String
    ) -> EventID {
        admit(.intensiveOutpatient, program: program, track: track, time)
    }

    @discardableResult
    mutating func admit(
        _ level: LevelOfCare,
        program: String = "iop",
        track: Track? = nil,
        _ time: String
    ) -> EventID {
        add(
            .admitted(
                Admitted(clientID: "C-1", program: program, levelOfCare: level, track: track)
            ),
            time
        )
    }

    @discardableResult
    mutating func admit(_ admitted: Admitted, _ time: String) -> EventID {
        add(.admitted(admitted), time)
    }

    @discardableResult
    mutating func miss(_ id: String?, _ reason: MissedReason, _ time: String) -> EventID {
        add(.sessionMissed(SessionMissed(kind: .group, reason: reason, sessionID: id)), time)
    }

    @discardableResult
    mutating func step(
        _ from: LevelOfCare,
        _ to: LevelOfCare,
        program: String? = nil,
        track: Track? = nil,
        _ time: String
    ) -> EventID {
        let step = LevelStep(
            fromLevel: from,
            toLevel: to,
            rationale: "r",
            program: program,
            track: track
        )
        return add(to < from ? .steppedDown(step) : .steppedUp(step), time)
    }

    @discardableResult
    mutating func attend(
        _ id: String,
        minutes: Int = 60,
        counts: Bool? = nil,
        _ time: String
    ) -> EventID {
        add(
            .sessionAttended(
                SessionAttended(
                    sessionID: id,
                    kind: .group,
                    minutes: minutes,
                    countsTowardHours: counts
                )
            ),
            time
        )
    }

    @discardableResult
    mutating func family(
        _ id: String,
        present: Bool,
        counts: Bool? = nil,
        _ time: String
    ) -> EventID {
        add(
            .familySessionHeld(
                FamilySessionHeld(
                    sessionID: id,
                    minutes: 50,
                    participants: [FamilyParticipant(relation: .parent)],
                    clientPresent: present,
                    countsTowardHours: counts
                )
            ),
            time
        )
    }

    @discardableResult
    mutating func correct(_ target: EventID, to data: EventData, at time: String?) -> EventID {
        add(
            .entryCorrected(
                EntryCorrected(
                    targetEventID: target,
                    reason: "r",
                    replacement: data,
                    replacementOccurredAt: time.map(instant)
                )
            ),
            "12-01"
        )
    }

    mutating func retract(_ target: EventID) {
        add(.entryRetracted(EntryRetracted(targetEventID: target, reason: "r")), "12-01")
    }

    /// What the fold says; nil where the episode is in no census.
    func census(effectiveAt: Instant? = nil) throws -> EpisodeCensus? {
        try EpisodeCensus.fold(
            Self.episode,
            try EffectiveHistory(events, effectiveAt: effectiveAt),
            calendar: calendar
        )
    }
}

/// An instant of 2024 in UTC from `MM-DD` or `MM-DD HH:MM`.
func instant(_ text: String) -> Instant {
    let parts = text.split(separator: " ")
    let clock = parts.count > 1 ? parts[1] : "00:00"
    guard let instant = Instant(rfc3339: "2024-\(parts[0])T\(clock):00Z") else {
        preconditionFailure("\(text) is no time")
    }
    return instant
}

func date(_ text: String) -> CalendarDate {
    guard let date = CalendarDate(iso8601: text) else {
        preconditionFailure("\(text) is no date")
    }
    return date
}
