import ProjectionRuntime

extension SummaryDocument {
    /// So many characters fit on a line of a terminal.
    private static let width = 100
    /// So many in the table of the sources, which is no use broken.
    private static let sourcesWidth = 120

    /// The document for a terminal, in lines of at most 100 characters, of the sources 120.
    var text: String {
        var lines = [title, subtitle] + notices.map { "* \($0)" }
        for section in sections {
            lines += ["", section.title.uppercased()]
            for (index, block) in section.blocks.enumerated() {
                if index > 0 { lines.append("") }
                lines += Self.lines(block)
            }
        }
        lines += ["", "BASIS"] + Self.lines(.facts(basis))
        lines += ["", "SOURCES"] + Self.lines(.table(sources))
        return lines.joined(separator: "\n")
    }

    private static func lines(_ block: Block) -> [String] {
        switch block {
        case .facts(let facts): lines(facts)
        case .text(let fact): lines(fact)
        case .table(let table): lines(table)
        case .note(let text): wrapped(text, width - 2).map { "  \($0)" }
        }
    }

    private static func mark(_ sources: [Int]) -> String {
        guard !sources.isEmpty else { return "" }
        return "[\(SummaryDocument.numbers(sources))]"
    }

    private static func lines(_ facts: [Fact]) -> [String] {
        let labels = facts.map(\.label.count).max() ?? 0
        return facts.flatMap { fact in
            let value = marked(fact.lines, fact.sources)
            let lines = value.flatMap { wrapped($0, width - labels - 4) }
            return lines.enumerated().map { index, line in
                "  " + padded(index == 0 ? fact.label : "", labels) + "  " + line
            }
        }
    }

    private static func lines(_ fact: Fact) -> [String] {
        let paragraphs = fact.lines.flatMap { $0.split(separator: "\n").map(String.init) }
        let texts = marked(paragraphs, fact.sources).flatMap { wrapped($0, width - 4) }
        return ["  \(fact.label):"] + texts.map { "    \($0)" }
    }

    private static func marked(_ lines: [String], _ sources: [Int]) -> [String] {
        guard let last = lines.last, !sources.isEmpty else { return lines }
        return lines.dropLast() + ["\(last) \(mark(sources))"]
    }

    // MARK: - Tables

    private static func lines(_ table: Table) -> [String] {
        var titles = table.columns
        var rows = table.rows.map(\.cells)
        if table.hasSources {
            titles.append("Events")
            for (index, row) in table.rows.enumerated() { rows[index].append([mark(row.sources)]) }
        }
        if table.rows.contains(where: { $0.number != nil }) {
            titles.insert("No.", at: 0)
            for (index, row) in table.rows.enumerated() {
                rows[index].insert([row.number.map { String($0) } ?? ""], at: 0)
            }
        }
        let all = [titles.map { [$0.uppercased()] }] + rows
        let widths = widths(all, table.idColumn == nil ? width : sourcesWidth)
        let caption = [table.caption, mark(table.captionSources)].filter { !$0.isEmpty }
        return (caption.isEmpty ? [] : ["  " + caption.joined(separator: " ")])
            + all.flatMap { lines($0, widths) }
    }

    /// The columns' widths: the widest gives way until a row fits, at first without breaking words.
    private static func widths(_ rows: [[[String]]], _ width: Int) -> [Int] {
        guard let first = rows.first else { return [] }
        let columns = first.indices.map { column in rows.flatMap { $0[column] } }
        var widths = columns.map { $0.map(\.count).max() ?? 0 }
        let words = columns.map { lines in
            lines.flatMap { $0.split(separator: " ") }.map(\.count).max() ?? 0
        }
        let room = width - 2 - 2 * (widths.count - 1)
        for floors in [words, words.map { min($0, 12) }] {
            while widths.reduce(0, +) > room {
                let column = widths.indices.filter { widths[$0] > floors[$0] }
                    .max { widths[$0] < widths[$1] }
                guard let column else { break }
                widths[column] -= 1
            }
        }
        return widths
    }

    private static func lines(_ cells: [[String]], _ widths: [Int]) -> [String] {
        let columns = zip(cells, widths).map { cell, width in
            cell.flatMap { wrapped($0, width) }
        }
        return (0..<(columns.map(\.count).max() ?? 0)).map { line in
            let text = zip(columns, widths).map { lines, width in
                padded(line < lines.count ? lines[line] : "", width)
            }.joined(separator: "  ")
            return "  " + String(text.reversed().drop { $0 == " " }.reversed())
        }
    }

    // MARK: - Lines

    private static func padded(_ text: String, _ width: Int) -> String {
        text + String(repeating: " ", count: max(0, width - text.count))
    }

    /// Breaks a text at its blanks, and words that are longer than a line.
    private static func wrapped(_ text: String, _ width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in text.split(whereSeparator: \.isWhitespace) {
            var word = Substring(String(word).printable)
            if !line.isEmpty, line.count + 1 + word.count > width {
                lines.append(line)
                line = ""
            }
            while word.count > width {
                lines.append(String(word.prefix(width)))
                word = word.dropFirst(width)
            }
            line += line.isEmpty ? String(word) : " \(word)"
        }
        return lines + [line]
    }
}
