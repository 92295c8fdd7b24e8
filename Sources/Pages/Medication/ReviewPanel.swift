import CareEpisode
import Documents
import Markup
import ProjectionRuntime
import Projections

/// The review of an episode's medication: allergies, flags, the drawing, what is in force, held, ordered
/// for later, given once, and what became known later.
struct ReviewPanel {
    let record: EpisodeRecord
    /// What stands on top.
    let heading: (MedicationReview) -> [HTML]

    private var format: DisplayFormat { record.format }

    var html: HTML {
        guard let review = record.then.review else {
            return .tag(
                "section",
                ["class": "panel"],
                [
                    .tag(
                        "div",
                        ["class": "empty"],
                        [
                            .tag("h2", text: "No admission is known"),
                            .tag("p", text: "Nothing can be said of medications at these times."),
                        ]
                    )
                ]
            )
        }
        return .tag(
            "section",
            ["class": "panel review", "aria-labelledby": "h-rev"],
            [
                .tag("header", heading(review)), allergies(review), others(review), flags(review),
                drawing(review), table(review),
            ]
        )
    }

    private func allergies(_ review: MedicationReview) -> HTML {
        .tag(
            "p",
            ["class": "allergies"],
            [.tag("strong", text: "Allergies:"), .text(" ")] + AllergyWords(review).html + [
                .tag(
                    "span",
                    ["class": "quiet"],
                    text: " Compared by names of ingredients only."
                )
            ]
        )
    }

    private func others(_ review: MedicationReview) -> HTML {
        guard let others = review.otherOpenEpisodes, !others.isEmpty else { return .nothing }
        return .tag(
            "p",
            ["class": "allergies"],
            [.text("Other open episodes of this client, whose medications count in the flags: ")]
                + others.flatMap { episode -> [HTML] in
                    let path = "\(record.address.path.ledgerPath)/episodes/\(episode)/medication"
                    return [
                        .tag(
                            "a",
                            ["class": "id", "href": record.address.to(path).href],
                            text: "\(episode)"
                        ), .text(" "),
                    ]
                }
        )
    }

    // MARK: - Flags

    private func flags(_ review: MedicationReview) -> HTML {
        var groups: [(words: FlagWords, text: String, count: Int, events: [EventID])] = []
        for flag in review.flags {
            let words = FlagWords.of(flag.flag.rawValue)
            let text = format.dated(flag.text)
            if let place = groups.firstIndex(where: { $0.words == words && $0.text == text }) {
                groups[place].count += 1
                groups[place].events += flag.eventIDs
            } else {
                groups.append((words, text, 1, flag.eventIDs))
            }
        }
        guard !groups.isEmpty else {
            return .tag("p", ["class": "allergies quiet"], text: "Nothing is flagged.")
        }
        let sorted = groups.enumerated().sorted {
            ($0.element.words.seriousness, $0.offset) < ($1.element.words.seriousness, $1.offset)
        }.map(\.element)
        return .tag(
            "ul",
            ["class": "flaglist"],
            sorted.map { group in
                let name = group.words.words + (group.count > 1 ? " ×\(group.count)" : "")
                return .tag(
                    "li",
                    ["class": group.words.kind.rawValue],
                    [
                        .tag(
                            "strong",
                            (group.words.kind == .stop ? [FlagWords.sign] : []) + [.text(name)]
                        ), .tag("span", text: group.text),
                        .tag(
                            "div",
                            ["class": "entries"],
                            [.text(group.events.isEmpty ? "" : "entries ")]
                                + ChangeText(record: record).links(Array(Set(group.events)))
                        ),
                    ]
                )
            }
        )
    }

    // MARK: - Drawing

    private func drawing(_ review: MedicationReview) -> HTML {
        let calendar = format.calendar
        let last = (review.scheduled + review.later).map(\.interval.from).max()
        let until = max(
            review.effectiveAt,
            last?.advanced(bySeconds: 7 * 86_400) ?? .init(microseconds: .min)
        )
        let from = review.timeline.map(\.interval.from).min() ?? review.effectiveAt
        let begin = [from, record.then.admittedAt].compactMap(\.self).min() ?? from
        let scale = TimeScale(
            calendar,
            from: calendar.date(of: begin),
            through: calendar.date(of: until).adding(days: 1),
            left: 128,
            right: 850
        )
        var bars = LineageBars(scale, format, row: 58)
        bars.add(review)
        bars.addPlanned(review, through: until)
        guard !bars.isEmpty else { return .nothing }
        let bottom = 24 + bars.height
        let words =
            record.version.map { "version \($0)" }
            ?? (record.isReplayed ? format.day(format.dayUpTo(review.effectiveAt)) : "today")
        return .tag(
            "div",
            [
                "class": "body scroll", "tabindex": "0", "role": "region",
                "aria-label": "Drawing of the medication",
            ],
            [
                .drawing(
                    "chart-med",
                    860,
                    Int((bottom + 6).rounded(.up)),
                    title: "Medication from \(format.date(scale.first)). The table below says the "
                        + "same.",
                    id: "mt",
                    scale.grid(bottom, format, but: (review.effectiveAt, words))
                        + bars.draw(from: 20)
                        + scale.cursor(review.effectiveAt, words, bottom: bottom)
                ), .tag("p", ["class": "key"], LineageBars.key),
            ]
        )
    }

    // MARK: - Table

