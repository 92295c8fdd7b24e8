/// An entry that later events are judged by: the admission, a step or change, an end.
struct LifeCycleEntry {
    let eventID: EventID
    let type: EventType
    /// Orders entries of the same time, as the position does.
    let version: Version
    /// When it happened: the time last given.
    var time: Instant
    /// The level in force from here on: of an admission, or the one a step leads to.
    var level: LevelOfCare?
    var isRetracted = false

    /// Nil where events of this type do not bear on the life cycle.
    init?(
        _ eventID: EventID,
        _ type: EventType,
        _ version: Version,
        _ time: Instant,
        level: @autoclosure () -> LevelOfCare?
    ) {
        guard type == .admitted || type.isStepOrProgramChange || type.isEnd else { return nil }
        self.eventID = eventID
        self.type = type
        self.version = version
        self.time = time
        self.level = level()
    }

    /// Whether it comes before another in effective history.
    func precedes(_ other: LifeCycleEntry) -> Bool {
        (time, version) < (other.time, other.version)
    }
}

extension EventData {
    /// The level in force from this entry on, where it says one.
    var level: LevelOfCare? {
        switch self {
        case .admitted(let data): data.levelOfCare
        case .steppedDown(let data), .steppedUp(let data): data.toLevel
        default: nil
        }
    }
}

extension EventType {
    /// The level in force from an entry of this type on, where its recorded payload says one.
    func level(in payload: CanonicalObject) -> LevelOfCare? {
        switch self {
        case .admitted: payload.string("level_of_care").flatMap { LevelOfCare(rawValue: $0) }
        case .steppedDown, .steppedUp:
            payload.string("to_level").flatMap { LevelOfCare(rawValue: $0) }
        default: nil
        }
    }
}
