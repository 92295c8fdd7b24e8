import CareEpisode
import Documents
import Ledger
public import Markup
import ProjectionRuntime
import Projections

/// An episode's timeline: the score, its entries, and its state after any version.
public struct EpisodeView: PageView {
    private let record: EpisodeRecord
    private let changes: EpisodeChanges
    private let list: EntryList

    /// The timeline.
    ///
    /// - Parameters:
    ///   - record: the episode.
    ///   - changes: what the version shown has changed, or what differs between two knowledge times.
    ///   - page: which hundred entries; nil for those around the version shown.
    public init(_ record: EpisodeRecord, _ changes: EpisodeChanges, page: Int?) {
        self.record = record
        self.changes = changes
        list = EntryList(record, page: page)
    }

    /// Whether there is such a page of entries.
    public var hasPage: Bool { list.hasPage }

    /// The episode, by the beginning of its id: never the client.
    public var title: String { record.title }
    /// None of the header's pages.
    public var place: PageName? { nil }
    /// Who, and the state.
    public var parts: [String: [HTML]] { record.parts }
    /// The entries.
    public var members: PageMembers { record.members }

    /// The heading, the score, entries, the state.
    public var content: [HTML] {
        EpisodeHeading(record: record, tab: "").html
            + ComparisonPanel(record: record, changes: changes).html
            + [
                Score(record).panel,
                .tag(
                    "div",
                    ["class": "two"],
                    [list.panel, .tag("div", ["class": "stack"], [state, medication])]
                ),
            ]
    }

    private var format: DisplayFormat { record.format }

    // MARK: - The state

    private var state: HTML {
        var heading = "Now"
        var note = format.upTo(record.then.effectiveAt)
        if let version = record.version {
            heading = "After version \(version)"
            let line = record.then.replay.lines.last
            note =
                "known \(line.map { format.dayAndTime($0.event.history.knownAt) } ?? "–"), by "
                + (line.map { $0.isSourceTime } ?? false
                    ? "the source’s clock" : "the ledger’s clock")
        } else if record.isReplayed {
            heading = "As shown"
            note = "happened up to \(format.upTo(record.then.effectiveAt))"
        }
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-st"],
            [
                .tag(
                    "header",
                    [.tag("h2", ["id": "h-st"], text: heading), .tag("p", text: note)]
                ),
                .tag("div", ["class": "body stack"], [changed, facts]),
            ]
        )
    }

    private var facts: HTML {
        var facts: [(String, String)] = []
        if let stay = record.then.stay {
            facts.append(
                ("Level of care", "\(Words.title(stay.levelOfCare.rawValue)), \(stay.program)")
            )
        } else {
            facts.append(("Level of care", "no admission known"))
        }
        if let end = record.then.end {
            facts.append(("Length of stay", Words.count(end.lengthOfStayDays, "day")))
        } else if let day = record.then.day(format) {
            facts.append(("Day of stay", String(day)))
        }
        if let attendance = record.then.attendance {
            let percent = attendance.rate.map { ", \(Words.number(($0 * 100).rounded()))%" } ?? ""
            facts.append(
                ("Attended", "\(attendance.attended) of \(attendance.expected) expected\(percent)")
            )
            if let week = attendance.weeks.last {
                let planned = week.plannedHours.map { " of \(Words.number($0)) planned" } ?? ""
                facts.append(
                    (
                        "Hours, week from \(format.day(week.week.firstDate))",
                        Words.decimal(week.hours) + planned
                    )
                )
            }
        }
        return .tag(
            "dl",
            ["class": "facts"],
            facts.flatMap { [.tag("dt", text: $0), .tag("dd", text: $1)] }
        )
    }

    /// What the version shown has changed.
    private var changed: HTML {
        guard let version = record.version else { return .nothing }
        var lines = changes.entryLines(record)
        if let reason = record.events.first(where: { $0.history.version == version })
            .flatMap({ try? $0.draft().data.amendmentReason })
        {
            lines.append(.tag("p", text: "“\(reason)”"))
        }
        return .tag(
            "div",
            ["class": "notice known"],
            [.tag("h3", text: "This version changed")] + lines + changes.partLines(record)
        )
    }

    // MARK: - Medication

    private var medication: HTML {
        let active = record.then.review?.active ?? []
        let items = active.enumerated().map { place, listed -> HTML in
            let text = MedicationText(listed.interval.medication, listed.interval.regimen)
            let notes = [
                "since \(format.day(format.calendar.date(of: listed.since)))",
                text.daily.map { text.hasDailyAmount ? "\($0) a day" : $0 },
                listed.interval.prescriber.map { "prescriber \(record.people.name($0))" }
                    ?? "on arrival",
            ].compactMap(\.self)
            return .tag(
                "li",
                [
                    text.line,
                    .tag("span", ["class": "quiet"], text: notes.joined(separator: " · ")),
                    record.mayRecord ? change(listed, at: place, among: active) : .nothing,
                ]
            )
        }
        let held = record.then.review?.held.count ?? 0
        var note = Words.count(items.count, "medication")
        if held > 0 { note += ", \(held) held" }
        return .tag(
            "section",
            ["class": "panel", "aria-labelledby": "h-med"],
            [
                .tag(
                    "header",
                    [
                        .tag("h2", ["id": "h-med"], text: "Medication in force"),
                        .tag("p", text: note),
                    ]
                ),
                .tag(
                    "div",
                    ["class": "body"],
                    [
                        items.isEmpty
                            ? .tag("p", ["class": "quiet"], text: "None.")
                            : .tag("ul", ["class": "drugs"], items)
                    ]
                ),
            ]
        )
    }

    /// The form that changes a medication, which begins with what is in force.
    private func change(
        _ listed: MedicationReview.Listed,
        at place: Int,
        among all: [MedicationReview.Listed]
    ) -> HTML {
        let event = listed.interval.eventID
        guard let version = record.version(of: event) else { return .nothing }
        let item = all[..<place].count { $0.interval.eventID == event }
        return .tag(
            "a",
            [
                "class": "quiet",
                "href": record.form(.medicationAdjusted, like: version, item: item),
                "aria-label": "Change \(listed.interval.medication.name)",
            ],
            text: "Change"
        )
    }
}

extension EpisodeRecord {
    /// The episode by the beginning of its id.
    var title: String { "Episode \(episodeID.description.prefix(8))" }
}

extension EventData {
    /// Why an entry is corrected or retracted; nil of any other.
    fileprivate var amendmentReason: String? {
        switch self {
        case .entryCorrected(let correction): correction.reason
        case .entryRetracted(let retraction): retraction.reason
        default: nil
        }
    }
}
