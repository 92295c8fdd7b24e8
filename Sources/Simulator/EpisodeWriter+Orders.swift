internal import CareEpisode

extension EpisodeWriter {
    /// Writes one change, now and then with a dose that is corrected later.
    ///
    /// `named` is what the note calls the medication, where it is not what the order says; `decided` is
    /// when it was decided, where it takes effect at another time.
    mutating func adjust(
        _ course: MedicationCourse,
        _ change: MedicationChange,
        named: Medication? = nil,
        regimen: Regimen? = nil,
        replaces: Medication? = nil,
        because code: MedicationReasonCode? = nil,
        at effect: Instant,
        decided: Instant? = nil
    ) {
        let knownAt = after(
            decided ?? effect,
            seconds: random.integer(in: 30...(decided == nil ? 840 : 59))
        )
        let facts = MedicationAdjusted(
            medication: named ?? course.medication,
            change: change,
            prescriber: clinicianID("P"),
            regimen: regimen,
            replaces: replaces,
            reason: code.map { MedicationReason(code: $0) },
            indication: change == .start
                ? Indication(
                    system: "icd-10-cm",
                    code: course.drug.indication.code,
                    text: course.drug.indication.text
                ) : nil
        )
        // Nobody mistypes a dose where none was decided on.
        let hasNewDose = regimen != nil && change != .changeFrequency && change != .changeRoute
        guard hasNewDose, random.chance(perMillion: assumptions.corrected(16)) else {
            record(.medicationAdjusted(facts), at: effect, knownAt: knownAt, by: .prescriber)
            return
        }
        var wrong = facts
        wrong.regimen?.dose = course.dose * 10
        let mistake = record(
            .medicationAdjusted(wrong),
            at: effect,
            knownAt: knownAt,
            by: .prescriber
        )
        correct(
            mistake,
            to: .medicationAdjusted(facts),
            because: "Decimal point in the dose",
            by: .prescriber
        )
    }

    /// What is ordered at a planned end for the time after it, and at its own instant.
    ///
    /// An injection in place of tablets before the client leaves; tapers and stops with their times, of
    /// benzodiazepines always, of what is taken for a while often; now and then a start.
    mutating func planDischarge(at end: Instant) {
        guard plan.ending == .completed || plan.ending == .discharged(.transferred) else { return }
        let decided = end.advanced(bySeconds: -900)
        for index in courses.indices.reversed() where !courses[index].isHeld {
            let isSplit = courses.count { $0.drug.generic == courses[index].drug.generic } > 1
            if isSplit { continue }
            if random.chance(perMille: 350), changeRoute(index, at: end, decided: decided) {
                continue
            }
            let drug = courses[index].drug
            if drug.isInjection { continue }
            let often = drug.isBenzodiazepine ? 1000 : drug.isShortTerm ? 600 : 100
            if random.chance(perMille: often) { taper(index, decided: decided) }
        }
        if courses.count < 3, random.chance(perMille: 150) {
            let drug = chosenDrug(of: plan.phases[0].program)
            // What is begun at once or under supervision is not left for later.
            guard mayBegin(drug), !drug.isOpioid, !drug.isAntagonist else { return }
            let course = MedicationCourse(drug: drug, dose: drug.doses[0], order: newOrder())
            let morning = (lastDay + random.integer(in: 3...7)).at(minute: 8 * 60)
            adjust(course, .start, regimen: course.regimen, at: morning, decided: decided)
        }
    }

    /// A lower dose every week, then none.
    private mutating func taper(_ index: Int, decided: Instant) {
        var day = lastDay + 7
        var decided = decided
        while let dose = courses[index].dose(-1) {
            courses[index].dose = dose
            let taper = MedicationReasonCode(rawValue: "taper")
            let at = day.at(minute: 8 * 60)
            let regimen = courses[index].regimen
            adjust(
                courses[index],
                .decrease,
                regimen: regimen,
                because: taper,
                at: at,
                decided: decided
            )
            day = day + 7
            decided = decided.advanced(bySeconds: 60)
        }
        let at = day.at(minute: 8 * 60)
        adjust(courses[index], .stop, because: .courseCompleted, at: at, decided: decided)
    }

    mutating func newOrder() -> String {
        orders += 1
        return "SIM-O\(plan.number)-\(orders)"
    }
}
