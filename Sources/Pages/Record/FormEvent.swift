public import CareEpisode

/// The event that a form says, as a program would send it.
public struct FormEvent: Sendable {
    /// The event in JSON.
    public let json: [UInt8]
    /// What the form shows again.
    public let values: FormValues
    /// Times of the wall clock that do not say which time is meant.
    private let timeErrors: [FieldError]

    /// Puts an event together; what is wrong with it is the parser's to say.
    ///
    /// - Parameters:
    ///   - type: of the event.
    ///   - target: the type of the entry that is amended; nil of anything but an amendment.
    ///   - values: what was typed.
    ///   - calendar: the ledger's wall clock.
    public init(
        _ type: EventType,
        target: EventType?,
        _ values: FormValues,
        _ calendar: LocalCalendar
    ) {
        var data = type.fields
        if type == .entryCorrected, let target {
            data.append(
                FieldShape(name: "replacement", isRequired: true, kind: .object(target.fields))
            )
        }
        let fields = [
            FieldShape(name: "event_id", isRequired: true, kind: .text(most: 36)),
            FieldShape(name: "occurred_at", isRequired: true, kind: .instant),
            FieldShape(name: "author", isRequired: true, kind: .object(Author.fieldShapes)),
            FieldShape(name: "data", isRequired: true, kind: .object(data)),
        ]
        self.values = values.renumbered(fields)
        var writer = FormWriter(values: self.values, calendar: calendar)
        let members = [("type", AnswerJSON.string(type.rawValue))] + writer.members(fields, at: "")
        json = AnswerJSON.object(members.map { (name: $0.0, value: $0.1) }).bytes
        timeErrors = writer.errors
    }

    /// The event, by the parser that reads what programs send.
    ///
    /// - Throws: ``Refusal`` with everything that is wrong.
    public func draft() throws(Refusal) -> EventDraft {
        var errors: [FieldError] = []
        do throws(Refusal) {
            let request = try EventParser.parseRequest(json, from: .writer)
            if timeErrors.isEmpty { return request.events[0] }
        } catch {
            errors = error.errors
        }
        let unclear = Set(timeErrors.map(\.pointer))
        throw Refusal(errors: timeErrors + errors.filter { !unclear.contains($0.pointer) })
    }
}

/// Writes what was typed as JSON: what is no number goes as it is, for the parser to refuse.
private struct FormWriter {
    let values: FormValues
    let calendar: LocalCalendar
    var errors: [FieldError] = []

    mutating func members(
        _ fields: [FieldShape],
        at pointer: String
    ) -> [(name: String, value: AnswerJSON)] {
        var members: [(name: String, value: AnswerJSON)] = []
        for field in fields {
            if let value = json(field.kind, at: "\(pointer)/\(field.name)") {
                members.append((field.name, value))
            } else if field.isRequired, case .object = field.kind {
                // What it lacks is told at the fields that are shown.
                members.append((field.name, .object([])))
            }
        }
        return members
    }

    private mutating func json(_ kind: FieldShape.Kind, at pointer: String) -> AnswerJSON? {
        let text = values[pointer]
        switch kind {
        case .object(let fields):
            let members = members(fields, at: pointer)
            return members.isEmpty ? nil : .object(members)
        case .list(let element, _):
            let elements = (0..<values.count(of: pointer)).compactMap {
                json(element, at: "\(pointer)/\($0)")
            }
            if elements.isEmpty, text != FormValues.noElements { return nil }
            return .array(elements)
        default: break
        }
        guard !text.isEmpty else { return nil }
        switch kind {
        case .integer, .number: return Self.isNumber(text) ? .raw(Array(text.utf8)) : .string(text)
        case .flag where text == "true" || text == "false": return .bool(text == "true")
        case .instant:
            let (time, error) = FormTime.read(pointer, values, calendar)
            if let error { errors.append(error) }
            return .string(time)
        default: return .string(text)
        }
    }

    /// Whether a text is a number of JSON (RFC 8259, 6).
    private static func isNumber(_ text: String) -> Bool {
        text.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?/) != nil
    }
}
