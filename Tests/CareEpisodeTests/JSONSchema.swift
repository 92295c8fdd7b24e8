@testable import CareEpisode

/// The keywords of JSON Schema (2020-12) that ``EventSchema`` uses; any other is a fault.
struct JSONSchema {
    private let components: [String: AnswerJSON]

    init(_ components: [(name: String, value: AnswerJSON)]) {
        self.components = Dictionary(uniqueKeysWithValues: components.map { ($0.name, $0.value) })
    }

    struct UnknownKeyword: Error { let keyword: String }

    func admits(_ value: AnswerJSON, _ schema: AnswerJSON) throws -> Bool {
        if case .bool(let isAdmitted) = schema { return isAdmitted }
        return try schema.members.allSatisfy { try holds($0.name, $0.value, value, schema) }
    }

    private func holds(
        _ keyword: String,
        _ rule: AnswerJSON,
        _ value: AnswerJSON,
        _ schema: AnswerJSON
    ) throws -> Bool {
        switch keyword {
        case "$ref":
            let name = rule.text.split(separator: "/").last.map(String.init) ?? ""
            guard let component = components[name] else { throw UnknownKeyword(keyword: rule.text) }
            return try admits(value, component)
        case "type":
            return value.kind == rule.text || value.kind == "integer" && rule.text == "number"
        case "const": return value.bytes == rule.bytes
        case "enum": return rule.elements.contains { $0.bytes == value.bytes }
        case "oneOf": return try rule.elements.count { try admits(value, $0) } == 1
        case "anyOf": return try rule.elements.contains { try admits(value, $0) }
        case "allOf": return try rule.elements.allSatisfy { try admits(value, $0) }
        case "if":
            guard try admits(value, rule), let then = schema["then"] else { return true }
            return try admits(value, then)
        case "then", "default", "description", "discriminator": return true
        case "format": return isFormatted(value.text, rule.text)
        case "minLength": return value.text.unicodeScalars.count >= rule.integer
        case "maxLength": return value.text.unicodeScalars.count <= rule.integer
        case "minimum": return value.number >= rule.number
        case "maximum": return value.number <= rule.number
        case "exclusiveMinimum": return value.number > rule.number
        case "items": return try value.elements.allSatisfy { try admits($0, rule) }
        case "minItems": return value.elements.count >= rule.integer
        case "maxItems": return value.elements.count <= rule.integer
        case "required": return rule.elements.allSatisfy { value[$0.text] != nil }
        case "properties":
            return try value.members.allSatisfy { member in
                try rule[member.name].map { try admits(member.value, $0) } ?? true
            }
        case "additionalProperties":
            return value.members.allSatisfy { schema["properties"]?[$0.name] != nil }
        case "dependentRequired":
            return rule.members.allSatisfy { rule in
                value[rule.name] == nil || rule.value.elements.allSatisfy { value[$0.text] != nil }
            }
        default: throw UnknownKeyword(keyword: keyword)
        }
    }

    private func isFormatted(_ text: String, _ format: String) -> Bool {
        switch format {
        case "date": has(text[...], "0000-00-00")
        case "uuid": has(text[...], "hhhhhhhh-hhhh-hhhh-hhhh-hhhhhhhhhhhh")
        case "date-time": isTime(text)
        default: false
        }
    }

    private func isTime(_ text: String) -> Bool {
        guard has(text.prefix(19), "0000-00-00T00:00:00") else { return false }
        var rest = text.dropFirst(19)
        if rest.first == "." {
            let digits = rest.dropFirst().prefix { $0.isWholeNumber }
            if digits.isEmpty { return false }
            rest = rest.dropFirst(1 + digits.count)
        }
        return rest == "Z" || has(rest, "+00:00") || has(rest, "-00:00")
    }

    /// Whether a text has digits for `0`, hexadecimal digits for `h`, and else what the form has.
    private func has(_ text: Substring, _ form: String) -> Bool {
        text.utf8.count == form.utf8.count
            && zip(text, form).allSatisfy { character, form in
                switch form {
                case "0": character.isWholeNumber
                case "h": character.isHexDigit
                default: character == form
                }
            }
    }
}

extension AnswerJSON {
    /// A value of a parsed document.
    init(_ document: JSONDocument, _ index: Int = 0) {
        let node = document.nodes[index]
        switch node.kind {
        case .null: self = .null
        case .bool: self = .bool(node.flags.contains(.isTrue))
        case .number:
            let number = document.withText(node) { CanonicalNumber.value(of: $0) }
            self = node.flags.contains(.integerToken) ? .integer(Int64(number)) : .number(number)
        case .string, .name: self = .string(document.text(node))
        case .array, .object:
            var elements: [AnswerJSON] = []
            var names: [String] = []
            var next = index + 1
            for _ in 0..<node.count {
                if node.kind == .object {
                    names.append(document.text(document.nodes[next]))
                    next += 1
                }
                elements.append(AnswerJSON(document, next))
                next = Int(document.nodes[next].next)
            }
            self = node.kind == .array ? .array(elements) : .object(Array(zip(names, elements)))
        }
    }

    var members: [(name: String, value: AnswerJSON)] {
        if case .object(let members) = self { members } else { [] }
    }

    var elements: [AnswerJSON] {
        if case .array(let elements) = self { elements } else { [] }
    }

    var text: String {
        if case .string(let text) = self { text } else { "" }
    }

    var number: Double {
        switch self {
        case .integer(let number): Double(number)
        case .number(let number): number
        default: .nan
        }
    }

    var integer: Int {
        if case .integer(let number) = self { Int(number) } else { 0 }
    }

    subscript(name: String) -> AnswerJSON? { members.first { $0.name == name }?.value }

    /// The name of the type in JSON Schema.
    var kind: String {
        switch self {
        case .object: "object"
        case .array: "array"
        case .string: "string"
        case .integer: "integer"
        case .number: "number"
        case .bool: "boolean"
        case .null: "null"
        case .raw: "raw"
        }
    }
}
