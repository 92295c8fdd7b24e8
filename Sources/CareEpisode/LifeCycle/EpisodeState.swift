/// What an episode's next event is judged by (`docs/events.md`, "What an append checks", step 4).
///
/// A fold of the episode's events by version: per event its type and whether it is retracted, and the
/// few entries that bear on the life cycle with their corrections. A value: copies share storage.
public struct EpisodeState: Sendable {
    /// The version of the last event; 0 where nothing is recorded.
    public private(set) var version: Version = .zero
    private var events: [EventID: Event] = [:]
    private(set) var lifeCycle: [LifeCycleEntry] = []

    struct Event {
        let type: EventType
        var isRetracted = false
    }

    /// An episode of which nothing is recorded.
    public init() {}

    /// The number of events, corrections and retractions included.
    public var eventCount: Int { events.count }

    /// Whether the event is one of the episode, corrections and retractions included.
    public func contains(_ eventID: EventID) -> Bool { events[eventID] != nil }

    func event(_ eventID: EventID) -> Event? { events[eventID] }

    // MARK: Fold

    /// Adds an event that ``decide(_:)`` has nothing against.
    public mutating func apply(_ draft: EventDraft) {
        version = version.next
        events[draft.eventID] = Event(type: draft.type)
        switch draft.data {
        case .entryRetracted(let retraction):
            retract(retraction.targetEventID)
        case .entryCorrected(let correction):
            correct(correction.targetEventID, correction.replacementOccurredAt) { type in
                try? correction.replacement.decode(as: type).level
            }
        case .admitted, .steppedDown, .steppedUp, .programChanged, .completed, .discharged:
            lifeCycle.append(
                LifeCycleEntry(
                    eventID: draft.eventID,
                    type: draft.type,
                    version: version,
                    time: draft.occurredAt,
                    level: draft.data.level
                )
            )
        case .sessionAttended, .sessionMissed, .familySessionHeld, .medicationAdjusted: break
        }
    }

    /// Adds a recorded event, which must be the episode's next.
    ///
    /// Of its payload, only what ``readsPayload(of:)`` says is read. Throws ``NotTheNextVersion``
    /// where it is not the next, ``UnreadablePayload`` where it lacks its target or its level; the
    /// state is unchanged then.
    public mutating func apply(_ event: HistoryEvent) throws {
        guard event.version == version.next else {
            throw NotTheNextVersion(expected: version.next, found: event.version)
        }
        switch event.type.kind {
        case .amendment:
            let amendment = try Amendment(event.type, payload: event.payload)
            if let correction = amendment.correction {
                try correct(amendment.target, correction.occurredAt) { type in
                    try type.level(in: RecordedPayload(correction.replacement))
                }
            } else {
                retract(amendment.target)
            }
        case .admission, .transfer, .end:
            lifeCycle.append(
                LifeCycleEntry(
                    eventID: event.eventID,
                    type: event.type,
                    version: event.version,
                    time: event.occurredAt,
                    level: try event.type.level(in: RecordedPayload(event.payload))
                )
            )
        case .session, .medication: break
        }
        version = event.version
        events[event.eventID] = Event(type: event.type)
    }

    /// Whether the payload of a recorded event of this type bears on later events, so that it must
    /// be read with the event.
    public static func readsPayload(of type: EventType) -> Bool {
        switch type.kind {
        case .admission, .transfer, .end, .amendment: true
        case .session, .medication: false
        }
    }

    private mutating func retract(_ target: EventID) {
        events[target]?.isRetracted = true
        if let index = lifeCycle.firstIndex(where: { $0.eventID == target }) {
            lifeCycle[index].isRetracted = true
        }
    }

    private mutating func correct(
        _ target: EventID,
        _ time: Instant?,
        level: (EventType) throws -> LevelOfCare?
    ) rethrows {
        guard let index = lifeCycle.firstIndex(where: { $0.eventID == target }) else { return }
        lifeCycle[index].level = try level(lifeCycle[index].type)
        if let time { lifeCycle[index].time = time }
    }
}

/// An event was to be folded that is not the next of its episode.
public struct NotTheNextVersion: Error, Hashable, CustomStringConvertible {
    /// The version that comes next.
    public let expected: Version
    /// The version of the event.
    public let found: Version

    /// Names both versions.
    public var description: String {
        "version \(found) was to be folded where version \(expected) comes next"
    }
}
