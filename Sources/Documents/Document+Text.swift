extension Document {
    /// So many characters fit on a line of a terminal.
    private static let width = 100
    /// So many in the table of the sources, which is no use broken.
    private static let sourcesWidth = 120

    /// The document for a terminal: what stands under a heading in lines of at most 100 characters,
    /// of the sources 120.
    public var text: String {
        let head = [isTitleShown ? title : "", subtitle].filter { !$0.isEmpty }
        var lines = head.map(\.printable) + notices.map { "* \($0.printable)" }
        for section in sections {
            if !lines.isEmpty { lines.append("") }
            if !section.title.isEmpty { lines.append(section.title.uppercased()) }
            for (index, block) in section.blocks.enumerated() {
                if index > 0 { lines.append("") }
                lines += section.title.isEmpty ? Self.lines(block, .max) : Self.indented(block)
            }
        }
        return lines.joined(separator: "\n")
    }

    /// What stands under a heading, two characters in.
    private static func indented(_ block: Block) -> [String] {
        if case .notes(let notes) = block {
            return notes.flatMap { wrapped($0, width - 2) }.map { "  \($0)" }
        }
        return lines(block, width).map { "  \($0)" }
    }

    private static func lines(_ block: Block, _ width: Int) -> [String] {
        switch block {
        case .facts(let facts): lines(facts, width)
        case .text(let fact): lines(fact)
        case .table(let table): table.isWide ? wideLines(table) : lines(table)
        case .notes(let notes): notes.map(\.printable)
        case .list(let list): lines(list)
        }
    }

    private static func lines(_ list: List) -> [String] {
        let caption = list.caption.isEmpty ? [] : [list.caption.printable]
        let margin = list.caption.isEmpty ? "" : "  "
        return caption
            + list.items.flatMap { item in
                ["\(margin)\(item.text.printable)"]
                    + item.details.map { "\(margin)  \($0.printable)" }
            }
    }

    private static func mark(_ sources: [Int]) -> String {
        guard !sources.isEmpty else { return "" }
        return "[\(Document.numbers(sources))]"
    }

    private static func lines(_ facts: [Fact], _ width: Int) -> [String] {
        let labels = facts.map(\.label.count).max() ?? 0
        return facts.flatMap { fact in
            let value = marked(fact.lines, fact.sources)
            let lines = value.flatMap { wrapped($0, width - labels - 4) }
            return lines.enumerated().map { index, line in
                padded(index == 0 ? fact.label : "", labels) + "  " + line
            }
        }
    }

    private static func lines(_ fact: Fact) -> [String] {
        let paragraphs = fact.lines.flatMap { $0.split(separator: "\n").map(String.init) }
        let texts = marked(paragraphs, fact.sources).flatMap { wrapped($0, width - 4) }
        return ["\(fact.label):"] + texts.map { "  \($0)" }
    }

    private static func marked(_ lines: [String], _ sources: [Int]) -> [String] {
        guard let last = lines.last, !sources.isEmpty else { return lines }
        return lines.dropLast() + ["\(last) \(mark(sources))"]
    }

    // MARK: - Tables

    private static func lines(_ table: Table) -> [String] {
        var titles = table.columns.map(\.title)
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
        return (caption.isEmpty ? [] : [caption.joined(separator: " ")])
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
            return trimmed(text)
        }
    }

    /// Each row on a line of its own, as wide as it is.
    private static func wideLines(_ table: Table) -> [String] {
        let all =
            [table.columns.map { $0.title.uppercased().printable }]
            + table.rows.map { $0.cells.map { $0.joined(separator: " ").printable } }
        let widths = table.columns.indices.map { column in
            all.map { $0[column].count }.max() ?? 0
        }
        let lines = all.map { cells in
            trimmed(
                cells.indices.map { column in
                    let blanks = String(
                        repeating: " ",
                        count: widths[column] - cells[column].count
                    )
                    return table.columns[column].alignment == .left
                        ? cells[column] + blanks : blanks + cells[column]
                }.joined(separator: "  ")
            )
        }
        return (table.caption.isEmpty ? [] : [table.caption.printable]) + lines
    }

    private static func trimmed(_ line: String) -> String {
        String(line.reversed().drop { $0 == " " }.reversed())
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
