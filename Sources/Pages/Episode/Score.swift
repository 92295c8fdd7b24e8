import CareEpisode
import Documents
import Ledger
import Markup
import Projections

/// The episode over time, in one drawing: level of care, sessions, hours a week, medication, and what
/// became known later.
///
/// Up to the time that the page shows, it draws what was known then; what lies after is drawn as it is
/// known now, and dimmed.
struct Score {
    private let record: EpisodeRecord
    private let format: DisplayFormat
    private let scale: TimeScale

    init(_ record: EpisodeRecord) {
        self.record = record
        format = record.format
        let calendar = format.calendar
        let now = record.now
        let admitted = [record.then.admittedAt, now.admittedAt].compactMap(\.self).min()
        let events = record.events.filter { !$0.history.type.isAmendment }
            .map(\.history.occurredAt)
        let from = admitted ?? events.min() ?? now.effectiveAt
        var end = now.end?.at ?? now.effectiveAt
        if record.isReplayed {
            // An open episode is drawn as far as there are entries.
            let last = events.filter { $0 <= now.effectiveAt }.max() ?? end
            end = max(now.end?.at ?? last, record.then.effectiveAt)
        }
        scale = TimeScale(
            calendar,
            from: calendar.date(of: from),
            through: max(calendar.date(of: end), calendar.date(of: from)).adding(days: 2),
            left: 128,
            right: 1146
        )
    }

    /// What lies after it is dimmed; nil where nothing is.
    private var cut: Instant? { record.isReplayed ? record.then.effectiveAt : nil }

