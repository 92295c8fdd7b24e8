import CareEpisode
import Documents
public import Markup
public import Projections

/// How long clients stay, how services ended, and the figures of each month.
public struct OutcomesView: PageView {
    private let retention: Retention
    private let statistics: Statistics
    private let outcomes: PeriodOutcomes
    private let programs: [String]
    private let address: PageAddress
    private let format: DisplayFormat

    /// The outcomes of a period.
    ///
    /// - Parameters:
    ///   - retention: of the services that began or ended in the period.
    ///   - statistics: of each of its months.
    ///   - outcomes: of the whole period.
    ///   - programs: that can be chosen.
    ///   - address: of the page.
    ///   - format: how times are written.
    public init(
        _ retention: Retention,
        _ statistics: Statistics,
        _ outcomes: PeriodOutcomes,
        programs: [String],
        _ address: PageAddress,
        _ format: DisplayFormat
    ) {
        self.retention = retention
        self.statistics = statistics
        self.outcomes = outcomes
        self.programs = programs
        self.address = address
        self.format = format
    }

    /// The period.
    public var title: String {
        "Outcomes, \(format.date(retention.from)) to \(format.date(retention.to))"
    }
    /// Outcomes.
    public var place: PageName? { .outcomes }

    /// The tables of the page that spreadsheets can have: their codes, and what they are of.
    public static let lists: [(code: String, words: String)] = [
        ("retention", "retention"), ("ends", "ends and lengths"), ("months", "months"),
    ]

    /// Filters, retention, ends, lengths, months.
    public var content: [HTML] {
        [
            .head(
                title,
                "Counted by service: a step to another level of care ends a service, as TEDS "
                    + "counts.",
                acts: Self.lists.map { list, words in
                    .button(
                        "CSV: \(words)",
                        address.with(["format": "csv", "list": list]).href
                    )
                }
            ),
            .tag("section", ["class": "panel", "aria-label": "Which"], [filters]),
            .tag(
                "div",
                ["class": "two even"],
                [
                    RetentionPanel(retention).html,
                    .tag(
                        "div",
                        ["class": "stack"],
                        [EndsPanel(retention.ended, groups: retention.groups).html, lengths]
                    ),
                ]
            ),
            months,
        ]
    }

    private var filters: HTML {
        .filters(
            address,
            [
                .dateField("o-f", "From", "from", retention.from.description),
                .dateField("o-t", "To", "to", retention.to.description),
                .choice(
                    "o-p",
                    "Program",
                    "program",
                    [("", "All")] + programs.map { ($0, $0) },
                    chosen: address["program"] ?? ""
                ),
                .choice(
                    "o-l",
                    "Level of care",
                    "level_of_care",
                    [("", "All")]
                        + LevelOfCare.allCases.map { ($0.rawValue, Words.title($0.rawValue)) },
                    chosen: address["level_of_care"] ?? ""
                ),
            ],
            keeping: PageAddress.clocks.filter { !["from", "to"].contains($0) },
            note: "\(Words.count(retention.ended.count, "service")) ended · "
                + "\(Figure.count(retention.began)) began"
        )
    }

    // MARK: - Lengths

    private var lengths: HTML {
        let ended = retention.ended
        let figures: [HTML] = [
            ("Median", ended.medianLength), ("A quarter within", ended.quartilesOfLength?.first),
            ("Three quarters within", ended.quartilesOfLength?.last), ("Mean", ended.meanLength),
        ].flatMap { name, days -> [HTML] in
            [
                .tag("dt", text: name),
                .tag("dd", text: days.map { "\(Words.decimal($0)) days" } ?? "–"),
            ]
        }
        return .panel(
            "h-los",
            "How long services lasted",
            note: [.text("n = \(Figure.count(ended.count))")],
            [
                .tag(
                    "div",
                    ["class": ended.count < 10 ? "body stack quiet" : "body stack"],
                    [
                        .tag("dl", ["class": "facts"], figures),
                        ended.count == 0
                            ? .tag("p", text: "No service ended in this period.")
                            : .scrolling("Drawing of lengths of stay", [bars]),
                    ]
                )
            ]
        )
    }

    private var bars: HTML {
        let weeks = Array(retention.ended.byWeek.prefix(26))
        let most = Double(max(weeks.max() ?? 0, 1))
        let step = 440.0 / Double(max(weeks.count, 1))
        var bar = PathData()
        var pieces: [HTML] = []
        for (place, count) in weeks.enumerated() {
            let height = 90 * Double(count) / most
            let left = 20 + step * Double(place)
            if count > 0 { bar.rectangle(left, 100 - height, step * 0.8, height) }
            if place.isMultiple(of: weeks.count > 13 ? 4 : 2) {
                pieces.append(
                    .label(
                        "t-2",
                        left + step * 0.4,
                        116,
                        place == 0 ? "week 1" : "\(place + 1)",
                        anchor: "middle"
                    )
                )
            }
        }
        var axis = PathData()
        axis.move(20, 100.5)
        axis.line(460, 100.5)
        let words = weeks.enumerated().filter { $0.element > 0 }
            .map { "week \($0.offset + 1): \($0.element)" }.joined(separator: ", ")
        return .drawing(
            "los",
            470,
            122,
            title: "Services by the week in which they ended. \(words).",
            id: "los-t",
            [.path("bar", bar), .path("axis", axis)] + pieces
        )
    }

    // MARK: - Months

    private var months: HTML {
        .panel(
            "h-m",
            "Month by month",
            note: [
                .text(
                    (address["level_of_care"] == nil ? "" : "all levels of care · ")
                        + "at the start + admitted + in − ended − out = at the end · "
                        + "average daily census of the period "
                        + Words.decimal(outcomes.averageDailyCensus)
                )
            ],
            [
                .scrolling(
                    "Table of months",
                    [
                        .table(
                            "tight",
                            [
                                ("Month", false), ("At the start", true), ("Admitted", true),
                                ("In", true), ("Ended", true), ("Out", true),
                                ("At the end", true), ("Clients", true), ("Came back", true),
                                ("Service days", true), ("Attended", true), ("No-shows", true),
                                ("Weeks below threshold", true),
                            ],
                            statistics.periods.map { row(format.month($0.from), $0.total) }
                        )
                    ]
                )
            ]
        )
    }

    private func row(_ month: String, _ figures: Figures) -> [[HTML]] {
        let ended = figures.ended.values.reduce(0, +)
        let numbers = [
            figures.carriedOver, figures.admitted, figures.transferredIn, ended,
            figures.transferredOut, figures.remaining, figures.clients, figures.readmissions,
            figures.serviceDays,
        ].map { [HTML.text(Figure.count($0))] }
        let rates = [
            "\(Figure.percent(figures.attendanceRate)) of \(Figure.count(figures.expected))",
            "\(Figure.percent(figures.noShowRate)) of \(Figure.count(figures.expected))",
            "\(Figure.percent(figures.belowRate)) of \(Figure.count(figures.judgedWeeks))",
        ].map { [HTML.text($0)] }
        return [[.text(month)]] + numbers + rates
    }
}
