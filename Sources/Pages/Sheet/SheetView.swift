public import CareEpisode
import Documents
public import Markup
public import Projections

/// The group sheet before a session is chosen: the day's sessions with who is unmarked, and a new one.
public struct SheetDayView: PageView {
    private let sessions: [(session: SessionList.Session, href: String?)]
    private let programs: [String]
    private let values: [String: String]
    private let address: PageAddress
    private let format: DisplayFormat

    /// The sessions of a day.
    ///
    /// - Parameters:
    ///   - sessions: with the addresses of their sheets; nil for what is no group's.
    ///   - programs: of those who are enrolled.
    ///   - values: what the fields of a new session begin with.
    ///   - address: of the page.
    ///   - format: how times are written.
    public init(
        _ sessions: [(session: SessionList.Session, href: String?)],
        programs: [String],
        values: [String: String],
        _ address: PageAddress,
        _ format: DisplayFormat
    ) {
        self.sessions = sessions
        self.programs = programs
        self.values = values
        self.address = address
        self.format = format
    }

    /// What the page is called.
    public var title: String { "Group sheet" }
    /// The header's.
    public var place: PageName? { .sheet }

    /// The sessions, and the fields of a new one.
    public var content: [HTML] {
        [
            .head("Group sheet", "One mark for each client of a session. As of now."),
            .panel(
                "h-day",
                "Sessions of today",
                [
                    sessions.isEmpty
                        ? .empty(
                            "None yet",
                            "Begin one below: what is marked is recorded, no more."
                        )
                        : .scrolling(
                            "Sessions of today",
                            [
                                .table(
                                    "cards",
                                    [
                                        ("Began", false), ("What", false), ("Program", false),
                                        ("Attended", true), ("Missed", true), ("Unmarked", true),
                                    ],
                                    sessions.map { row($0.session, $0.href) }
                                )
                            ]
                        )
                ]
            ),
            .panel("h-new", "A session", [form]),
        ]
    }

    private func row(_ session: SessionList.Session, _ href: String?) -> [[HTML]] {
        let time = format.time(session.startsAt)
        let began: HTML = href.map { .tag("a", ["href": $0], text: time) } ?? .text(time)
        let what = [Words.title(session.kind.rawValue), session.modality?.words]
        return [
            [began], [.text(what.compactMap(\.self).joined(separator: ", "))],
            [.text(session.programs.joined(separator: ", "))], [.text("\(session.attended)")],
            [.text("\(session.missed)")], [.text("\(session.unmarked.count)")],
        ]
    }

    private var form: HTML {
        .tag(
            "form",
            ["class": "body record", "method": "get", "action": address.path],
            [
                .tag(
                    "div",
                    ["class": "fields"],
                    [
                        .choice(
                            "program",
                            "Program",
                            "program",
                            programs.map { ($0, $0) },
                            chosen: values["program"] ?? ""
                        ),
                        .choice(
                            "kind",
                            "Kind",
                            "kind",
                            SessionKind.allCases.map { ($0.rawValue, FormWords.code($0.rawValue)) },
                            chosen: values["kind"] ?? SessionKind.group.rawValue
                        ), field("start", "Began at", "datetime-local"),
                        field("facilitator", "Held by (staff key)", "text"),
                    ]
                ),
                .tag(
                    "p",
                    ["class": "chips"],
                    [.tag("button", ["type": "submit", "class": "main"], text: "Open the sheet")]
                ),
            ]
        )
    }

    private func field(_ name: String, _ label: String, _ type: String) -> HTML {
        .tag(
            "div",
            ["class": "field"],
            [
                .tag("label", ["for": name], text: label),
                .tag(
                    "input",
                    ["id": name, "name": name, "type": type, "autocomplete": "off"]
                        + .unseen("value", values[name] ?? "")
                ),
            ]
        )
    }
}

/// A group sheet: everybody who is enrolled at the time, a mark each, nothing preselected.
public struct SheetView: PageView {
    /// One client.
    public struct Row: Sendable {
        /// The episode.
        public var episodeID: EpisodeID
        /// The client's key.
        public var clientID: String
        /// The day of the stay.
        public var day: Int
        /// What happened in the last 14 days.
        public var days: [[EpisodeCensus.Session]]
        /// Whether the client came to one of the last four such sessions.
        public var isUsual: Bool
        /// The mark that was chosen; nil for none.
        public var mark: SheetMark?
        /// The client's own minutes, as they were typed.
        public var minutes = ""
        /// What is recorded, or became of what was sent.
        public var told: Told?
        /// What is wrong with it.
        public var errors: [FieldError] = []

        /// A client who may have come.
        public init(
            _ episodeID: EpisodeID,
            _ clientID: String,
            day: Int,
            days: [[EpisodeCensus.Session]],
            isUsual: Bool
        ) {
            self.episodeID = episodeID
            self.clientID = clientID
            self.day = day
            self.days = days
            self.isUsual = isUsual
        }
    }

    /// What became of a row.
    public enum Told: Sendable {
        /// It is recorded: what, and the event.
        case recorded(String, EventID)
        /// Something else is recorded: what, by whom, and the event.
        case other(String, by: String, EventID)
        /// Nobody knows yet: it is to be sent again.
        case again(String)
    }

    private let session: SheetSession
    private let fields: SheetFields
    private let rows: [Row]
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
        _ rows: [Row],
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
                                    + "Only what is marked is recorded; the rest can follow later. "
                                    + "As of now."
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

    private func name(_ row: Row) -> String { people.name(row.clientID) }

    private func id(_ row: Row, _ field: String) -> String { "\(field)-\(row.episodeID)" }

    private func words(_ error: FieldError) -> String {
        let detail = error.code == "unknown_code" ? "must be one of the list" : error.detail
        return "\(FormWords.label(error.pointer, .sessionAttended)) \(detail)"
    }

