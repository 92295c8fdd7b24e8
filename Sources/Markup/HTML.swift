import Documents

/// A piece of HTML, escaped by construction: text and attributes' values are always escaped, names
/// are literals.
public enum HTML: Sendable {
    /// Text.
    case text(String)
    /// Text that comes back as it is, whatever it holds: what a field has.
    case typed(String)
    /// An element with its attributes and what it holds.
    case element(StaticString, Attributes, [HTML])
    /// A style sheet: a literal.
    case style(StaticString)
    /// Some pieces, one after the other.
    case pieces([HTML])

    /// Nothing.
    public static let nothing = HTML.pieces([])

    /// An element.
    public static func tag(
        _ name: StaticString,
        _ attributes: Attributes = [:],
        _ content: [HTML] = []
    ) -> HTML { .element(name, attributes, content) }

    /// An element without attributes.
    public static func tag(_ name: StaticString, _ content: [HTML]) -> HTML {
        .element(name, [:], content)
    }

    /// An element that holds text.
    public static func tag(
        _ name: StaticString,
        _ attributes: Attributes,
        text: String
    ) -> HTML { .element(name, attributes, [.text(text)]) }

    /// An element without attributes that holds text.
    public static func tag(_ name: StaticString, text: String) -> HTML {
        .element(name, [:], [.text(text)])
    }

    /// Elements that hold nothing and are not closed.
    private static let voids: Set<String> = ["br", "hr", "input", "link", "meta"]

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
        case .typed(let text):
            Self.escape(text, to: &markup, isShown: false)
        case .style(let css):
            markup += "<style>\n\(css)</style>"
        case .pieces(let pieces):
            for piece in pieces { piece.write(to: &markup) }
        case .element(let name, let attributes, let content):
            let name = name.description
            markup += "<"
            markup += name
            for attribute in attributes.all {
                markup += " "
                markup += attribute.name.description
                markup += "=\""
                Self.escape(attribute.value, to: &markup, isShown: attribute.isShown)
                markup += "\""
            }
            markup += ">"
            for piece in content { piece.write(to: &markup) }
            if !Self.voids.contains(name) { markup += "</\(name)>" }
        }
    }

    private static func escape(_ text: String, to markup: inout String, isShown: Bool = true) {
        // Most texts need nothing.
        if text.utf8.allSatisfy({ isPlain($0) }) {
            markup += text
            return
        }
        // A line break moves nothing on a page; elsewhere it is what it was recorded as.
        let shown = isShown ? text.printable(keeping: "\n\t") : text
        for scalar in shown.unicodeScalars {
            switch scalar {
            // A browser would read some of them as others.
            case "\n" where isShown, "\t" where isShown: markup.unicodeScalars.append(scalar)
            case "\u{01}"..<" ": markup += "&#\(scalar.value);"
            case "&": markup += "&amp;"
            case "<": markup += "&lt;"
            case ">": markup += "&gt;"
            case "\"": markup += "&quot;"
            case "'": markup += "&#39;"
            default: markup.unicodeScalars.append(scalar)
            }
        }
    }

    /// Whether a byte stands for a printable character of ASCII that needs no escape.
    private static func isPlain(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "&"), UInt8(ascii: "<"), UInt8(ascii: ">"), UInt8(ascii: "\""),
            UInt8(ascii: "'"):
            false
        default: (0x20...0x7E).contains(byte)
        }
    }
}

/// The attributes of an element, in order: names are literals, values are escaped.
public struct Attributes: Sendable, ExpressibleByDictionaryLiteral {
    let all: [(name: StaticString, value: String, isShown: Bool)]

    /// Attributes as a literal has them; one without a value has an empty one.
    public init(dictionaryLiteral elements: (StaticString, String)...) {
        all = elements.map { ($0.0, $0.1, true) }
    }

    private init(_ all: [(name: StaticString, value: String, isShown: Bool)]) { self.all = all }

    /// An attribute that nobody sees and that comes back as it is, line breaks included: the value of a
    /// hidden field.
    public static func unseen(_ name: StaticString, _ value: String) -> Attributes {
        Attributes([(name, value, false)])
    }

    /// Some attributes, and then others.
    public static func + (left: Attributes, right: Attributes) -> Attributes {
        Attributes(left.all + right.all)
    }

    /// These attributes where something holds, else none.
    public func when(_ holds: Bool) -> Attributes { holds ? self : [:] }
}
