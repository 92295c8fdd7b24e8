import CareEpisode
import Documents
import Markup
import Projections

/// Who stays, and how the others left: shares that are 1 together, from day to day.
struct RetentionPanel {
    private let retention: Retention

    init(_ retention: Retention) { self.retention = retention }

    /// What is stacked, from the top: who is still there, and then the ends, one over the other.
    private enum Kind: String, CaseIterable {
        case other, terminated
        case droppedOut = "dropped_out"
        case transferred, completed

        var words: String { Words.title(rawValue) }

        func holds(_ reason: EndReason) -> Bool {
            switch self {
            case .completed: reason.teds == 1
            case .droppedOut: reason.teds == 2
            case .terminated: reason.teds == 3
            case .transferred: reason.teds == 4
            case .other: reason.teds > 4
            }
        }
    }

    var html: HTML {
        let days = retention.curve.days
        return .panel(
            "h-ret",
            "Who stays, and how the others left",
            note: [
                .text(
                    "\(Words.count(retention.began, "service")) began in the period; the "
                        + "\(Figure.count(retention.open)) that still last count as far as they "
                        + "were seen; drawn while \(RetentionCurve.least) or more were"
                )
            ],
            [
                days.isEmpty
                    ? .empty(
                        "Too few to say",
                        "Fewer than \(RetentionCurve.least) services began in this period."
                    ) : .scrolling("Drawing of retention", [drawing], style: "body scroll"),
                .scrolling("Retention", [table]),
            ]
        )
    }

    private static let left = 40.0
    private static let right = 590.0
    private static let top = 12.0
    private static let bottom = 270.0

    private func y(_ share: Double) -> Double {
        Self.top + (Self.bottom - Self.top) * (1 - share)
    }

    private var drawing: HTML {
        let days = retention.curve.days
        let step = (Self.right - Self.left) / Double(max(days.count, 1))
        // From the bottom: still there, then the ends.
        var lower = [0.0] + days.map { _ in 0.0 }
        var pieces: [HTML] = []
        var labels: [(share: Double, place: Double, words: String)] = []
        func stack(_ style: String, _ words: String, _ shares: [Double]) {
            let upper = zip(lower, shares).map(+)
            var area = PathData()
            for (place, share) in upper.enumerated() {
                let x = Self.left + step * Double(place)
                if place == 0 { area.move(x, y(share)) } else { area.line(x, y(share)) }
            }
            for (place, share) in lower.enumerated().reversed() {
                area.line(Self.left + step * Double(place), y(share))
            }
            area.close()
            pieces.append(.path("r-\(style)", area))
            let last = shares.count - 1
            if shares[last] >= 0.02 {
                labels.append((shares[last], (lower[last] + upper[last]) / 2, words))
            }
            lower = upper
        }
        stack("care", "Still there", [1.0] + days.map(\.retained))
        for kind in Kind.allCases.reversed() {
            stack(
                kind.rawValue,
                kind.words,
                [0.0]
                    + days.map { day in
                        day.endedShares.reduce(0) { $0 + (kind.holds($1.key) ? $1.value : 0) }
                    }
            )
        }
        for share in [0.0, 0.25, 0.5, 0.75, 1] {
            pieces.append(
                .label("", Self.left - 6, y(share) + 4, "\(Int(share * 100))%", anchor: "end")
            )
        }
        for day in Retention.readingDays where day <= days.count {
            let x = Self.left + step * Double(day)
            var line = PathData()
            line.move(x, Self.top)
            line.line(x, Self.bottom)
            pieces.append(.path("over", line))
            pieces.append(.label("t-2", x, Self.bottom + 17, "day \(day)", anchor: "middle"))
        }
        // Labels from the top, at least a line apart.
        var next = Self.top
        for label in labels.sorted(by: { $0.place > $1.place }) {
            let height = max(y(label.place) + 4, next)
            next = height + 16
            pieces.append(
                .tag(
                    "text",
                    [
                        "class": "t-2", "x": PathData.number(Self.right + 12),
                        "y": PathData.number(height),
                    ],
                    [
                        .tag(
                            "tspan",
                            ["class": "t-strong"],
                            text: "\(Int((label.share * 100).rounded()))%"
                        ), .text(" \(label.words)"),
                    ]
                )
            )
        }
        return .drawing("time", 740, 300, title: title, id: "rt", pieces)
    }

    private var title: String {
        let readings = retention.readings.compactMap { reading in
            reading.estimate.map {
                "after \(reading.day) days \(Figure.percent($0.retained))"
            }
        }
        return "Of \(Words.count(retention.began, "service")): still there "
            + (readings.isEmpty ? "on the first day" : readings.joined(separator: ", "))
            + ". The table below says the same."
    }

