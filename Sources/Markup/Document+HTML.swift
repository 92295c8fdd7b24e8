public import Documents

extension Document {
    /// The document as a page of its own: no script, nothing from elsewhere, made to be printed.
    public var html: String {
        let head = HTML.tag(
            "head",
            [
                .tag("meta", ["charset": "utf-8"]),
                .tag(
                    "meta",
                    [
                        "http-equiv": "Content-Security-Policy",
                        "content": "default-src 'none'; style-src 'unsafe-inline'",
                    ]
                ),
                .tag(
                    "meta",
                    ["name": "viewport", "content": "width=device-width, initial-scale=1"]
                ),
                .tag("title", text: subtitle.isEmpty ? title : "\(title), \(subtitle)"),
                .style(EmbeddedText.literal("document.css")),
            ]
        )
        let page = HTML.tag(
            "html",
            ["lang": "en"],
            [head, .tag("body", [.tag("main", [header] + content)])]
        )
        return "<!DOCTYPE html>\n\(page.markup)"
    }

    private var content: [HTML] {
        let writer = DocumentWriter()
        return sections.enumerated().map { index, section in
            writer.element(section, id: section.id.isEmpty ? "s\(index + 1)" : section.id)
        }
    }

    private var header: HTML {
        var parts = [HTML.tag("h1", text: title)]
        if !subtitle.isEmpty {
            parts.append(.tag("p", ["class": "subtitle"], DocumentWriter.unbroken(subtitle)))
        }
        if !reference.isEmpty {
            parts.append(.tag("p", ["class": "episode"], text: reference))
        }
        if !notices.isEmpty {
            parts.append(
                .tag("ul", ["class": "notices"], notices.map { .tag("li", text: $0) })
            )
        }
        return .tag("header", parts)
    }
}

/// Writes the blocks of a document.
private struct DocumentWriter {
    func element(_ section: Document.Section, id: String) -> HTML {
        let blocks = section.blocks.map { element($0) }
        guard !section.title.isEmpty else { return HTML.tag("section", blocks) }
        let title = HTML.tag("h2", ["id": id], text: section.title)
        return HTML.tag("section", ["aria-labelledby": id], [title] + blocks)
    }

    private func element(_ block: Document.Block) -> HTML {
        switch block {
        case .facts(let facts): element(facts)
        case .text(let fact): element(fact)
        case .table(let table): element(table)
        case .notes(let notes):
            .tag("p", ["class": "note"], Self.lines(notes))
        case .list(let list): element(list)
        }
    }

    // MARK: - Blocks

    private func element(_ facts: [Document.Fact]) -> HTML {
        .tag(
            "table",
            ["class": "facts"],
            [
                .tag(
                    "tbody",
                    facts.map { fact in
                        .tag(
                            "tr",
                            [
                                .tag("th", ["scope": "row"], text: fact.label),
                                .tag("td", Self.lines(fact.lines) + marks(fact.sources)),
                            ]
                        )
                    }
                )
            ]
        )
    }

    private func element(_ list: Document.List) -> HTML {
        let items = list.items.map { item in
            HTML.tag(
                "li",
                [.text(item.text)]
                    + (item.details.isEmpty
                        ? []
                        : [.tag("ul", item.details.map { .tag("li", text: $0) })])
            )
        }
        let caption = list.caption.isEmpty ? [] : [HTML.tag("h3", text: list.caption)]
        return .tag("div", ["class": "text"], caption + [.tag("ul", items)])
    }

    private func element(_ fact: Document.Fact) -> HTML {
        let paragraphs = fact.lines.flatMap { $0.split(separator: "\n").map(String.init) }
        let last = paragraphs.count - 1
        let length = paragraphs.reduce(0) { $0 + $1.count }
        return .tag(
            "div",
            ["class": length <= 1_000 ? "text short" : "text"],
            [.tag("h3", text: fact.label)]
                + paragraphs.enumerated().map { index, text in
                    .tag("p", [.text(text)] + (index == last ? marks(fact.sources) : []))
                }
        )
    }

    private func element(_ table: Document.Table) -> HTML {
        let isNumbered = table.rows.contains { $0.number != nil }
        var titles = table.columns.map(\.title)
        if isNumbered { titles.insert("No.", at: 0) }
        if table.hasSources { titles.append("Events") }
        let head = HTML.tag(
            "thead",
            [.tag("tr", titles.map { .tag("th", ["scope": "col"], text: $0) })]
        )
        let rows = table.rows.map { row in
            HTML.tag(
                "tr",
                row.number.map { ["id": "e\($0)"] } ?? [:],
                cells(row, of: table)
            )
        }
        let caption =
            table.caption.isEmpty
            ? []
            : [HTML.tag("caption", [.text(table.caption)] + marks(table.captionSources))]
        return .tag(
            "table",
            ["class": isNumbered ? "sources" : Self.isShort(table) ? "list short" : "list"],
            caption + [head, .tag("tbody", rows)]
        )
    }

    /// Whether a table is printed on one page: a long one may go on over the next.
    private static func isShort(_ table: Document.Table) -> Bool {
        let lines = table.rows.map { row in row.cells.map(\.count).max() ?? 1 }
        return lines.reduce(0, +) <= 12
    }

    private func cells(_ row: Document.Row, of table: Document.Table) -> [HTML] {
        var cells: [HTML] = []
        if let number = row.number {
            cells.append(.tag("td", ["class": "number"], text: "\(number)"))
        }
        for (column, cell) in row.cells.enumerated() {
            let style = (["class": "id"] as Attributes).when(column == table.idColumn)
            cells.append(
                column == 0
                    ? .tag("th", ["scope": "row"] + style, Self.lines(cell))
                    : .tag("td", style, Self.lines(cell))
            )
        }
        if table.hasSources { cells.append(.tag("td", ["class": "events"], marks(row.sources))) }
        return cells
    }

    private static func lines(_ lines: [String]) -> [HTML] {
        lines.enumerated().flatMap { index, line in
            (index == 0 ? [] : [.tag("br")]) + unbroken(line)
        }
    }

    /// A line whose dates and offsets, unlike other words, do not break at their hyphens.
    static func unbroken(_ line: String) -> [HTML] {
        var pieces: [HTML] = []
        var plain = ""
        for (index, word) in line.split(separator: " ", omittingEmptySubsequences: false)
            .enumerated()
        {
            if index > 0 { plain += " " }
            let isTime =
                word.count <= 10 && word.contains { "+-".contains($0) }
                && word.allSatisfy { $0.isNumber || "+-:".contains($0) }
            guard isTime else {
                plain += word
                continue
            }
            pieces += [.text(plain), .tag("span", ["class": "time"], text: String(word))]
            plain = ""
        }
        return pieces + [.text(plain)]
    }

    /// The numbers of events, each run pointing at its first row in the table of the sources.
    private func marks(_ sources: [Int]) -> [HTML] {
        guard !sources.isEmpty else { return [] }
        var marks: [HTML] = []
        for run in Document.runs(sources) {
            if !marks.isEmpty { marks.append(.text(", ")) }
            marks.append(
                .tag("a", ["href": "#e\(run.lowerBound)"], text: Document.numbers(Array(run)))
            )
        }
        return [.tag("sup", ["class": "marks"], marks)]
    }
}
