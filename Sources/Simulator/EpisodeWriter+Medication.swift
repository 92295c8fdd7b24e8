internal import CareEpisode

/// A medication that the client is on.
struct MedicationCourse {
    var drug: Drug
    /// The index of the dose.
    var dose: Int
    /// The order it was prescribed with, nil for what the client brought.
    var order: String?
    var isAtOtherFrequency = false
    var isHeld = false

    var medication: Medication { drug.medication(order: order) }
    var regimen: Regimen { drug.regimen(dose: dose, isAtOtherFrequency: isAtOtherFrequency) }
}

extension EpisodeWriter {
    /// Whether the client is on this medication, also as an injection.
    func isOn(_ drug: Drug) -> Bool {
        let codes = [drug.rxcui, Formulary.injection(insteadOf: drug)?.rxcui]
        return courses.contains { codes.contains($0.drug.rxcui) }
    }

    /// A medication of a program; instead of one that must not be taken with what the client is on,
    /// acamprosate.
    ///
    /// Naltrexone blocks the opioid that buprenorphine is, and brings on withdrawal.
    mutating func chosenDrug(of program: Program) -> Drug {
        let drug = random.pick(weighted: Formulary.drugs(of: program))
        let mustNotMeet: Drug? =
            switch drug.rxcui {
            case Formulary.naltrexone.rxcui: Formulary.buprenorphine
            case Formulary.buprenorphine.rxcui: Formulary.naltrexone
            default: nil
            }
        guard let mustNotMeet, isOn(mustNotMeet) else { return drug }
        return Formulary.acamprosate
    }