    private var table: HTML {
        func row(_ name: String, _ value: (Retention.Reading) -> String) -> [[HTML]] {
            [[.text(name)]] + retention.readings.map { [.text(value($0))] }
        }
        let present = Set(retention.curve.days.flatMap(\.endedShares.keys))
            .sorted { ($0.teds, $0.rawValue) < ($1.teds, $1.rawValue) }
        let rows =
            [
                row("Reached the day, n") { Figure.count($0.atRisk) },
                row("Still there") { Figure.percent($0.estimate?.retained) },
            ]
            + present.map { reason in
                row(Words.title(reason.rawValue)) { reading in
                    Figure.percent(reading.estimate.map { $0.endedShares[reason] ?? 0 })
                }
            }
        return .table(
            "tight",
            [("After", false)] + retention.readings.map { ("\($0.day) days", true) },
            rows
        )
    }
}

/// How services ended, beside the country.
struct EndsPanel {
    private let ended: EndedServices
    private let groups: [Retention.Group]

    init(_ ended: EndedServices, groups: [Retention.Group]) {
        self.ended = ended
        self.groups = groups
    }

    /// Reasons of TEDS, and their share of discharges from intensive outpatient services.
    ///
    /// Source: SAMHSA, TEDS-D 2019, SERVICES = 6, REASON 1 to 7: substance use treatment alone.
    private static let country: [(teds: Int, words: String, share: Double)] = [
        (1, "Completed", 0.259), (4, "Transferred to another level or site", 0.330),
        (2, "Dropped out", 0.268), (3, "Terminated by the facility", 0.068),
        (5, "Incarcerated", 0.019), (6, "Died", 0.002), (7, "Other", 0.054),
    ]

    var html: HTML {
        let few = ended.count < 10
        let counts = Dictionary(grouping: ended.byReason, by: \.reason.teds)
            .mapValues { $0.reduce(0) { $0 + $1.records } }
        let rows = Self.country.map { teds, words, share -> [[HTML]] in
            let count = counts[teds] ?? 0
            let own = ended.count == 0 ? nil : Double(count) / Double(ended.count)
            return [
                name(words, isCompletion: teds == 1), [.text(Figure.count(count))],
                [.text(Figure.percent(own))], [bar(own, share, isCompletion: teds == 1)],
                [.text(Figure.percent(share))],
            ]
        }
        let programs = groups.filter { $0.dimension == .program }.map { group -> [[HTML]] in
            let services = group.services
            return [
                [.text(group.value)], [.text(Figure.count(services.count))],
                [
                    .tag(
                        "span",
                        ["class": services.count < 10 ? "quiet" : ""],
                        text: Figure.percent(services.completion?.share)
                    )
                ],
            ]
        }
        return .panel(
            "h-end",
            "How services ended",
            note: [.text("n = \(Figure.count(ended.count))")],
            [
                .scrolling(
                    "Table of ends",
                    [
                        .table(
                            few ? "tight ends quiet" : "tight ends",
                            [
                                ("Reason", false), ("n", true), ("%", true), ("", false),
                                ("US", true),
                            ],
                            rows
                        ),
                        programs.isEmpty
                            ? .nothing
                            : .table(
                                "tight",
                                [("Program", false), ("n", true), ("Completed", true)],
                                programs
                            ),
                    ]
                ),
                .tag(
                    "p",
                    ["class": "body quiet note"],
                    text: "US: discharges from intensive outpatient substance use treatment, "
                        + "TEDS-D 2019. Not a target."
                ),
            ]
        )
    }

    private func name(_ words: String, isCompletion: Bool) -> [HTML] {
        guard isCompletion, let completion = ended.completion else { return [.text(words)] }
        let interval =
            "95%: \(Figure.percent(completion.low)) to \(Figure.percent(completion.high))"
        return [.text("\(words) "), .tag("span", ["class": "quiet nb"], text: interval)]
    }

    /// The share as a bar, the country's as a tick; of completion the interval besides.
    private func bar(_ own: Double?, _ country: Double, isCompletion: Bool) -> HTML {
        // 54 % fill it.
        func x(_ share: Double) -> Double { min(share / 0.54, 1) * 140 }
        var pieces: [HTML] = []
        if let own, own > 0 {
            var bar = PathData()
            bar.rectangle(0, 3, x(own), 12)
            pieces.append(.path(isCompletion ? "bar main" : "bar", bar))
        }
        if isCompletion, let completion = ended.completion {
            var line = PathData()
            let (low, high) = (x(completion.low), x(completion.high))
            line.move(low, 9)
            line.line(high, 9)
            for end in [low, high] {
                line.move(end, 5)
                line.line(end, 13)
            }
            pieces.append(.path("cursor thin", line))
        }
        var tick = PathData()
        tick.move(x(country), 0)
        tick.line(x(country), 18)
        pieces.append(.path("tick", tick))
        return .ornament("endbar", 140, 18, pieces)
    }
}
