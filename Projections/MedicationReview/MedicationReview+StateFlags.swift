import CareEpisode

extension MedicationReview {
    /// The flags that hold at the time of the review.
    func stateFlags(_ course: MedicationCourse, _ settings: Settings) -> [MedicationFlag] {
        duplicates + unreviewed(course, settings)
            + [opioidAndBenzodiazepine, twoAntipsychotics].compactMap { $0 }
    }

    private func flag(
        _ flag: MedicationFlag.Flag,
        _ listed: [Listed],
        note: String? = nil
    ) -> MedicationFlag {
        // Medications of one admission share its event.
        var eventIDs: [EventID] = []
        for event in listed.map(\.interval.eventID) where !eventIDs.contains(event) {
            eventIDs.append(event)
        }
        return MedicationFlag(flag: flag, at: effectiveAt, eventIDs: eventIDs, note: note)
    }

    // MARK: - The same medication

    /// One flag for each group of active regimens connected by an equal concept or name.
    private var duplicates: [MedicationFlag] {
        var group = Array(active.indices)
        func root(_ place: Int) -> Int {
            var place = place
            while group[place] != place { place = group[place] }
            return place
        }
        var first: [String: Int] = [:]
        for (place, listed) in active.enumerated() {
            let key = MedicationKey(listed.interval.medication)
            let names = [key.rxcui.map { "rxcui \($0)" }, "name \(key.name)"].compactMap { $0 }
            for name in names {
                guard let other = first[name] else {
                    first[name] = place
                    continue
                }
                let (left, right) = (root(other), root(place))
                group[max(left, right)] = min(left, right)
            }
        }
        let groups = Dictionary(grouping: active.indices, by: root)
        return groups.filter { $0.value.count > 1 }.sorted { $0.key < $1.key }.map { group in
            let listed = group.value.map { active[$0] }
            return flag(.duplicateActive, listed, note: "\(Self.names(listed)).")
        }
    }

    // MARK: - Reviews

    private func unreviewed(
        _ course: MedicationCourse,
        _ settings: Settings
    ) -> [MedicationFlag] {
        let limit = effectiveAt.advanced(bySeconds: Int64(settings.notReviewedDays) * -86_400)
        let lineages = Dictionary(
            course.lineages.map { ($0.id, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        return (active + held).compactMap { listed in
            guard let lineage = lineages[listed.lineage], lineage.lastEventAt < limit else {
                return nil
            }
            return MedicationFlag(
                flag: .notReviewed,
                at: effectiveAt,
                eventIDs: [lineage.lastEventID],
                note: "\(listed.interval.medication.name): no entry for more than "
                    + "\(settings.notReviewedDays) days."
            )
        }
    }

    // MARK: - Combinations

    private func active(_ kind: MedicationClass) -> [Listed] {
        active.filter { $0.assessment.classes.contains(kind) }
    }

    private var opioidAndBenzodiazepine: MedicationFlag? {
        let opioids = active.filter { $0.assessment.isOpioid }
        let benzodiazepines = active(.benzodiazepine)
        guard !opioids.isEmpty, !benzodiazepines.isEmpty else { return nil }
        var note = "\(Self.names(opioids)) with \(Self.names(benzodiazepines))."
        let moud = opioids.filter { $0.assessment.classes.contains(.moud) }
        if !moud.isEmpty {
            // FDA Drug Safety Communication of 20 September 2017.
            note +=
                " \(Self.names(moud)) may treat opioid use disorder: monitor; not a reason to "
                + "withhold it."
        }
        return flag(
            .opioidAndBenzodiazepine,
            active.filter { opioids.contains($0) || benzodiazepines.contains($0) },
            note: note
        )
    }

    private var twoAntipsychotics: MedicationFlag? {
        let antipsychotics = active(.antipsychotic)
        let ingredients = antipsychotics.reduce(into: Set<String>()) {
            $0.formUnion($1.assessment.antipsychotics)
        }
        guard ingredients.count > 1 else { return nil }
        return flag(.twoAntipsychotics, antipsychotics, note: "\(Self.names(antipsychotics)).")
    }

    private static func names(_ listed: [Listed]) -> String {
        var names: [String] = []
        for name in listed.map(\.interval.medication.name) where !names.contains(name) {
            names.append(name)
        }
        return names.joined(separator: ", ")
    }
}

extension MedicationAssessment {
    /// Whether it is an opioid, for pain or for opioid use disorder.
    fileprivate var isOpioid: Bool { classes.contains(.opioid) || classes.contains(.moud) }
}
