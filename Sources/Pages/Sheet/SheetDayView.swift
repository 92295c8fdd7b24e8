import CareEpisode
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
            .head("Group sheet", "One mark for each client of a session."),
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
