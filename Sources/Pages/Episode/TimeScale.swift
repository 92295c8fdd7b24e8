import CareEpisode
import Markup

/// Where times stand in a drawing: whole weeks from left to right.
struct TimeScale {
    let calendar: LocalCalendar
    /// The first date, a Monday.
    let first: CalendarDate
    /// The last date.
    let last: CalendarDate
    let left: Double
    let right: Double

    init(
        _ calendar: LocalCalendar,
        from: CalendarDate,
        through: CalendarDate,
        left: Double,
        right: Double
    ) {
        self.calendar = calendar
        first = LocalWeek(of: from).firstDate
        last = max(through, first.adding(days: 6))
        self.left = left
        self.right = right
    }

    /// How wide a day is.
    var day: Double { (right - left) / Double(last - first + 1) }

    /// The left edge of a date.
    func x(_ date: CalendarDate) -> Double { left + day * Double(date - first) }

    /// An instant, kept within the drawing.
    func x(_ instant: Instant) -> Double {
        let date = calendar.date(of: instant)
        let start = calendar.startOfDay(date)
        let length = calendar.startOfDay(date.adding(days: 1)).microseconds - start.microseconds
        let part = Double(instant.microseconds - start.microseconds) / Double(length)
        return min(max(x(date) + day * part, left), right)
    }

    /// Lines at Mondays, as many as leave room for their dates.
    ///
    /// - Parameter cursor: of ``cursor(_:_:bottom:)``, whose words no date stands under.
    func grid(
        _ bottom: Double,
        _ format: DisplayFormat,
        but cursor: (instant: Instant, words: String)? = nil
    ) -> [HTML] {
        var covered: (left: Double, right: Double)?
        if let cursor { covered = edges(cursor.instant, cursor.words) }
        let weeks = Int((56 / (day * 7)).rounded(.up))
        let step = max(1, weeks)
        return stride(from: 0, through: (last - first) / 7, by: step).flatMap { week -> [HTML] in
            let date = first.adding(days: 7 * week)
            var line = PathData()
            line.move(x(date), 20)
            line.line(x(date), bottom)
            let end = x(date) + 46
            var isCovered = false
            if let covered { isCovered = covered.left < end && x(date) < covered.right }
            guard end <= right, !isCovered else { return [.path("grid", line)] }
            return [.path("grid", line), .label("t-2", x(date) + 3, 13, format.day(date))]
        }
    }

    /// A line at a time with words over it.
    func cursor(_ instant: Instant, _ words: String, bottom: Double) -> [HTML] {
        let x = x(instant)
        let (left, right) = edges(instant, words)
        let width = right - left
        let middle = left + width / 2
        var line = PathData()
        line.move(x, 18)
        line.line(x, bottom)
        return [
            .path("cursor", line),
            .rectangle("cursor-head", left, 0, width, 19, radius: 3),
            .label("cursor-text", middle, 14, words, anchor: "middle"),
        ]
    }

    /// Where the words of a cursor stand, kept within the drawing.
    private func edges(_ instant: Instant, _ words: String) -> (left: Double, right: Double) {
        let width = Double(words.count) * 6.6 + 12
        let middle = min(max(x(instant), left + width / 2), right - width / 2)
        return (middle - width / 2, middle + width / 2)
    }
}

extension HTML {
    /// A rectangle of a drawing, with what it says in words.
    static func rectangle(
        _ style: String,
        _ x: Double,
        _ y: Double,
        _ width: Double,
        _ height: Double,
        radius: Double? = nil,
        title: String? = nil
    ) -> HTML {
        let number = PathData.number
        return .tag(
            "rect",
            [
                "class": style, "x": number(x), "y": number(y), "width": number(max(width, 0)),
                "height": number(height),
            ] + (radius.map { ["rx": number($0)] } ?? [:]),
            title.map { [.tag("title", text: $0)] } ?? []
        )
    }

    /// Words in a drawing where they have room; nothing where they would be cut.
    static func fitting(
        _ style: String,
        _ x: Double,
        _ y: Double,
        _ text: String,
        within width: Double
    ) -> HTML {
        Double(text.count) * 6.4 + 10 <= width ? .label(style, x + 5, y, text) : .nothing
    }
}
