public import CareEpisode
import Documents
public import Markup
public import ProjectionRuntime
public import Projections

/// The census board: figures, what to look at first, three months, and every client.
public struct CensusView: PageView {
    /// What the page is made of, all at the same clocks.
    public struct Answers: Sendable {
        /// The midnight census of the date.
        public let census: CensusOfDate
        /// Each day of three months up to the date.
        public let days: CensusTally
        /// How everybody attends.
        public let attendance: AttendanceList
        /// Everybody who is enrolled, with what is to be looked at.
        let rows: [CensusRow]

        /// The answers to four questions.
        public init(
            census: CensusOfDate,
            days: CensusTally,
            attendance: AttendanceList,
            medication: MedicationWorklist
        ) {
            self.census = census
            self.days = days
            self.attendance = attendance
            rows = CensusRow.all(attendance, medication, census)
        }
    }

    private let answers: Answers
    private let address: PageAddress
    private let moment: Moment
    private let format: DisplayFormat
    private let roster: CensusRoster
    private let isWall: Bool
    private let hasNames: Bool
    private let mayRecord: Bool

    /// The board.
    ///
    /// - Parameters:
    ///   - answers: what it shows.
    ///   - address: of the page.
    ///   - moment: when it is made.
    ///   - format: how times are written.
    ///   - people: names, where there are any.
    ///   - page: which hundred clients.
    ///   - parked: episodes that could not be read.
    ///   - mayRecord: whether who reads it may admit somebody.
    public init(
        _ answers: Answers,
        _ address: PageAddress,
        at moment: Moment,
        _ format: DisplayFormat,
        _ people: People,
        page: Int,
        parked: [EpisodeID] = [],
        mayRecord: Bool = false
    ) {
        self.mayRecord = mayRecord
        self.answers = answers
        self.address = address
        self.moment = moment
        self.format = format
        isWall = address["view"] == "wall"
        hasNames = !people.isEmpty
        roster = CensusRoster(
            answers,
            address,
            format,
            people,
            page: page,
            parked: Set(parked)
        )
    }

    /// By which columns clients can be ordered.
    public static let orders = CensusRoster.orders.map(\.code)

    /// Whether there is such a page of clients.
    public var hasPage: Bool { roster.hasPage }

    /// Whether no clients follow.
    public var isLastPage: Bool { roster.isLastPage }

    /// The date.
    public var title: String { "Census, \(format.longDate(answers.census.day.date))" }
    /// The census.
    public var place: PageName? { .census }

    /// Figures, flags, three months, clients.
    public var content: [HTML] {
        [
            head,
            .tag(
                "section",
                ["class": "panel", "aria-labelledby": "h-fig"],
                [
                    .tag("h2", ["class": "hidden", "id": "h-fig"], text: "By program"),
                    .tag("ul", ["class": "figures", "id": "figures"], figures),
                ]
            ),
            .tag(
                "div",
                ["class": "two even left"],
                [roster.toLookAt, CensusChart(answers.days, format).panel]
            ),
            roster.panel,
        ]
    }

    /// The figures, and the rows of clients.
    public var parts: [String: [HTML]] {
        roster.parts.merging(["figures": figures]) { $1 }
    }

    /// Who is enrolled.
    public var members: PageMembers {
        PageMembers(
            answers.rows.map(\.enrolled.episodeID),
            came: "admitted",
            went: "ended or moved"
        )
    }

    private var date: CalendarDate { answers.census.day.date }

    private var head: HTML {
        var acts: [HTML] = []
        if !isWall {
            acts = [
                .tag(
                    "a",
                    ["class": "button", "href": address.with(["format": "csv"]).href],
                    text: "CSV"
                ),
                .tag(
                    "a",
                    [
                        "class": "button",
                        "href": address.to(address.path, ["view": "wall"]).href,
                    ],
                    text: "Wall"
                ),
            ]
            if mayRecord {
                let path = "\(address.path.ledgerPath)/record/\(EventType.admitted.rawValue)"
                acts.insert(
                    .tag(
                        "a",
                        ["class": "button main", "href": path, "data-record": ""],
                        text: FormWords.title(.admitted)
                    ),
                    at: 0
                )
            }
            if hasNames {
                let wall = address.to(address.path, ["view": "wall", "names": "shown"])
                acts.append(.button("Wall with names", wall.href))
            }
        }
        return .tag(
            "div",
            ["class": "head"],
            [
                .tag("div", [.tag("h1", text: title), .tag("p", text: sentence)]),
                .tag("div", ["class": "acts"], acts),
            ]
        )
    }