    /// A medication management visit, and what it changes.
    mutating func visitPrescriber(at start: Instant, on day: ClinicDay) {
        let session = identifier(at: start)
        if let reason = misses(on: day) {
            record(
                .sessionMissed(
                    SessionMissed(
                        kind: .medicationManagement,
                        reason: reason,
                        sessionID: session,
                        scheduledMinutes: 20
                    )
                ),
                at: start,
                knownAt: noted(after: start),
                by: .administrator
            )
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
                    place: plan.phase(on: day).program.place,
                    serviceCode: "99213",
                    facilitators: [clinician("P", role: .prescriber)],
                    countsTowardHours: false
                )
            ),
            at: start,
            knownAt: noted(after: over),
            by: .prescriber
        )

        for index in courses.indices.reversed() { review(index, at: over) }
        let few = courses.count < 3
        if few, random.chance(perMille: courses.isEmpty ? 800 : 180) { startMedication(at: over) }
    }

    private mutating func startMedication(at decided: Instant) {
        let drug = chosenDrug(of: plan.phases[0].program)
        guard !isOn(drug) else { return }
        let course = MedicationCourse(drug: drug, dose: 0, order: newOrder())
        courses.append(course)
        // One start in five is for one of the next mornings, and known before it takes effect.
        let days = random.chance(perMille: 200) ? random.integer(in: 1...4) : 0
        // Nothing takes effect on the day of the end or after it.
        let effect = min(
            decided.advanced(bySeconds: Int64(days) * 86_400),
            lastDay.at(minute: 6 * 60)
        )
        adjust(
            course,
            .start,
            regimen: true,
            because: nil,
            at: effect,
            knownAt: after(decided, seconds: random.integer(in: 30...900))
        )
    }

    /// What the prescriber does about one medication.
    private mutating func review(_ index: Int, at decided: Instant) {
        let known = after(decided, seconds: random.integer(in: 30...1800))
        var course = courses[index]
        if course.isHeld {
            if random.chance(perMille: 650) {
                course.isHeld = false
                courses[index] = course
                adjust(course, .resume, regimen: false, because: nil, at: decided, knownAt: known)
            } else {
                courses.remove(at: index)
                adjust(
                    course,
                    .stop,
                    regimen: false,
                    because: .sideEffect,
                    at: decided,
                    knownAt: known
                )
            }
            return
        }
        switch random.integer(in: 0...99) {
        case 0..<30 where course.dose + 1 < course.drug.doses.count:
            course.dose += 1
            courses[index] = course
            let reason = random.pick([MedicationReasonCode?.some(.lackOfEffect), nil])
            adjust(course, .increase, regimen: true, because: reason, at: decided, knownAt: known)
        case 30..<37 where course.dose > 0:
            course.dose -= 1
            courses[index] = course
            let reason = random.pick([MedicationReasonCode.sideEffect, .patientRequest])
            adjust(course, .decrease, regimen: true, because: reason, at: decided, knownAt: known)
        case 37..<42:
            course.isHeld = true
            courses[index] = course
            let reason = random.pick([
                MedicationReasonCode.sideEffect, MedicationReasonCode(rawValue: "sddi"),
            ])
            adjust(course, .hold, regimen: false, because: reason, at: decided, knownAt: known)
        case 42..<47:
            courses.remove(at: index)
            let reason = random.pick([
                MedicationReasonCode.courseCompleted, .patientRequest, .sideEffect,
            ])
            adjust(course, .stop, regimen: false, because: reason, at: decided, knownAt: known)
        case 47..<52:
            switchMedication(index, at: decided, knownAt: known)
        case 52..<57 where course.drug.otherFrequency != nil:
            course.isAtOtherFrequency.toggle()
            courses[index] = course
            adjust(
                course,
                .changeFrequency,
                regimen: true,
                because: .sideEffect,
                at: decided,
                knownAt: known
            )
        case 57..<62 where Formulary.injection(insteadOf: course.drug) != nil:
            changeRoute(index, at: decided, knownAt: known)
        case 52..<80:
            adjust(course, .unchanged, regimen: false, because: nil, at: decided, knownAt: known)
        default:
            break
        }
    }

    private mutating func switchMedication(
        _ index: Int,
        at decided: Instant,
        knownAt: Instant
    ) {
        let drug = chosenDrug(of: plan.phases[0].program)
        guard !isOn(drug) else { return }
        let old = courses[index]
        courses[index] = MedicationCourse(drug: drug, dose: 0, order: newOrder())
        let reason = random.pick([MedicationReasonCode.lackOfEffect, .sideEffect])
        adjust(
            courses[index],
            .switch,
            regimen: true,
            replaces: old.medication,
            because: reason,
            at: decided,
            knownAt: knownAt
        )
    }

    /// From tablets or film to the long-acting injection, under an order of its own.
    private mutating func changeRoute(_ index: Int, at decided: Instant, knownAt: Instant) {
        let old = courses[index]
        guard let injection = Formulary.injection(insteadOf: old.drug) else { return }
        courses[index] = MedicationCourse(drug: injection, dose: 0, order: newOrder())
        adjust(
            courses[index],
            .changeRoute,
            regimen: true,
            replaces: old.medication,
            because: .patientRequest,
            at: decided,
            knownAt: knownAt
        )
    }

    /// Writes one change, now and then with a dose that is corrected later.
    private mutating func adjust(
        _ course: MedicationCourse,
        _ change: MedicationChange,
        regimen isGiven: Bool,
        replaces: Medication? = nil,
        because code: MedicationReasonCode?,
        at effect: Instant,
        knownAt: Instant
    ) {
        let facts = MedicationAdjusted(
            medication: course.medication,
            change: change,
            prescriber: clinicianID("P"),
            regimen: isGiven ? course.regimen : nil,
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
        let hasNewDose = isGiven && change != .changeFrequency && change != .changeRoute
        guard hasNewDose, random.chance(perMillion: assumptions.corrected(12)) else {
            record(.medicationAdjusted(facts), at: effect, knownAt: knownAt, by: .prescriber)
            return
        }
        var wrong = facts
        wrong.regimen?.dose = (course.regimen.dose ?? 1) * 10
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

    private mutating func newOrder() -> String {
        orders += 1
        return "SIM-O\(plan.number)-\(orders)"
    }
}
