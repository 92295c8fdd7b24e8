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
        case .programChanged, .completed, .discharged, .sessionAttended, .sessionMissed,
            .familySessionHeld, .medicationAdjusted, .entryCorrected, .entryRetracted:
            nil
        }
    }
}

extension EventType {
    /// The level in force from an entry of this type on, where its recorded payload says one.
    func level(in payload: RecordedPayload) throws(UnreadablePayload) -> LevelOfCare? {
        switch self {
        case .admitted: try payload.requiredCode("level_of_care")
        case .steppedDown, .steppedUp: try payload.requiredCode("to_level")
        case .programChanged, .completed, .discharged, .sessionAttended, .sessionMissed,
            .familySessionHeld, .medicationAdjusted, .entryCorrected, .entryRetracted:
            nil
        }
    }
}
