public import CareEpisode
import Documents
public import Markup

/// A group sheet: everybody who is enrolled at the time, a mark each, nothing preselected.
public struct SheetView: PageView {
    private let session: SheetSession
    private let fields: SheetFields
    private let rows: [SheetRow]
    private let dates: [CalendarDate]
    private let action: String
    private let token: String
    private let isSent: Bool
    private let errors: [FieldError]
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People

    /// A sheet.
    ///
    /// - Parameters:
    ///   - session: of what.
    ///   - fields: what else is said of it.
    ///   - rows: who may have come.
    ///   - dates: the 14 dates of what happened.
    ///   - token: what the form is signed with.
    ///   - isSent: whether it has just been sent.
    ///   - errors: what is wrong with the session's fields.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    public init(
        _ session: SheetSession,
        _ fields: SheetFields,
        _ rows: [SheetRow],
        dates: [CalendarDate],
        token: String,
        isSent: Bool,
        errors: [FieldError] = [],
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People
    ) {
        self.session = session
        self.fields = fields
        let byName = people.haveNames(rows.map(\.clientID))
        self.rows = rows.sorted { left, right in
            if left.isUsual != right.isUsual { return left.isUsual }
            let names =
                byName ? (people.name(left.clientID), people.name(right.clientID)) : ("", "")
            return (names.0, left.clientID, left.episodeID)
                < (names.1, right.clientID, right.episodeID)
        }
        self.dates = dates
        action = address.href
        self.token = token
        self.isSent = isSent
        self.errors = errors
        self.address = address
        self.format = format
        self.people = people
    }

    private var isWrong: Bool { !errors.isEmpty || rows.contains { !$0.errors.isEmpty } }

    /// What the page is called.
    public var title: String { isWrong ? "Error: Group sheet" : "Group sheet" }
    /// The header's.
    public var place: PageName? { .sheet }

    /// The session, who was there, and what became of it.
    public var content: [HTML] {
        let time = format.dateAndTime(session.startsAt)
        return [
            .tag(
                "div",
                ["class": "head"],
                [
                    .tag(
                        "div",
                        [
                            .tag("h1", text: "Group sheet, \(time)"),
                            .tag(
                                "p",
                                text:
                                    "\(session.program), \(FormWords.code(session.kind.rawValue).lowercased()). "
                                    + "Only what is marked is recorded; the rest can follow later."
                            ),
                        ]
                    ),
                    .tag(
                        "div",
                        ["class": "acts"],
                        [.button("Another session", address.path)]
                    ),
                ]
            ), summary, outcome, form,
        ]
    }

    // MARK: - What is wrong, and what was done

    private func name(_ row: SheetRow) -> String { people.name(row.clientID) }

    private func id(_ row: SheetRow, _ field: String) -> String { "\(field)-\(row.episodeID)" }

    private func words(_ error: FieldError) -> String { FormWords.told(error, .sessionAttended) }

    private static func field(of pointer: String) -> String {
        pointer.replacing("/data/scheduled_minutes", with: "/data/minutes")
            .replacing("/data/", with: "").replacing("/author", with: "author")
    }

    private static func id(_ field: String) -> String { "s-\(field.replacing("/", with: "-"))" }

    /// Where an error of the session has its field; nil of what stands in the address.
    private static func place(_ error: FieldError) -> String? {
        if error.pointer == SheetFields.added { return addID }
        let field = field(of: error.pointer)
        return SheetFields.names.contains(field) ? id(field) : nil
    }

    private static let addID = "add-key"

    private var summary: HTML {
        guard isWrong else { return .nothing }
        return .errorSummary(
            saying: "Nothing of this sheet was recorded just now. What you marked is still here.",
            errors.map { (words($0), $0.code, Self.place($0)) }
                + rows.flatMap { row in
                    row.errors.map { ("\(name(row)): \(words($0))", $0.code, id(row, "minutes")) }
                }
        )
    }

    private var outcome: HTML {
        guard isSent, !isWrong else { return .nothing }
        var (done, others, open) = (0, 0, 0)
        for row in rows where row.mark != nil {
            switch row.told {
            case .recorded: done += 1
            case .other: others += 1
            case .refused, nil: open += 1
            }
        }
        var sentence = "\(Words.count(done, "client")) of those you marked "
        sentence += done == 1 ? "is recorded." : "are recorded."
        if others > 0 {
            sentence += " Of \(Words.count(others, "client")) something else was recorded before."
        }
        if open > 0 {
            sentence += " Of \(Words.count(open, "client")) nothing is: the rows say why."
        }
        let style = others + open == 0 ? "good" : "warn"
        return .tag(
            "div",
            ["class": "notice \(style)", "role": "status"],
            [
                .tag("h2", text: others + open == 0 ? "Recorded" : "Not all is recorded"),
                .tag("p", text: sentence),
            ]
        )
    }

    // MARK: - The form

    private var form: HTML {
        .tag(
            "form",
            [
                "method": "post", "action": action, "data-kept": "", "autocomplete": "off",
                "class": "record",
            ],
            [
                FormToken.field(token), submit("record", "Record", isHidden: true),
                .tag(
                    "section",
                    ["class": "panel", "aria-labelledby": "h-s"],
                    [
                        .tag(
                            "details",
                            (["open": ""] as Attributes).when(
                                !errors.isEmpty || fields["minutes"].isEmpty
                                    || fields["author/role"].isEmpty
                            ),
                            [
                                .tag(
                                    "summary",
                                    ["class": "bar"],
                                    [
                                        .tag("h2", ["id": "h-s"], text: "The session"),
                                        .tag("span", text: told),
                                    ]
                                ),
                                .tag(
                                    "div",
                                    ["class": "record"],
                                    [.tag("div", ["class": "fields"], inputs)]
                                ),
                            ]
                        )
                    ]
                ),
                .panel(
                    "h-r",
                    "Who was there",
                    note: note,
                    key: SessionMarks.key,
                    [.scrolling("Table of marks", [table]), add, dock]
                ),
            ]
        )
    }

    /// How many are open, and the keys.
    private var note: [HTML] {
        let keys: [(String, String)] = [
            ("↓", ""), ("↑", "client"), ("1", ""), ("6", "mark"), ("0", "not marked"),
            ("m", "minutes"), ("a", "the others attended"),
        ]
        return [.text("\(rows.filter(\.isOpen).count) not recorded yet")]
            + keys.flatMap { key, words -> [HTML] in
                [.text(" "), .tag("kbd", text: key), .text(words.isEmpty ? "" : " \(words)")]
            }
    }

    private var told: String {
        [
            fields["minutes"].isEmpty ? nil : "\(fields["minutes"]) min",
            fields["modality"].isEmpty ? nil : FormWords.code(fields["modality"]),
            "held by \(people.name(session.facilitator))",
            "stated by \(people.name(fields["author/id"]))",
        ].compactMap(\.self).joined(separator: ", ")
    }

    private var inputs: [HTML] {
        let shapes = Dictionary(
            (EventType.sessionAttended.fields.map { ($0.name, $0) })
                + Author.fieldShapes.map { ("author/\($0.name)", $0) },
            uniquingKeysWith: { first, _ in first }
        )
        return SheetFields.names.compactMap { name in
            guard let shape = shapes[name] else { return nil }
            let wrong = errors.filter { Self.field(of: $0.pointer) == name }
            let id = Self.id(name)
            let attributes: Attributes =
                ["id": id, "name": "session/\(name)"]
                + (["aria-invalid": "true", "aria-describedby": "\(id)-error"] as Attributes)
                .when(!wrong.isEmpty)
            let text = fields[name]
            var input = HTML.tag("input", attributes + ["type": "text"] + .unseen("value", text))
            if case .code(let codes) = shape.kind {
                let choices = FormWords.choices(codes, chosen: text)
                input = .tag("select", attributes, HTML.options(choices, chosen: text))
            }
            let label =
                name.hasPrefix("author/")
                ? "Stated by: \(FormWords.name(shape.name).lowercased())"
                : FormWords.name(shape.name)
            return .tag(
                "div",
                ["class": wrong.isEmpty ? "field" : "field wrong"],
                [
                    .tag("label", ["for": id], text: label),
                    .fieldError(id, wrong.map(words)), input,
                ]
            )
        }
    }

    // MARK: - Rows

    private var table: HTML {
        let columns = [
            ("Client", false), ("Day", true), ("14 days", false), ("Mark", false),
            ("Minutes", false),
        ]
        return .tag(
            "table",
            ["class": "cards sheet"],
            [
                .tag(
                    "thead",
                    [
                        .tag(
                            "tr",
                            columns.map { title, isNumber in
                                .tag(
                                    "th",
                                    ["scope": "col"]
                                        + (["class": "num"] as Attributes).when(isNumber),
                                    text: title
                                )
                            } + [.tag("th", ["scope": "col", "class": "print"], text: "Signature")]
                        )
                    ]
                ), .tag("tbody", rows.map(row)),
            ]
        )
    }

    private func row(_ row: SheetRow) -> HTML {
        let href = "\(address.path.ledgerPath)/episodes/\(row.episodeID)"
        var cells: [HTML] = [
            .tag("th", ["scope": "row"], people.client(row.clientID, href: href)),
            .tag("td", ["class": "num", "data-label": "Day"], text: "\(row.day)"),
            .tag("td", ["data-label": "14 days"], [SessionMarks(row.days, dates).drawing]),
        ]
        // Who is on the sheet stays, and it says how many entries it knew.
        var mark: [HTML] = [
            .tag(
                "input",
                [
                    "type": "hidden", "name": "known/\(row.episodeID)", "value": "\(row.retracted)",
                ]
            )
        ]
        switch row.told {
        case .recorded(let entry): mark += said("Recorded: \(entry.words)", entry, row)
        case .other(let entry):
            let author = people.name(entry.author)
            mark += said(
                "Recorded as \(entry.words) by \(author), not as you marked it",
                entry,
                row
            )
        case .refused(let why):
            mark += [.tag("p", ["class": "below"], text: "Not recorded: \(why)"), choices(row)]
        case nil: mark.append(choices(row))
        }
        cells.append(.tag("td", ["data-label": "Mark"], mark))
        cells.append(.tag("td", ["data-label": "Minutes"], row.isOpen ? [minutes(row)] : []))
        cells.append(.tag("td", ["class": "print"]))
        return .tag("tr", ["id": "r-\(row.episodeID)"], cells)
    }

    private func said(_ words: String, _ entry: SheetEntry, _ row: SheetRow) -> [HTML] {
        let episode = "\(address.path.ledgerPath)/episodes/\(row.episodeID)"
        let form = "\(episode)/entries/\(entry.eventID)/correct"
        return [
            .text("\(words) "),
            .tag("a", ["href": form, "aria-label": "Correct \(row.clientID)"], text: "Correct"),
        ]
    }

    /// What the keyboard is at first: the first client who is not marked, else the button.
    private var first: EpisodeID? {
        isWrong ? nil : rows.first { $0.isOpen && $0.mark == nil }?.episodeID
    }

    private func choices(_ row: SheetRow) -> HTML {
        let name = "mark/\(row.episodeID)"
        let isFirst = row.episodeID == first
        let all: [(value: String, words: String)] =
            [("", "Not marked")] + SheetMark.ofRow.map { ($0.rawValue, $0.words) }
        return .tag(
            "div",
            ["class": "chips", "role": "radiogroup", "aria-label": "Mark of \(self.name(row))"],
            all.map { value, words in
                .tag(
                    "label",
                    ["class": "box"],
                    [
                        .tag(
                            "input",
                            ["type": "radio", "name": name, "value": value]
                                + (["checked": ""] as Attributes).when(
                                    row.mark?.rawValue ?? "" == value
                                )
                                + (["autofocus": ""] as Attributes).when(isFirst && value.isEmpty)
                        ), .text(words),
                    ]
                )
            }
        )
    }

    private func minutes(_ row: SheetRow) -> HTML {
        let id = id(row, "minutes")
        let isWrong = !row.errors.isEmpty
        return .pieces([
            isWrong
                ? .tag(
                    "span",
                    ["class": "error-line", "id": "\(id)-error"],
                    text: row.errors.map(words).joined(separator: "; ")
                ) : .nothing,
            .tag(
                "input",
                [
                    "id": id, "name": "minutes/\(row.episodeID)", "inputmode": "numeric",
                    "size": "4",
                    "class": "minutes",
                    "aria-label": "Minutes of \(name(row)), if others than the session’s",
                ]
                    + (["aria-invalid": "true", "aria-describedby": "\(id)-error"] as Attributes)
                    .when(isWrong) + .unseen("value", row.minutes)
            ),
        ])
    }

    private var add: HTML {
        let wrong = errors.filter { $0.pointer == SheetFields.added }
        return .tag(
            "div",
            ["class": "filters"],
            [
                .tag(
                    "div",
                    ["class": wrong.isEmpty ? "field" : "field wrong"],
                    [
                        .tag(
                            "label",
                            ["for": Self.addID],
                            text: "Somebody else who came (client key)"
                        ),
                        .fieldError(Self.addID, wrong.map(words)),
                        .tag(
                            "p",
                            ["class": "chips"],
                            [
                                .tag(
                                    "input",
                                    ["id": Self.addID, "name": "add_key", "type": "text"]
                                        + ([
                                            "aria-invalid": "true",
                                            "aria-describedby": "\(Self.addID)-error",
                                        ]
                                        as Attributes).when(!wrong.isEmpty)
                                        + .unseen("value", wrong.isEmpty ? "" : fields["add_key"])
                                ), submit("add", "Add to the sheet", style: "small"),
                            ]
                        ),
                    ]
                )
            ]
        )
    }

    private var dock: HTML {
        let open = rows.filter { $0.isOpen && $0.mark == nil }.count
        return .tag(
            "div",
            ["class": "dock chips"],
            [
                submit(
                    "record",
                    "Record what is marked",
                    style: "main",
                    isFirst: !isWrong && first == nil && rows.contains(where: \.isOpen)
                ),
                open > 0
                    ? submit("rest", "Mark the other \(open) attended", style: "") : .nothing,
                open > 0
                    ? submit("cancelled", "Program canceled it for the other \(open)", style: "")
                    : .nothing,
            ]
        )
    }

    private func submit(
        _ deed: String,
        _ words: String,
        style: String = "",
        isHidden: Bool = false,
        isFirst: Bool = false
    ) -> HTML {
        let hiding: Attributes = ["class": "hidden", "tabindex": "-1", "aria-hidden": "true"]
        return .tag(
            "button",
            ["type": "submit", "name": "do", "value": deed]
                + (isHidden ? hiding : (["class": style] as Attributes).when(!style.isEmpty))
                + (["autofocus": ""] as Attributes).when(isFirst),
            text: words
        )
    }
}
