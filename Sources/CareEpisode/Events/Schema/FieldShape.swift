/// A field of an event as a form needs to know it: its name, and what it can hold.
///
/// Made of the schemas that are made of the lists of fields which the parser reads, so that a form has the
/// fields of the catalog and no others.
public struct FieldShape: Sendable {
    /// What a field can hold.
    public indirect enum Kind: Sendable {
        /// A text of so many characters at most.
        case text(most: Int)
        /// One of some codes.
        case code([String])
        /// A whole number.
        case integer
        /// A number.
        case number
        /// True or false.
        case flag
        /// A time.
        case instant
        /// A date.
        case date
        /// Fields of its own.
        case object([FieldShape])
        /// So many of a kind at least.
        case list(Kind, atLeast: Int)
    }

    /// As JSON names it.
    public let name: String
    /// Whether an event without it is refused, whatever else it says.
    public let isRequired: Bool
    /// What it can hold.
    public let kind: Kind

    /// A field.
    public init(name: String, isRequired: Bool, kind: Kind) {
        self.name = name
        self.isRequired = isRequired
        self.kind = kind
    }
}

extension EventType {
    /// The fields of `data`: those that are required first, in their order.
    ///
    /// Of a correction without its replacement, whose fields are those of the target's type.
    public var fields: [FieldShape] {
        guard case .object(let fields) = FieldShape.Kind(dataSchema) else { return [] }
        return fields
    }
}

extension Author {
    /// The fields of an author.
    public static var fieldShapes: [FieldShape] {
        guard case .object(let fields) = FieldShape.Kind(schema) else { return [] }
        return fields
    }
}

extension FieldShape.Kind {
    /// What a schema of the catalog describes; nil of an object whose fields it does not tell.
    fileprivate init?(_ schema: AnswerJSON) {
        if case .array(let codes)? = schema["enum"] {
            self = .code(codes.compactMap(\.text))
            return
        }
        switch (schema["type"]?.text, schema["format"]?.text) {
        case ("string", "date-time"): self = .instant
        case ("string", "date"): self = .date
        case ("string", _):
            self = .text(most: schema["maxLength"]?.integer ?? JSONLimits.stringScalars)
        case ("integer", _): self = .integer
        case ("number", _): self = .number
        case ("boolean", _): self = .flag
        case ("array", _):
            guard let items = schema["items"].flatMap({ Self($0) }) else { return nil }
            self = .list(items, atLeast: schema["minItems"]?.integer ?? 0)
        default:
            guard case .object(let properties)? = schema["properties"] else { return nil }
            var required: [String] = []
            if case .array(let names)? = schema["required"] { required = names.compactMap(\.text) }
            let fields = properties.compactMap { name, schema -> FieldShape? in
                Self(schema).map { kind in
                    FieldShape(name: name, isRequired: required.contains(name), kind: kind)
                }
            }
            func order(_ field: FieldShape) -> Int {
                required.firstIndex(of: field.name) ?? required.count
            }
            self = .object(
                fields.enumerated()
                    .sorted { (order($0.element), $0.offset) < (order($1.element), $1.offset) }
                    .map(\.element)
            )
        }
    }
}

extension AnswerJSON {
    fileprivate subscript(_ name: String) -> AnswerJSON? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.name == name }?.value
    }

    fileprivate var text: String? {
        guard case .string(let text) = self else { return nil }
        return text
    }

    fileprivate var integer: Int? {
        guard case .integer(let number) = self else { return nil }
        return Int(exactly: number)
    }
}

extension EventData {
    /// What every field of the data says, as a form shows it: by its JSON Pointer below the data.
    ///
    /// Times in their canonical form, numbers as they are written, `true` and `false`; an empty list as
    /// `[]`.
    public var fieldTexts: [(pointer: String, text: String)] {
        let document = JSONReader.read(canonicalBytes()).document
        var texts: [(pointer: String, text: String)] = []
        /// - Returns: the node after the value.
        func read(_ node: Int, _ pointer: String) -> Int {
            let value = document.nodes[node]
            switch value.kind {
            case .object:
                var name = node + 1
                for _ in 0..<value.count {
                    let member = document.text(document.nodes[name])
                    name = read(name + 1, "\(pointer)/\(member)")
                }
            case .array:
                if value.count == 0 { texts.append((pointer, "[]")) }
                var element = node + 1
                for index in 0..<value.count { element = read(element, "\(pointer)/\(index)") }
            case .bool:
                texts.append((pointer, value.flags.contains(.isTrue) ? "true" : "false"))
            case .string, .number: texts.append((pointer, document.text(value)))
            case .null, .name: break
            }
            return Int(value.next)
        }
        _ = read(0, "")
        return texts
    }
}
