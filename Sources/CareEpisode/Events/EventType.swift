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
}

/// What an event is in the course of its episode, whatever exactly it says.
public enum EventKind: Hashable, Sendable, CaseIterable {
    /// The beginning of the episode.
    case admission
    /// A step, or a change of program: from its time on, another level, program, track or plan.
    case transfer
    /// The end of the episode.
    case end
    /// A session, held or missed.
    case session
    /// A decision about a medication.
    case medication
    /// Something about another event, and no entry itself.
    case amendment
}

extension EventType {
    /// The table of event types: everything that goes by what a type is, asks here.
    public var kind: EventKind {
        switch self {
        case .admitted: .admission
        case .steppedDown, .steppedUp, .programChanged: .transfer
        case .completed, .discharged: .end
        case .sessionAttended, .sessionMissed, .familySessionHeld: .session
        case .medicationAdjusted: .medication
        case .entryCorrected, .entryRetracted: .amendment
        }
    }

    /// Whether events of this type end an episode.
    public var isEnd: Bool { kind == .end }

    /// Whether a fold reads who states an event of this type: an end, and a session.
    public var hasReadAuthor: Bool { kind == .end || kind == .session }

    /// Whether events of this type say something about another event, and are no entries themselves.
    public var isAmendment: Bool { kind == .amendment }

    /// Whether events of this type begin, change or end a stay, so that later events are judged by
    /// them.
    public var changesStays: Bool {
        switch kind {
        case .admission, .transfer, .end: true
        case .session, .medication, .amendment: false
        }
    }
}
