public import CareEpisode

/// A list as a spreadsheet reads it (RFC 4180): a line of names, and a line for each row.
public struct CSVTable: Sendable {
    /// UTF-8, each line with its end.
    public private(set) var bytes: [UInt8] = []

    /// Writes rows.
    ///
    /// - Parameters:
    ///   - rows: in order.
    ///   - columns: the members that each row is written by; several values stand in one cell with
    ///     blanks between them, and what has none leaves it empty.
    public init<Row>(_ rows: [Row], _ columns: [JSONField<Row>]) {
        write(columns.map { Self.text($0.name) })
        for row in rows {
            guard case .object(let members) = AnswerJSON.object(fields: columns, of: row) else {
                continue
            }
            let values = Dictionary(members.map { ($0.name, $0.value) }, uniquingKeysWith: { $1 })
            write(columns.map { Self.cell(values[$0.name] ?? .null) })
        }
    }

    private mutating func write(_ cells: [String]) {
        bytes += cells.joined(separator: ",").utf8
        bytes += [0x0D, 0x0A]
    }

    private static func cell(_ value: AnswerJSON) -> String {
        switch value {
        case .null: ""
        case .number(let number) where !number.isFinite: ""
        case .string(let text): Self.text(text)
        case .array(let values): text(values.map(plain).joined(separator: " "))
        case .integer, .number, .bool, .object, .raw: quoted(plain(value))
        }
    }

    private static func plain(_ value: AnswerJSON) -> String {
        if case .string(let text) = value { return text }
        return String(decoding: value.bytes, as: UTF8.self)
    }

    /// A text, kept from being a formula: a spreadsheet runs what begins like one, and whoever wrote
    /// the text may not have meant well.
    private static func text(_ text: String) -> String {
        let first = text.unicodeScalars.first
        let isFormula = first.map { "=+-@\t\r".unicodeScalars.contains($0) } ?? false
        return quoted(isFormula ? "'\(text)" : text)
    }

    private static func quoted(_ text: String) -> String {
        let needsQuotes = text.unicodeScalars.contains { "\",\r\n".unicodeScalars.contains($0) }
        return needsQuotes ? "\"\(text.replacing("\"", with: "\"\""))\"" : text
    }
}
