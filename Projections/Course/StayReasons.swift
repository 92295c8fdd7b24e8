public import CareEpisode

/// A step, or a change of program: it closes one stay and opens the next.
public enum Transfer: String, Hashable, Sendable, CaseIterable {
    /// To a lower level of care.
    case steppedDown = "stepped_down"
    /// To a higher level of care.
    case steppedUp = "stepped_up"
    /// At the same level.
    case programChanged = "program_changed"
}

/// What opened a stay.
public enum StayOpening: Hashable, Sendable {
    /// The admission.
    case admission
    /// What closed the stay before.
    case transfer(Transfer)
}

/// What closed a stay.
public enum StayClosing: Hashable, Sendable {
    /// What opened the next stay.
    case transfer(Transfer)
    /// The end of the episode.
    case end(EndReason)
}

extension StayOpening: ClosedCode {
    /// Every reason.
    public static let allCases: [StayOpening] =
        [.admission] + Transfer.allCases.map { .transfer($0) }

    /// A reason as it is written; nil for any other text.
    public init?(rawValue: String) {
        if rawValue == EventType.admitted.rawValue {
            self = .admission
        } else if let transfer = Transfer(rawValue: rawValue) {
            self = .transfer(transfer)
        } else {
            return nil
        }
    }

    /// As it is written: the type of the event.
    public var rawValue: String {
        switch self {
        case .admission: EventType.admitted.rawValue
        case .transfer(let transfer): transfer.rawValue
        }
    }
}

extension StayClosing: ClosedCode {
    /// Every reason.
    public static let allCases: [StayClosing] =
        Transfer.allCases.map { .transfer($0) } + EndReason.allCases.map { .end($0) }

    /// A reason as it is written; nil for any other text.
    public init?(rawValue: String) {
        if let transfer = Transfer(rawValue: rawValue) {
            self = .transfer(transfer)
        } else if let reason = EndReason(rawValue: rawValue) {
            self = .end(reason)
        } else {
            return nil
        }
    }

    /// As it is written: the type of the event, or the reason of the end.
    public var rawValue: String {
        switch self {
        case .transfer(let transfer): transfer.rawValue
        case .end(let reason): reason.rawValue
        }
    }
}
