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
        let content =
            [header]
            + sections.enumerated().map { index, section in
                element(section, id: section.id.isEmpty ? "s\(index + 1)" : section.id)
            }
        let page = HTML.tag(
            "html",
            ["lang": "en"],
            [head, .tag("body", [.tag("main", content)])]
        )
        return "<!DOCTYPE html>\n\(page.markup)"
    }

    private var header: HTML {
        var parts = [HTML.tag("h1", text: title)]
        if !subtitle.isEmpty {
            parts.append(.tag("p", ["class": "subtitle"], Self.unbroken(subtitle)))
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

    private func element(_ section: Section, id: String) -> HTML {
        let blocks = section.blocks.map { element($0) }
        guard !section.title.isEmpty else { return HTML.tag("section", blocks) }
        let title = HTML.tag("h2", ["id": id], text: section.title)
        return HTML.tag("section", ["aria-labelledby": id], [title] + blocks)
    }

    private func element(_ block: Block) -> HTML {
        switch block {
        case .facts(let facts): Self.element(facts)
        case .text(let fact): Self.element(fact)
        case .table(let table): Self.element(table)
        case .notes(let notes):
            .tag("p", ["class": "note"], Self.lines(notes))
        case .list(let list): Self.element(list)
        }
    }

    // MARK: - Blocks

    private static func element(_ facts: [Fact]) -> HTML {
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
                                .tag("td", lines(fact.lines) + marks(fact.sources)),
                            ]
                        )
                    }
                )
            ]
        )
    }

    private static func element(_ list: List) -> HTML {
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

    private static func element(_ fact: Fact) -> HTML {
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

    private static func element(_ table: Table) -> HTML {
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
            ["class": isNumbered ? "sources" : isShort(table) ? "list short" : "list"],
            caption + [head, .tag("tbody", rows)]
        )
    }

    /// Whether a table is printed on one page: a long one may go on over the next.
    private static func isShort(_ table: Table) -> Bool {
        let lines = table.rows.map { row in row.cells.map(\.count).max() ?? 1 }
        return lines.reduce(0, +) <= 12
    }

    private static func cells(_ row: Row, of table: Table) -> [HTML] {
        var cells: [HTML] = []
        if let number = row.number {
            cells.append(.tag("td", ["class": "number"], text: "\(number)"))
        }
        for (column, cell) in row.cells.enumerated() {
            let style = (["class": "id"] as Attributes).when(column == table.idColumn)
            cells.append(
                column == 0
                    ? .tag("th", ["scope": "row"] + style, lines(cell))
                    : .tag("td", style, lines(cell))
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
    private static func unbroken(_ line: String) -> [HTML] {
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
    private static func marks(_ sources: [Int]) -> [HTML] {
        guard !sources.isEmpty else { return [] }
        var marks: [HTML] = []
        for run in Self.runs(sources) {
            if !marks.isEmpty { marks.append(.text(", ")) }
            marks.append(
                .tag("a", ["href": "#e\(run.lowerBound)"], text: numbers(Array(run)))
            )
        }
        return [.tag("sup", ["class": "marks"], marks)]
    }
}
