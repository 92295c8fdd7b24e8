import CareEpisode
import Documents
import Markup
import Projections

/// The medications of an episode over time: a bar for each regimen, the taller the more is taken in a
/// day.
struct LineageBars {
    private let scale: TimeScale
    private let format: DisplayFormat
    /// How high a row is, and its highest bar.
    private let row: Double
    private let most: Double
    private var rows: [Row] = []
    private var single: [Bar] = []

    /// One regimen, or a hold.
    private struct Bar {
        enum Kind: String {
            case dose, held, planned
        }

        let kind: Kind
        let medication: Medication
        let regimen: Regimen?
        let from: Instant
        let to: Instant
        let why: String
        /// When it became known, where that is later than a day after it began.
        let knownAt: Instant?
    }

    private struct Row {
        let lineage: MedicationCourse.LineageID
        var bars: [Bar]
    }

    init(_ scale: TimeScale, _ format: DisplayFormat, row: Double) {
        self.scale = scale
        self.format = format
        self.row = row
        most = row - 22
    }

    /// Adds what a review says of a time.
    ///
    /// - Parameters:
    ///   - review: as of its own time.
    ///   - after: what lies before is left out; nil for nothing.
    mutating func add(_ review: MedicationReview, after: Instant? = nil) {
        let begin = after ?? Instant(microseconds: .min)
        let end = min(review.effectiveAt, review.endedAt ?? review.effectiveAt)
        let lineages = review.timeline.map(\.lineage).reduce(into: [MedicationCourse.LineageID]()) {
            if !$0.contains($1) { $0.append($1) }
        }
        for lineage in lineages {
            let intervals = review.timeline.filter { $0.lineage == lineage }.map(\.interval)
            for (place, interval) in intervals.enumerated() {
                let to = min(interval.to ?? end, end)
                if interval.to != interval.from, to > begin {
                    add(
                        Bar(
                            kind: .dose,
                            medication: interval.medication,
                            regimen: interval.regimen,
                            from: max(interval.from, begin),
                            to: to,
                            why: interval.startedBy,
                            knownAt: Self.known(interval)
                        ),
                        lineage
                    )
                }
                let next = place + 1 < intervals.count ? intervals[place + 1].from : end
                guard interval.endedBy == MedicationChange.hold.rawValue, let held = interval.to,
                    next > max(held, begin)
                else { continue }
                add(
                    Bar(
                        kind: .held,
                        medication: interval.medication,
                        regimen: interval.regimen,
                        from: max(held, begin),
                        to: min(next, end),
                        why: "held",
                        knownAt: nil
                    ),
                    lineage
                )
            }
        }
    }

    /// Adds what is ordered for later.
    mutating func addPlanned(_ review: MedicationReview, through: Instant) {
        for listed in review.scheduled + review.later where listed.interval.from < through {
            add(
                Bar(
                    kind: .planned,
                    medication: listed.interval.medication,
                    regimen: listed.interval.regimen,
                    from: listed.interval.from,
                    to: min(listed.interval.to ?? through, through),
                    why: "ordered",
                    knownAt: nil
                ),
                listed.lineage
            )
        }
    }

    private static func known(_ interval: MedicationCourse.Interval) -> Instant? {
        interval.knownAt > interval.from.advanced(bySeconds: 86_400) ? interval.knownAt : nil
    }

    private mutating func add(_ bar: Bar, _ lineage: MedicationCourse.LineageID) {
        if bar.regimen?.isSingleDose ?? false {
            if bar.kind == .dose { single.append(bar) }
            return
        }
        if let place = rows.firstIndex(where: { $0.lineage == lineage }) {
            rows[place].bars.append(bar)
        } else {
            rows.append(Row(lineage: lineage, bars: [bar]))
        }
    }

    /// How much room it takes.
    var height: Double { Double(rows.count) * row + (single.isEmpty ? 0 : 34) }

    /// Whether there is anything to draw.
    var isEmpty: Bool { rows.isEmpty && single.isEmpty }

    /// The rows, from a height downward.
    func draw(from top: Double) -> [HTML] {
        var pieces: [HTML] = []
        for (place, row) in rows.enumerated() {
            pieces += draw(row, bottom: top + self.row * Double(place + 1))
        }
        guard !single.isEmpty else { return pieces }
        let y = top + row * Double(rows.count) + 18
        pieces.append(.label("t-strong", 0, y + 4, "Single doses"))
        for bar in single {
            let x = scale.x(bar.from)
            var path = PathData()
            path.move(x, y - 5)
            path.line(x + 5, y)
            path.line(x, y + 5)
            path.line(x - 5, y)
            path.close()
            pieces.append(
                .tag(
                    "path",
                    ["class": "att", "d": path.text],
                    [.tag("title", text: words(bar))]
                )
            )
        }
        return pieces
    }

