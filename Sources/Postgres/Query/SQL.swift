/// A statement and its parameters.
///
/// `"select … where ledger_id = \(id)"` becomes `select … where ledger_id = $1`: values never enter
/// the text. `\(raw: text)` inserts text as it is, `\(identifier: name)` a quoted identifier, and
/// `\(sql)` another statement with its parameters. `SQL("…\(x)")` is such a literal too: to make a
/// statement of a `String` built elsewhere, pass the variable.
public struct SQL: Sendable, Hashable, ExpressibleByStringInterpolation {
    /// The text with `$1`, `$2` … in place of values.
    public var text: String
    /// The values, `$1` first.
    public var parameters: [PostgresParameter]

    /// A statement whose text already has its `$n`.
    public init(_ text: String, _ parameters: [PostgresParameter] = []) {
        self.text = text
        self.parameters = parameters
    }

    /// A statement without values.
    public init(stringLiteral text: String) {
        self.init(text)
    }

    /// A statement with values.
    public init(stringInterpolation: Interpolation) {
        self.init(stringInterpolation.text, stringInterpolation.parameters)
    }

    /// Builds text and parameters from an interpolated literal.
    public struct Interpolation: StringInterpolationProtocol, Sendable {
        var text = ""
        var parameters: [PostgresParameter] = []

        /// Begins an empty statement.
        public init(literalCapacity: Int, interpolationCount: Int) {
            text.reserveCapacity(literalCapacity + 3 * interpolationCount)
            parameters.reserveCapacity(interpolationCount)
        }

        /// Text as it is written.
        public mutating func appendLiteral(_ literal: String) { text += literal }

        /// A value, which becomes the next parameter.
        public mutating func appendInterpolation(_ value: some PostgresEncodable) {
            append(PostgresParameter(value))
        }

        /// A value or NULL.
        ///
        /// An overload of its own, because the compiler warns of optionals in literals otherwise.
        public mutating func appendInterpolation<Value: PostgresEncodable>(_ value: Value?) {
            append(PostgresParameter(value))
        }

        /// A value already encoded.
        public mutating func appendInterpolation(_ parameter: PostgresParameter) {
            append(parameter)
        }

        /// Text inserted as it is.
        ///
        /// Never for values.
        public mutating func appendInterpolation(raw: String) { text += raw }

        /// An identifier, quoted.
        public mutating func appendInterpolation(identifier: String) {
            text += SQL.quoted(identifier: identifier)
        }

        /// Another statement; its parameters are numbered on.
        public mutating func appendInterpolation(_ sql: SQL) {
            text += sql.renumbered(by: parameters.count)
            parameters += sql.parameters
        }

        private mutating func append(_ parameter: PostgresParameter) {
            parameters.append(parameter)
            text += "$\(parameters.count)"
        }
    }

    /// The identifier in double quotes, its own doubled.
    public static func quoted(identifier: String) -> String {
        "\""
            + identifier.split(separator: "\"", omittingEmptySubsequences: false)
            .joined(separator: "\"\"") + "\""
    }

    /// The text as a string constant (for scripts, which take no parameters).
    ///
    /// Safe whatever `standard_conforming_strings` says: backslashes make it an escape constant.
    public static func quoted(literal: String) -> String {
        let quotes = literal.split(separator: "'", omittingEmptySubsequences: false)
            .joined(separator: "''")
        guard literal.utf8.contains(UInt8(ascii: "\\")) else { return "'\(quotes)'" }
        let escaped = quotes.split(separator: "\\", omittingEmptySubsequences: false)
            .joined(separator: "\\\\")
        return " E'\(escaped)'"
    }

    /// The text with every `$n` outside quotes and comments moved up by `offset`.
    private func renumbered(by offset: Int) -> String {
        guard offset > 0, !parameters.isEmpty else { return text }
        var scanner = PlaceholderScanner(text)
        return scanner.substituted { "$\($0 + offset)" }
    }
}

