import CareEpisode
import Documents

/// The flags that hold at the time of a review (`docs/medication-review.md`, "Flags").
struct MedicationStateFlags {
    typealias Listed = MedicationReview.Listed

    private let effectiveAt: Instant
    private let calendar: LocalCalendar
    /// Those whose flags are raised.
    private let episodes: [MedicationsAtTime]
    /// Others of the client, whose medications count in combinations.
    private let others: [MedicationsAtTime]
    /// What is taken regularly: a single dose is no course.
    private let courses: [Listed]

    init(
        effectiveAt: Instant,
        calendar: LocalCalendar,
        episodes: [MedicationsAtTime],
        others: [MedicationsAtTime]
    ) {
        self.effectiveAt = effectiveAt
        self.calendar = calendar
        self.episodes = episodes
        self.others = others
        courses = episodes.flatMap(\.active).filter { !$0.isSingleDose }
    }

    var all: [MedicationFlag] {
        let duplicates = groups(courses, connectedBy: isDuplicate)
        return duplicates.map { flag(.duplicateActive, $0, note: "\(names($0)).") }
            + sameIngredients(duplicates) + stoppedStillListed + allergies + unreviewed
            + [opioidAndBenzodiazepine, twoAntipsychotics].compactMap { $0 }
    }

    private func flag(
        _ flag: MedicationFlag.Flag,
        _ listed: [Listed],
        events: [EventID]? = nil,
        note: String
    ) -> MedicationFlag {
        MedicationFlag(
            flag: flag,
            at: effectiveAt,
            // Medications of one admission share its event.
            eventIDs: (events ?? listed.map(\.interval.eventID)).unique,
            lineages: listed.map(\.lineage).unique,
            medications: listed.map(\.interval.medication.name).unique,
            note: note
        )
    }

    private func names(_ listed: [Listed]) -> String {
        listed.map(\.interval.medication.name).unique.joined(separator: ", ")
    }

    // MARK: - The same medication

    /// The groups of at least two that are connected, in the order of the list.
    private func groups(
        _ listed: [Listed],
        connectedBy isConnected: (Listed, Listed) -> Bool
    ) -> [[Listed]] {
        var group = Array(listed.indices)
        func root(_ place: Int) -> Int {
            var place = place
            while group[place] != place { place = group[place] }
            return place
        }
        for right in listed.indices {
            for left in listed[..<right].indices where isConnected(listed[left], listed[right]) {
                let (one, other) = (root(left), root(right))
                group[max(one, other)] = min(one, other)
            }
        }
        return Dictionary(grouping: listed.indices, by: root)
            .filter { $0.value.count > 1 }.sorted { $0.key < $1.key }
            .map { $0.value.map { listed[$0] } }
    }

    private func isDuplicate(_ one: Listed, _ other: Listed) -> Bool {
        let (left, right) = (one.interval, other.interval)
        func differ(_ code: KeyPath<Medication, String?>) -> Bool {
            guard let one = left.medication[keyPath: code],
                let other = right.medication[keyPath: code]
            else { return false }
            return one != other
        }
        guard RouteGroup.fit(one.routeGroup, other.routeGroup) else { return false }
        guard let regimen = left.regimen, regimen.isComplete, let second = right.regimen,
            second.isComplete
        else {
            return left.medication.isProduct(right.medication)
                && !differ(\.rxcui) && !differ(\.ndc)
        }
        return regimen.asNeeded != true && second.asNeeded != true
            && one.hasSubstances(of: other)
            && regimen.isSameDose(as: second) && regimen.isAsFrequent(as: second) == true
            && !regimen.isAtAnotherTimeOfDay(than: second)
    }

