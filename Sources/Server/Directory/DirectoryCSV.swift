import FoundationEssentials
import Pages

/// Names as a site's own system writes them into a CSV file (RFC 4180).
struct DirectoryCSV: Sendable {
    /// By the keys of clients and staff.
    let persons: [String: People.Person]

    /// Of nobody.
    static let none = DirectoryCSV(persons: [:])

    private init(persons: [String: People.Person]) { self.persons = persons }

    /// The most bytes of a file.
    static let sizeLimit = 1 << 24

    /// Why a file is none: the line, and never what it holds.
    struct Wrong: Error, CustomStringConvertible {
        let line: Int
        let reason: String

        var description: String { "line \(line): \(reason)" }
    }

    /// Reads a file's text.
    ///
    /// The first line names the columns: `name`, `client_id` or `staff_id` or both, and for clients
    /// `preferred_name` and `date_of_birth`; others are left alone.
    init(_ bytes: [UInt8]) throws(Wrong) {
        guard bytes.count <= Self.sizeLimit else {
            throw Wrong(line: 1, reason: "the file has more than \(Self.sizeLimit) bytes")
        }
        guard let text = String(validating: bytes, as: UTF8.self) else {
            throw Wrong(line: 1, reason: "the file is not UTF-8")
        }
        var rows = try Self.rows(text).makeIterator()
        guard let head = rows.next() else {
            throw Wrong(line: 1, reason: "the file is empty; it begins with the columns' names")
        }
        let columns = Dictionary(
            head.cells.enumerated().map { ($1, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        let keys = ["client_id", "staff_id"].compactMap { columns[$0] }
        guard let name = columns["name"], !keys.isEmpty else {
            throw Wrong(line: 1, reason: "the columns must be name, and client_id or staff_id")
        }
        var persons: [String: People.Person] = [:]
        var named: [String: [String]] = [:]
        while let row = rows.next() {
            func cell(_ column: Int?) -> String? {
                guard let column, row.cells.indices.contains(column) else { return nil }
                return row.cells[column].isEmpty ? nil : row.cells[column]
            }
            let present = keys.compactMap { cell($0) }
            guard present.count == 1, let full = cell(name) else {
                throw Wrong(
                    line: row.line,
                    reason: "a line has a name, and one key of a client or of staff"
                )
            }
            let shown = cell(columns["preferred_name"]) ?? full
            persons[present[0]] = People.Person(
                name: shown,
                dateOfBirth: cell(columns["date_of_birth"])
            )
            named[shown, default: []].append(present[0])
        }
        for keys in named.values where keys.count > 1 {
            for key in keys { persons[key]?.isNamesake = true }
        }
        self.persons = persons
    }

    private static func rows(_ text: String) throws(Wrong) -> [(line: Int, cells: [String])] {
        var rows: [(line: Int, cells: [String])] = []
        var cells: [String] = []
        var cell = ""
        var (line, first) = (1, 1)
        var isQuoted = false
        // Whether a quoted cell has just ended.
        var wasQuoted = false
        func isEmpty() -> Bool { cells.isEmpty && cell.isEmpty && !wasQuoted }
        var scalars = text.unicodeScalars.makeIterator()
        var next = scalars.next()
        // A mark of the byte order is no text.
        if next == "\u{FEFF}" { next = scalars.next() }
        while let scalar = next {
            next = scalars.next()
            if scalar == "\n" { line += 1 }
            if isQuoted {
                if scalar != "\"" {
                    cell.unicodeScalars.append(scalar)
                } else if next == "\"" {
                    cell.append("\"")
                    next = scalars.next()
                } else {
                    (isQuoted, wasQuoted) = (false, true)
                }
                continue
            }
            switch scalar {
            case "\"":
                guard cell.isEmpty, !wasQuoted else {
                    throw Wrong(line: line, reason: "a quotation mark stands within a cell")
                }
                isQuoted = true
            case ",":
                cells.append(cell)
                (cell, wasQuoted) = ("", false)
            case "\r" where next == "\n": continue
            case "\n":
                if !isEmpty() { rows.append((first, cells + [cell])) }
                (cells, cell, wasQuoted, first) = ([], "", false, line)
            default: cell.unicodeScalars.append(scalar)
            }
        }
        guard !isQuoted else { throw Wrong(line: first, reason: "a quoted cell has no end") }
        if !isEmpty() { rows.append((first, cells + [cell])) }
        return rows
    }
}
