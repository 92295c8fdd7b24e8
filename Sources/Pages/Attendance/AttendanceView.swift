public import CareEpisode
import Documents
public import Markup
public import Projections

/// Whom to look after: weeks below the threshold, no-shows in a row, who was not seen for days.
public struct AttendanceView: PageView {
    private let list: AttendanceList
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People
    private let page: Int
    private let parked: Set<EpisodeID>

    /// The work to do.
    ///
    /// - Parameters:
    ///   - list: everybody who is enrolled.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    ///   - page: which hundred clients.
    ///   - parked: episodes that could not be read.
    public init(
        _ list: AttendanceList,
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People,
        page: Int,
        parked: [EpisodeID] = []
    ) {
        self.list = list
        self.address = address
        self.format = format
        self.people = people
        self.page = page
        self.parked = Set(parked)
    }

    private static let flags: [EpisodeFlag.Flag] = [.noShowsInARow, .notSeen, .belowWeeklyHours]

    private var rows: [AttendanceList.Enrolled] {
        list.enrolled.filter { row in
            let codes = row.flags.map(\.flag)
            guard let flag = address["flag"] else {
                return codes.contains { Self.flags.contains($0) }
            }
            return flag == "all" || codes.contains { $0.rawValue == flag }
        }
    }

    private var shown: [AttendanceList.Enrolled] {
        Array(rows.dropFirst((page - 1) * Self.pageRows).prefix(Self.pageRows))
    }

    /// Of the list so many clients are on a page.
    static let pageRows = 100

    /// Whether there is such a page of clients.
    public var hasPage: Bool { page == 1 || !shown.isEmpty }

    /// The date.
    public var title: String { "Attendance, \(format.longDate(list.dates[list.dates.count - 1]))" }
    /// Attendance.
    public var place: PageName? { .attendance }

    /// The list.
    public var content: [HTML] {
        let programs = address["program"].map { [$0] } ?? []
        let known = Set(list.enrolled.map(\.stay.program)).union(programs).sorted()
        let count = rows.count
        return [
            .head(
                title,
                sentence,
                acts: [.button("CSV", address.with(["format": "csv", "page": nil]).href)]
            ),
            .panel(
                "h-work",
                "To look after",
                key: SessionMarks.key,
                [
                    .filters(
                        address,
                        [
                            .choice(
                                "a-p",
                                "Program",
                                "program",
                                [("", "All")] + known.map { ($0, $0) },
                                chosen: address["program"] ?? ""
                            ),
                            .choice(
                                "a-f",
                                "Show",
                                "flag",
                                [("", "To look after"), ("all", "Everybody")]
                                    + Self.flags.map {
                                        ($0.rawValue, FlagWords.of($0.rawValue).words)
                                    },
                                chosen: address["flag"] ?? ""
                            ),
                        ],
                        note: "\(Figure.count(count)) of \(Figure.count(list.enrolled.count))"
                    ),
                    shown.isEmpty ? empty : table,
                    Pager(page: page, of: (count + Self.pageRows - 1) / Self.pageRows, address)
                        .html,
                ]
            ),
        ]
    }

    private var sentence: String {
        "\(Figure.clients(list.enrolled.lazy.map(\.clientID))) enrolled, "
            + "\(Figure.count(withFlags)) to look after."
    }

    /// The sentence, and the cells of each row.
    public var parts: [String: [HTML]] {
        let columns = columns
        return shown.reduce(into: ["sentence": [.text(sentence)]]) { parts, row in
            parts[Self.id(row)] = HTML.cells(cells(row), columns, isCards: true)
        }
    }

    /// The clients of the list.
    public var members: PageMembers {
        PageMembers(rows.map(\.episodeID), came: "more in this list", went: "no longer in it")
    }

    private static func id(_ row: AttendanceList.Enrolled) -> String { "r-\(row.episodeID)" }

    private var columns: [(title: String, isNumber: Bool)] {
        let week = list.lastWeek
        return [
            ("Client", false), ("To look after", false),
            ("Hours, \(format.day(week.firstDate)) – \(format.day(week.lastDate))", false),
            ("This week", true), ("14 days", false), ("No-shows", true), ("Last seen", true),
        ]
    }

    private var withFlags: Int {
        list.enrolled.count { row in row.flags.contains { Self.flags.contains($0.flag) } }
    }

    private var empty: HTML {
        .empty(
            list.enrolled.isEmpty ? "Nobody is enrolled" : "Nobody to look after",
            list.enrolled.isEmpty
                ? "No episode was open at this time, as far as it was known."
                : "Nobody has missed several sessions in a row, was unseen for days, or had too "
                    + "few hours last week.",
            out: address["flag"] == nil && address["program"] == nil
                ? .nothing : .button("Remove the filter", address.to(address.path).href)
        )
    }

    private var table: HTML {
        .scrolling(
            "Table of clients",
            [.table("cards", columns, shown.map(cells), ids: shown.map(Self.id))]
        )
    }

    private func cells(_ row: AttendanceList.Enrolled) -> [[HTML]] {
        let episode = address.to(
            "\(address.path.ledgerPath)/episodes/\(row.episodeID)/attendance"
        ).href
        let chips = Set(row.flags.map(\.flag.rawValue)).map { FlagWords.of($0) }
            .sorted { $0.seriousness < $1.seriousness }
            .map { $0.chip(href: episode) }
        let seen =
            row.lastAttendedOn.map { "\(format.day($0)), \(Words.count(row.daysNotSeen, "day"))" }
            ?? "never, \(Words.count(row.daysNotSeen, "day"))"
        return [
            people.client(row.clientID, href: episode) + Parked.chip(row.episodeID, parked)
                + [.tag("span", ["class": "key-of"], text: row.stay.program)],
            [.tag("div", ["class": "chips"], chips)], [HoursBar(row.lastWeek).gauge],
            [.text("\(Words.decimal(row.presentHours)) h")],
            [SessionMarks(row.days, list.dates).drawing], [.text("\(row.noShowsInARow)")],
            [.text(seen)],
        ]
    }
}