    private func table(_ review: MedicationReview) -> HTML {
        let single = review.active.filter(\.isSingleDose)
        let groups: [(String, String, [MedicationReview.Listed])] = [
            ("In force", "", review.active.filter { !$0.isSingleDose }),
            ("Held", "", review.held), ("Ordered for later", "", review.scheduled),
            ("Single doses", "not counted in totals", single),
            ("Became known later", "not known yet at this time", review.later),
        ]
        let body = groups.filter { !$0.2.isEmpty }.flatMap { name, note, rows -> [HTML] in
            [
                .tag(
                    "tr",
                    ["class": "group"],
                    [
                        .tag(
                            "th",
                            ["colspan": "6", "scope": "colgroup"],
                            [
                                .tag("strong", text: name),
                                .text(note.isEmpty ? "\(rows.count)" : "\(rows.count), \(note)"),
                            ]
                        )
                    ]
                )
            ] + rows.map { row($0, review, isLater: name == "Became known later") }
        }
        guard !body.isEmpty else {
            return .tag(
                "p",
                ["class": "allergies quiet"],
                text: review.endedAt == nil
                    ? "No medication is recorded."
                    : "The episode has ended: nothing is in force or held."
            )
        }
        return .tag(
            "div",
            [
                "class": "scroll", "tabindex": "0", "role": "region",
                "aria-label": "Table of medications",
            ],
            [
                .tag(
                    "table",
                    ["class": "meds plain"],
                    [
                        .tag("thead", [.tag("tr", Self.columns)]), .tag("tbody", body),
                    ]
                )
            ]
        )
    }

    private static let columns: [HTML] = [
        .tag("th", ["scope": "col"], text: "Medication"),
        .tag("th", ["scope": "col", "class": "num"], text: "A day"),
        .tag("th", ["scope": "col"], text: "Since"),
        .tag("th", ["scope": "col"], text: "Prescriber, reason"),
        .tag("th", ["scope": "col"], text: "Class"),
        .tag("th", ["scope": "col"], text: "Last entry"),
    ]

    private func row(
        _ listed: MedicationReview.Listed,
        _ review: MedicationReview,
        isLater: Bool
    ) -> HTML {
        let interval = listed.interval
        let calendar = format.calendar
        func day(_ instant: Instant) -> String { format.day(calendar.date(of: instant)) }
        let text = MedicationText(interval.medication, interval.regimen)
        var name: [HTML] = [text.line]
        func note(_ words: String, _ style: String = "quiet") {
            name.append(.tag("span", ["class": style], text: words))
        }
        if let end = listed.scheduledEnd {
            note("until \(day(end.at)): \(Words.code(end.change)), ordered")
        }
        if let end = listed.laterEnd {
            note("until \(day(end.at)): \(Words.code(end.change)), known later")
        }
        if listed.hold == nil, interval.from > review.effectiveAt {
            note("\(Words.code(interval.startedBy)) on \(day(interval.from))")
        }
        if interval.knownAt > interval.from.advanced(bySeconds: 86_400) {
            let days = (interval.knownAt.microseconds - interval.from.microseconds) / 86_400_000_000
            name += [.text(" "), .tag("span", ["class": "chip known"], text: "Late, \(days) d")]
        }
        if isLater {
            name += [
                .text(" "),
                .tag("span", ["class": "chip known"], text: "known \(day(interval.knownAt))"),
            ]
        }
        var by: [HTML] = [
            .text(interval.prescriber.map { record.people.name($0) } ?? "on arrival")
        ]
        var reasons: [String] = []
        if let hold = listed.hold {
            reasons.append("held \(day(hold.since)): \(hold.reason?.words ?? "no reason given")")
        } else if let reason = interval.reason?.words {
            reasons.append(reason)
        }
        if !reasons.isEmpty {
            by += [
                .tag("br"), .tag("span", ["class": "quiet"], text: reasons.joined(separator: "; ")),
            ]
        }
        let classes =
            listed.assessment.isAssessed
            ? listed.assessment.classes.map(\.words).joined(separator: ", ")
            : "not assessed"
        return .tag(
            "tr",
            ["data-row": ""] + (["class": "late-row"] as Attributes).when(isLater),
            [
                .tag("th", ["scope": "row"], name),
                .tag("td", ["class": dailyStyle(text)], text: text.daily ?? "–"),
                .tag("td", ["class": "nb c-since"], text: day(listed.since)),
                .tag("td", ["class": "c-by"], by),
                .tag("td", ["class": "c-class"], text: classes),
                .tag("td", ["class": "nb c-rev"], last(listed, review)),
            ]
        )
    }

    private func dailyStyle(_ text: MedicationText) -> String {
        let isLong = (text.daily ?? "").count > MedicationText.unbrokenDose
        return "num \(isLong ? "" : "nb ")c-dose\(text.hasDailyAmount ? "" : " words")"
    }

    /// The last entry about a medication: its day, linked.
    private func last(
        _ listed: MedicationReview.Listed,
        _ review: MedicationReview
    ) -> [HTML] {
        let changes = review.changes.filter { $0.lineage == listed.lineage }
        let event =
            changes.last.map { ($0.eventID, $0.at) }
            ?? (listed.interval.eventID, listed.interval.from)
        let day = format.day(format.calendar.date(of: event.1))
        guard let version = record.version(of: event.0) else { return [.text(day)] }
        return [.tag("a", ["href": record.entry(version)], text: day)]
    }
}

extension MedicationClass {
    /// As it is spoken of.
    var words: String {
        switch self {
        case .moud: "MOUD"
        case .adhdNonStimulant: "ADHD non-stimulant"
        case .vmat2Inhibitor: "VMAT2 inhibitor"
        default: Words.code(rawValue)
        }
    }
}
