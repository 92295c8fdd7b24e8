internal import CareEpisode

extension EpisodeWriter {
    /// Whether the client is on this medication in any form.
    func isOn(_ drug: Drug) -> Bool {
        courses.contains { $0.drug.ingredient == drug.ingredient }
    }

    /// Whether the client may be given it besides what there is.
    func mayBegin(_ drug: Drug) -> Bool {
        !isOn(drug)
            && !(drug.isReuptakeInhibitor && courses.contains { $0.drug.isReuptakeInhibitor })
    }

    /// A medication of a program; instead of one that must not be taken with what the client is on,
    /// acamprosate.
    ///
    /// Naltrexone blocks the opioid that buprenorphine is, and brings on withdrawal. Who is in the
    /// medication clinic besides gets neither from anybody else.
    mutating func chosenDrug(of program: Program) -> Drug {
        let drug = random.pick(weighted: Formulary.drugs(of: program))
        let mustNotBe =
            drug.isAntagonist && courses.contains { $0.drug.isOpioid }
            || drug.isOpioid && courses.contains { $0.drug.isAntagonist }
            || (drug.isAntagonist || drug.isOpioid) && plan.isInClinicBesides
        return mustNotBe ? Formulary.drug("acamprosate") : drug
    }

    /// A medication management visit, and what it changes; of who does not come, or while the program is
    /// closed, a call instead, in which everything stays as it is.
    mutating func visitPrescriber(on day: ClinicDay) {
        let program = plan.phase(on: day).program
        let start = day.at(minute: program.hours.visit)
        if program.isClosed(inWeekOf: day, seed: seed) {
            renew(at: start)
            return
        }
        let session = identifier(at: start)
        if let reason = misses(on: day) {
            miss(.medicationManagement, session, 20, reason, at: start)
            if !isFading(on: day), random.chance(perMille: 950) {
                renew(at: start.advanced(bySeconds: 3600))
            }
            return
        }
        lastAttended = max(lastAttended ?? start, start)
        let minutes = random.pick([15, 20, 20, 30])
        let over = start.advanced(bySeconds: Int64(minutes) * 60)
        record(
            .sessionAttended(
                SessionAttended(
                    sessionID: session,
                    kind: .medicationManagement,
                    minutes: minutes,
                    attendance: .full,
                    mode: random.chance(perMille: 350) ? .video : .inPerson,
                    place: program.place,
                    serviceCode: "99213",
                    facilitators: [clinician("P", role: .prescriber)],
                    countsTowardHours: false
                )
            ),
            at: start,
            knownAt: noted(after: over),
            by: .prescriber
        )
        let taken = courses.count
        for index in courses.indices.reversed() {
            if !reorder(index, at: over) { review(index, at: over) }
        }
        isFirstVisit = false
        // What was stopped a minute ago is not begun again.
        let mayStart = courses.count < 3 && courses.count >= taken
        if mayStart, random.chance(perMille: courses.isEmpty ? 800 : 120) {
            startMedication(at: over)
        }
        if random.chance(perMille: 70) { giveSingleDose(at: over) }
    }

    private mutating func renew(at decided: Instant) {
        for course in courses { adjust(course, .unchanged, at: decided) }
    }

    /// Puts what the client brought under an order of the clinic's own, in three of five cases at the
    /// first visit.
    private mutating func reorder(_ index: Int, at decided: Instant) -> Bool {
        guard isFirstVisit, courses[index].order == nil, random.chance(perMille: 600)
        else { return false }
        courses[index].order = newOrder()
        courses[index].isBrand = false
        adjust(courses[index], .start, regimen: courses[index].regimen, at: decided)
        return true
    }

    private mutating func startMedication(at decided: Instant) {
        let drug = chosenDrug(of: plan.phases[0].program)
        guard mayBegin(drug) else { return }
        let course = MedicationCourse(drug: drug, dose: drug.doses[0], order: newOrder())
        courses.append(course)
        // One start in five is for one of the next mornings, and known before it takes effect.
        let days = random.chance(perMille: 200) ? random.integer(in: 1...4) : 0
        // Nothing takes effect on the day of the end or after it, save what is planned for then.
        let effect = min(
            decided.advanced(bySeconds: Int64(days) * 86_400),
            lastDay.at(minute: 6 * 60)
        )
        var regimen = course.regimen
        if random.chance(perMille: 50) {
            switch random.integer(in: 0...2) {
            case 0: regimen.unit = nil
            case 1: regimen.route = nil
            default: (regimen.frequency, regimen.timesPerDay) = (nil, nil)
            }
        }
        adjust(course, .start, regimen: regimen, at: effect, decided: decided)
    }

    /// Something to calm down, once, under an order that ends with it.
    private mutating func giveSingleDose(at decided: Instant) {
        let calming = [Formulary.drug("hydroxyzine"), Formulary.drug("lorazepam")]
        guard let drug = calming.first(where: { !isOn($0) }) else { return }
        let course = MedicationCourse(drug: drug, dose: drug.doses[0], order: newOrder())
        var regimen = course.regimen
        regimen.frequency = random.pick(["once", "single dose", "x1"])
        regimen.timesPerDay = nil
        regimen.asNeeded = nil
        adjust(course, .start, regimen: regimen, at: decided)
    }