    var panel: HTML {
        .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-score"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-score"], text: "The episode"),
                        .tag("p", ["class": "key"], Self.key),
                    ]
                ),
                .tag(
                    "div",
                    [
                        "class": "body scroll", "tabindex": "0", "role": "region",
                        "aria-label": "Drawing of the episode",
                    ],
                    [drawing]
                ),
                VersionSteps(record: record).html,
            ]
        )
    }

    private static var key: [HTML] {
        var (attended, missed, excused, retracted, short) = (
            PathData(), PathData(), PathData(), PathData(), PathData()
        )
        attended.rectangle(3, 2, 8, 10)
        missed.move(3.5, 3.5)
        missed.line(10.5, 10.5)
        missed.move(10.5, 3.5)
        missed.line(3.5, 10.5)
        excused.rectangle(3.5, 2.5, 7, 9)
        retracted.rectangle(3.5, 3, 7, 8)
        retracted.move(1, 7)
        retracted.line(13, 7)
        short.rectangle(3, 2, 8, 11)
        return [
            ("attended", HTML.path("att", attended)), ("no-show", .path("mis", missed)),
            ("canceled or excused", .path("exc", excused)), ("retracted", .path("late", retracted)),
            ("week below threshold", .path("bar short", short)),
        ].map { words, sign in
            .tag("span", [.ornament("", 14, 14, [sign]), .text(words)])
        } + [LateSign.key]
    }

    private var drawing: HTML {
        var bars = LineageBars(scale, format, row: 62)
        if let review = record.then.review { bars.add(review) }
        if let cut, let review = record.now.review { bars.add(review, after: cut) }
        let known = KnownLater(record, scale)
        let middle = 198.0
        let lower = middle + bars.height + 18
        let height = lower + known.height + 8
        let cursor = cut.map { cut in
            (
                instant: cut,
                words: record.version.map { "version \($0)" }
                    ?? format.day(format.dayUpTo(cut))
            )
        }
        var pieces = scale.grid(height - 4, format, but: cursor)
        pieces += levels
        pieces += sessions
        pieces += hours
        pieces += bars.draw(from: middle)
        pieces += known.draw(from: lower)
        if let cursor {
            let x = scale.x(cursor.instant)
            pieces.append(.rectangle("after", x, 20, 1_160 - x, height - 22))
            pieces += scale.cursor(cursor.instant, cursor.words, bottom: height - 4)
        }
        return .drawing(
            "score",
            1_160,
            Int(height.rounded(.up)),
            title: "The episode from \(format.date(scale.first)): level of care, sessions, hours a "
                + "week, medication, and what became known later. The tables say the same.",
            id: "score-t",
            pieces
        )
    }

    // MARK: - Level of care

    private var levels: [HTML] {
        var pieces: [HTML] = [.label("t-strong", 0, 43, "Level of care")]
        func add(_ stand: EpisodeStand, after: Instant?) {
            guard let state = stand.state else { return }
            let until = min(state.end?.at ?? stand.effectiveAt, stand.effectiveAt)
            for stay in state.stays {
                let from = max(stay.from, after ?? stay.from)
                let to = min(stay.to ?? until, until)
                guard to > from else { continue }
                let (left, right) = (scale.x(from), scale.x(to))
                let words = "\(Words.title(stay.levelOfCare.rawValue)), \(stay.program)"
                let isIntensive =
                    stay.levelOfCare == .intensiveOutpatient
                    || stay.levelOfCare == .partialHospitalization
                let days =
                    "\(format.day(scale.calendar.date(of: from))) to "
                    + format.day(scale.calendar.date(of: to))
                pieces.append(
                    .rectangle(
                        isIntensive ? "level iop" : "level",
                        left,
                        28,
                        right - left,
                        22,
                        radius: 3,
                        title: "\(words), \(days)"
                    )
                )
                var room = right - left
                if let end = stand.end, stay.to == nil || stay.to == end.at {
                    let reason =
                        "\(Words.code(end.reason.rawValue)) "
                        + format.day(scale.calendar.date(of: end.at))
                    let width = Double(reason.count) * 6.2 + 12
                    if width + Double(words.count) * 6.4 + 12 < room {
                        pieces.append(.label("t-2", right - 8, 43, reason, anchor: "end"))
                        room -= width
                    }
                }
                pieces.append(.fitting("t-strong", left + 2, 43, words, within: room))
            }
        }
        add(record.then, after: nil)
        if let cut { add(record.now, after: cut) }
        return pieces
    }

    // MARK: - Sessions

    private var sessions: [HTML] {
        var (attended, missed, excused, retracted) = (
            PathData(), PathData(), PathData(), PathData()
        )
        var count: [CalendarDate: Int] = [:]
        let width = min(9, max(scale.day - 1.5, 2))
        /// The lower left corner of the next session of a day; nil where the day is full.
        func place(_ instant: Instant) -> (x: Double, y: Double)? {
            let date = scale.calendar.date(of: instant)
            let number = count[date, default: 0]
            guard number < 4, (scale.first...scale.last).contains(date) else { return nil }
            count[date] = number + 1
            return (scale.x(date) + max(scale.day - width, 0) / 2, 95 - 12 * Double(number))
        }
        let then = record.then.state?.sessions ?? []
        let after = cut.map { cut in (record.now.state?.sessions ?? []).filter { $0.start > cut } }
        for session in then + (after ?? []) {
            guard let (x, y) = place(session.start) else { continue }
            switch session.outcome {
            case .attended: attended.rectangle(x, y, width, 10)
            case .missed(.noShow):
                missed.move(x + 1, y + 1.5)
                missed.line(x + width - 1, y + 8.5)
                missed.move(x + width - 1, y + 1.5)
                missed.line(x + 1, y + 8.5)
            case .missed, .heldWithoutClient: excused.rectangle(x + 0.6, y + 0.6, width - 1.2, 8.8)
            }
        }
        for line in record.then.replay.lines
        where line.standing == .retracted && line.event.history.type.kind == .session {
            guard let (x, y) = place(line.event.history.occurredAt) else { continue }
            retracted.rectangle(x + 0.5, y + 0.5, width - 1, 9)
            retracted.move(x - 2, y + 5)
            retracted.line(x + width + 2, y + 5)
        }
        let paths: [(String, PathData)] = [
            ("att", attended), ("mis", missed), ("exc", excused), ("late", retracted),
        ]
        return [.label("t-strong", 0, 80, "Sessions")]
            + paths.filter { !$0.1.text.isEmpty }.map { .path($0.0, $0.1) }
    }

    // MARK: - Hours

    private var hours: [HTML] {
        let then = record.then.attendance?.weeks ?? []
        let after =
            cut == nil
            ? []
            : (record.now.attendance?.weeks ?? []).filter { week in
                then.last.map { week.week > $0.week } ?? true
            }
        let weeks = then + after
        var pieces: [HTML] = [.label("t-strong", 0, 142, "Hours a week")]
        let limits = weeks.compactMap(\.limit)
        let plans = weeks.compactMap(\.plannedHours)
        let most = max(weeks.map(\.hours).max() ?? 0, limits.max() ?? 0, plans.max() ?? 0, 6)
        let unit = 54 / most
        var (limit, plan) = (PathData(), PathData())
        for week in weeks {
            let left = scale.x(week.week.firstDate)
            let right = min(left + scale.day * 7, scale.right)
            guard right - left > 4 else { continue }
            let height = week.hours * unit
            let (x, width) = (left + 3, right - left - 6)
            let isPart = week.limit == nil
            let style = week.isShort ? "bar short" : isPart ? "bar part" : "bar"
            if height > 0 { pieces.append(.rectangle(style, x, 190 - height, width, height)) }
            let text = "\(Words.decimal(week.hours)) h"
            if width > Double(text.count) * 6.6 {
                let isOn = height > 16 && !week.isShort && !isPart
                // No line goes through a number.
                let lines = [week.hours, week.limit, week.plannedHours].compactMap { $0 }
                    .map { $0 * unit }.filter { $0 < 20 }
                let y = isOn ? 184 : min(184, 186 - (lines.max() ?? 0))
                pieces.append(
                    .label(isOn ? "t-on" : "t-strong", x + width / 2, y, text, anchor: "middle")
                )
            }
            if let hours = week.limit {
                limit.move(left, 190 - hours * unit)
                limit.line(right, 190 - hours * unit)
            }
            if let hours = week.plannedHours, hours != week.limit {
                plan.move(left, 190 - hours * unit)
                plan.line(right, 190 - hours * unit)
            }
        }
        var axis = PathData()
        axis.move(scale.left, 190.5)
        axis.line(scale.right, 190.5)
        if !plan.text.isEmpty { pieces.append(.path("plan", plan)) }
        if !limit.text.isEmpty { pieces.append(.path("limit", limit)) }
        let notes = [
            limits.last.map { "threshold \(Words.number($0)) h" },
            plans.last.map { "plan \(Words.number($0)) h" },
        ].compactMap(\.self)
        for (place, note) in notes.enumerated() {
            pieces.append(.label("", 0, 157 + 15 * Double(place), note))
        }
        return pieces + [.path("axis", axis)]
    }
}

