import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

/// Writes medications for people.
struct MedicationReviewWriter {
    typealias Listed = MedicationReview.Listed

    /// How many events of one flag are named before the rest is only counted.
    private static let eventLimit = 5

    let review: MedicationReview
    let calendar: LocalCalendar
    /// Whether each row says whose episode it is.
    var namesEpisodes = false

    private func day(_ instant: Instant) -> String { calendar.date(of: instant).description }

    /// What is taken, held and scheduled, then the flags.
    var blocks: [Document.Block] {
        [
            list("Active", review.active, ["Since", "Until", "Prescriber", "Classes"]) { listed in
                [
                    day(listed.since), until(listed),
                    listed.interval.prescriber ?? "on arrival", listed.assessment.words,
                ]
            },
            list("Held", review.held, ["Held since", "Held by", "Why"]) { listed in
                [
                    listed.hold.map { day($0.since) } ?? "", listed.hold?.prescriber ?? "",
                    listed.hold?.reason?.words ?? "no reason given",
                ]
            },
            list("Scheduled", review.scheduled, ["From", "Prescriber", "Change"]) { listed in
                [
                    day(listed.interval.from), listed.interval.prescriber ?? "",
                    Words.code(listed.interval.startedBy),
                ]
            },
        ] + later + [flags]
    }

    /// Told only where there is something: no reviewer knew it at the time.
    private var later: [Document.Block] {
        guard !review.later.isEmpty else { return [] }
        return [
            list(
                "Began later",
                review.later,
                ["From", "Prescriber", "Change", "Known since"]
            ) { listed in
                [
                    day(listed.interval.from), listed.interval.prescriber ?? "",
                    Words.code(listed.interval.startedBy), day(listed.interval.knownAt),
                ]
            }
        ]
    }

    private func until(_ listed: Listed) -> String {
        if let end = listed.scheduledEnd { return "\(day(end.at)) (\(Words.code(end.change)))" }
        guard let end = listed.laterEnd else { return "" }
        return "\(day(end.at)) (\(Words.code(end.change)), known later)"
    }

    /// What a reader must not miss about what no list knows.
    var warnings: [String] {
        var warnings: [String] = []
        if (review.active + review.held).contains(where: { !$0.assessment.isAssessed }) {
            warnings.append(
                "Not assessed: not all of its ingredients are known, and flags of a class or a "
                    + "combination may be missing for it."
            )
        }
        guard let allergies = review.allergies else {
            return warnings + ["Allergies: not recorded."]
        }
        let words = allergies.map { $0.isAssessed ? $0.text : "\($0.text) (not assessed)" }.unique
        return warnings
            + ["Allergies: \(words.isEmpty ? "none known" : words.joined(separator: "; "))."]
    }

    private func list(
        _ title: String,
        _ listed: [Listed],
        _ columns: [Document.Column],
        _ cells: (Listed) -> [String]
    ) -> Document.Block {
        guard !listed.isEmpty else { return .note("\(title): none") }
        // Single doses come last: they are no courses.
        let ordered =
            listed.filter { !$0.isSingleDose } + listed.filter(\.isSingleDose)
        return .table(
            .wide(
                "\(title): \(listed.count)",
                ["Medication", "Dose", "Route", "Frequency", "A day"] + columns
                    + (namesEpisodes ? ["Episode"] : []),
                ordered.map { listed in
                    let regimen = listed.interval.regimen
                    return [
                        listed.interval.medication.words,
                        regimen?.doseWords ?? "not known",
                        regimen?.route ?? "not known",
                        regimen?.frequencyWords ?? "not known",
                        regimen?.dailyDoseWords ?? "not known",
                    ] + cells(listed) + (namesEpisodes ? [listed.episodeID.description] : [])
                }
            )
        )
    }

    /// The most serious come first; equal ones are told together.
    private var flags: Document.Block {
        guard !review.flags.isEmpty else { return .note("Flags: none") }
        let items = MedicationFlag.Flag.bySeriousness.flatMap { kind in
            let flags = review.flags.filter { $0.flag == kind }
            if kind == .notReviewed, !flags.isEmpty { return [item(unreviewed(flags), flags)] }
            return flags.map(\.text).unique.map { text in
                let equal = flags.filter { $0.text == text }
                let times = equal.count > 1 ? " (\(equal.count) times)" : ""
                return item(text + times, equal)
            }
        }
        return .list(Document.List("Flags: \(review.flags.count)", items))
    }

