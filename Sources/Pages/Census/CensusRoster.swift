import CareEpisode
import Documents
import Markup
import Projections

/// One client's episode, with what is to be looked at.
struct CensusRow {
    let enrolled: AttendanceList.Enrolled
    /// The most serious first.
    let flags: [(words: FlagWords, count: Int)]
    /// Where its most serious flag stands.
    let seriousness: Int

    /// Everybody's, from what each question says of them.
    static func all(
        _ attendance: AttendanceList,
        _ medication: MedicationWorklist,
        _ census: CensusOfDate
    ) -> [CensusRow] {
        let reviews = Dictionary(
            medication.episodes.map { ($0.episodeID, $0.review.flags) },
            uniquingKeysWith: { first, _ in first }
        )
        let overlaps = Set(census.episodes.lazy.filter { $0.overlap != nil }.map(\.episodeID))
        return attendance.enrolled.map { enrolled in
            var codes = enrolled.flags.map(\.flag.rawValue)
            codes += reviews[enrolled.episodeID]?.map(\.flag.rawValue) ?? []
            if overlaps.contains(enrolled.episodeID) {
                codes.append(EpisodeFlag.Flag.overlappingEpisode.rawValue)
            }
            return CensusRow(enrolled, codes)
        }
    }

    private init(_ enrolled: AttendanceList.Enrolled, _ codes: [String]) {
        self.enrolled = enrolled
        var counts: [String: Int] = [:]
        for code in codes { counts[code, default: 0] += 1 }
        flags = counts.map { (FlagWords.of($0), $1) }
            .sorted { $0.0.seriousness < $1.0.seriousness }
        seriousness = flags.first?.words.seriousness ?? FlagWords.all.count
    }
}

/// The clients of the census, as a page lists them.
struct CensusRoster {
    /// Of one list so many rows are on a page.
    static let pageRows = 100

    private let attendance: AttendanceList
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People
    private let page: Int
    private let parked: Set<EpisodeID>
    /// Everybody.
    private let all: [CensusRow]
    /// Those that the filters leave, in order.
    private let rows: [CensusRow]

    init(
        _ answers: CensusView.Answers,
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People,
        page: Int,
        parked: Set<EpisodeID>
    ) {
        attendance = answers.attendance
        self.address = address
        self.format = format
        self.people = people
        self.page = page
        self.parked = parked
        all = answers.rows
        rows = Self.ordered(Self.filtered(all, address), address["order"] ?? "program", people)
    }

    private var programs: [String] { Set(all.map(\.enrolled.stay.program)).sorted() }

    private static func filtered(_ rows: [CensusRow], _ address: PageAddress) -> [CensusRow] {
        rows.filter { row in
            (address["program"].map { $0 == row.enrolled.stay.program } ?? true)
                && (address["flag"].map { flag in
                    flag == "any"
                        ? !row.flags.isEmpty : row.flags.contains { $0.words.code == flag }
                } ?? true)
        }
    }

    /// By which columns clients can be ordered.
    static let orders: [(code: String, words: String)] = [
        ("program", "Program, most serious first"), ("flags", "Most serious first"),
        ("client", "Client"), ("hours", "Hours of the last week, fewest first"),
        ("now", "Hours of this week, fewest first"), ("day", "Day of stay, longest first"),
        ("seen", "Last seen, longest ago first"),
    ]

    private static func ordered(_ rows: [CensusRow], _ order: String, _ people: People)
        -> [CensusRow]
    {
        // By name only where everybody has one.
        let isByName = people.haveNames(rows.lazy.map(\.enrolled.clientID))
        func name(_ row: CensusRow) -> String {
            isByName ? people.name(row.enrolled.clientID) : row.enrolled.clientID
        }
        func key(_ row: CensusRow) -> (Int64, String, Int) {
            let enrolled = row.enrolled
            return switch order {
            case "flags": (Int64(row.seriousness), "", 0)
            case "client": (0, name(row), 0)
            case "hours": (enrolled.lastWeek.microseconds, "", row.seriousness)
            case "now": (enrolled.presentMicroseconds, "", row.seriousness)
            case "day": (Int64(-enrolled.dayOfStay), "", row.seriousness)
            case "seen": (Int64(-enrolled.daysNotSeen), "", row.seriousness)
            default: (0, enrolled.stay.program, row.seriousness)
            }
        }
        let keys = rows.map(key)
        let names = rows.map(name)
        return rows.indices.sorted { left, right in
            guard keys[left] == keys[right] else { return keys[left] < keys[right] }
            let (first, second) = (rows[left].enrolled, rows[right].enrolled)
            return (names[left], first.clientID, first.episodeID)
                < (names[right], second.clientID, second.episodeID)
        }.map { rows[$0] }
    }

