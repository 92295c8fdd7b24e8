import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension AttendanceAnswer {
    /// The attendance for people.
    func document(_ ledger: LedgerDescription, _ basis: ReadModelBasis) -> Document {
        let rows = attendance.weeks.map { week in
            [
                week.week.description,
                week.week.firstDate.description,
                String(week.attended),
                String(week.missed.values.reduce(0, +)),
                week.judged.words,
                week.plannedHours.map(Words.decimal) ?? "",
                week.bar,
                EpisodeFlag.words(week.flags),
            ]
        }
        return Document(
            "Attendance of episode \(episodeID), ledger \(ledger.name)",
            [
                .wide(
                    [
                        "Week", "From", .number("Attended"), .number("Missed"),
                        .number("Hours"), .number("Planned"), "# an hour, . planned", "Flags",
                    ],
                    rows
                ),
                .notes([attendance.summary] + attendance.doubts),
                .note(basis.words),
            ]
        )
    }
}

extension EpisodeAttendance {
    /// How many weeks are not told, in words.
    public var leftOut: String {
        "\(Words.count(weeksLeftOut, "earlier week")) without a session"
    }

    fileprivate var summary: String {
        var text =
            "Attended \(Words.count(attended, "session")), \(Words.decimal(hours)) hours; missed "
            + missed.words
        if weeksLeftOut > 0 { text += "; \(leftOut) left out" }
        if !missedAfterEnd.isEmpty { text += "; after the last contact \(missedAfterEnd.words)" }
        return rate.map { "\(text). Attendance rate \(Words.decimal($0 * 100)) %." } ?? text + "."
    }

    /// Every flag with its weeks; what stands with its week alone comes last.
    fileprivate var doubts: [String] {
        let ofWeeks = weeks.flatMap(\.flags).filter { $0.flag == .belowWeeklyHours }
        var flagged: [EpisodeFlag: [Week]] = [:]
        for week in weeks {
            for flag in Set(week.flags) { flagged[flag, default: []].append(week) }
        }
        return (flags + ofWeeks).map { flag in
            let weeks = flagged[flag] ?? []
            var text = "Flag: \(Words.code(flag.flag.rawValue))"
            if !weeks.isEmpty {
                let names = weeks.map(\.week.description).joined(separator: ", ")
                text += " in week\(weeks.count == 1 ? "" : "s") \(names)"
            }
            if flag.flag == .belowWeeklyHours, let hours = weeks.first?.judged.comparison {
                text += ": \(hours)"
            }
            return "\(text) (\(flag.eventIDs.map(\.description).joined(separator: ", ")))"
        }
    }
}

extension [MissedReason: Int] {
    /// `2 no show, 1 excused`.
    fileprivate var words: String {
        let reasons = MissedReason.allCases.compactMap { reason in
            self[reason].map { "\($0) \(Words.code(reason.rawValue))" }
        }
        return reasons.isEmpty ? "none" : reasons.joined(separator: ", ")
    }
}

extension JudgedHours {
    /// Whether the hours are below the threshold, and would not look like it with one decimal.
    private var isRoundedAway: Bool {
        isBelow && threshold.map(Words.decimal) == Words.decimal(hours)
    }

    /// The hours with one decimal, or to the minute where rounding hides that they are too few.
    var words: String {
        guard isRoundedAway else { return Words.decimal(hours) }
        let minutes = microseconds / 60_000_000
        return "\(minutes / 60) h \(minutes % 60) min"
    }

    /// The hours, and how many there should be: `6.5 h of 9 h`.
    var comparison: String? {
        threshold.map { "\(words)\(isRoundedAway ? "" : " h") of \(Words.number($0)) h" }
    }
}

extension EpisodeAttendance.Week {
    /// A sign for each hour, and one for each that was planned and not given; cut at 40.
    fileprivate var bar: String {
        let given = min(Int(hours.rounded()), 40)
        let planned = min(Int((plannedHours ?? 0).rounded()), 40)
        return String(repeating: "#", count: given)
            + String(repeating: ".", count: max(planned - given, 0))
    }
}