    /// Several open lineages with one ingredient, unless they are duplicates of each other.
    private func sameIngredients(_ duplicates: [[Listed]]) -> [MedicationFlag] {
        let sharing = groups(courses) { one, other in
            RouteGroup.fit(one.routeGroup, other.routeGroup)
                && !one.assessment.substances.shared(with: other.assessment.substances).isEmpty
        }
        return sharing.compactMap { group in
            if duplicates.contains(where: { Set($0) == Set(group) }) { return nil }
            let shared = Set(
                group.indices.flatMap { right in
                    group[..<right].flatMap {
                        $0.assessment.substances.shared(with: group[right].assessment.substances)
                    }
                }
            ).sorted().joined(separator: ", ")
            let total = total(group).map { ": \($0) a day in total" } ?? ""
            return flag(.sameIngredient, group, note: "\(names(group)) (\(shared)\(total)).")
        }
    }

    /// A day, where every part of it is known and adds up.
    private func total(_ group: [Listed]) -> String? {
        let substances = Set(group.map(\.assessment.substances))
        let amounts = group.compactMap { $0.interval.regimen?.dailyAmount }
        guard substances.count == 1, amounts.count == group.count, let unit = amounts.first?.unit,
            unit.addsUp, amounts.allSatisfy({ $0.unit.name == unit.name })
        else { return nil }
        let sum = amounts.reduce(0) { $0 + $1.number }
        return "\(Words.number(sum)) \(unit.name == "meq" ? "mEq" : unit.name)"
    }

    // MARK: - Stopped, and still there

    private var stoppedStillListed: [MedicationFlag] {
        let scheduled = episodes.flatMap(\.scheduled).filter {
            $0.interval.startedBy == MedicationChange.start.rawValue && !$0.isSingleDose
        }
        return episodes.flatMap { episode in
            episode.course.lineages.flatMap { lineage -> [MedicationFlag] in
                let last = lineage.lastInterval
                guard let stop = lineage.stop, stop.at <= effectiveAt, !lineage.isOpen,
                    !last.isEmptied
                else { return [] }
                func isSame(_ listed: Listed) -> Bool {
                    listed.interval.medication.hasSubstances(of: last.medication)
                        && RouteGroup.fit(listed.routeGroup, last.routeGroup)
                }
                let date = calendar.date(of: stop.at)
                let open = courses.filter { listed in
                    listed.lineage != lineage.id && listed.since < stop.at && isSame(listed)
                        && self.lineage(of: listed).map {
                            calendar.date(of: $0.lastEventAt) < date
                        } ?? false
                }
                let ahead = scheduled.filter {
                    $0.interval.position < stop.position && isSame($0)
                }
                guard !open.isEmpty || !ahead.isEmpty, !last.isSingleDose else { return [] }
                return (open + ahead).map { listed in
                    flag(
                        .stoppedStillListed,
                        [listed],
                        events: [stop.eventID, listed.interval.eventID],
                        note: "\(last.medication.name) was stopped on \(date); "
                            + "\(listed.interval.medication.name) is "
                            + (listed.interval.from > effectiveAt ? "scheduled." : "active.")
                    )
                }
            }
        }
    }

    private func lineage(of listed: Listed) -> MedicationCourse.Lineage? {
        episodes.first { $0.episodeID == listed.episodeID }?.course.lineage(listed.lineage)
    }

    // MARK: - Allergies

    /// One for each allergy of the client that names what is taken, held or scheduled.
    private var allergies: [MedicationFlag] {
        let listed = episodes.flatMap { $0.active + $0.held + $0.scheduled }
        return (episodes + others).flatMap { $0.allergies ?? [] }.compactMap { allergy in
            let found = listed.filter {
                !$0.assessment.substances.shared(with: allergy.substances).isEmpty
            }
            guard !found.isEmpty else { return nil }
            return flag(
                .allergyRecorded,
                found,
                events: found.map(\.interval.eventID) + [allergy.eventID],
                note: "\(names(found)). Recorded: \(allergy.text)."
            )
        }
    }

    // MARK: - Reviews