    /// What the prescriber does about one medication.
    private mutating func review(_ index: Int, at decided: Instant) {
        let course = courses[index]
        if course.isHeld {
            if random.chance(perMille: 650) {
                courses[index].isHeld = false
                adjust(courses[index], .resume, at: decided)
            } else {
                stop(index, because: .sideEffect, at: decided)
            }
            return
        }
        let isSplit = courses.count { $0.drug.generic == course.drug.generic } > 1
        switch random.integer(in: 0...99) {
        case 0..<18 where course.dose(1) != nil:
            let reason = random.pick([MedicationReasonCode?.some(.lackOfEffect), nil])
            titrate(index, by: 1, because: reason, isSplit: isSplit, at: decided)
        case 18..<23 where course.dose(-1) != nil:
            let reason = random.pick([MedicationReasonCode.sideEffect, .patientRequest])
            titrate(index, by: -1, because: reason, isSplit: isSplit, at: decided)
        case 23..<26:
            courses[index].isHeld = true
            let reason = random.pick([
                MedicationReasonCode.sideEffect, MedicationReasonCode(rawValue: "sddi"),
            ])
            adjust(course, .hold, because: reason, at: decided)
        case 26..<30:
            let reason = random.pick([
                MedicationReasonCode.courseCompleted, .patientRequest, .sideEffect,
            ])
            stop(index, because: reason, at: decided)
        case 30..<33 where !isSplit:
            switchMedication(index, at: decided)
        case 33..<39 where !isSplit && course.drug.frequencies.count > 1:
            let frequencies = course.drug.frequencies
            courses[index].frequency = frequencies[course.frequency == frequencies[0] ? 1 : 0]
            adjust(
                courses[index],
                .changeFrequency,
                regimen: courses[index].regimen,
                because: .sideEffect,
                at: decided
            )
        case 39..<47 where !isSplit && changeRoute(index, at: decided):
            break
        case 47..<75 where !isSplit && split(course, at: decided):
            break
        default:
            adjust(course, .unchanged, at: decided)
        }
    }

    /// Raises or lowers the dose, by more tablets or by tablets of another strength; those are ordered
    /// anew, or the note names them without an order.
    private mutating func titrate(
        _ index: Int,
        by step: Int,
        because reason: MedicationReasonCode?,
        isSplit: Bool,
        at decided: Instant
    ) {
        guard let dose = courses[index].dose(step) else { return }
        courses[index].dose = dose
        let strength = courses[index].drug.strength(for: dose)
        let units = dose / courses[index].strength
        let staysWithTablet = units == 0.5 || units == 1 || units == 2 || units == 3
        var isNamedByOrder = true
        if strength != courses[index].strength, !staysWithTablet || random.chance(perMille: 600) {
            courses[index].strength = strength
            if !isSplit {
                isNamedByOrder = random.chance(perMille: 600)
                if isNamedByOrder { courses[index].order = newOrder() }
            }
        }
        var named = courses[index].medication
        if !isNamedByOrder { named.orderID = nil }
        adjust(
            courses[index],
            step > 0 ? .increase : .decrease,
            named: named,
            regimen: courses[index].regimen,
            because: reason,
            at: decided
        )
    }

    /// Of those stops that can mean one course alone, a quarter name no more than what it is, a sixth no
    /// order.
    private mutating func stop(
        _ index: Int,
        because reason: MedicationReasonCode,
        at decided: Instant
    ) {
        let course = courses.remove(at: index)
        var named = course.medication
        if !isOn(course.drug) {
            switch random.integer(in: 0...11) {
            case 0...2: named = Medication(name: course.drug.generic)
            case 3...4: named.orderID = nil
            default: break
            }
        }
        adjust(course, .stop, named: named, because: reason, at: decided)
    }

    private mutating func switchMedication(_ index: Int, at decided: Instant) {
        let old = courses.remove(at: index)
        let drug = chosenDrug(of: plan.phases[0].program)
        guard drug.ingredient != old.drug.ingredient, mayBegin(drug) else {
            courses.insert(old, at: index)
            adjust(old, .unchanged, at: decided)
            return
        }
        let new = MedicationCourse(drug: drug, dose: drug.doses[0], order: newOrder())
        courses.insert(new, at: index)
        let reason = random.pick([MedicationReasonCode.lackOfEffect, .sideEffect])
        adjust(
            new,
            .switch,
            regimen: new.regimen,
            replaces: old.medication,
            because: reason,
            at: decided
        )
    }

    /// From tablets or film to a long-acting injection, under an order of its own.
    mutating func changeRoute(
        _ index: Int,
        at effect: Instant,
        decided: Instant? = nil
    ) -> Bool {
        let old = courses[index]
        let injections = Formulary.injections(insteadOf: old.drug)
        guard !injections.isEmpty else { return false }
        let injection = random.pick(injections)
        courses[index] = MedicationCourse(
            drug: injection,
            dose: injection.doses[0],
            order: newOrder()
        )
        adjust(
            courses[index],
            .changeRoute,
            regimen: courses[index].regimen,
            replaces: old.medication,
            because: .patientRequest,
            at: effect,
            decided: decided
        )
        return true
    }

    /// A second, smaller part of the day's dose in the morning, under an order of its own.
    private mutating func split(_ course: MedicationCourse, at decided: Instant) -> Bool {
        guard let morning = course.drug.split, course.order != nil,
            course.frequency == course.drug.frequencies[0]
        else { return false }
        var part = MedicationCourse(
            drug: course.drug,
            dose: course.drug.doses[0],
            order: newOrder()
        )
        part.frequency = morning
        courses.append(part)
        adjust(course, .unchanged, at: decided)
        adjust(part, .start, regimen: part.regimen, at: decided)
        return true
    }
}
