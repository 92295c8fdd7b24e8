public import CareEpisode
import Documents
public import Markup
public import Projections

/// Ended episodes by what their summaries lack.
public struct SummariesView: PageView {
    private let list: DischargeSummaryList
    private let period: (from: CalendarDate, to: CalendarDate)
    private let address: PageAddress
    private let format: DisplayFormat
    private let people: People
    private let page: Int
    private let parked: Set<EpisodeID>

    /// The list.
    ///
    /// - Parameters:
    ///   - list: episodes that ended in the period.
    ///   - period: the first and the last date of the ends.
    ///   - address: of the page.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    ///   - page: which hundred episodes.
    ///   - parked: episodes that could not be read.
    public init(
        _ list: DischargeSummaryList,
        _ period: (from: CalendarDate, to: CalendarDate),
        _ address: PageAddress,
        _ format: DisplayFormat,
        _ people: People,
        page: Int,
        parked: [EpisodeID] = []
    ) {
        self.list = list
        self.period = period
        self.address = address
        self.format = format
        self.people = people
        self.page = page
        self.parked = Set(parked)
    }

    /// Of the list so many episodes are on a page.
    static let pageRows = 100

    /// Whether there is such a page of episodes.
    public var hasPage: Bool { page == 1 || !shown.isEmpty }

    private var rows: [DischargeSummaryRow] {
        list.rows.filter { row in
            address["missing"].map { missing in
                missing == "any" ? !row.missing.isEmpty : row.missing.contains(missing)
            } ?? true
        }
    }

    private var shown: [DischargeSummaryRow] {
        Array(rows.dropFirst((page - 1) * Self.pageRows).prefix(Self.pageRows))
    }

    private var sentence: String {
        let lacking = list.rows.count { !$0.missing.isEmpty }
        return "\(Words.count(list.rows.count, "episode")) ended, "
            + "\(Figure.count(lacking)) with something missing."
    }

    /// The sentence.
    public var parts: [String: [HTML]] { ["sentence": [.text(sentence)]] }

    /// The episodes of the list, with what is missing of each.
    public var members: PageMembers {
        PageMembers(
            rows.map { "\($0.episodeID) \($0.missing)" },
            came: "new or changed",
            went: "gone or changed"
        )
    }

    /// The period.
    public var title: String {
        "Summaries, \(format.date(period.from)) to \(format.date(period.to))"
    }
    /// Summaries.
    public var place: PageName? { .summaries }

    /// The list.
    public var content: [HTML] {
        let programs = Set(list.rows.map(\.program))
            .union(address["program"].map { [$0] } ?? []).sorted()
        let missing = Set(list.rows.flatMap(\.missing)).sorted()
        return [
            .head(
                title,
                sentence,
                acts: [
                    .button(format.month(before.from), month(before).href),
                    .button(
                        "Something missing",
                        address.with(["missing": "any", "page": nil]).href
                    ), .button("CSV", address.with(["format": "csv", "page": nil]).href),
                ]
            ),
            .panel(
                "h-s",
                "Ended episodes",
                note: [.text("the latest end first")],
                [
                    .filters(
                        address,
                        [
                            .dateField("s-f", "Ended from", "from", period.from.description),
                            .dateField("s-t", "to", "to", period.to.description),
                            .choice(
                                "s-p",
                                "Program",
                                "program",
                                [("", "All")] + programs.map { ($0, $0) },
                                chosen: address["program"] ?? ""
                            ),
                            .choice(
                                "s-m",
                                "Show",
                                "missing",
                                [("", "All"), ("any", "Something missing")]
                                    + missing.map { ($0, "No \(Words.code($0))") },
                                chosen: address["missing"] ?? ""
                            ),
                        ],
                        keeping: PageAddress.clocks.filter { !["from", "to"].contains($0) },
                        note: "\(Figure.count(rows.count)) of \(Figure.count(list.rows.count))"
                    ),
                    shown.isEmpty
                        ? .empty(
                            "No episode",
                            list.rows.isEmpty
                                ? "No episode ended in this period, as far as it was known."
                                : "None of the ended episodes lacks that."
                        ) : table,
                    Pager(
                        page: page,
                        of: (rows.count + Self.pageRows - 1) / Self.pageRows,
                        address
                    ).html,
                ]
            ),
        ]
    }

    /// The month before that of the period's first day.
    private var before: (from: CalendarDate, to: CalendarDate) {
        let last = period.from.adding(days: -period.from.day)
        return (last.adding(days: 1 - last.day), last)
    }

    private func month(_ dates: (from: CalendarDate, to: CalendarDate)) -> PageAddress {
        address.with(["from": dates.from.description, "to": dates.to.description, "page": nil])
    }

    private var table: HTML {
        .scrolling(
            "Table of ended episodes",
            [
                .table(
                    "cards",
                    [
                        ("Client", false), ("Missing", false), ("Ended", false), ("How", false),
                        ("Program", false), ("Days", true),
                    ],
                    shown.map { row in
                        let href = address.to(
                            "\(address.path.ledgerPath)/episodes/\(row.episodeID)/summary"
                        ).href
                        let chips = row.missing.map {
                            HTML.tag("span", ["class": "chip warn"], text: Words.title($0))
                        }
                        return [
                            people.client(row.clientID, href: href)
                                + Parked.chip(row.episodeID, parked),
                            [.tag("div", ["class": "chips"], chips)],
                            [.text(format.date(format.calendar.date(of: row.endedAt)))],
                            [.text(Words.title(row.endReason.rawValue))], [.text(row.program)],
                            [.text("\(row.lengthOfStayDays)")],
                        ]
                    }
                )
            ]
        )
    }
}
