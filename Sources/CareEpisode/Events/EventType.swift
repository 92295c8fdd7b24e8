/// The type of an event.
public enum EventType: String, ClosedCode {
    case admitted
    case sessionAttended = "session_attended"
    case medicationAdjusted = "medication_adjusted"
    case familySessionHeld = "family_session_held"
    case steppedDown = "stepped_down"
    case completed
    case sessionMissed = "session_missed"
    case steppedUp = "stepped_up"
    case programChanged = "program_changed"
    case discharged
    case entryCorrected = "entry_corrected"
    case entryRetracted = "entry_retracted"

    /// Whether events of this type end an episode.
    public var isEnd: Bool { self == .completed || self == .discharged }

    /// Whether events of this type say something about another event, and are no entries themselves.
    public var isAmendment: Bool { self == .entryCorrected || self == .entryRetracted }

    /// Whether events of this type change level, programme or the like from their time on.
    public var isStepOrProgramChange: Bool {
        self == .steppedDown || self == .steppedUp || self == .programChanged
    }
}
