import CareEpisode
import Documents
import Markup
import Projections

/// Three months of the census: who was enrolled at midnight as a line, admissions and ends as bars.
struct CensusChart {
    private let days: [CensusTally.Day]
    private let format: DisplayFormat

    init(_ tally: CensusTally, _ format: DisplayFormat) {
        days = tally.days
        self.format = format
    }

    private static let left = 34.0
    private static let right = 732.0
    private static let top = 18.0
    private static let bottom = 200.0
    /// Where bars begin, admissions upward and ends downward.
    private static let middle = 254.0

    var panel: HTML {
        .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-time"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-time"], text: "The last three months"),
                        .tag("p", ["class": "key"], Self.key),
                    ]
                ),
                .tag(
                    "div",
                    [
                        "class": "body scroll", "tabindex": "0", "role": "region",
                        "aria-label": "Drawing of the census",
                    ],
                    [drawing]
                ),
                table,
            ]
        )
    }

    private static var key: [HTML] {
        var line = PathData()
        line.move(0, 7)
        line.line(14, 7)
        var bar = PathData()
        bar.rectangle(3, 3, 8, 11)
        return [
            ("enrolled at midnight", HTML.path("s-line", line)), ("admissions", .path("att", bar)),
            ("ends", .path("mis", bar)),
        ].map { words, sign in
            .tag("span", [.ornament("", 14, 14, [sign]), .text(words)])
        }
    }

    private var step: Double { (Self.right - Self.left) / Double(max(days.count, 1)) }

    private func x(_ place: Int) -> Double { Self.left + step * (Double(place) + 0.5) }

    private var most: Int { days.map(\.total).max() ?? 0 }

    /// The highest line of the grid, and how far lines are apart: four at most.
    private var grid: (top: Int, step: Int) {
        var step = 1
        while step * 4 < max(most, 1) {
            let first = Int(String(String(step).prefix(1))) ?? 1
            step = first == 1 ? step * 2 : first == 2 ? step / 2 * 5 : step * 2
        }
        return (((most + step - 1) / step) * step, step)
    }

    private func y(_ number: Int) -> Double {
        Self.bottom
            - (Self.bottom - Self.top) * Double(number) / Double(max(grid.top, 1))
    }

    private static func admissions(_ day: CensusTally.Day) -> Int {
        day.groups.reduce(0) { $0 + $1.admissions }
    }

    private static func ends(_ day: CensusTally.Day) -> Int {
        day.groups.reduce(0) { $0 + $1.discharges }
    }

    private var title: String {
        guard let first = days.first, let last = days.last else { return "No days." }
        let admissions = days.reduce(0) { $0 + Self.admissions($1) }
        let ends = days.reduce(0) { $0 + Self.ends($1) }
        return "Midnight census from \(format.date(first.date)) to \(format.date(last.date)): "
            + "from \(first.total) to \(last.total), highest \(most); "
            + "\(Words.count(admissions, "admission")), \(Words.count(ends, "end"))."
    }

    private var drawing: HTML {
        var pieces: [HTML] = []
        let grid = grid
        for number in stride(from: 0, through: max(grid.top, grid.step), by: grid.step) {
            let height = y(number)
            guard height >= Self.top - 1 else { break }
            var line = PathData()
            line.move(Self.left, height)
            line.line(Self.right, height)
            pieces.append(.path("grid", line))
            pieces.append(.label("", Self.left - 6, height + 4, "\(number)", anchor: "end"))
        }
        let mondays = days.indices.filter { place in
            LocalWeek(of: days[place].date).firstDate == days[place].date
        }
        for (number, place) in mondays.enumerated() where number.isMultiple(of: 2) {
            var line = PathData()
            let left = Self.left + step * Double(place)
            line.move(left, Self.top)
            line.line(left, Self.bottom)
            pieces.append(.path("grid", line))
            if left < Self.right - 40 {
                pieces.append(.label("t-2", left + 4, 216, format.day(days[place].date)))
            }
        }
        var area = PathData()
        var line = PathData()
        var (admitted, ended) = (PathData(), PathData())
        let highest = max(
            days.map { max(Self.admissions($0), Self.ends($0)) }.max() ?? 0,
            6
        )
        let unit = 35.0 / Double(highest)
        for (place, day) in days.enumerated() {
            let (x, height) = (x(place), y(day.total))
            if place == 0 {
                area.move(x, Self.bottom)
                area.line(x, height)
                line.move(x, height)
            } else {
                area.line(x, height)
                line.line(x, height)
            }
            let up = Double(Self.admissions(day)) * unit
            if up > 0 {
                admitted.rectangle(x - step * 0.31, Self.middle - up, step * 0.62, up)
            }
            let down = Double(Self.ends(day)) * unit
            if down > 0 {
                ended.rectangle(x - step * 0.25, Self.middle + 1.5, step * 0.5, down)
            }
        }
        var axis = PathData()
        axis.move(Self.left, Self.middle + 0.5)
        axis.line(Self.right, Self.middle + 0.5)
        if let last = days.last {
            let (x, height) = (x(days.count - 1), y(last.total))
            area.line(x, Self.bottom)
            area.close()
            pieces += [
                .path("s-area", area), .path("s-line", line),
                .tag(
                    "circle",
                    [
                        "class": "s-dot", "cx": PathData.number(x), "cy": PathData.number(height),
                        "r": "3.5",
                    ]
                ),
                .label("t-strong", x - 6, height - 8, "\(last.total)", anchor: "end"),
            ]
        }
        pieces += [.path("att", admitted), .path("mis", ended), .path("axis", axis)]
        return .drawing("time", 740, 296, title: title, id: "chart-t", pieces)
    }

    /// The same by weeks, in words.
    private var table: HTML {
        let weeks = Dictionary(grouping: days) { LocalWeek(of: $0.date) }.sorted { $0.key < $1.key }
        let rows = weeks.map { week, days in
            HTML.tag(
                "tr",
                [
                    .tag("th", ["scope": "row"], text: format.day(week.firstDate)),
                    .tag("td", ["class": "num"], text: "\(days.last?.total ?? 0)"),
                    .tag(
                        "td",
                        ["class": "num"],
                        text: "\(days.reduce(0) { $0 + Self.admissions($1) })"
                    ),
                    .tag(
                        "td",
                        ["class": "num"],
                        text: "\(days.reduce(0) { $0 + Self.ends($1) })"
                    ),
                ]
            )
        }
        return .tag(
            "details",
            ["class": "body"],
            [
                .tag("summary", ["class": "button small"], text: "As a table"),
                .tag(
                    "table",
                    ["class": "tight"],
                    [
                        .tag(
                            "thead",
                            [
                                .tag(
                                    "tr",
                                    [
                                        .tag("th", ["scope": "col"], text: "Week from"),
                                        .tag(
                                            "th",
                                            ["scope": "col", "class": "num"],
                                            text: "Enrolled at its end"
                                        ),
                                        .tag(
                                            "th",
                                            ["scope": "col", "class": "num"],
                                            text: "Admissions"
                                        ),
                                        .tag("th", ["scope": "col", "class": "num"], text: "Ends"),
                                    ]
                                )
                            ]
                        ), .tag("tbody", rows),
                    ]
                ),
            ]
        )
    }
}
