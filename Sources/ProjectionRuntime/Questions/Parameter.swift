import CareEpisode

/// What a question or a request can be given: said once, for its reading and its limits, the command
/// line's help and the OpenAPI document.
public struct Parameter: Sendable {
    /// What values there are.
    public enum Kind: Sendable {
        /// Any text, which may be health information.
        case text
        /// A local date of the ledger, `2025-12-31`.
        case date
        /// An instant with an offset, or a date, which means its 24:00 in the ledger's zone.
        case time
        /// Likewise, but not after now: a date that is today means now.
        case pastTime
        /// Two times, the earlier one first.
        case times
        /// An episode.
        case episode
        /// A whole number.
        case integer(ClosedRange<Int64>)
        /// Up to where somebody has read a ledger.
        case cursor
        /// One of some words.
        case choice([String])
        /// `true` or `false`; on the command line given or not.
        case flag
        /// A program and its hours a week, `iop-day=9`.
        case programHours
        /// Types of events, separated by commas.
        case types
        /// Text of a regular expression (ECMA-262), with what it accepts in words after "must be".
        case pattern(String, accepted: String)
    }

    /// As HTTP spells it.
    public let name: String
    /// As the command line spells it, without its dashes.
    public let option: String
    /// What values there are.
    public let kind: Kind
    /// What a value is called in the command line's help.
    public let valueName: String
    /// What it does, in sentences; `{name}` stands for another parameter.
    public let help: String
    /// What is taken without it, as it is written.
    public let standard: String?
    /// Whether the question is none without it.
    public let isRequired: Bool
    /// Whether it may be given several times.
    public let repeats: Bool

    /// Describes a parameter; the option is its name with hyphens unless another is given.
    public init(
        _ name: String,
        _ kind: Kind,
        _ help: String,
        option: String? = nil,
        valueName: String? = nil,
        standard: String? = nil,
        isRequired: Bool = false,
        repeats: Bool = false
    ) {
        self.name = name
        self.option = option ?? name.replacing("_", with: "-")
        self.kind = kind
        self.valueName = valueName ?? kind.valueName ?? self.option
        self.help = help
        self.standard = standard
        self.isRequired = isRequired
        self.repeats = repeats
    }
}

extension Parameter.Kind {
    fileprivate var valueName: String? {
        switch self {
        case .date: "date"
        case .time, .pastTime, .times: "time"
        case .episode: "id"
        case .integer: "n"
        case .cursor: "position"
        case .programHours: "program=hours"
        case .types: "type"
        case .text, .choice, .flag, .pattern: nil
        }
    }

    /// What is accepted, in words that follow "must be"; nil where anything is.
    var accepted: String? {
        switch self {
        case .text: nil
        case .date: "a date, such as 2025-12-31"
        case .time, .pastTime:
            "a time with an offset, such as 2025-12-31T12:00:00Z, or a date, such as 2025-12-31"
        case .times: "two times with an offset, such as 2025-12-31T12:00:00Z, or dates"
        case .episode: "a UUID"
        case .integer(let range):
            "a whole number from \(range.lowerBound) to \(range.upperBound)"
        case .cursor:
            "a whole number from 0 to \(Cursor.highest), of a later incarnation than the first with "
                + "its number and a dot in front, such as 2.1234"
        case .choice(let words):
            words.count == 2
                ? words.joined(separator: " or ")
                : "one of " + words.joined(separator: ", ")
        case .flag: "true or false"
        case .programHours: "a program and its hours a week, 0 to 168, such as iop-day=9"
        case .pattern(_, let accepted): accepted
        case .types:
            "types of events, separated by commas: "
                + EventType.allCases.map(\.rawValue).joined(separator: ", ")
        }
    }
}