    private var sentence: String {
        let time = format.time(answers.attendance.effectiveAt)
        if let text = address["effective_at"], CalendarDate(iso8601: text) == nil {
            return "Enrolled at \(time): what happened later that day takes no part."
        }
        guard date == moment.today else { return "Enrolled at the end of the day." }
        return "Enrolled now, at \(time). The day is not over: midnight’s figure may differ."
    }

    // MARK: - Figures

    private var figures: [HTML] {
        let day = answers.census.day
        let numbers = answers.days.days
        let clients = day.clients
        var figures = [
            figure(
                "Enrolled",
                clients,
                numbers.map(\.clients),
                note: clients == day.total ? nil : "in \(Words.count(day.total, "episode"))",
                moves(day.groups)
            )
        ]
        // Programs that had anybody in the last two months.
        var seen: [GroupKey] = []
        for day in numbers.suffix(Self.sparkDays) {
            for group in day.groups where !seen.contains(GroupKey(group)) {
                seen.append(GroupKey(group))
            }
        }
        let levels = Dictionary(grouping: seen, by: \.program)
        for key in seen.sorted(by: { $0.order < $1.order }) {
            let series = numbers.map { day in
                day.groups.first { GroupKey($0) == key }?.census ?? 0
            }
            figures.append(
                figure(
                    key.program,
                    series.last ?? 0,
                    series,
                    note: levels[key.program]?.count == 1
                        ? nil : Words.code(key.level.rawValue),
                    moves(day.groups.filter { GroupKey($0) == key })
                )
            )
        }
        return figures
    }

    private struct GroupKey: Hashable {
        let program: String
        let level: LevelOfCare

        init(_ group: CensusGroup) {
            program = group.program
            level = group.levelOfCare
        }

        var order: (String, String) { (program, level.rawValue) }
    }

    private func figure(
        _ name: String,
        _ number: Int,
        _ series: [Int],
        note: String?,
        _ moves: String
    ) -> HTML {
        let weekAgo = series.count > 7 ? series[series.count - 8] : 0
        let change = number - weekAgo
        let words =
            change == 0
            ? "as a week ago"
            : "\(change > 0 ? "+" : "−")\(Words.grouped(Int64(abs(change)))) in a week"
        return .tag(
            "li",
            ["class": "figure"],
            [
                .tag("h3", text: name),
                .tag(
                    "div",
                    ["class": "value"],
                    [
                        .text(Words.grouped(Int64(number))),
                        Self.spark(series.suffix(Self.sparkDays)),
                    ]
                ),
                .tag(
                    "p",
                    (["class": "two-lines"] as Attributes).when(note != nil),
                    text: [note, words].compactMap(\.self).joined(separator: " · ")
                ),
                .tag("p", text: moves),
            ]
        )
    }

    /// Eight weeks.
    private static let sparkDays = 56

    /// A line that begins at zero.
    private static func spark(_ series: ArraySlice<Int>) -> HTML {
        let most = Double(max(series.max() ?? 0, 1))
        let step = 88.0 / Double(max(series.count - 1, 1))
        var line = PathData()
        var last = (x: 0.0, y: 0.0)
        for (place, number) in series.enumerated() {
            last = (1 + step * Double(place), 27 - 23 * Double(number) / most)
            if place == 0 { line.move(last.x, last.y) } else { line.line(last.x, last.y) }
        }
        return .ornament(
            "",
            92,
            30,
            [
                .path("spark", line),
                .tag(
                    "circle",
                    [
                        "class": "s-dot", "cx": PathData.number(last.x),
                        "cy": PathData.number(last.y), "r": "2.5",
                    ]
                ),
            ]
        )
    }

    private func moves(_ groups: [CensusGroup]) -> String {
        func sum(_ number: (CensusGroup) -> Int) -> Int { groups.reduce(0) { $0 + number($1) } }
        let (came, went) = (sum(\.transfersIn), sum(\.transfersOut))
        // On the whole who goes from one program to another is told once.
        let transfers =
            came == went
            ? [(came, "transferred")] : [(came, "transferred in"), (went, "transferred out")]
        let moves =
            ([
                (sum(\.admissions), "admitted"), (sum(\.discharges), "ended"),
            ] + transfers).filter { $0.0 > 0 }.map { "\($0.0) \($0.1)" }
        let when = date == moment.today ? "today" : "that day"
        return moves.isEmpty ? "no change \(when)" : "\(moves.joined(separator: ", ")) \(when)"
    }
}
