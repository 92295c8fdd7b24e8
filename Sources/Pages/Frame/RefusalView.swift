import Documents
public import Markup
public import ProjectionRuntime

/// A page that was asked for with values it cannot take: what is wrong, in a list and beside each field,
/// with what was typed.
public struct RefusalView: PageView {
    private let reasons: [(parameter: String, label: String, detail: String)]
    private let parameters: [Parameter]
    private let address: PageAddress
    private let choices: [String: [(value: String, words: String)]]

    /// Why a page is refused.
    ///
    /// - Parameters:
    ///   - refusal: what is wrong.
    ///   - address: the page with what was typed, as far as it has such parameters.
    ///   - parameters: those of the page, without its clocks.
    ///   - choices: what a value can mean, by its parameter: a time that came twice.
    public init(
        _ refusal: QuestionRefusal,
        _ address: PageAddress,
        _ parameters: [Parameter],
        choices: [String: [(value: String, words: String)]] = [:]
    ) {
        let asLabels = refusal.reasons { "“\(Self.label($0.name))”" }
        let asNames = refusal.reasons(spelling: \.name)
        reasons = refusal.reasons.indices.map { place in
            let parameter = refusal.reasons[place].parameter
            var detail = asLabels[place].detail
            // What is wrong with the address itself has no field, and a list says what it may be.
            if parameter == "query" { detail = asNames[place].detail }
            if Self.values(of: parameter, parameters) != nil { detail = "must be one of the list" }
            return (parameter, Self.label(parameter), detail)
        }
        self.address = address
        self.parameters = parameters
        self.choices = choices
    }

    /// What the page is about, as an error.
    public var title: String { "Error: \(Self.heading)" }
    /// None of the ledger's pages.
    public var place: PageName? { nil }

    private static let heading = "This page cannot be shown as it was asked for"

    /// What is wrong, the fields, and the ways out.
    public var content: [HTML] {
        [.head(Self.heading), summary, form]
    }

    /// As a field of the page calls a parameter.
    private static func label(_ parameter: String) -> String {
        switch parameter {
        case "date", "effective_at": "Happened up to"
        case "known_at": "As known on"
        case "compare": "Compared with what was known on"
        case "known_by": "Known by"
        case "query": "The address"
        default: Words.title(parameter)
        }
    }

    /// What a parameter can be, where that is a list.
    private static func values(of parameter: String, _ all: [Parameter]) -> [String]? {
        guard case .choice(let values)? = all.first(where: { $0.name == parameter })?.kind else {
            return nil
        }
        return values
    }

    // MARK: - Parts

    /// In which place the field of a parameter stands; nil where it has none.
    private func id(_ parameter: String) -> String? {
        fields.firstIndex(of: parameter).map { "wrong-\($0 + 1)" }
    }

    /// The parameters that are wrong and can be typed anew, each once.
    private var fields: [String] {
        var found: [String] = []
        for (parameter, _, _) in reasons where !found.contains(parameter) {
            if parameter != "query" { found.append(parameter) }
        }
        return found
    }

    private var summary: HTML {
        HTML.errorSummary(
            reasons.map { parameter, label, detail in ("\(label) \(detail)", nil, id(parameter)) }
        )
    }

    private var form: HTML {
        let right = address.values.filter { !fields.contains($0.key) }
        let hidden = right.sorted { $0.key < $1.key }.flatMap { name, values in
            values.map { HTML.tag("input", ["type": "hidden", "name": name, "value": $0]) }
        }
        let plain = PageAddress(address.path, right)
        var out: [HTML] = [.button("First page", "/")]
        if !fields.isEmpty || reasons.contains(where: { $0.parameter == "query" }) {
            out.insert(.button("This page without it", plain.href), at: 0)
        }
        return .tag(
            "section",
            ["class": "panel", "aria-label": "What was asked for"],
            [
                .tag(
                    "form",
                    ["class": "body stack", "method": "get", "action": address.path],
                    hidden + fields.map(field)
                        + [
                            .tag(
                                "p",
                                ["class": "chips"],
                                (fields.isEmpty
                                    ? []
                                    : [
                                        .tag(
                                            "button",
                                            ["class": "main", "type": "submit"],
                                            text: "Show"
                                        )
                                    ]) + out
                            )
                        ]
                )
            ]
        )
    }

    private func field(_ parameter: String) -> HTML {
        let id = id(parameter) ?? ""
        let typed = address[parameter] ?? ""
        let attributes: Attributes = [
            "id": id, "name": parameter, "aria-invalid": "true", "aria-describedby": "\(id)-error",
        ]
        let details = reasons.filter { $0.parameter == parameter }.map(\.detail)
        let input: HTML
        if let values = Self.values(of: parameter, parameters) {
            input = .tag(
                "select",
                attributes,
                ([("", "Any")] + values.map { ($0, Words.title($0)) }).map { value, words in
                    .tag("option", ["value": value], text: words)
                }
            )
        } else {
            input = .tag(
                "input",
                attributes + ["type": "text", "autocomplete": "off", "value": typed]
            )
        }
        return .tag(
            "div",
            ["class": "field wrong"],
            [
                .tag("label", ["for": id], text: Self.label(parameter)),
                .fieldError(
                    id,
                    ["\(Self.label(parameter)) \(details.joined(separator: "; "))"]
                ),
                input, meanings(of: parameter),
            ]
        )
    }

    /// What was typed can mean two things: a link for each.
    private func meanings(of parameter: String) -> HTML {
        let links = (choices[parameter] ?? []).map { value, words -> HTML in
            .button(words, address.with([parameter: value]).href)
        }
        return links.isEmpty ? .nothing : .tag("span", ["class": "chips"], links)
    }
}