    private func draw(_ row: Row, bottom: Double) -> [HTML] {
        var pieces: [HTML] = []
        let name = Self.name(row.bars[row.bars.count - 1].medication)
        let size = bottom - (name.count > 1 ? most / 2 + 2 : most / 2 - 4)
        for (place, line) in name.enumerated() {
            pieces.append(.label("t-strong", 0, size + Double(place) * 15, line))
        }
        let daily = row.bars.compactMap { $0.regimen?.dailyDose }
        let highest = daily.max() ?? 0
        for bar in row.bars {
            let (from, to) = (scale.x(bar.from), scale.x(bar.to))
            guard to > from || bar.kind != .dose else { continue }
            let part = highest > 0 ? (bar.regimen?.dailyDose ?? highest) / highest : 1
            let height = most / 2 * (1 + part)
            let width = max(to - from, 1.5)
            pieces.append(
                .rectangle(
                    bar.kind.rawValue,
                    from,
                    bottom - height,
                    width,
                    height,
                    title: words(bar)
                )
            )
            let text =
                bar.kind == .held ? "held" : MedicationText(bar.medication, bar.regimen).short
            pieces.append(.fitting("t-strong", from, bottom - 6, text, within: width))
            if let knownAt = bar.knownAt {
                var late = PathData()
                let y = bottom - most - 6
                late.move(from, y - 4)
                late.line(from, y + 4)
                late.move(from, y)
                late.line(scale.x(knownAt), y)
                pieces.append(.path("late", late))
                pieces.append(
                    .tag(
                        "circle",
                        [
                            "class": "late-dot", "cx": PathData.number(scale.x(knownAt)),
                            "cy": PathData.number(y), "r": "4",
                        ],
                        [.tag("title", text: "became known \(format.dateAndTime(knownAt))")]
                    )
                )
            }
        }
        var line = PathData()
        line.move(scale.left, bottom + 0.5)
        line.line(scale.right, bottom + 0.5)
        return pieces + [.path("grid", line)]
    }

    private func words(_ bar: Bar) -> String {
        let text = MedicationText(bar.medication, bar.regimen)
        let days = [bar.from, bar.to].map { format.day(scale.calendar.date(of: $0)) }
        let daily = text.hasDailyAmount ? text.daily.map { ", daily dose \($0)" } ?? "" : ""
        var when = bar.kind == .planned ? "from \(days[0])" : "\(days[0]) to \(days[1])"
        if text.regimen?.isSingleDose ?? false { when = days[0] }
        return "\(bar.medication.words), \(text.short)\(daily), \(when), \(Words.code(bar.why))"
    }

    /// The ingredients, or the name as it was recorded, in two short lines; the whole of it stands in
    /// the table.
    private static func name(_ medication: Medication) -> [String] {
        let substances = Substances(medication)
        let text =
            substances.isComplete && !substances.names.isEmpty
            ? substances.names.joined(separator: " + ") : medication.name
        var lines: [String] = [""]
        for word in text.split(separator: " ") {
            if lines[lines.count - 1].isEmpty {
                lines[lines.count - 1] = String(word)
            } else if lines[lines.count - 1].count + word.count < 17 {
                lines[lines.count - 1] += " \(word)"
            } else {
                lines.append(String(word))
            }
        }
        if lines.count > 2 { lines = [lines[0], String(lines[1].prefix(15)) + "…"] }
        return lines.map { $0.count > 18 ? String($0.prefix(17)) + "…" : $0 }
    }

    /// What each sign means.
    static var key: [HTML] {
        var box = PathData()
        box.rectangle(1, 3, 12, 10)
        var diamond = PathData()
        diamond.move(7, 2)
        diamond.line(12, 7)
        diamond.line(7, 12)
        diamond.line(2, 7)
        diamond.close()
        return [
            ("in force, taller is more a day", HTML.path("dose", box)),
            ("held", .path("held", box)),
            ("ordered", .path("planned", box)), ("single dose", .path("att", diamond)),
        ].map { words, sign in
            .tag("span", [.ornament("", 14, 14, [sign]), .text(words)])
        } + [LateSign.key]
    }
}

/// The violet sign of what happened, and then became known.
enum LateSign {
    static var key: HTML {
        var line = PathData()
        line.move(1, 3)
        line.line(1, 11)
        line.move(1, 7)
        line.line(15, 7)
        return .tag(
            "span",
            [
                .ornament(
                    "wide",
                    24,
                    14,
                    [
                        .path("late", line),
                        .tag(
                            "circle",
                            ["class": "late-dot", "cx": "19", "cy": "7", "r": "3.5"]
                        ),
                    ]
                ), .text("happened, then known"),
            ]
        )
    }
}
