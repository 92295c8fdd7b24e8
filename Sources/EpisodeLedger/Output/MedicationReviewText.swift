import CareEpisode
import Ledger
import Projections

/// One episode's medications for people: what is taken, held and scheduled, then the flags.
struct MedicationReviewText {
    /// How many events of one flag are named before the rest is only counted.
    private static let eventLimit = 5

    private let answer: EpisodeMedicationReview
    private let asked: ReadModelSession

    init(_ answer: EpisodeMedicationReview, _ asked: ReadModelSession) {
        self.answer = answer
        self.asked = asked
    }

    private var review: MedicationReview { answer.review }

    func print() {
        Console.print(
            "Medications of episode \(answer.episodeID), ledger \(asked.ledger.name), at "
                + "\(review.effectiveAt)"
        )
        if let endedAt = review.endedAt {
            Console.print("The episode ended on \(day(endedAt)): nothing is active or held.")
        }
        list("Active", review.active, ["SINCE", "UNTIL", "PRESCRIBER", "CLASSES"]) { listed in
            [
                day(listed.interval.from),
                listed.endsAhead.map { "\(day($0.at)) (\($0.change))" } ?? "",
                listed.interval.prescriber ?? "on arrival", classes(listed.assessment),
            ]
        }
        list("Held", review.held, ["HELD SINCE", "HELD BY", "WHY"]) { listed in
            [
                listed.hold.map { day($0.since) } ?? "", listed.hold?.prescriber ?? "",
                listed.hold?.reason?.words ?? "no reason given",
            ]
        }
        list("Scheduled", review.scheduled, ["FROM", "PRESCRIBER", "CHANGE"]) { listed in
            [
                day(listed.interval.from), listed.interval.prescriber ?? "",
                listed.interval.startedBy,
            ]
        }
        printFlags()
        Console.print("")
        if (review.active + review.held).contains(where: { !$0.assessment.isAssessed }) {
            Console.print(
                "Not assessed: no list of this program knows the medication, and no flag of a "
                    + "class or a combination can be raised for it."
            )
        }
        Console.print(asked.note(answer.basis))
    }

    private func list(
        _ title: String,
        _ listed: [MedicationReview.Listed],
        _ columns: [String],
        _ cells: (MedicationReview.Listed) -> [String]
    ) {
        Console.print("")
        guard !listed.isEmpty else { return Console.print("\(title): none") }
        Console.print("\(title): \(listed.count)")
        var table = TextTable(
            [
                ("MEDICATION", .left), ("DOSE", .left), ("ROUTE", .left), ("FREQUENCY", .left),
                ("A DAY", .left),
            ] + columns.map { ($0, .left) }
        )
        for listed in listed {
            let interval = listed.interval
            table.add(
                [
                    interval.medication.nameAndStrength,
                    interval.regimen?.doseText ?? "not known",
                    interval.regimen?.route ?? "not known",
                    interval.regimen?.frequencyText ?? "not known",
                    interval.regimen?.dailyDoseText ?? "not known",
                ] + cells(listed)
            )
        }
        table.print()
    }

    private func day(_ instant: Instant) -> String {
        asked.calendar.date(of: instant).description
    }

    private func classes(_ assessment: MedicationAssessment) -> String {
        assessment.isAssessed
            ? assessment.classes.map(\.rawValue).joined(separator: " ") : "not assessed"
    }

    // MARK: - Flags

    /// Those that hold now come first; of one kind, events are told together.
    private func printFlags() {
        Console.print("")
        guard !review.flags.isEmpty else { return Console.print("Flags: none") }
        Console.print("Flags: \(review.flags.count)")
        for kind in MedicationFlag.Flag.allCases.reversed() {
            let flags = review.flags.filter { $0.flag == kind }
            guard !flags.isEmpty else { continue }
            if kind.isOfState {
                for flag in flags { printFlag(kind, flag.text, flag.eventIDs) }
            } else {
                let times = flags.count > 1 ? " (\(flags.count) times)" : ""
                printFlag(kind, kind.text + times, flags.flatMap(\.eventIDs))
            }
        }
    }

    private func printFlag(_ kind: MedicationFlag.Flag, _ text: String, _ events: [EventID]) {
        Console.print("  \(kind.rawValue): \(text)")
        for event in events.prefix(Self.eventLimit) { Console.print("    event \(event)") }
        let rest = events.count - Self.eventLimit
        if rest > 0 {
            Console.print("    and \(counted(rest, "event")) more, see --format json")
        }
    }
}

extension Medication {
    /// The strength stands in many names already.
    fileprivate var nameAndStrength: String {
        guard let strength, !name.lowercased().contains(strength.lowercased()) else { return name }
        return "\(name) \(strength)"
    }
}

extension MedicationReason {
    /// The code and the words, as far as they are there.
    fileprivate var words: String? {
        let words = [code?.rawValue, text].compactMap { $0 }.joined(separator: ": ")
        return words.isEmpty ? nil : words
    }
}

extension Regimen {
    fileprivate var doseText: String? {
        dose.map { [plain($0), unit].compactMap { $0 }.joined(separator: " ") }
    }

    fileprivate var frequencyText: String? {
        let words = frequency?.lowercased() ?? ""
        guard asNeeded == true, !words.contains("as needed"), !words.contains("prn") else {
            return frequency
        }
        return frequency.map { "\($0), as needed" } ?? "as needed"
    }

    fileprivate var dailyDoseText: String? {
        if asNeeded == true { return "as needed" }
        return dailyDose.map { [plain($0), unit].compactMap { $0 }.joined(separator: " ") }
    }

    private func plain(_ number: Double) -> String {
        Int64(exactly: number).map(String.init) ?? number.description
    }
}
