import CareEpisode
import Documents
public import Markup
import ProjectionRuntime
import Projections

/// An episode's sessions and hours, week by week.
public struct EpisodeAttendanceView: PageView {
    private let record: EpisodeRecord
    private let changes: EpisodeChanges

    /// The weeks, and what differs between two knowledge times.
    public init(_ record: EpisodeRecord, _ changes: EpisodeChanges) {
        self.record = record
        self.changes = changes
    }

    /// The episode, by the beginning of its id.
    public var title: String { "Attendance · \(record.title)" }
    /// None of the header's pages.
    public var place: PageName? { nil }
    /// Who, and the state.
    public var parts: [String: [HTML]] { record.parts }
    /// The entries.
    public var members: PageMembers { record.members }

    private var format: DisplayFormat { record.format }

    /// The heading, what differs, the weeks.
    public var content: [HTML] {
        EpisodeHeading(record: record, tab: "attendance").html
            + ComparisonPanel(record: record, changes: changes).html + [panel]
    }

    private var panel: HTML {
        guard let attendance = record.then.attendance else {
            return .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "div",
                        ["class": "empty"],
                        [
                            .tag("h2", text: "No admission is known"),
                            .tag("p", text: "No sessions are expected at these times."),
                        ]
                    )
                ]
            )
        }
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-weeks"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-weeks"], text: "Weeks"),
                        .tag("p", text: rate(attendance)),
                    ]
                ),
                .tag(
                    "div",
                    [
                        "class": "scroll", "tabindex": "0", "role": "region",
                        "aria-label": "Table of weeks",
                    ],
                    [table(attendance)]
                ), after(attendance), flags(attendance),
            ]
        )
    }

    private func rate(_ attendance: EpisodeAttendance) -> String {
        let percent = attendance.rate.map { " (\(Words.number(($0 * 100).rounded()))%)" } ?? ""
        return "Attended \(attendance.attended) of \(attendance.expected) expected\(percent); "
            + "\(Words.decimal(attendance.hours)) hours"
            + (attendance.weeksLeftOut > 0 ? "; \(attendance.leftOut) left out" : "")
    }

    private func table(_ attendance: EpisodeAttendance) -> HTML {
        let reasons = MissedReason.allCases.filter { reason in
            attendance.weeks.contains { $0.missed[reason] != nil }
        }
        let columns: [(String, Bool)] =
            [("Week", false), ("Attended", true)]
            + reasons.map { (Words.title($0.words), true) }
            + [("Hours", true), ("Planned", true), ("Threshold", true), ("To look at", false)]
        let rows = attendance.weeks.reversed().map { week -> HTML in
            func cell(_ text: String) -> HTML { .tag("td", ["class": "num"], text: text) }
            let days = "\(format.day(week.week.firstDate)) – \(format.day(week.week.lastDate))"
            return .tag(
                "tr",
                ["data-row": ""],
                [.tag("th", ["scope": "row"], text: days), cell(String(week.attended))]
                    + reasons.map { cell(week.missed[$0].map { String($0) } ?? "–") } + [
                        .tag(
                            "td",
                            ["class": week.isShort ? "num below" : "num"],
                            text: hours(week)
                        ),
                        cell(week.plannedHours.map { "\(Words.number($0)) h" } ?? "–"),
                        cell(week.limit.map { "\(Words.number($0)) h" } ?? "–"),
                        .tag("td", [look(week)]),
                    ]
            )
        }
        return .tag(
            "table",
            [
                .tag(
                    "thead",
                    [
                        .tag(
                            "tr",
                            columns.map { words, isNumber in
                                .tag(
                                    "th",
                                    ["scope": "col"]
                                        + (["class": "num"] as Attributes).when(isNumber),
                                    text: words
                                )
                            }
                        )
                    ]
                ), .tag("tbody", rows),
            ]
        )
    }

    /// One decimal; minutes where rounding hides that they are too few.
    private func hours(_ week: EpisodeAttendance.Week) -> String {
        let text = Words.decimal(week.hours)
        guard week.isShort, week.limit.map(Words.decimal) == text else { return "\(text) h" }
        let minutes = Int64(week.hours * 60)
        return "\(minutes / 60) h \(minutes % 60) min"
    }

    private func look(_ week: EpisodeAttendance.Week) -> HTML {
        var parts = chips(week.flags)
        if let reason = week.judged.notJudged {
            parts.append(.tag("span", ["class": "quiet"], text: "not judged: \(reason.words)"))
        }
        return .tag("div", ["class": "chips"], parts)
    }

    /// Each kind once, linked to the first entry that raises it.
    private func chips(_ flags: [EpisodeFlag]) -> [HTML] {
        var kinds: [(words: FlagWords, count: Int, event: EventID?)] = []
        for flag in flags {
            let words = FlagWords.of(flag.flag.rawValue)
            if let place = kinds.firstIndex(where: { $0.words == words }) {
                kinds[place].count += 1
            } else {
                kinds.append((words, 1, flag.eventIDs.first))
            }
        }
        return kinds.map { words, count, event in
            let version = event.flatMap { record.version(of: $0) }
            return words.chip(
                href: version.map { record.entry($0) } ?? record.page().href,
                count: count
            )
        }
    }

    private func after(_ attendance: EpisodeAttendance) -> HTML {
        let missed = MissedReason.allCases.compactMap { reason in
            attendance.missedAfterEnd[reason].map { "\(reason.words) \($0)" }
        }
        guard !missed.isEmpty else { return .nothing }
        return .tag(
            "p",
            ["class": "allergies"],
            text: "Missed after the last contact, before the end was known, in no week: "
                + "\(missed.joined(separator: ", "))."
        )
    }

    private func flags(_ attendance: EpisodeAttendance) -> HTML {
        guard !attendance.flags.isEmpty else { return .nothing }
        return .tag(
            "ul",
            ["class": "flaglist"],
            attendance.flags.map { flag in
                let words = FlagWords.of(flag.flag.rawValue)
                return .tag(
                    "li",
                    ["class": words.kind.rawValue],
                    [
                        .tag("strong", text: words.words), .tag("span", text: flag.flag.text),
                        .tag(
                            "div",
                            ["class": "entries"],
                            [.text("entries ")] + ChangeText(record: record).links(flag.eventIDs)
                        ),
                    ]
                )
            }
        )
    }
}

extension JudgedHours.Exemption {
    /// Why a week is held against no threshold.
    var words: String {
        switch self {
        case .notOver: "not over yet"
        case .notThereAllWeek: "not there all week"
        case .noThreshold: "no threshold"
        case .closedByProgram: "the program was closed"
        }
    }
}
