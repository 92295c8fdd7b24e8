public import CareEpisode
public import ProjectionRuntime

/// The two clocks of a page: up to when things happened, and when they were known.
///
/// They are given by the API's names. Times without an offset are those of the ledger's wall clock,
/// as a browser's fields have them.
public struct PageClocks: Sendable {
    /// Up to when things take part.
    public enum Effective: Hashable, Sendable {
        case now
        /// A date before today.
        case date(CalendarDate)
        case instant(Instant)
    }

    /// Up to when things take part.
    public let effective: Effective
    /// The knowledge time; nil for everything.
    public let knownAt: Instant?
    /// Whose clock that is on.
    public let knownBy: KnowledgeClock
    /// A second knowledge time to compare with.
    public let compared: Instant?
    /// The last version of an episode that takes part, whatever was known when; nil for all.
    public let version: Version?
    /// As the API takes them, for a question that knows `effective_at`.
    public let values: [String: [String]]

    /// Now, with everything that is known.
    public static let now = PageClocks()

    private init() {
        effective = .now
        knownAt = nil
        knownBy = .source
        compared = nil
        version = nil
        values = [:]
    }

    /// Reads the clocks of a page's address.
    ///
    /// - Throws: ``QuestionRefusal`` with the names of the fields that are wrong.
    public init(_ address: PageAddress, at moment: Moment) throws(QuestionRefusal) {
        var reasons: [QuestionRefusal.Reason] = []
        func time(_ name: String) -> (text: String, instant: Instant)? {
            guard let text = address[name] else { return nil }
            switch Self.read(text, moment.calendar) {
            case .success(let read): return read
            case .failure(let wrong):
                reasons.append(.init(parameter: name, code: .invalid, detail: wrong.detail))
                return nil
            }
        }
        let name = address["date"] == nil ? "effective_at" : "date"
        if address["date"] != nil, address["effective_at"] != nil {
            reasons.append(
                .init(parameter: "effective_at", code: .conflict, detail: "does not go with a date")
            )
        }
        let effectiveAt = time(name)
        if let instant = effectiveAt?.instant, let text = effectiveAt?.text {
            let date = CalendarDate(iso8601: text)
            if date.map({ $0 > moment.today }) ?? (instant > moment.now) {
                reasons.append(
                    .init(
                        parameter: name,
                        code: .liesAhead,
                        detail: "must not lie ahead: today is \(moment.today)"
                    )
                )
            }
            if let date {
                effective = date == moment.today ? .now : .date(date)
            } else {
                effective = .instant(instant)
            }
        } else {
            effective = .now
        }
        let known = time("known_at")
        let compared = time("compare")
        knownBy = KnowledgeClock(rawValue: address["known_by"] ?? "source") ?? .source
        if let text = address["known_by"], KnowledgeClock(rawValue: text) == nil {
            reasons.append(
                .init(
                    parameter: "known_by",
                    code: .invalid,
                    detail: "must be source or ledger"
                )
            )
        }
        let number = address["version"].flatMap { text in
            Int64(text).flatMap {
                (1...Int64(Int32.max)).contains($0) && "\($0)" == text ? $0 : nil
            }
        }
        if number == nil, address["version"] != nil {
            reasons.append(
                .init(
                    parameter: "version",
                    code: .invalid,
                    detail: "must be a whole number from 1"
                )
            )
        }
        if number != nil, known != nil || compared != nil {
            reasons.append(
                .init(
                    parameter: "version",
                    code: .conflict,
                    detail: "does not go with a time of knowledge"
                )
            )
        }
        guard reasons.isEmpty else { throw QuestionRefusal(reasons, Clocks.parameters) }
        version = number.map { Version($0) }
        knownAt = known?.instant
        self.compared = compared?.instant
        var values: [String: [String]] = [:]
        if effective != .now, let text = effectiveAt?.text { values["effective_at"] = [text] }
        if let known {
            values["known_at"] = [known.text]
            values["known_by"] = [knownBy.rawValue]
        }
        if let version { values["version"] = [version.description] }
        self.values = values
    }

    /// Whether the page shows now, with everything that is known.
    public var isLive: Bool { showsNow && compared == nil }

    /// Whether what the page shows is now, whatever that is compared with.
    public var showsNow: Bool { effective == .now && knownAt == nil && version == nil }

    /// What a question takes to compare the two knowledge times; nil where one answer is wanted.
    ///
    /// The earlier comes first. Without a knowledge time, what is known now is the later.
    public func difference(at moment: Moment) -> [String: [String]]? {
        guard let compared else { return nil }
        let other = knownAt ?? max(moment.now, moment.newest ?? moment.now)
        var values = values
        values["known_at"] = nil
        values["known_by"] = [knownBy.rawValue]
        values["diff"] = ["\(min(compared, other)),\(max(compared, other))"]
        return values
    }

    /// The instants that a time of the ledger's wall clock can mean, where it comes twice that day.
    public static func meanings(of text: String, _ calendar: LocalCalendar) -> [Instant] {
        let instants = instants(of: text, calendar) ?? []
        return instants.count > 1 ? instants : []
    }

    /// The instants that a time of the ledger's wall clock can mean: none that the clocks left out, two
    /// where it comes twice that day; nil of any other text.
    static func instants(of text: String, _ calendar: LocalCalendar) -> [Instant]? {
        wallClock(text).map { calendar.instants($0.0, hour: $0.hour, minute: $0.minute) }
    }

    private struct Wrong: Error {
        let detail: String
    }

    /// Reads a date, an instant with an offset, or a time of the wall clock; the text that comes back
    /// is as the API takes it.
    private static func read(
        _ text: String,
        _ calendar: LocalCalendar
    ) -> Result<(text: String, instant: Instant), Wrong> {
        if let date = CalendarDate(iso8601: text) {
            return .success((text, calendar.startOfDay(date.adding(days: 1))))
        }
        if let instant = Instant(rfc3339: text) { return .success((text, instant)) }
        guard let (date, hour, minute) = wallClock(text) else {
            return .failure(
                Wrong(detail: "must be a date, such as 2025-12-31, or a time, 2025-12-31T17:30")
            )
        }
        let instants = calendar.instants(date, hour: hour, minute: minute)
        switch instants.count {
        case 1: return .success((instants[0].description, instants[0]))
        case 0:
            return .failure(
                Wrong(detail: "is a time that the clocks left out that day in \(calendar.timeZone)")
            )
        default:
            let choices = instants.map { calendar.time($0) }.joined(separator: " or ")
            return .failure(
                Wrong(
                    detail: "comes twice that day in \(calendar.timeZone): write which, "
                        + "\(choices), as \(instants[0]) or \(instants[1])"
                )
            )
        }
    }

    /// A time of the wall clock as a browser's field has it.
    private static func wallClock(_ text: String) -> (CalendarDate, hour: Int, minute: Int)? {
        let parts = text.split(separator: "T", omittingEmptySubsequences: false)
        // Hours and minutes, and seconds that are none: anything else may be an offset that is lost.
        let clock =
            parts.count == 2
            ? parts[1].split(separator: ":", omittingEmptySubsequences: false).map { part in
                part.utf8.count == 2 && part.allSatisfy(\.isNumber) ? Int(part) : nil
            } : []
        guard parts.count == 2, let date = CalendarDate(iso8601: parts[0]),
            clock.count == 2 || (clock.count == 3 && clock[2] == 0),
            let hour = clock[0], let minute = clock[1], (0...23).contains(hour),
            (0...59).contains(minute)
        else { return nil }
        return (date, hour, minute)
    }
}
