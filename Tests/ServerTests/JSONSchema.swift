/// Holds values against JSON Schema (2020-12): the keywords that the OpenAPI document uses for
/// answers; any other is a fault.
struct JSONSchema {
    /// Where `$ref` points.
    let document: JSONValue

    /// What a value lacks, and which properties of the schema it has.
    struct Verdict {
        /// What is wrong, each with its place in the value.
        var faults: [String] = []
        /// The places in the schema of the properties that have a value other than null.
        var had: Set<String> = []
    }

    /// Looks at a value.
    ///
    /// - Parameter place: where the schema is, for the names of its properties.
    func verdict(_ value: JSONValue, _ schema: JSONValue, _ place: String) -> Verdict {
        var verdict = Verdict()
        look(at: value, "", schema, place, &verdict)
        return verdict
    }

    /// The places of all properties of a schema.
    func properties(_ schema: JSONValue, _ place: String) -> Set<String> {
        var all: Set<String> = []
        if let target = schema["$ref"]?.text { return properties(resolved(target), place) }
        for (name, property) in schema["properties"]?.members ?? [:] {
            all.insert("\(place)/\(name)")
            all.formUnion(properties(property, "\(place)/\(name)"))
        }
        if let items = schema["items"] { all.formUnion(properties(items, "\(place)[]")) }
        for (index, one) in (schema["oneOf"]?.elements ?? []).enumerated() {
            all.formUnion(properties(one, "\(place)|\(index)"))
        }
        return all
    }

    private func resolved(_ target: String) -> JSONValue {
        target.split(separator: "/").dropFirst()
            .reduce(document) { $0[String($1)] ?? .null }
    }

    private func look(
        at value: JSONValue,
        _ path: String,
        _ schema: JSONValue,
        _ place: String,
        _ verdict: inout Verdict
    ) {
        func fault(_ text: String) { verdict.faults.append("\(path): \(text)") }
        for (keyword, rule) in schema.members {
            switch keyword {
            case "$ref":
                look(at: value, path, resolved(rule.text ?? ""), place, &verdict)
            case "type":
                let types = Set(rule.elements.compactMap(\.text) + [rule.text].compactMap(\.self))
                let fits =
                    types.contains(value.type)
                    || value.type == "integer" && types.contains("number")
                if !fits { fault("is \(value.type) and not \(types.sorted())") }
            case "const": if value != rule { fault("is not the constant") }
            case "enum": if !rule.elements.contains(value) { fault("is none of the codes") }
            case "pattern":
                if let text = value.text, let pattern = rule.text,
                    (try? Regex(pattern).firstMatch(in: text)) == nil
                {
                    fault("does not match \(pattern)")
                }
            case "minimum", "maximum":
                guard let number = value.number, let limit = rule.number else { continue }
                if keyword == "minimum" ? number < limit : number > limit {
                    fault("is beyond its \(keyword)")
                }
            case "minLength":
                if let text = value.text, let limit = rule.number, Double(text.count) < limit {
                    fault("is too short")
                }
            case "minItems", "maxItems":
                guard case .array(let elements) = value, let limit = rule.number else { continue }
                let count = Double(elements.count)
                if keyword == "minItems" ? count < limit : count > limit {
                    fault("has \(elements.count) elements")
                }
            case "items":
                for (index, element) in value.elements.enumerated() {
                    look(at: element, "\(path)/\(index)", rule, "\(place)[]", &verdict)
                }
            case "required":
                guard case .object(let members) = value else { continue }
                for name in rule.elements.compactMap(\.text) where members[name] == nil {
                    fault("lacks \(name)")
                }
            case "properties":
                for (name, member) in value.members {
                    guard let property = rule[name] else { continue }
                    if member != .null { verdict.had.insert("\(place)/\(name)") }
                    look(at: member, "\(path)/\(name)", property, "\(place)/\(name)", &verdict)
                }
            case "additionalProperties":
                let known = Set((schema["properties"]?.members ?? [:]).keys)
                for (name, member) in value.members where !known.contains(name) {
                    if rule == false { fault("has a member \(name) that is not described") }
                    look(at: member, "\(path)/\(name)", rule, "\(place)/*", &verdict)
                }
            case "propertyNames":
                for name in value.members.keys {
                    look(at: .string(name), "\(path)/\(name)", rule, "\(place)/*", &verdict)
                }
            case "oneOf":
                let verdicts = rule.elements.enumerated().map { index, one in
                    self.verdict(value, one, "\(place)|\(index)")
                }
                let fitting = verdicts.filter(\.faults.isEmpty)
                if fitting.count == 1 {
                    verdict.had.formUnion(fitting[0].had)
                } else {
                    let nearest = verdicts.min { $0.faults.count < $1.faults.count }
                    fault("fits \(fitting.count) of \(verdicts.count): \(nearest?.faults ?? [])")
                }
            case "format", "description", "title", "default", "discriminator": continue
            default: fault("the schema has a keyword \(keyword) that nobody checks")
            }
        }
    }
}
