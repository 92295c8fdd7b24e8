public import CareEpisode

/// Reads the values of parameters, and gathers everything that is wrong with them.
///
/// Each value is read by the kind of its parameter: what is accepted is said there alone.
public struct ArgumentReader {
    /// When the question is asked, and in which zone.
    public let moment: Moment
    private let parameters: [Parameter]
    private let values: [String: [String]]
    private var reasons: [QuestionRefusal.Reason] = []

    /// Begins to read; what is unknown, given too often or lacking is noted.
    public init(_ arguments: Arguments, _ parameters: [Parameter], at moment: Moment) {
        self.moment = moment
        self.parameters = parameters
        values = arguments.values
        if !values.keys.allSatisfy({ name in parameters.contains { $0.name == name } }) {
            reasons.append(.unknown(parameters))
        }
        for parameter in parameters {
            let given = values[parameter.name] ?? []
            if given.isEmpty, parameter.isRequired {
                refuse(parameter.name, .required, "is required")
            }
            if given.count > 1, !parameter.repeats {
                refuse(parameter.name, .repeated, "is given twice")
            }
            // No text in the database can hold it; what is not text is refused when it is read.
            if case .text = parameter.kind, given.contains(where: { $0.utf8.contains(0) }) {
                refuse(parameter.name, .invalid, "must not hold a NUL character")
            }
        }
    }

    /// Notes that a parameter is wrong.
    public mutating func refuse(
        _ name: String,
        _ code: QuestionRefusal.Code,
        _ detail: String
    ) {
        reasons.append(QuestionRefusal.Reason(parameter: name, code: code, detail: detail))
    }

    /// Notes that a parameter's value is not among what its kind accepts.
    public mutating func refuse(_ name: String) {
        refuse(name, .invalid, "must be \(parameter(name).kind.accepted ?? "text")")
    }

    /// Throws what was noted.
    public func finish() throws(QuestionRefusal) {
        guard !reasons.isEmpty else { return }
        let order = Dictionary(
            uniqueKeysWithValues: parameters.enumerated().map { ($1.name, $0) }
        )
        let sorted = reasons.enumerated().sorted {
            (order[$0.element.parameter] ?? -1, $0.offset)
                < (order[$1.element.parameter] ?? -1, $1.offset)
        }
        throw QuestionRefusal(sorted.map(\.element), parameters)
    }

    /// Whether a parameter is given.
    public func has(_ name: String) -> Bool { !(values[name] ?? []).isEmpty }

    // MARK: - Values

    /// Text as it was given.
    public func text(_ name: String) -> String? { values[name]?.first }

    /// A date.
    public mutating func date(_ name: String) -> CalendarDate? {
        read(name) { CalendarDate(iso8601: $0) }
    }

    /// A date that is not after today.
    public mutating func pastDate(_ name: String) -> CalendarDate? {
        guard let date = date(name) else { return nil }
        if date > moment.today { refuse(name, .liesAhead, "must not lie ahead\(today)") }
        return date
    }

    /// The date as which a time is given; nil where it is given as an instant.
    public func writtenDate(_ name: String) -> CalendarDate? {
        values[name]?.first.flatMap { CalendarDate(iso8601: $0) }
    }

    /// A time; of a parameter for the past, one that is not after now.
    public mutating func time(_ name: String) -> Instant? {
        guard let value = read(name, WrittenTime.init) else { return nil }
        guard case .pastTime = parameter(name).kind else { return value.instant(moment) }
        switch value {
        case .instant(let instant) where instant > moment.now:
            refuse(name, .liesAhead, "must not lie ahead")
        case .date(let date) where date > moment.today:
            refuse(name, .liesAhead, "must not lie ahead\(today)")
        default: break
        }
        return min(value.instant(moment), moment.now)
    }

