import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension EpisodeMedicationReview {
    /// How many events of one flag are named before the rest is only counted.
    private static let eventLimit = 5

    /// One episode's medications for people: what is taken, held and scheduled, then the flags.
    func document(_ ledger: LedgerDescription, _ calendar: LocalCalendar) -> Document {
        func day(_ instant: Instant) -> String { calendar.date(of: instant).description }
        let lists = [
            list("Active", review.active, ["Since", "Until", "Prescriber", "Classes"]) { listed in
                [
                    day(listed.interval.from),
                    listed.endsAhead.map { "\(day($0.at)) (\($0.change))" } ?? "",
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
                    listed.interval.startedBy,
                ]
            },
        ]
        let isUnknown = (review.active + review.held).contains { !$0.assessment.isAssessed }
        let warning =
            "Not assessed: no list of this program knows the medication, and no flag of a class or "
            + "a combination can be raised for it."
        return Document(
            "Medications of episode \(episodeID), ledger \(ledger.name), at "
                + "\(review.effectiveAt)",
            subtitle: review.endedAt.map {
                "The episode ended on \(day($0)): nothing is active or held."
            } ?? "",
            lists + [flags, .notes((isUnknown ? [warning] : []) + [basis.words])]
        )
    }

    private func list(
        _ title: String,
        _ listed: [MedicationReview.Listed],
        _ columns: [Document.Column],
        _ cells: (MedicationReview.Listed) -> [String]
    ) -> Document.Block {
        guard !listed.isEmpty else { return .note("\(title): none") }
        return .table(
            .wide(
                "\(title): \(listed.count)",
                ["Medication", "Dose", "Route", "Frequency", "A day"] + columns,
                listed.map { listed in
                    let regimen = listed.interval.regimen
                    return [
                        listed.interval.medication.words,
                        regimen?.doseWords ?? "not known",
                        regimen?.route ?? "not known",
                        regimen?.frequencyWords ?? "not known",
                        regimen?.dailyDoseWords ?? "not known",
                    ] + cells(listed)
                }
            )
        )
    }

    /// Those that hold now come first; of one kind, events are told together.
    private var flags: Document.Block {
        guard !review.flags.isEmpty else { return .note("Flags: none") }
        let items = MedicationFlag.Flag.allCases.reversed().flatMap { kind in
            let flags = review.flags.filter { $0.flag == kind }
            guard !flags.isEmpty else { return [Document.List.Item]() }
            if kind.isOfState { return flags.map { item(kind, $0.text, $0.eventIDs) } }
            let times = flags.count > 1 ? " (\(flags.count) times)" : ""
            return [item(kind, kind.text + times, flags.flatMap(\.eventIDs))]
        }
        return .list(Document.List("Flags: \(review.flags.count)", items))
    }

    private func item(
        _ kind: MedicationFlag.Flag,
        _ text: String,
        _ events: [EventID]
    ) -> Document.List.Item {
        let rest = events.count - Self.eventLimit
        return Document.List.Item(
            "\(kind.rawValue): \(text)",
            details: events.prefix(Self.eventLimit).map { "event \($0)" }
                + (rest > 0 ? ["and \(Words.count(rest, "event")) more, see --format json"] : [])
        )
    }
}

extension MedicationWorklist {
    /// A program's medications for people.
    func document(_ ledger: LedgerDescription) -> Document {
        let rows = episodes.map { episode in
            let review = episode.review
            return [
                episode.episodeID.description,
                episode.clientID,
                episode.levelOfCare.rawValue,
                String(review.active.count),
                String(review.held.count),
                String(review.scheduled.count),
                String((review.active + review.held).filter { !$0.assessment.isAssessed }.count),
                Self.words(review.flags),
            ]
        }
        let table = Document.Table.wide(
            "",
            [
                "Episode", "Client", "Level of care", .number("Active"), .number("Held"),
                .number("Scheduled"), .number("Not assessed"), "Flags",
            ],
            rows,
            idColumn: 0
        )
        // A flag of a combination is never read without what to make of it.
        let combinations = episodes.flatMap { episode in
            episode.review.flags.filter { $0.flag == .opioidAndBenzodiazepine }
                .map { "\(episode.episodeID): \($0.text)" }
        }
        return Document(
            "Medication review of \(program), ledger \(ledger.name), at \(effectiveAt): "
                + Words.count(episodes.count, "episode"),
            (episodes.isEmpty ? [] : [.table(table)]) + [.notes(combinations + [basis.words])]
        )
    }

    /// Every kind once, with how often it is raised.
    private static func words(_ flags: [MedicationFlag]) -> String {
        MedicationFlag.Flag.allCases.compactMap { kind in
            let count = flags.filter { $0.flag == kind }.count
            return count == 0 ? nil : count == 1 ? kind.rawValue : "\(kind.rawValue) (\(count))"
        }.joined(separator: " ")
    }
}

extension MedicationAssessment {
    fileprivate var words: String {
        isAssessed ? classes.map(\.rawValue).joined(separator: " ") : "not assessed"
    }
}
