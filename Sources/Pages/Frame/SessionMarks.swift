import CareEpisode
import Documents
import Markup
import Projections

/// The sessions of some days as small drawings: attended ones are filled, missed ones are not.
struct SessionMarks {
    private let days: [[EpisodeCensus.Session]]
    private let dates: [CalendarDate]

    init(_ days: [[EpisodeCensus.Session]], _ dates: [CalendarDate]) {
        self.days = days
        self.dates = dates
    }

    private static let width = 11.0

    /// What each sign means.
    static var key: [HTML] {
        var (attended, missed, excused) = (PathData(), PathData(), PathData())
        attended.rectangle(3, 0, 8, 14)
        missed.move(3, 3)
        missed.line(11, 11)
        missed.move(11, 3)
        missed.line(3, 11)
        excused.move(3, 7)
        excused.line(11, 7)
        return [
            ("attended", HTML.path("att", attended)), ("no-show", .path("mis", missed)),
            ("canceled or excused", .path("exc", excused)),
        ].map { words, sign in
            .tag("span", [.ornament("", 14, 14, [sign]), .text(words)])
        }
    }

    /// The first letters of the days.
    static func letters(_ dates: [CalendarDate]) -> HTML {
        .ornament(
            "marks",
            154,
            20,
            dates.enumerated().map { place, date in
                .label(
                    place == dates.count - 1 ? "t-strong" : "",
                    4 + width * Double(place),
                    12,
                    DisplayFormat.letter(date),
                    anchor: "middle"
                )
            }
        )
    }

    var drawing: HTML {
        var (dots, attended, missed, excused, weeks) = (
            PathData(), PathData(), PathData(), PathData(), PathData()
        )
        for (place, sessions) in days.enumerated() {
            let left = Self.width * Double(place)
            if place > 0, LocalWeek(of: dates[place]).firstDate == dates[place] {
                weeks.move(left - 1.5, 0)
                weeks.line(left - 1.5, 20)
            }
            if sessions.isEmpty {
                dots.rectangle(left + 3, 9, 2, 2)
                continue
            }
            // Up to two of a day, one over the other; each is 8 high, a lone one fills the day.
            let two = sessions.prefix(2)
            let height = two.count == 1 ? 16.0 : 7.5
            for (number, session) in two.enumerated() {
                let top = 2 + Double(number) * 8.5
                switch session.outcome {
                case .attended: attended.rectangle(left, top, 8, height)
                case .missed(.noShow):
                    let middle = top + height / 2
                    missed.move(left + 1, middle - 3)
                    missed.line(left + 7, middle + 3)
                    missed.move(left + 7, middle - 3)
                    missed.line(left + 1, middle + 3)
                case .missed, .heldWithoutClient:
                    let middle = top + height / 2
                    excused.move(left + 1, middle)
                    excused.line(left + 7, middle)
                }
            }
        }
        let paths: [(String, PathData)] = [
            ("axis soft", weeks), ("dots", dots), ("att", attended), ("mis", missed),
            ("exc", excused),
        ]
        return .tag(
            "svg",
            ["class": "marks", "viewBox": "0 0 154 20", "role": "img", "aria-label": words],
            paths.filter { !$0.1.text.isEmpty }.map { .path($0.0, $0.1) }
        )
    }

    private var words: String {
        var counts: [String: Int] = [:]
        for session in days.joined() { counts[session.outcome.words, default: 0] += 1 }
        let parts = counts.sorted { $0.key < $1.key }.map { "\($0.value) \($0.key)" }
        return "Last 14 days: " + (parts.isEmpty ? "no sessions" : parts.joined(separator: ", "))
    }
}

extension RecordedSession.Outcome {
    /// What became of a session, in words.
    var words: String {
        switch self {
        case .attended: "attended"
        case .heldWithoutClient: "held with the family alone"
        case .missed(.noShow): "no-show"
        case .missed(.cancelledByClient): "canceled by the client"
        case .missed(.cancelledByProgram): "canceled by the program"
        case .missed(.excused): "excused"
        }
    }
}

/// The hours of a week as a bar, with the threshold as a tick.
struct HoursBar {
    private let week: JudgedHours

    init(_ week: JudgedHours) { self.week = week }

    private static let width = 120.0
    /// So many hours fill the bar.
    private static let most = 15.0

    /// The hours, and the bar beside them.
    var gauge: HTML {
        let scale = max(Self.most, (week.threshold ?? 0) * 1.25)
        let length = min(week.hours / scale, 1) * Self.width
        var (ground, bar, tick) = (PathData(), PathData(), PathData())
        ground.rectangle(0, 8, Self.width, 2)
        bar.rectangle(0, 4.5, length, 9)
        let style: String
        if week.isBelow {
            style = "bar short"
        } else {
            style = week.notJudged == nil ? "bar" : "bar part"
        }
        var paths = [HTML.path("none", ground)]
        if length > 0 { paths.append(.path(style, bar)) }
        if let threshold = week.threshold {
            let place = threshold / scale * Self.width
            tick.move(place, 0)
            tick.line(place, 18)
            paths.append(.path("axis", tick))
        }
        let text = "\(hours)"
        return .tag(
            "div",
            ["class": "gauge"],
            [
                .tag(
                    "span",
                    ["class": week.isBelow ? "below" : week.notJudged == nil ? "" : "quiet"],
                    [.text(text), .tag("span", ["class": "hidden"], text: remark)]
                ), .ornament("hours", 120, 18, paths),
            ]
        )
    }

    /// Hours with one decimal, or minutes where rounding hides that they are too few.
    private var hours: String {
        guard week.isBelow, week.threshold.map(Words.decimal) == Words.decimal(week.hours) else {
            return "\(Words.decimal(week.hours)) h"
        }
        let minutes = week.microseconds / 60_000_000
        return "\(minutes / 60) h \(minutes % 60) min"
    }

    private var remark: String {
        if week.isBelow { return ", below threshold" }
        return switch week.notJudged {
        case .notThereAllWeek: ", not there all week, not judged"
        case .closedByProgram: ", the program was closed, not judged"
        case .noThreshold: ", no threshold"
        case .notOver: ", not over"
        case nil: ""
        }
    }
}