    /// Two times, the earlier one first.
    public mutating func times(_ name: String) -> (first: Instant, second: Instant)? {
        guard let text = values[name]?.first else { return nil }
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let times = parts.compactMap { WrittenTime(String($0))?.instant(moment) }
        guard times.count == parts.count else {
            refuse(name)
            return nil
        }
        guard times.count == 2 else {
            refuse(name, .invalid, "takes two times")
            return nil
        }
        // Which of a date and an instant is earlier depends on the zone.
        guard moment.isOpen || times[0] <= times[1] else {
            refuse(name, .order, "takes the earlier time first")
            return nil
        }
        return (times[0], times[1])
    }

    /// An episode.
    public mutating func episode(_ name: String) -> EpisodeID? {
        read(name) { EpisodeID($0) }
    }

    /// A whole number in the parameter's range; without one its standard.
    public mutating func integer(_ name: String) -> Int64 {
        guard case .integer(let range) = parameter(name).kind else {
            preconditionFailure("\(name) is a whole number")
        }
        let number = read(name) { text in
            Int64(text).flatMap { range.contains($0) && String($0) == text ? $0 : nil }
        }
        return number ?? parameter(name).standard.flatMap { Int64($0) } ?? range.lowerBound
    }

    /// Up to where somebody has read; without one the beginning.
    public mutating func cursor(_ name: String) -> Cursor {
        read(name) { text in
            Cursor(text).flatMap { $0.position.rawValue <= Cursor.highest ? $0 : nil }
        } ?? .beginning
    }

    /// One of the parameter's words.
    public mutating func choice(_ name: String) -> String? {
        guard case .choice(let words) = parameter(name).kind else {
            preconditionFailure("\(name) is one of some words")
        }
        return read(name) { words.contains($0) ? $0 : nil } ?? parameter(name).standard
    }

    /// Whether a flag is set.
    public mutating func flag(_ name: String) -> Bool {
        read(name) { ["true": true, "false": false][$0] } ?? false
    }

    /// Types of events; nil without the parameter.
    public mutating func types(_ name: String) -> Set<EventType>? {
        read(name) { text in
            let parts = text.split(separator: ",", omittingEmptySubsequences: false)
            let types = parts.compactMap { EventType(rawValue: String($0)) }
            return types.count == parts.count ? Set(types) : nil
        }
    }

    /// Hours a week of programs; the last one of a program counts.
    public mutating func programHours(_ name: String) -> [String: Double] {
        var hours: [String: Double] = [:]
        for text in values[name] ?? [] {
            // A key may hold an equals sign: the last one counts.
            guard let sign = text.lastIndex(of: "="), sign != text.startIndex,
                let number = Double(text[text.index(after: sign)...]), (0...168).contains(number)
            else {
                refuse(name)
                return [:]
            }
            hours[String(text[..<sign])] = number
        }
        return hours
    }

    // MARK: - Helpers

    private func parameter(_ name: String) -> Parameter {
        guard let parameter = parameters.first(where: { $0.name == name }) else {
            preconditionFailure("\(name) is among the parameters")
        }
        return parameter
    }

    private mutating func read<Value>(_ name: String, _ reading: (String) -> Value?) -> Value? {
        guard let text = values[name]?.first else { return nil }
        guard let value = reading(text) else {
            refuse(name)
            return nil
        }
        return value
    }

    private var today: String {
        ": today is \(moment.today) in \(moment.calendar.timeZone)"
    }
}

/// A time as a person writes it.
enum WrittenTime: CustomStringConvertible {
    case instant(Instant)
    case date(CalendarDate)

    init?(_ text: String) {
        if let date = CalendarDate(iso8601: text) {
            self = .date(date)
        } else if let instant = Instant(rfc3339: text) {
            self = .instant(instant)
        } else {
            return nil
        }
    }

    /// As this program writes it.
    var description: String {
        switch self {
        case .instant(let instant): instant.description
        case .date(let date): date.description
        }
    }

    func instant(_ moment: Moment) -> Instant {
        switch self {
        case .instant(let instant): instant
        case .date(let date): moment.calendar.startOfDay(date.adding(days: 1))
        }
    }
}