    private static func field(of pointer: String) -> String {
        pointer.replacing("/data/scheduled_minutes", with: "/data/minutes")
            .replacing("/data/", with: "").replacing("/author", with: "author")
    }

    private static func id(_ field: String) -> String {
        field == "/add_key" ? "add-key" : "s-\(field.replacing("/", with: "-"))"
    }

    private var summary: HTML {
        guard isWrong else { return .nothing }
        func line(_ id: String, _ error: FieldError, _ words: String) -> HTML {
            .tag("li", ["data-code": error.code], [.tag("a", ["href": "#\(id)"], text: words)])
        }
        let lines =
            errors.map { error in
                line(Self.id(Self.field(of: error.pointer)), error, words(error))
            }
            + rows.flatMap { row in
                row.errors.map { line(id(row, "minutes"), $0, "\(name(row)): \(words($0))") }
            }
        return .tag(
            "div",
            [
                "class": "summary-of-errors", "role": "alert", "tabindex": "-1", "autofocus": "",
                "aria-labelledby": "wrong",
            ],
            [
                .tag("h2", ["id": "wrong"], text: "There is a problem"),
                .tag(
                    "p",
                    text:
                        "Nothing of this sheet was recorded just now. What you marked is still here."
                ), .tag("ul", lines),
            ]
        )
    }

    private var outcome: HTML {
        guard isSent, !isWrong else { return .nothing }
        var (done, others, open) = (0, 0, 0)
        for row in rows where row.mark != nil {
            switch row.told {
            case .recorded: done += 1
            case .other: others += 1
            case .again, nil: open += 1
            }
        }
        var sentence = "\(Words.count(done, "client")) of those you marked "
        sentence += done == 1 ? "is recorded." : "are recorded."
        if others > 0 {
            sentence += " Of \(Words.count(others, "client")) something else was recorded before."
        }
        if open > 0 { sentence += " \(Words.count(open, "row")) to be sent again: press Record." }
        let style = others + open == 0 ? "good" : "warn"
        return .tag(
            "div",
            ["class": "notice \(style)", "role": "status"],
            [
                .tag("h2", text: open == 0 ? "Recorded" : "Not all is recorded"),
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
                    note: [.text("\(rows.filter(\.isOpen).count) not recorded yet")],
                    key: SessionMarks.key,
                    [.scrolling("Table of marks", [table]), add, dock]
                ),
            ]
        )
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
            let input: HTML
            if case .code(let codes) = shape.kind {
                let known = codes.contains(text) || text.isEmpty ? [] : [text]
                input = .tag(
                    "select",
                    attributes,
                    ([""] + codes + known).map { code in
                        .tag(
                            "option",
                            ["value": code]
                                + (["selected": ""] as Attributes).when(code == text),
                            text: code.isEmpty ? "" : FormWords.code(code)
                        )
                    }
                )
            } else {
                input = .tag("input", attributes + ["type": "text"] + .unseen("value", text))
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
                    wrong.isEmpty
                        ? .nothing
                        : .tag(
                            "span",
                            ["class": "error", "id": "\(id)-error"],
                            text: wrong.map(words).joined(separator: "; ")
                        ), input,
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

    private func row(_ row: Row) -> HTML {
        let href = "\(address.path.ledgerPath)/episodes/\(row.episodeID)"
        var cells: [HTML] = [
            .tag("th", ["scope": "row"], people.client(row.clientID, href: href)),
            .tag("td", ["class": "num", "data-label": "Day"], text: "\(row.day)"),
            .tag("td", ["data-label": "14 days"], [SessionMarks(row.days, dates).drawing]),
        ]
        let known =
            (["type": "hidden", "name": "row/\(row.episodeID)", "value": row.clientID] as Attributes)
        var mark: [HTML] = [.tag("input", known)]
        switch row.told {
        case .recorded(let what, let event):
            mark += said("Recorded: \(what)", event, row)
        case .other(let what, let author, let event):
            mark += said(
                "Recorded as \(what) by \(people.name(author)), not as you marked it",
                event,
                row
            )
        case .again(let why):
            mark += [.tag("p", ["class": "below"], text: "Not recorded: \(why)"), choices(row)]
        case nil: mark.append(choices(row))
        }
        cells.append(.tag("td", ["data-label": "Mark"], mark))
        cells.append(.tag("td", ["data-label": "Minutes"], row.isOpen ? [minutes(row)] : []))
        cells.append(.tag("td", ["class": "print"]))
        return .tag("tr", ["id": "r-\(row.episodeID)"], cells)
    }

    private func said(_ words: String, _ event: EventID, _ row: Row) -> [HTML] {
        let form = "\(address.path.ledgerPath)/episodes/\(row.episodeID)/entries/\(event)/correct"
        return [
            .text("\(words) "),
            .tag("a", ["href": form, "aria-label": "Correct \(row.clientID)"], text: "Correct"),
        ]
    }

    /// What the keyboard is at first: the first client who is not marked, else the button.
    private var first: EpisodeID? {
        isWrong ? nil : rows.first { $0.isOpen && $0.mark == nil }?.episodeID
    }

    private func choices(_ row: Row) -> HTML {
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

    private func minutes(_ row: Row) -> HTML {
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
        .tag(
            "p",
            ["class": "body chips"],
            [
                .tag("label", ["for": "add-key"], text: "Somebody else who came (client key)"),
                .tag("input", ["id": "add-key", "name": "add_key", "type": "text"]),
                submit("add", "Add to the sheet", style: "small"),
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

extension SheetView.Row {
    /// Whether it can be marked.
    var isOpen: Bool {
        switch told {
        case nil, .again: true
        case .recorded, .other: false
        }
    }
}
