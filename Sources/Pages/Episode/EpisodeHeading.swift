import CareEpisode
import Documents
import Ledger
import Markup
import Projections

/// What stands on top of every page of an episode: who, the state, allergies, the pages.
struct EpisodeHeading {
    let record: EpisodeRecord
    /// Which page it is: the end of its path, empty for the timeline.
    let tab: String

    private static let tabs = [
        ("", "Timeline"), ("medication", "Medication"), ("attendance", "Attendance"),
        ("summary", "Summary"), ("proof", "Proof and access"),
    ]

    private var format: DisplayFormat { record.format }

    var html: [HTML] {
        [
            .tag("div", ["class": "head"], [.tag("div", ["id": "standing"], standing), forms]),
            .tag(
                "nav",
                ["class": "tabs", "aria-label": "This episode"],
                Self.tabs.map { name, words in
                    .tag(
                        "a",
                        ["href": record.page(name).href]
                            + (["aria-current": "page"] as Attributes).when(name == tab),
                        text: words
                    )
                }
            ),
        ]
    }

    /// What can be recorded.
    private var forms: HTML {
        guard record.mayRecord else { return .nothing }
        let isOpen = record.now.end == nil
        let types = EventType.allCases.filter {
            !$0.isAmendment && $0 != .admitted && (isOpen || !($0.isEnd || $0.kind == .transfer))
        }
        return .tag(
            "details",
            ["class": "forms", "data-record": ""],
            [
                .tag("summary", [.tag("span", ["class": "button main"], text: "Record…")]),
                .tag(
                    "ul",
                    types.map { type in
                        .tag(
                            "li",
                            [
                                .tag(
                                    "a",
                                    ["href": record.form(type)],
                                    text: FormWords.title(type)
                                )
                            ]
                        )
                    }
                ),
            ]
        )
    }

    /// Who, the state, allergies.
    var standing: [HTML] { [client, state, allergies, retracted] }

    private var client: HTML {
        let state = record.then.state ?? record.now.state
        guard let key = state?.clientID ?? record.then.expectedClient else {
            return .tag("h1", text: "Episode without an admission")
        }
        guard let person = record.people[key] else {
            return .tag("h1", [.tag("span", ["class": "id"], text: key)])
        }
        var parts: [HTML] = [
            .tag("span", ["class": "name"], text: person.name), .text(" "),
            .tag("span", ["class": "key-of id"], text: key),
        ]
        parts += person.chip
        return .tag("h1", parts)
    }

    // MARK: - The state

    private var state: HTML {
        var parts: [HTML] = []
        if let version = record.version { parts.append(.text("As after version \(version): ")) }
        let standing = record.then.standing(format, record.people)
        let words =
            parts.isEmpty ? standing.prefix(1).uppercased() + standing.dropFirst() : standing
        parts.append(.tag("strong", text: words))
        if let stay = record.then.stay {
            parts.append(
                .text(
                    ", \(stay.program), \(Words.code(stay.levelOfCare.rawValue)), since "
                        + "\(format.date(format.calendar.date(of: record.then.admittedAt ?? stay.from)))."
                )
            )
        }
        let now = record.now.standing(format, record.people)
        if record.isReplayed, now != standing {
            parts += [.text(" "), .tag("span", ["class": "chip known"], text: "Now: \(now)")]
        }
        return .tag("p", parts)
    }

    /// Entries that this page would show, had they not been retracted: the timeline has them.
    private var retracted: HTML {
        let kinds: Set<EventKind>
        switch tab {
        case "attendance": kinds = [.session]
        case "medication": kinds = [.medication]
        case "summary": kinds = Set(EventKind.allCases)
        default: return .nothing
        }
        let versions = record.then.replay.lines.filter {
            $0.standing == .retracted && kinds.contains($0.event.history.type.kind)
        }.map(\.event.history.version)
        guard let first = versions.first else { return .nothing }
        let words =
            versions.count == 1 ? "1 entry retracted" : "\(versions.count) entries retracted"
        return .tag("p", [.tag("a", ["href": record.entry(first)], text: words)])
    }