extension EpisodeAttendance.Week {
    /// Below how many hours it is flagged; nil where it is not judged.
    var limit: Double? { judged.threshold }

    /// Whether it has too few hours.
    var isShort: Bool { flags.contains { $0.flag == .belowWeeklyHours } }
}

/// What became known later: late entries, corrections and retractions, each with a line from when it
/// happened to when it was known.
private struct KnownLater {
    private struct Mark {
        let from: Instant
        let to: Instant
        let words: String
        let isLater: Bool
    }

    private let scale: TimeScale
    /// Each lane's marks do not touch.
    private var lanes: [[Mark]] = []
    private var left = 0

    /// More are told by their number.
    private static let laneLimit = 8

    init(_ record: EpisodeRecord, _ scale: TimeScale) {
        self.scale = scale
        let events = record.events.map(\.history)
        let byID = Dictionary(events.map { ($0.eventID, $0) }, uniquingKeysWith: { $1 })
        let known = Set(record.then.replay.lines.map { $0.event.history.eventID })
        var ends: [Double] = []
        for event in events {
            let mark: Mark
            let isLater = !known.contains(event.eventID)
            let to = event.knowledgeTime(record.clocks.knownBy)
            if let target = event.amendedEventID.flatMap({ byID[$0] }) {
                let words = event.type == .entryCorrected ? "corrected" : "retracted"
                mark = Mark(
                    from: target.occurredAt,
                    to: to,
                    words: "\(words), \(event.version)",
                    isLater: isLater
                )
            } else if Lateness(event) != nil {
                mark = Mark(
                    from: event.occurredAt,
                    to: to,
                    words: "late, \(event.version)",
                    isLater: isLater
                )
            } else {
                continue
            }
            let width = Double(mark.words.count) * 6.2 + 12
            var begin = scale.x(mark.from) - width
            var end = max(scale.x(mark.to), scale.x(mark.from)) + 8
            if begin + 6 < scale.left {
                begin = scale.x(mark.from) - 4
                end += width
            }
            if let lane = ends.firstIndex(where: { $0 < begin }) {
                lanes[lane].append(mark)
                ends[lane] = end
            } else if lanes.count < Self.laneLimit {
                lanes.append([mark])
                ends.append(end)
            } else {
                left += 1
            }
        }
    }

    var height: Double {
        lanes.isEmpty ? 0 : max(Double(lanes.count) * 20, 34) + (left > 0 ? 18 : 0)
    }

    func draw(from top: Double) -> [HTML] {
        guard !lanes.isEmpty else { return [] }
        var pieces: [HTML] = [
            .label("t-strong", 0, top + 12, "Known later"),
            .label("", 0, top + 27, "than it happened"),
        ]
        for (lane, marks) in lanes.enumerated() {
            let y = top + 8 + 20 * Double(lane)
            for mark in marks {
                let (from, to) = (scale.x(mark.from), scale.x(mark.to))
                var line = PathData()
                line.move(from, y - 5)
                line.line(from, y + 5)
                line.move(from, y)
                line.line(max(to - 4, from), y)
                let style = mark.isLater ? " soft" : ""
                pieces += [
                    .path("late\(style)", line),
                    .tag(
                        "circle",
                        [
                            "class": "late-dot\(style)", "cx": PathData.number(max(to, from + 4)),
                            "cy": PathData.number(y), "r": "4",
                        ]
                    ), words(mark, from, max(to, from + 4), y),
                ]
            }
        }
        if left > 0 {
            let y = top + 20 * Double(lanes.count) + 12
            pieces.append(.label("t-2", scale.left, y, "\(left) more: see the entries"))
        }
        return pieces
    }

    /// To the left of the line, or after it where there is no room.
    private func words(_ mark: Mark, _ from: Double, _ to: Double, _ y: Double) -> HTML {
        let width = Double(mark.words.count) * 6.2
        return from - width - 6 < scale.left
            ? .label("t-2", to + 8, y + 4, mark.words)
            : .label("t-2", from - 6, y + 4, mark.words, anchor: "end")
    }
}
