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
                type.level(in: CanonicalObject(correction.replacement.canonicalBytes))
            }
        default:
            if let entry = LifeCycleEntry(
                draft.eventID,
                draft.type,
                version,
                draft.occurredAt,
                level: draft.data.level
            ) {
                lifeCycle.append(entry)
            }
        }
    }

    /// Adds a recorded event, which must be the episode's next.
    ///
    /// Throws ``NotTheNextVersion`` where it is not, ``UnreadablePayload`` where it lacks its target;
    /// the state is unchanged then.
    public mutating func apply(_ event: HistoryEvent) throws {
        guard event.version == version.next else {
            throw NotTheNextVersion(expected: version.next, found: event.version)
        }
        if event.type.isAmendment {
            let amendment = try Amendment(event.type, payload: event.payload)
            if let correction = amendment.correction {
                correct(amendment.target, correction.occurredAt) { type in
                    type.level(in: CanonicalObject(correction.replacement))
                }
            } else {
                retract(amendment.target)
            }
        } else if let entry = LifeCycleEntry(
            event.eventID,
            event.type,
            event.version,
            event.occurredAt,
            level: event.type.level(in: CanonicalObject(event.payload))
        ) {
            lifeCycle.append(entry)
        }
        version = event.version
        events[event.eventID] = Event(type: event.type)
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
        level: (EventType) -> LevelOfCare?
    ) {
        guard let index = lifeCycle.firstIndex(where: { $0.eventID == target }) else { return }
        lifeCycle[index].level = level(lifeCycle[index].type)
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
