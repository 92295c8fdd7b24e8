import CareEpisode

@testable import Projections

extension Story {
    /// Adds a change of a medication that says no regimen.
    @discardableResult
    mutating func adjust(
        _ change: MedicationChange,
        _ medication: Medication,
        reason: String? = "r",
        _ time: String,
        known: String? = nil
    ) -> EventID {
        adjust(change, medication, nil, reason: reason, time, known: known)
    }

    /// Adds a change of a medication.
    @discardableResult
    mutating func adjust(
        _ change: MedicationChange,
        _ medication: Medication,
        _ regimen: Regimen?,
        replaces: Medication? = nil,
        reason: String? = "r",
        _ time: String,
        known: String? = nil
    ) -> EventID {
        add(
            .medicationAdjusted(
                MedicationAdjusted(
                    medication: medication,
                    change: change,
                    prescriber: "p-1",
                    regimen: regimen,
                    replaces: replaces,
                    reason: reason.map { MedicationReason(text: $0) }
                )
            ),
            time,
            known: known
        )
    }

    /// Adds an admission of someone who takes medications.
    @discardableResult
    mutating func admit(
        taking medications: [Medication],
        _ time: String,
        known: String? = nil
    ) -> EventID {
        add(
            .admitted(
                Admitted(
                    clientID: "C-1",
                    program: "iop",
                    levelOfCare: .intensiveOutpatient,
                    medications: medications.map { ArrivalMedication(medication: $0) }
                )
            ),
            time,
            known: known
        )
    }

    /// Ends the episode.
    @discardableResult
    mutating func complete(_ time: String) -> EventID { add(.completed(EpisodeEnd()), time) }

    /// The course from the entries up to a time, as the end closes it; empty without an admission.
    func medications(at time: String? = nil) throws -> MedicationCourse {
        guard let time else {
            return try Course(EffectiveHistory(events), calendar: calendar)?.medications().ended
                ?? MedicationCourse(lineages: [], changes: [], flags: [])
        }
        return try reviewed(at: time)?.course.ended
            ?? MedicationCourse(lineages: [], changes: [], flags: [])
    }

    /// The review at a time.
    func review(
        at time: String,
        _ settings: MedicationReview.Settings = MedicationReview.Settings(),
        beside others: [Story] = []
    ) throws -> MedicationReview {
        MedicationReview(
            [try reviewed(at: time)].compactMap { reviewed in
                var reviewed = reviewed
                reviewed?.settings = settings
                return reviewed
            },
            others: try others.enumerated().compactMap { number, story in
                try story.reviewed(at: time, as: EpisodeID(bits: UInt128(100 + number)))
            }.filter(\.isOpen),
            effectiveAt: instant(time),
            calendar: calendar
        )
    }

    private func reviewed(
        at time: String,
        as episode: EpisodeID = Story.episode
    ) throws -> ReviewedMedications? {
        try ReviewedMedications.fold(
            episode,
            try EffectiveHistory(events),
            effectiveAt: instant(time),
            calendar: calendar
        )
    }
}

/// A medication by name, and by order and concept where they are given.
func medication(_ name: String, order: String? = nil, rxcui: String? = nil) -> Medication {
    Medication(name: name, rxcui: rxcui, orderID: order)
}

/// A complete regimen.
func mg(_ dose: Double, times: Double = 1, asNeeded: Bool? = nil) -> Regimen {
    Regimen(
        dose: dose,
        unit: "mg",
        route: "oral",
        frequency: "daily",
        timesPerDay: times,
        asNeeded: asNeeded
    )
}

extension MedicationCourse {
    /// One line a lineage: `name dose from-to started>ended` for each interval.
    var told: [String] {
        lineages.map { lineage in
            let intervals = lineage.intervals.map { interval in
                let dose = interval.regimen?.dose.map { " \(Int($0))" } ?? ""
                return "\(interval.medication.name)\(dose) \(interval.from.day)-"
                    + "\(interval.to?.day ?? "") \(interval.startedBy)>\(interval.endedBy ?? "")"
            }
            return intervals.joined(separator: ", ")
                + (lineage.hold.map { " held by \($0.eventID.number)" } ?? "")
        }
    }
}

extension [MedicationFlag] {
    /// `kind number number`, by the numbers of the story's events.
    var told: [String] {
        map { flag in
            ([flag.flag.rawValue] + flag.eventIDs.map { String($0.number) })
                .joined(separator: " ")
        }
    }

    /// Only those of some kinds.
    func only(_ kinds: MedicationFlag.Flag...) -> [MedicationFlag] {
        filter { kinds.contains($0.flag) }
    }
}

extension EventID {
    /// Which event of its story it is, from 1.
    fileprivate var number: Int { Int(bits - 1_000) }
}

extension Instant {
    /// `MM-DD`.
    fileprivate var day: String { String(description.dropFirst(5).prefix(5)) }
}
