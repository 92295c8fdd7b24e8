import CareEpisode

/// Writes the events of one episode, by hours after its first day began, and records them.
struct EpisodeBuilder {
    private(set) var state = EpisodeState()
    private(set) var history: [HistoryEvent] = []
    private var nextID: UInt128 = 1

    static let author = Author(id: "a", role: .counselor)

    static func time(_ hour: Int) -> Instant {
        Instant(microseconds: 1_735_689_600_000_000).advanced(bySeconds: Int64(hour) * 3600)
    }

    mutating func draft(_ hour: Int, _ data: EventData) -> EventDraft {
        defer { nextID += 1 }
        return EventDraft(
            eventID: EventID(bits: nextID),
            occurredAt: EpisodeBuilder.time(hour),
            author: EpisodeBuilder.author,
            data: data
        )
    }

    /// What the life cycle has against an event, as codes; records it where that is nothing.
    @discardableResult
    mutating func append(_ hour: Int, _ data: EventData) -> [String] {
        let draft = draft(hour, data)
        let errors = state.decide(draft)
        if errors.isEmpty { record(draft) }
        return errors.map { "\($0.pointer) \($0.code)" }
    }

    /// Records an event without asking the life cycle, known when it happened unless said otherwise.
    mutating func record(_ draft: EventDraft, known: Instant? = nil, recorded: Instant? = nil) {
        state.apply(draft)
        let recorded = recorded ?? EpisodeBuilder.time(10_000 + history.count)
        history.append(
            HistoryEvent(
                position: Position(Int64(history.count) * 3 + 7),
                version: state.version,
                eventID: draft.eventID,
                type: draft.type,
                occurredAt: draft.occurredAt,
                recordedAt: recorded,
                knownAt: known ?? recorded,
                payload: draft.payload()
            )
        )
    }

    /// The id of the n-th event, from 1.
    func id(_ number: UInt128) -> EventID { EventID(bits: number) }
}

extension EventData {
    static func admission(_ level: LevelOfCare = .intensiveOutpatient) -> EventData {
        .admitted(Admitted(clientID: "C", program: "p", levelOfCare: level))
    }

    static var session: EventData {
        .sessionAttended(SessionAttended(sessionID: "s", kind: .group, minutes: 60))
    }

    static var stop: EventData {
        .medicationAdjusted(
            MedicationAdjusted(
                medication: Medication(name: "m"),
                change: .stop,
                prescriber: "p"
            )
        )
    }

    static func step(_ from: LevelOfCare, _ to: LevelOfCare) -> EventData {
        let step = LevelStep(fromLevel: from, toLevel: to, rationale: "r")
        return to < from ? .steppedDown(step) : .steppedUp(step)
    }

    static var programChange: EventData {
        .programChanged(ProgramChanged(rationale: "r", program: "q"))
    }

    static var completion: EventData { .completed(Completed()) }

    static var discharge: EventData { .discharged(Discharged(reason: .droppedOut)) }

    static func retraction(_ target: UInt128) -> EventData {
        .entryRetracted(EntryRetracted(targetEventID: EventID(bits: target), reason: "r"))
    }

    static func correction(
        _ target: UInt128,
        _ replacement: EventData,
        at hour: Int? = nil
    ) -> EventData {
        .entryCorrected(
            EntryCorrected(
                targetEventID: EventID(bits: target),
                reason: "r",
                replacement: replacement,
                replacementOccurredAt: hour.map { EpisodeBuilder.time($0) }
            )
        )
    }
}
