import Documents
import Markup

/// The parts that most pages are made of.
extension HTML {
    /// The page's heading, a sentence, and what can be done with the page.
    static func head(_ title: String, _ sentence: String = "", acts: [HTML] = []) -> HTML {
        let text = sentence.isEmpty ? [] : [HTML.tag("p", ["id": "sentence"], text: sentence)]
        return .tag(
            "div",
            ["class": "head"],
            [
                .tag("div", [.tag("h1", text: title)] + text),
                acts.isEmpty ? .nothing : .tag("div", ["class": "acts"], acts),
            ]
        )
    }

    /// A part of a page with a heading, and beside it a note or what signs mean.
    static func panel(
        _ id: String,
        _ title: String,
        note: [HTML] = [],
        key: [HTML] = [],
        _ content: [HTML]
    ) -> HTML {
        .tag(
            "section",
            ["class": "panel", "aria-labelledby": id],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": id], text: title),
                        note.isEmpty ? .nothing : .tag("p", note),
                        key.isEmpty ? .nothing : .tag("p", ["class": "key"], key),
                    ]
                )
            ] + content
        )
    }

    /// What may be wider than the page scrolls by itself, also by the keyboard.
    static func scrolling(_ label: String, _ content: [HTML], style: String = "scroll") -> HTML {
        .tag(
            "div",
            ["class": style, "tabindex": "0", "role": "region", "aria-label": label],
            content
        )
    }

    /// What is wrong with a form, on top of it: it takes the focus, and leads to the fields.
    ///
    /// - Parameters:
    ///   - sentence: what was done nevertheless; empty for nothing to say.
    ///   - lines: what is wrong, with its code and the id of its field, each nil where there is none.
    static func errorSummary(
        saying sentence: String = "",
        _ lines: [(words: String, code: String?, field: String?)]
    ) -> HTML {
        .tag(
            "div",
            [
                "class": "summary-of-errors", "role": "alert", "tabindex": "-1", "autofocus": "",
                "aria-labelledby": "wrong",
            ],
            [
                .tag("h2", ["id": "wrong"], text: "There is a problem"),
                sentence.isEmpty ? .nothing : .tag("p", text: sentence),
                .tag(
                    "ul",
                    lines.map { words, code, field in
                        let link = field.map { HTML.tag("a", ["href": "#\($0)"], text: words) }
                        return .tag(
                            "li",
                            code.map { ["data-code": $0] } ?? [:],
                            [link ?? .text(words)]
                        )
                    }
                ),
            ]
        )
    }

    /// What is wrong with one field, beside it; nothing where nothing is.
    static func fieldError(_ id: String, _ details: [String]) -> HTML {
        guard !details.isEmpty else { return .nothing }
        return .tag(
            "span",
            ["class": "error", "id": "\(id)-error"],
            [
                .tag("span", ["class": "hidden"], text: "Error: "),
                .text(details.joined(separator: "; ")),
            ]
        )
    }

    /// What a list offers, with the one that is chosen.
    static func options(_ choices: [(value: String, words: String)], chosen: String) -> [HTML] {
        choices.map { value, words in
            .tag(
                "option",
                ["value": value] + (["selected": ""] as Attributes).when(value == chosen),
                text: words
            )
        }
    }

    /// A link that looks like a button.
    static func button(_ words: String, _ href: String, style: String = "button") -> HTML {
        .tag("a", ["class": style, "href": href], text: words)
    }

    /// A list to choose from.
    static func choice(
        _ id: String,
        _ label: String,
        _ name: String,
        _ choices: [(value: String, words: String)],
        chosen: String
    ) -> HTML {
        .tag(
            "div",
            ["class": "field"],
            [
                .tag("label", ["for": id], text: label),
                .tag("select", ["id": id, "name": name], options(choices, chosen: chosen)),
            ]
        )
    }

    /// A date to choose.
    static func dateField(_ id: String, _ label: String, _ name: String, _ value: String) -> HTML {
        .tag(
            "div",
            ["class": "field"],
            [
                .tag("label", ["for": id], text: label),
                .tag("input", ["id": id, "type": "date", "name": name, "value": value]),
            ]
        )
    }

    /// Filters of a list: a form that keeps the clocks.
    static func filters(
        _ address: PageAddress,
        _ fields: [HTML],
        keeping kept: [String] = PageAddress.clocks,
        note: String = ""
    ) -> HTML {
        let hidden = kept.compactMap { name in
            address[name].map { HTML.tag("input", ["type": "hidden", "name": name, "value": $0]) }
        }
        return .tag(
            "form",
            ["class": "filters", "method": "get", "action": address.path],
            hidden + fields + [
                .tag("button", ["type": "submit", "class": "small"], text: "Apply"),
                note.isEmpty ? .nothing : .tag("span", ["class": "right"], text: note),
            ]
        )
    }

    /// Nothing to show: why, and the way out.
    static func empty(_ title: String, _ sentence: String, out: HTML = .nothing) -> HTML {
        .tag(
            "div",
            ["class": "empty"],
            [.tag("h3", text: title), .tag("p", text: sentence), out]
        )
    }

    /// A plain table: the first cell of each row names it.
    ///
    /// With the style "cards" each row is a card on a narrow screen, in which its cells say what they
    /// are.
    static func table(
        _ style: String,
        _ columns: [(title: String, isNumber: Bool)],
        _ rows: [[[HTML]]],
        ids: [String] = []
    ) -> HTML {
        .tag(
            "table",
            ["class": style],
            [
                .tag(
                    "thead",
                    [
                        .tag(
                            "tr",
                            columns.indices.map { place in
                                .tag(
                                    "th",
                                    ["scope": "col"]
                                        + (["class": "num"] as Attributes)
                                        .when(columns[place].isNumber),
                                    text: columns[place].title
                                )
                            }
                        )
                    ]
                ),
                .tag(
                    "tbody",
                    rows.enumerated().map { row, cells in
                        .tag(
                            "tr",
                            ["data-row": ""]
                                + (ids.indices.contains(row) ? ["id": ids[row]] : [:]),
                            Self.cells(cells, columns, isCards: style == "cards")
                        )
                    }
                ),
            ]
        )
    }

    /// The cells of a row of a plain table.
    static func cells(
        _ cells: [[HTML]],
        _ columns: [(title: String, isNumber: Bool)],
        isCards: Bool = false
    ) -> [HTML] {
        cells.enumerated().map { place, cell in
            let style = (["class": "num"] as Attributes).when(columns[place].isNumber)
            let label = (["data-label": columns[place].title] as Attributes).when(isCards)
            return place == 0
                ? .tag("th", ["scope": "row"] + style, cell) : .tag("td", style + label, cell)
        }
    }
}

/// Numbers as pages write them.
enum Figure {
    /// "13.3%"; "–" of none.
    static func percent(_ share: Double?) -> String {
        share.map { "\(Words.decimal($0 * 100))%" } ?? "–"
    }

    /// "76 clients", or "76 clients in 78 episodes".
    ///
    /// - Parameter keys: the client's of each episode.
    static func clients(_ keys: some Collection<String>) -> String {
        let (clients, episodes) = (Set(keys).count, keys.count)
        let words = Words.count(clients, "client")
        return clients == episodes ? words : "\(words) in \(Words.count(episodes, "episode"))"
    }

    /// With commas.
    static func count(_ number: Int) -> String { Words.grouped(Int64(number)) }

    /// "3.6"; "–" of nothing.
    static func decimal(_ number: Double?) -> String { number.map(Words.decimal) ?? "–" }
}
