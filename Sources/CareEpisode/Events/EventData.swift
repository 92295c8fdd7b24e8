/// What an event says, by its type.
public enum EventData: Hashable, Sendable {
    case admitted(Admitted)
    case sessionAttended(SessionAttended)
    case medicationAdjusted(MedicationAdjusted)
    case familySessionHeld(FamilySessionHeld)
    case steppedDown(SteppedDown)
    case completed(Completed)
    case sessionMissed(SessionMissed)
    case steppedUp(SteppedUp)
    case programChanged(ProgramChanged)
    case discharged(Discharged)
    case entryCorrected(EntryCorrected)
    case entryRetracted(EntryRetracted)

    /// The type of the event.
    public var type: EventType {
        switch self {
        case .admitted: .admitted
        case .sessionAttended: .sessionAttended
        case .medicationAdjusted: .medicationAdjusted
        case .familySessionHeld: .familySessionHeld
        case .steppedDown: .steppedDown
        case .completed: .completed
        case .sessionMissed: .sessionMissed
        case .steppedUp: .steppedUp
        case .programChanged: .programChanged
        case .discharged: .discharged
        case .entryCorrected: .entryCorrected
        case .entryRetracted: .entryRetracted
        }
    }

    /// What is said at an end, of `completed` and `discharged` alike.
    public var end: EpisodeEnd? {
        switch self {
        case .completed(let end): end
        case .discharged(let discharged): discharged.end
        case .admitted, .sessionAttended, .medicationAdjusted, .familySessionHeld, .steppedDown,
            .sessionMissed, .steppedUp, .programChanged, .entryCorrected, .entryRetracted:
            nil
        }
    }

    /// The canonical JSON (RFC 8785) of the payload, as it is recorded.
    public func canonicalBytes() -> [UInt8] {
        var writer = CanonicalWriter()
        payload.write(to: &writer)
        return writer.bytes
    }

    private var payload: any CanonicalValue {
        switch self {
        case .admitted(let data): data
        case .sessionAttended(let data): data
        case .medicationAdjusted(let data): data
        case .familySessionHeld(let data): data
        case .steppedDown(let data), .steppedUp(let data): data
        case .completed(let data): data
        case .sessionMissed(let data): data
        case .programChanged(let data): data
        case .discharged(let data): data
        case .entryCorrected(let data): data
        case .entryRetracted(let data): data
        }
    }
}

extension EventData: CanonicalValue {
    func write(to writer: inout CanonicalWriter) { payload.write(to: &writer) }
}
