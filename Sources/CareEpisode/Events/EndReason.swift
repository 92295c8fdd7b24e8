/// Why an episode ended.
public enum EndReason: Hashable, Sendable {
    /// As planned.
    case completed
    /// Otherwise.
    case discharged(DischargeReason)

    /// The code of TEDS-D REASON, 1 to 7.
    public var teds: Int {
        switch self {
        case .completed: 1
        case .discharged(let reason): reason.teds
        }
    }
}

extension EndReason: ClosedCode {
    /// Every reason.
    public static let allCases: [EndReason] =
        [.completed] + DischargeReason.allCases.map { .discharged($0) }

    /// A reason as it is written; nil for any other text.
    public init?(rawValue: String) {
        if rawValue == EventType.completed.rawValue {
            self = .completed
        } else if let reason = DischargeReason(rawValue: rawValue) {
            self = .discharged(reason)
        } else {
            return nil
        }
    }

    /// As it is written: `completed`, or a discharge reason.
    public var rawValue: String {
        switch self {
        case .completed: EventType.completed.rawValue
        case .discharged(let reason): reason.rawValue
        }
    }
}
