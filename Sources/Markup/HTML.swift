import Documents

/// A piece of HTML, escaped by construction: text and attributes' values are always escaped, names
/// are literals.
public enum HTML: Sendable {
    /// Text.
    case text(String)
    /// An element with its attributes and what it holds.
    case element(StaticString, [(name: StaticString, value: String)], [HTML])
    /// A style sheet: a literal.
    case style(StaticString)

    /// An element.
    public static func tag(
        _ name: StaticString,
        _ attributes: [(name: StaticString, value: String)] = [],
        _ content: [HTML] = []
    ) -> HTML { .element(name, attributes, content) }

    /// An element that holds text.
    public static func tag(
        _ name: StaticString,
        _ attributes: [(name: StaticString, value: String)],
        text: String
    ) -> HTML { .element(name, attributes, [.text(text)]) }

    /// An element without attributes that holds text.
    public static func tag(_ name: StaticString, text: String) -> HTML {
        .element(name, [], [.text(text)])
    }

    /// Elements that hold nothing and are not closed.
    private static let voids: Set<String> = ["br", "meta"]

    /// The HTML as text.
    public var markup: String {
        var markup = ""
        write(to: &markup)
        return markup
    }

    private func write(to markup: inout String) {
        switch self {
        case .text(let text):
            Self.escape(text, to: &markup)
        case .style(let css):
            markup += "<style>\n\(css)</style>"
        case .element(let name, let attributes, let content):
            markup += "<\(name)"
            for attribute in attributes {
                markup += " \(attribute.name)=\""
                Self.escape(attribute.value, to: &markup)
                markup += "\""
            }
            markup += ">"
            for piece in content { piece.write(to: &markup) }
            if !Self.voids.contains("\(name)") { markup += "</\(name)>" }
        }
    }

    private static func escape(_ text: String, to markup: inout String) {
        for scalar in text.printable.unicodeScalars {
            switch scalar {
            case "&": markup += "&amp;"
            case "<": markup += "&lt;"
            case ">": markup += "&gt;"
            case "\"": markup += "&quot;"
            case "'": markup += "&#39;"
            default: markup.unicodeScalars.append(scalar)
            }
        }
    }
}