    /// One line for all of them.
    private func unreviewed(_ flags: [MedicationFlag]) -> String {
        guard flags.count > 1 else { return flags[0].note ?? flags[0].text }
        let names = flags.flatMap(\.medications).unique.joined(separator: ", ")
        return "no entry for too long about \(names)."
    }

    private func item(_ text: String, _ flags: [MedicationFlag]) -> Document.List.Item {
        let events = flags.flatMap(\.eventIDs).unique
        let rest = events.count - Self.eventLimit
        return Document.List.Item(
            "\(Words.title(flags[0].flag.rawValue)): \(text)",
            details: events.prefix(Self.eventLimit).map { "event \($0)" }
                + (rest > 0 ? ["and \(Words.count(rest, "event")) more, see --format json"] : [])
        )
    }
}

extension EpisodeMedicationReview {
    /// One episode's medications for people.
    func document(_ ledger: LedgerDescription, _ calendar: LocalCalendar) -> Document {
        let writer = MedicationReviewWriter(review: review, calendar: calendar)
        let others = (review.otherOpenEpisodes ?? []).map(\.description)
        let beside =
            others.isEmpty
            ? []
            : [
                "Other open episodes of this client, whose medications count in the flags of "
                    + "combinations: \(others.joined(separator: ", "))."
            ]
        return Document(
            "Medications at \(calendar.time(review.effectiveAt)), ledger "
                + "\(ledger.name), episode \(episodeID)",
            subtitle: review.endedAt.map {
                "The episode ended on \(calendar.date(of: $0)): nothing is active or held."
            } ?? "",
            writer.blocks + [.notes(writer.warnings + beside + [basis.words])]
        )
    }
}

extension ClientMedicationReview {
    /// A client's medications for people.
    func document(_ ledger: LedgerDescription, _ calendar: LocalCalendar) -> Document {
        let writer = MedicationReviewWriter(
            review: review,
            calendar: calendar,
            namesEpisodes: episodes.count > 1
        )
        let open = episodes.map {
            "\($0.program), \(Words.code($0.levelOfCare.rawValue)), since "
                + "\(calendar.date(of: $0.admittedAt)): episode \($0.episodeID)"
        }
        return Document(
            "Medications of client \(clientID) at \(calendar.time(review.effectiveAt)), "
                + "ledger \(ledger.name): \(Words.count(episodes.count, "open episode"))",
            [.notes(open)] + writer.blocks + [.notes(writer.warnings + [basis.words])]
        )
    }
}

extension MedicationWorklist {
    /// The medications of all who are enrolled, for people.
    func document(_ ledger: LedgerDescription, _ calendar: LocalCalendar) -> Document {
        let isOfAll = program == nil
        let rows = episodes.map { episode in
            let review = episode.review
            return [episode.clientID] + (isOfAll ? [episode.program] : []) + [
                Words.code(episode.levelOfCare.rawValue),
                String(review.active.count),
                String(review.held.count),
                String(review.scheduled.count),
                String((review.active + review.held).filter { !$0.assessment.isAssessed }.count),
                Self.words(review.flags),
                episode.episodeID.description,
            ]
        }
        let columns: [Document.Column] =
            ["Client"] + (isOfAll ? ["Program"] : []) + [
                "Level of care", .number("Active"), .number("Held"), .number("Scheduled"),
                .number("Not assessed"), "Flags", "Episode",
            ]
        let table = Document.Table.wide("", columns, rows, idColumn: columns.count - 1)
        // A flag of a combination or an allergy is never read without what to make of it.
        let combinations = episodes.flatMap { episode in
            episode.review.flags.filter {
                $0.flag == .opioidAndBenzodiazepine || $0.flag == .allergyRecorded
            }.map { "\(episode.clientID): \($0.text) Episode \(episode.episodeID)" }
        }
        return Document(
            "Medication review of \(program ?? "all who are enrolled"), ledger \(ledger.name), at "
                + "\(calendar.time(effectiveAt)): "
                + Words.count(episodes.count, "episode"),
            (episodes.isEmpty ? [] : [.table(table)]) + [.notes(combinations + [basis.words])]
        )
    }

    /// Every kind once, with how often it is raised.
    private static func words(_ flags: [MedicationFlag]) -> String {
        MedicationFlag.Flag.bySeriousness.compactMap { kind in
            let count = flags.filter { $0.flag == kind }.count
            let words = Words.code(kind.rawValue)
            return count == 0 ? nil : count == 1 ? words : "\(words) (\(count))"
        }.joined(separator: ", ")
    }
}

extension MedicationAssessment {
    fileprivate var words: String {
        guard isAssessed else { return "not assessed" }
        return classes.map { Words.code($0.rawValue) }.joined(separator: ", ")
    }
}