    private var allergies: HTML {
        var parts: [HTML] = [.text("Allergies: ")]
        parts += AllergyWords(record.then.review).html
        parts += [
            .text(" · "),
            .tag(
                "span",
                ["class": "quiet"],
                [
                    .text("Episode "),
                    .tag("span", ["class": "id"], text: record.episodeID.description),
                ]
            ),
        ]
        return .tag("p", parts)
    }
}

extension EpisodeStand {
    /// The stay in force, or the last one.
    var stay: EpisodeCensus.Stay? {
        state.flatMap { state in state.stays.last { $0.from <= effectiveAt } ?? state.stays.first }
    }

    /// When the episode began.
    var admittedAt: Instant? { state?.admittedAt }

    /// The end, where it had come.
    var end: EpisodeCensus.End? { state?.end.flatMap { $0.at <= effectiveAt ? $0 : nil } }

    /// The day of the stay, both first and last counted; nil before the admission.
    func day(_ format: DisplayFormat) -> Int? {
        guard let admittedAt, admittedAt <= effectiveAt else { return nil }
        let day = max(format.dayUpTo(effectiveAt), format.calendar.date(of: admittedAt))
        return day - format.calendar.date(of: admittedAt) + 1
    }

    /// The admission that is known and not retracted, when it has happened or is to happen.
    private var admission: EffectiveHistory.Entry? {
        let known = try? EffectiveHistory(replay.lines.map(\.event.history))
        return known?.entries.first { $0.type == .admitted }
    }

    /// The client of an admission that lies ahead; nil of any other.
    var expectedClient: String? {
        guard state == nil, case .admitted(let data)? = try? admission?.decode() else { return nil }
        return data.clientID
    }

    /// Why there is no state: the admission lies ahead, was retracted, or is not known.
    private func withoutState(_ format: DisplayFormat, _ people: People) -> String {
        if let admission {
            return "admission recorded for \(format.dateAndTime(admission.time))"
        }
        let retractions = replay.lines.filter { $0.event.history.type == .admitted }
            .compactMap(\.retractedBy)
        guard
            let retraction = replay.lines.last(where: {
                retractions.contains($0.event.history.eventID)
            }), let draft = try? retraction.event.draft(),
            case .entryRetracted(let data) = draft.data
        else { return "no admission known" }
        return "the admission was retracted by \(people.name(draft.author.id)) on "
            + "\(format.date(format.calendar.date(of: retraction.knowledgeTime))): "
            + "“\(data.reason)”"
    }

    /// "in care, day 33", or "ended Dec 1, transferred".
    func standing(_ format: DisplayFormat, _ people: People) -> String {
        if let end {
            let reason = end.reason == .completed ? "completed" : Words.code(end.reason.rawValue)
            return
                "ended \(format.date(format.calendar.date(of: end.at))), \(reason), length of stay "
                + Words.count(end.lengthOfStayDays, "day")
        }
        guard state != nil else { return withoutState(format, people) }
        return day(format).map { "in care, day \($0)" } ?? withoutState(format, people)
    }
}

/// What is recorded of allergies.
struct AllergyWords {
    let review: MedicationReview?

    init(_ review: MedicationReview?) { self.review = review }

    var html: [HTML] {
        guard let allergies = review?.allergies else {
            return [.tag("strong", ["class": "below"], text: "not recorded")]
        }
        guard !allergies.isEmpty else { return [.tag("strong", text: "none known")] }
        var texts: [String] = []
        for allergy in allergies {
            let isKnown = !allergy.substances.names.isEmpty
            let text = isKnown ? allergy.text : "\(allergy.text) (not assessed)"
            if !texts.contains(text) { texts.append(text) }
        }
        return [.tag("strong", text: texts.joined(separator: "; "))]
    }
}

extension EpisodeRecord {
    /// What changes on every page of the episode.
    var parts: [String: [HTML]] {
        ["standing": EpisodeHeading(record: self, tab: "").standing]
    }

    /// The entries.
    var members: PageMembers {
        PageMembers(events.map(\.history.version), came: "new in the record", went: "gone")
    }
}