    private var unreviewed: [MedicationFlag] {
        (courses + episodes.flatMap(\.held)).compactMap { listed in
            guard !listed.isSingleDose, let lineage = lineage(of: listed),
                let episode = episodes.first(where: { $0.episodeID == listed.episodeID })
            else { return nil }
            let set = episode.settings.notReviewedDays
            let days = max(set, listed.interval.regimen?.intervalDays ?? 0)
            let limit = effectiveAt.advanced(bySeconds: Int64(days) * -86_400)
            guard lineage.lastEventAt < limit else { return nil }
            return flag(
                .notReviewed,
                [listed],
                events: [lineage.lastEventID],
                note: "\(listed.interval.medication.name): no entry for more than \(days) days."
            )
        }
    }

    // MARK: - Combinations

    /// What counts in combinations: of all open episodes, a single dose for a day.
    private var combined: [Listed] {
        (episodes + others).flatMap(\.active).filter {
            !$0.isSingleDose
                || effectiveAt < $0.interval.from.advanced(bySeconds: 86_400)
        }
    }

    /// Whether one of them is of these episodes.
    private func isOwn(_ listed: [Listed]) -> Bool {
        listed.contains { one in episodes.contains { $0.episodeID == one.episodeID } }
    }

    /// Names, with the episode where that is another one.
    private func namesWithEpisodes(_ listed: [Listed]) -> String {
        listed.map { listed in
            let name = listed.interval.medication.name
            return others.contains { $0.episodeID == listed.episodeID }
                ? "\(name) (episode \(listed.episodeID))" : name
        }.unique.joined(separator: ", ")
    }

    private var opioidAndBenzodiazepine: MedicationFlag? {
        let all = combined
        let opioids = all.filter { $0.assessment.isOpioid }
        let benzodiazepines = all.filter { $0.assessment.classes.contains(.benzodiazepine) }
        guard !opioids.isEmpty, !benzodiazepines.isEmpty, isOwn(opioids + benzodiazepines)
        else { return nil }
        var note = "\(namesWithEpisodes(opioids)) with \(namesWithEpisodes(benzodiazepines))."
        let moud = opioids.filter { $0.assessment.classes.contains(.moud) }
        if !moud.isEmpty {
            // FDA Drug Safety Communication of 20 September 2017.
            note +=
                " \(names(moud)) may treat opioid use disorder: monitor; not a reason to "
                + "withhold it."
        }
        return flag(
            .opioidAndBenzodiazepine,
            all.filter { opioids.contains($0) || benzodiazepines.contains($0) },
            note: note
        )
    }

    private var twoAntipsychotics: MedicationFlag? {
        let antipsychotics = combined.filter { $0.assessment.classes.contains(.antipsychotic) }
        guard Set(antipsychotics.flatMap(\.assessment.antipsychotics)).count > 1,
            isOwn(antipsychotics)
        else { return nil }
        return flag(
            .twoAntipsychotics,
            antipsychotics,
            note: "\(namesWithEpisodes(antipsychotics))."
        )
    }
}

extension MedicationAssessment {
    /// Whether it is an opioid, for pain or for opioid use disorder.
    fileprivate var isOpioid: Bool { classes.contains(.opioid) || classes.contains(.moud) }
}

extension MedicationReview.Listed {
    /// Whether both have the same active ingredients; where not all are known, the same product.
    fileprivate func hasSubstances(of other: Self) -> Bool {
        let (one, two) = (assessment.substances, other.assessment.substances)
        return one.isComplete && two.isComplete
            ? one.names == two.names : interval.medication.isProduct(other.interval.medication)
    }
}

extension Regimen {
    /// Whether dose and frequency are known.
    fileprivate var isComplete: Bool {
        dose != nil && (timesPerDay != nil || frequency != nil)
    }

    /// Whether the doses are equal, units converted.
    fileprivate func isSameDose(as other: Regimen) -> Bool {
        if let amount, let second = other.amount { return amount == second }
        return unit == other.unit && dose == other.dose
    }
}