/// Finds `$n` in SQL text, leaving strings, quoted identifiers, dollar quotes and comments alone.
struct PlaceholderScanner {
    private let bytes: [UInt8]
    private var output: [UInt8] = []
    private var index = 0

    init(_ text: String) { bytes = Array(text.utf8) }

    /// The text with every `$n` replaced by what `replacement` says for n.
    mutating func substituted(_ replacement: (Int) -> String) -> String {
        while index < bytes.count {
            switch bytes[index] {
            case UInt8(ascii: "'"): copyQuoted(UInt8(ascii: "'"), escapes: isEscapeString)
            case UInt8(ascii: "\""): copyQuoted(UInt8(ascii: "\""), escapes: false)
            case UInt8(ascii: "-") where next == UInt8(ascii: "-"): copy(upTo: [UInt8(ascii: "\n")])
            case UInt8(ascii: "/") where next == UInt8(ascii: "*"): copyBlockComment()
            case UInt8(ascii: "$") where !isInsideWord: copyDollar(replacement)
            default: copyOne()
            }
        }
        return String(decoding: output, as: UTF8.self)
    }

    private var next: UInt8? { index + 1 < bytes.count ? bytes[index + 1] : nil }

    private var isInsideWord: Bool { index > 0 && Self.isWord(bytes[index - 1]) }

    private var isEscapeString: Bool {
        guard index > 0, bytes[index - 1] | 0x20 == UInt8(ascii: "e") else { return false }
        return index == 1 || !Self.isWord(bytes[index - 2])
    }

    private static func isDigit(_ byte: UInt8) -> Bool {
        byte >= UInt8(ascii: "0") && byte <= UInt8(ascii: "9")
    }

    private static func isWord(_ byte: UInt8) -> Bool {
        let lower = byte | 0x20
        return isDigit(byte) || byte >= 0x80 || byte == UInt8(ascii: "_")
            || (lower >= UInt8(ascii: "a") && lower <= UInt8(ascii: "z"))
    }

    private mutating func copyOne() {
        output.append(bytes[index])
        index += 1
    }

    private mutating func copyQuoted(_ quote: UInt8, escapes: Bool) {
        copyOne()
        while index < bytes.count {
            if escapes && bytes[index] == UInt8(ascii: "\\") && index + 1 < bytes.count {
                copyOne()
            } else if bytes[index] == quote {
                return copyOne()  // a doubled quote opens the next stretch at once
            }
            copyOne()
        }
    }

    private mutating func copy(upTo end: [UInt8]) {
        while index < bytes.count, !bytes[index...].starts(with: end) { copyOne() }
        for _ in end where index < bytes.count { copyOne() }
    }

    private mutating func copyBlockComment() {
        var depth = 0
        repeat {
            if bytes[index...].starts(with: [UInt8(ascii: "/"), UInt8(ascii: "*")]) {
                depth += 1
                copyOne()
            } else if bytes[index...].starts(with: [UInt8(ascii: "*"), UInt8(ascii: "/")]) {
                depth -= 1
                copyOne()
            }
            copyOne()
        } while depth > 0 && index < bytes.count
    }

    private mutating func copyDollar(_ replacement: (Int) -> String) {
        var end = index + 1
        while end < bytes.count, Self.isWord(bytes[end]) { end += 1 }
        let word = bytes[(index + 1)..<end]
        if let first = word.first, Self.isDigit(first) {
            let digits = word.prefix(while: Self.isDigit)
            let number = Int(String(decoding: digits, as: UTF8.self)) ?? 0
            output += Array(replacement(number).utf8)
            index += 1 + digits.count
        } else if end < bytes.count, bytes[end] == UInt8(ascii: "$") {
            let tag = Array(bytes[index...end])
            for _ in tag { copyOne() }
            copy(upTo: tag)
        } else {
            copyOne()
        }
    }
}