    private var shown: ArraySlice<CensusRow> {
        rows.dropFirst((page - 1) * Self.pageRows).prefix(Self.pageRows)
    }

    var isLastPage: Bool { page * Self.pageRows >= rows.count }

    var hasPage: Bool { page == 1 || !shown.isEmpty }

    // MARK: - To look at first

    private var lookItems: [HTML] {
        var groups: [FlagWords: [CensusRow]] = [:]
        for row in all { for flag in row.flags { groups[flag.words, default: []].append(row) } }
        return groups.sorted { $0.key.seriousness < $1.key.seriousness }.map { flag, rows in
            let href = address.to(address.path, ["flag": flag.code]).href
            // A name is not parted; paper has keys alone.
            var clients: [String] = []
            for row in rows where !clients.contains(row.enrolled.clientID) {
                clients.append(row.enrolled.clientID)
                if clients.count == 2 { break }
            }
            let hasNames = clients.contains { people[$0] != nil }
            var who = clients.map {
                HTML.tag("span", ["class": "nb"], text: people.name($0))
            }
            if who.count > 1 { who.insert(.text(", "), at: 1) }
            let rest = Set(rows.map(\.enrolled.clientID)).count - clients.count
            if rest > 0 { who.append(.text(" and \(rest) more")) }
            return HTML.tag(
                "li",
                [
                    .tag(
                        "a",
                        ["href": "\(href)#h-list"],
                        [
                            .tag("span", ["class": "n"], text: "\(rows.count)"),
                            .tag(
                                "span",
                                ["class": "w \(flag.kind.rawValue)"],
                                (flag.kind == .stop ? [FlagWords.sign] : []) + [.text(flag.words)]
                            ),
                            .tag("span", ["class": hasNames ? "quiet named" : "quiet"], who),
                        ]
                    )
                ]
            )
        }
    }

