public import ArgumentParser
public import CareEpisode
import Glibc

/// A time as a person writes it: RFC 3339, or a date, which means its 24:00 in the ledger's zone.
enum TimeArgument: ExpressibleByArgument {
    case instant(Instant)
    case date(CalendarDate)

    init?(argument: String) {
        if let date = CalendarDate(iso8601: argument) {
            self = .date(date)
        } else if let instant = Instant(rfc3339: argument) {
            self = .instant(instant)
        } else {
            return nil
        }
    }

    static var defaultValueDescription: String { "RFC 3339 or YYYY-MM-DD" }

    func instant(_ calendar: LocalCalendar) -> Instant {
        switch self {
        case .instant(let instant): instant
        case .date(let date): calendar.startOfDay(date.adding(days: 1))
        }
    }
}

/// The knowledge clock of a question.
struct KnowledgeOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            """
            Answer with what was known at this time: RFC 3339, or a date, which means its 24:00 \
            in the ledger's zone. Without it, with all that is known.
            """,
            valueName: "time"
        )
    )
    var knownAt: TimeArgument?

    @Option(
        help: ArgumentHelp(
            """
            Which clock --known-at is on: source (when the source system recorded it, where it \
            says so) or ledger (when this ledger did).
            """,
            valueName: "clock"
        )
    )
    var knownBy: KnowledgeClock = .source
}

extension KnowledgeClock: ExpressibleByArgument {
    /// The allowed values.
    public static var allValueStrings: [String] { ["source", "ledger"] }

    /// Reads an option.
    public init?(argument: String) {
        self.init(rawValue: argument)
    }
}

/// Which types of events are wanted.
struct TypeOptions: ParsableArguments {
    @Option(
        parsing: .upToNextOption,
        help: ArgumentHelp(
            "Only these types of events, such as: --types admitted completed.",
            valueName: "type"
        )
    )
    var types: [EventType] = []

    var filter: Set<EventType>? { types.isEmpty ? nil : Set(types) }
}

extension EventType: ExpressibleByArgument {}
