public import CareEpisode

/// What was typed into the fields of a form, by their JSON Pointers.
///
/// A field that holds nothing is not in the event. Of a list the elements count that hold something.
public struct FormValues: Sendable {
    private var texts: [String: String] = [:]
    /// How many fields below each pointer hold something.
    private var filled: [String: Int] = [:]

    /// The longest name of a field that is taken, in bytes: none of the catalog's is as long.
    private static let nameLimit = 256
    /// So many elements of a list are taken: one more than an event may have, so that this is refused.
    private static let elementLimit = 257

    /// The value of a box that says that a list has no elements.
    static let noElements = "[]"

    /// An empty form.
    public init() {}

    /// What a browser sends; of a name that comes twice, what comes last.
    public init(_ fields: [(name: String, value: String)]) {
        for (name, value) in fields where name.utf8.count <= Self.nameLimit {
            // A browser sends line breaks as two characters.
            self[name] = value.replacing("\r\n", with: "\n")
        }
    }

    /// The text of a field; empty where it holds nothing.
    public subscript(_ pointer: String) -> String {
        get { texts[pointer] ?? "" }
        set {
            let change = (newValue.isEmpty ? 0 : 1) - (texts[pointer] == nil ? 0 : 1)
            texts[pointer] = newValue.isEmpty ? nil : newValue
            guard change != 0 else { return }
            var place = Substring(pointer)
            while !place.isEmpty {
                filled[String(place), default: 0] += change
                place = place.prefix(upTo: place.lastIndex(of: "/") ?? place.startIndex)
            }
        }
    }

    /// Whether a field, or one below it, holds something.
    func hasText(below pointer: String) -> Bool { filled[pointer, default: 0] > 0 }

    /// How many elements of a list hold something, where they are numbered without a gap.
    func count(of list: String) -> Int {
        (0...).first { !hasText(below: "\(list)/\($0)") } ?? 0
    }

    /// Puts an entry's data below a pointer; times as the wall clock shows them where it can.
    public mutating func put(_ data: EventData, at pointer: String, _ calendar: LocalCalendar) {
        for (below, text) in data.fieldTexts { self[pointer + below] = text }
        for instant in FieldShape.Kind.object(data.type.fields).instants(pointer, self) {
            if let time = Instant(rfc3339: self[instant]) {
                self[instant] = FormTime.text(time, calendar)
            }
        }
    }

    /// What these fields hold, and nothing else, with the elements of every list numbered from 0: an error
    /// finds its field by that number.
    func renumbered(_ fields: [FieldShape]) -> FormValues {
        var values = FormValues()
        take(.object(fields), from: "", to: "", into: &values)
        return values
    }

    private func take(
        _ kind: FieldShape.Kind,
        from old: String,
        to new: String,
        into values: inout FormValues
    ) {
        switch kind {
        case .object(let fields):
            for field in fields {
                take(
                    field.kind,
                    from: "\(old)/\(field.name)",
                    to: "\(new)/\(field.name)",
                    into: &values
                )
            }
        case .list(let element, _):
            values[new] = self[old]
            let indices = Set(
                texts.keys.filter { $0.hasPrefix(old + "/") }
                    .compactMap { Int($0.dropFirst(old.count + 1).prefix { $0 != "/" }) }
            ).sorted().prefix(Self.elementLimit)
            for (place, index) in indices.enumerated() {
                take(element, from: "\(old)/\(index)", to: "\(new)/\(place)", into: &values)
            }
        case .instant:
            values[new] = self[old]
            values[FormTime.choice(new)] = self[FormTime.choice(old)]
        case .text, .code, .integer, .number, .flag, .date: values[new] = self[old]
        }
    }
}

/// Times in forms: of the ledger's wall clock, as a browser's field has them, or with an offset.
public enum FormTime {
    /// The name of the field that says which of two times is meant.
    static func choice(_ pointer: String) -> String { "which:\(pointer)" }

    /// The minute that the wall clock shows at an instant, for a field.
    public static func minute(of instant: Instant, _ calendar: LocalCalendar) -> String {
        text(Instant(microseconds: instant.microseconds / 60_000_000 * 60_000_000), calendar)
    }

    /// A time for a field: of the wall clock where that says all of it, else with an offset.
    public static func text(_ instant: Instant, _ calendar: LocalCalendar) -> String {
        let clock = calendar.wallClock(instant)
        let isWhole = instant.microseconds.isMultiple(of: 60_000_000)
        guard isWhole, !clock.isRepeated else { return instant.description }
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        return "\(clock.date)T\(two(clock.hour)):\(two(clock.minute))"
    }

    /// The time of a text: of the wall clock, or with an offset.
    ///
    /// - Throws: ``FieldError`` where it is none, or the clock shows it twice or never.
    public static func instant(
        _ text: String,
        _ calendar: LocalCalendar
    ) throws(FieldError) -> Instant {
        var values = FormValues()
        values["/start"] = text
        let (time, error) = read("/start", values, calendar)
        if let error { throw error }
        guard let instant = Instant(rfc3339: time) else {
            throw FieldError(
                pointer: "/start",
                code: "invalid_instant",
                detail: "must be a time, such as 2025-12-31T17:30"
            )
        }
        return instant
    }

    /// The time that is meant, or what is wrong with it.
    static func read(
        _ pointer: String,
        _ values: FormValues,
        _ calendar: LocalCalendar
    ) -> (text: String, error: FieldError?) {
        let text = values[pointer]
        guard let instants = PageClocks.instants(of: text, calendar) else { return (text, nil) }
        if instants.count == 1 { return (instants[0].description, nil) }
        if let chosen = Instant(rfc3339: values[choice(pointer)]), instants.contains(chosen) {
            return (chosen.description, nil)
        }
        let error =
            instants.isEmpty
            ? FieldError(
                pointer: pointer,
                code: "skipped_time",
                detail: "is a time that the clocks left out that day in \(calendar.timeZone)"
            )
            : FieldError(
                pointer: pointer,
                code: "repeated_time",
                detail: "comes twice that day in \(calendar.timeZone): choose which is meant"
            )
        return (text, error)
    }
}

extension FieldShape.Kind {
    /// The pointers of the times that hold something.
    fileprivate func instants(_ pointer: String, _ values: FormValues) -> [String] {
        switch self {
        case .instant: [pointer]
        case .object(let fields):
            fields.flatMap { $0.kind.instants("\(pointer)/\($0.name)", values) }
        case .list(let element, _):
            (0..<values.count(of: pointer)).flatMap { element.instants("\(pointer)/\($0)", values) }
        case .text, .code, .integer, .number, .flag, .date: []
        }
    }
}