    /// Every flag with how many clients have it, most serious first.
    var toLookAt: HTML {
        let items = lookItems
        let body: HTML =
            items.isEmpty
            ? .tag("p", ["class": "body"], text: "Nothing: nobody who is enrolled has a flag.")
            : .tag("ul", ["class": "look", "id": "look"], items)
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-look"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-look"], text: "To look at first"),
                        .tag("p", text: "most serious first"),
                    ]
                ), body,
            ]
        )
    }

    // MARK: - Clients

    /// The clients of a page.
    var panel: HTML {
        .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-list"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-list"], text: "Clients"),
                        .tag("p", ["class": "key"], SessionMarks.key),
                    ]
                ), filters, rows.isEmpty ? empty : table, pages,
            ]
        )
    }

    private var empty: HTML {
        let isFiltered = address["program"] != nil || address["flag"] != nil
        return .empty(
            isFiltered ? "No client matches" : "Nobody is enrolled",
            isFiltered
                ? "\(Figure.clients(all.lazy.map(\.enrolled.clientID))) enrolled; none is what you chose."
                : "No episode was open at this time, as far as it was known.",
            out: isFiltered ? .button("Remove the filter", address.to(address.path).href) : .nothing
        )
    }

    private var filters: HTML {
        let present = Set(all.flatMap { $0.flags.map(\.words) })
            .sorted { $0.seriousness < $1.seriousness }
        return .filters(
            address,
            [
                .choice(
                    "f-p",
                    "Program",
                    "program",
                    [("", "All")] + programs.map { ($0, $0) },
                    chosen: address["program"] ?? ""
                ),
                .choice(
                    "f-f",
                    "Show",
                    "flag",
                    [("", "Everybody"), ("any", "To look at")]
                        + present.map { ($0.code, $0.words) },
                    chosen: address["flag"] ?? ""
                ),
                .choice(
                    "f-s",
                    "Order",
                    "order",
                    Self.orders.map { ($0.code, $0.words) },
                    chosen: address["order"] ?? "program"
                ),
            ],
            note: "\(Figure.count(rows.count)) of \(Figure.count(all.count))"
        )
    }

    private var table: HTML {
        var body: [HTML] = []
        var group: String?
        for row in shown {
            let program = row.enrolled.stay.program
            if isGrouped, program != group {
                group = program
                body.append(heading(program, row.enrolled))
            }
            body.append(self.row(row))
        }
        return .tag(
            "div",
            [
                "class": "scroll", "tabindex": "0", "role": "region",
                "aria-label": "Table of clients",
            ],
            [
                .tag(
                    "table",
                    ["class": "roster"],
                    [
                        .tag("thead", [.tag("tr", columns)]), .tag("tbody", body),
                    ]
                )
            ]
        )
    }

    private var columns: [HTML] {
        let week = attendance.lastWeek
        let dates = attendance.dates
        return [
            column("client", "Client", "ascending"),
            column("flags", "To look at", "descending"),
            column(
                "hours",
                "Hours, \(format.day(week.firstDate)) – \(format.day(week.lastDate))",
                "ascending"
            ),
            column(
                "now",
                "since \(format.weekdayAndDay(attendance.presentWeek.firstDate))",
                "ascending",
                "num"
            ),
            .tag(
                "th",
                ["scope": "col"],
                [
                    .text("\(format.day(dates[0])) – \(format.day(dates[dates.count - 1]))"),
                    SessionMarks.letters(dates),
                ]
            ),
            column("day", "Day", "descending", "num"),
            .tag("th", ["scope": "col"], text: "Since"),
        ]
    }

    private func column(
        _ order: String,
        _ words: String,
        _ direction: String,
        _ style: String = ""
    ) -> HTML {
        let isChosen = address["order"] == order
        let attributes: Attributes =
            ["scope": "col"] + (["class": style] as Attributes).when(!style.isEmpty)
            + (["aria-sort": direction] as Attributes).when(isChosen)
        return .tag(
            "th",
            attributes,
            [
                .tag(
                    "a",
                    ["href": address.with(["order": order, "page": nil]).href],
                    text: isChosen ? "\(words) \(direction == "ascending" ? "▴" : "▾")" : words
                )
            ]
        )
    }

    private func heading(_ program: String, _ enrolled: AttendanceList.Enrolled) -> HTML {
        let rows = all.filter { $0.enrolled.stay.program == program }
        let levels = Set(rows.map(\.enrolled.stay.levelOfCare.rawValue)).sorted()
            .map { Words.title($0) }.joined(separator: ", ")
        let threshold = rows.lazy.compactMap(\.enrolled.lastWeek.threshold).first
        let judged = threshold.map { " · threshold \(Words.number($0)) h a week" } ?? ""
        return .tag(
            "tr",
            ["class": "group"],
            [
                .tag(
                    "th",
                    ["colspan": "7", "scope": "colgroup"],
                    [
                        .tag("strong", text: program),
                        .text("\(levels) · \(Words.count(rows.count, "client"))\(judged)"),
                    ]
                )
            ]
        )
    }

    /// The cells of the rows that are shown, by the rows' ids.
    var parts: [String: [HTML]] {
        var parts = Dictionary(
            shown.map { (Self.id($0), cells($0)) },
            uniquingKeysWith: { first, _ in first }
        )
        parts["look"] = lookItems
        return parts
    }

    private static func id(_ row: CensusRow) -> String { "r-\(row.enrolled.episodeID)" }

    private var isGrouped: Bool { address["order"].map { $0 == "program" } ?? true }

    private func row(_ row: CensusRow) -> HTML {
        .tag("tr", ["data-row": "", "id": Self.id(row)], cells(row))
    }

    private func cells(_ row: CensusRow) -> [HTML] {
        let enrolled = row.enrolled
        let episode = "\(address.path.ledgerPath)/episodes/\(enrolled.episodeID)"
        let chips = row.flags.map { flag, count in
            flag.chip(href: address.to("\(episode)\(flag.page)").href, count: count)
        }
        var who = people.client(enrolled.clientID, href: address.to(episode).href)
        who += Parked.chip(enrolled.episodeID, parked)
        if !isGrouped {
            who.append(.tag("span", ["class": "key-of"], text: enrolled.stay.program))
        }
        return [
            .tag("th", ["scope": "row"], who),
            .tag("td", ["class": "c-flags"], [.tag("div", ["class": "chips"], chips)]),
            .tag("td", ["class": "c-hours"], [HoursBar(enrolled.lastWeek).gauge]),
            .tag(
                "td",
                ["class": "num c-now"],
                text: "\(Words.decimal(enrolled.presentHours)) h"
            ),
            .tag(
                "td",
                ["class": "c-marks"],
                [SessionMarks(enrolled.days, attendance.dates).drawing]
            ),
            .tag("td", ["class": "num c-day"], text: "\(enrolled.dayOfStay)"),
            .tag(
                "td",
                ["class": "more nb c-since"],
                text: format.day(format.calendar.date(of: enrolled.stay.from))
            ),
        ]
    }

    private var pages: HTML {
        let count = (rows.count + Self.pageRows - 1) / Self.pageRows
        return Pager(page: page, of: count, address).html
    }
}

extension FlagWords {
    /// Where more is said of it, below an episode.
    fileprivate var page: String {
        switch code {
        case "no_shows_in_a_row", "not_seen", "below_weekly_hours", "overlapping_sessions",
            "outside_episode", "duplicate_session", "missed_and_attended":
            "/attendance"
        case "life_cycle_conflict", "overlapping_episode": ""
        default: "/medication"
        }
    }
}
