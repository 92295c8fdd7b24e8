internal import CareEpisode

extension EpisodeWriter {
    /// The admission, in one case of seventy with the wrong program at first, and the intake.
    mutating func admit() {
        let first = plan.phases[0]
        let admission = admission(to: first.program)
        // An admission is in the books the same day, or it could not be told from no admission.
        let known = min(
            after(admittedAt, seconds: random.integer(in: 300...7200)),
            Instant(microseconds: cutoff.microseconds - 1)
        )
        let wrongProgram =
            !plan.isMistake && random.chance(perMillion: assumptions.corrected(14))
            ? Program.counterpart(of: first.program) : nil
        var entered = admission
        if let wrongProgram { entered.program = wrongProgram.name }
        let entry = record(
            .admitted(entered),
            at: admittedAt,
            knownAt: known,
            by: plan.isMistake ? .administrator : .socialWorker
        )
        earliestKnowledge = after(entry.knownAt, seconds: 60)
        if plan.isMistake {
            return retract(entry, because: "Opened for the wrong client", by: .administrator)
        }
        if wrongProgram != nil {
            correct(
                entry,
                to: .admitted(admission),
                because: "Wrong program chosen",
                by: .administrator
            )
        }
        intake()
    }

    private mutating func admission(to program: Program) -> Admitted {
        let first = plan.phases[0]
        let source = random.pick(weighted: EpisodeWriter.referralSources)
        let home = homeMedications(of: program)
        let authorized = random.chance(perMille: 700)
        let payer = Payer(
            class: random.pick(weighted: payers(program)),
            authorizationNumber: authorized ? "SIM-A\(plan.number)" : nil,
            authorizedUnits: authorized ? 6 * first.daysPerWeek : nil,
            unit: authorized ? .day : nil,
            authorizedFromDate: authorized ? first.first.date : nil,
            authorizedToDate: authorized ? (first.first + 42).date : nil
        )
        return Admitted(
            clientID: plan.clientID,
            program: program.name,
            levelOfCare: program.level,
            track: program.track,
            schedule: program.schedule,
            plannedHoursPerWeek: program.block.isEmpty ? nil : Double(first.hoursPerWeek),
            plannedDaysPerWeek: program.block.isEmpty ? nil : first.daysPerWeek,
            plannedEndDate: (first.first + assumptions.stretched(42)).date,
            referralSource: source,
            priorLevelOfCare: random.pick(weighted: [
                (LevelOfCare?.none, weight: 55), (.inpatient, weight: 14),
                (.residential, weight: 11),
                (.partialHospitalization, weight: 8), (.outpatient, weight: 12),
            ]),
            reason:
                "Simulated episode; not a real person. \(random.pick(reasons(program, source)))",
            diagnoses: diagnoses(program),
            payer: payer,
            medications: home.isEmpty ? nil : home,
            allergies: random.pick(weighted: [
                ([String]?.none, weight: 10), ([], weight: 70), (["penicillin"], weight: 12),
                (["sulfonamides"], weight: 5), (["hydroxyzine"], weight: 2),
                (["lamotrigine"], weight: 1),
            ]),
            timeZone: "America/New_York"
        )
    }

    /// What the client arrives on, nearly half of it called by its brand, a little with nothing known of
    /// how it is taken.
    private mutating func homeMedications(of program: Program) -> [ArrivalMedication] {
        let count = random.chance(perMille: 550) ? random.integer(in: 1...2) : 0
        var home: [ArrivalMedication] = []
        for _ in 0..<count {
            let drug = chosenDrug(of: program)
            guard mayBegin(drug) else { continue }
            var course = MedicationCourse(
                drug: drug,
                dose: drug.doses[random.integer(in: 0...min(1, drug.doses.count - 1))],
                order: nil
            )
            course.isBrand = random.chance(perMille: 450)
            courses.append(course)
            home.append(
                ArrivalMedication(
                    medication: course.medication,
                    regimen: random.chance(perMille: 60) ? nil : course.regimen
                )
            )
        }
        return home
    }

    /// The assessment right after the admission.
    private mutating func intake() {
        let start = admittedAt.advanced(bySeconds: 600)
        let minutes = random.pick([60, 75, 90])
        lastAttended = start
        record(
            .sessionAttended(
                SessionAttended(
                    sessionID: identifier(at: start),
                    kind: .assessment,
                    minutes: minutes,
                    attendance: .full,
                    mode: .inPerson,
                    place: plan.phases[0].program.place,
                    serviceCode: "90791",
                    facilitators: [clinician("T", role: .therapist)],
                    topic: "Intake",
                    countsTowardHours: false
                )
            ),
            at: start,
            knownAt: noted(after: start.advanced(bySeconds: Int64(minutes) * 60)),
            by: .therapist
        )
    }

    private func payers(_ program: Program) -> [(PayerClass, weight: Int)] {
        program.name == Program.adolescent.name
            ? [(.medicaid, 45), (.commercial, 50), (.selfPay, 5)]
            : [
                (.medicaid, 42), (.commercial, 36), (.medicare, 9), (.otherGovernment, 5),
                (.selfPay, 6), (.noCharge, 2),
            ]
    }

    /// Who referred people to substance use treatment of all kinds in the United States in 2019
    /// (TEDS-D 2019, PSOURCE 1 to 7; 1,602,026 discharges, besides 120,477 of unknown source).
    ///
    /// There is no such table of intensive outpatient treatment alone, nor of mental health, so that
    /// every program is given this one.
    static let referralSources: [(ReferralSource, weight: Int)] = [
        (.individual, 733_096), (.sudProvider, 148_839), (.healthProvider, 125_477),
        (.school, 6969), (.employer, 6448), (.community, 174_069), (.court, 407_128),
    ]

    private func reasons(_ program: Program, _ source: ReferralSource) -> [String] {
        guard source != .court else {
            return ["Ordered after an arrest", "A condition of probation", "Agreed with the court"]
        }
        return switch program.name {
        case Program.adolescent.name:
            ["School refusal with low mood", "Self-harm without intent", "Anxiety and avoidance"]
        case Program.adultEvening.name:
            [
                "Relapse after months of abstinence", "Cravings after detoxification",
                "Loss of control",
            ]
        case Program.dualDiagnosis.name:
            ["Depression and daily drinking", "Panic and opioid use", "Mood swings and cannabis"]
        default:
            ["Depression after discharge from hospital", "Panic attacks", "Grief", "Burnout"]
        }
    }

    private mutating func diagnoses(_ program: Program) -> [Diagnosis] {
        let mood = [
            ("F33.1", "Major depressive disorder, recurrent, moderate"),
            ("F41.1", "Generalized anxiety disorder"), ("F43.10", "Post-traumatic stress disorder"),
            ("F31.81", "Bipolar II disorder"), ("F32.1", "Major depressive disorder, moderate"),
        ]
        let use = [
            ("F10.20", "Alcohol dependence"), ("F11.20", "Opioid dependence"),
            ("F12.20", "Cannabis dependence"), ("F14.20", "Cocaine dependence"),
            ("F15.20", "Other stimulant dependence"),
        ]
        let principal = random.pick(program.track == .mentalHealth ? mood : use)
        var found = [
            Diagnosis(
                system: .icd10CM,
                code: principal.0,
                description: principal.1,
                role: .principal
            )
        ]
        if program.track == .coOccurring || random.chance(perMille: 250) {
            let other = random.pick(program.track == .mentalHealth ? use : mood)
            found.append(
                Diagnosis(
                    system: .icd10CM,
                    code: other.0,
                    description: other.1,
                    role: .secondary
                )
            )
        }
        return found
    }
}
