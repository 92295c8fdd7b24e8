internal import CareEpisode

extension EpisodeWriter {
    /// Everything that happens from one day to another, the last one before the end's own hour.
    mutating func attend(from first: ClinicDay, through last: ClinicDay) {
        lastDay = last
        var day = first
        var nextVisit = seesPrescriber ? (first + random.integer(in: 0...3)).openOrNext : nil
        while day <= last {
            // Of a day that has not begun when the simulation ends, nothing is known.
            guard day.at(minute: 0) < cutoff else { return }
            beginPhase(on: day)
            if day.isOpen {
                attendProgram(on: day)
                if let visit = nextVisit, visit <= day, day < last {
                    visitPrescriber(on: day)
                    nextVisit =
                        (day + random.pick([7, 14, 14])).openOrPrevious
                }
            }
            day = day + 1
        }
    }

    /// Who takes anything does; of the others, two thirds, of adolescents half.
    private var seesPrescriber: Bool {
        mutating get {
            let program = plan.phases[0].program
            let isDrawn = random.chance(
                perMille: program.name == Program.adolescent.name ? 500 : 680
            )
            return isDrawn || program.block.isEmpty || !courses.isEmpty
        }
    }

    /// What is missed from the end to the day on which it becomes known that there will be no more.
    mutating func stayAway() {
        for days in 1..<max(1, plan.toldAfter) {
            let day = plan.end + days
            if day.isOpen, day.at(minute: 0) < cutoff { attendProgram(on: day) }
        }
    }

    /// The step or change with which a phase begins on this day, if one does.
    private mutating func beginPhase(on day: ClinicDay) {
        guard let index = plan.phases.firstIndex(where: { $0.first == day }), index > 0 else {
            return
        }
        let phase = plan.phases[index]
        let before = plan.phases[index - 1]
        let program = phase.program.name == before.program.name ? nil : phase.program
        let rationale = random.pick(phase.beginning.rationales)
        switch phase.beginning {
        case .admission:
            break
        case .programChange:
            // Such changes are agreed beforehand and hold from the day's first instant.
            record(
                .programChanged(
                    ProgramChanged(
                        rationale: rationale,
                        program: program?.name,
                        track: program?.track,
                        schedule: program?.schedule,
                        plannedHoursPerWeek: Double(phase.hoursPerWeek),
                        decidedBy: "SIM-TEAM"
                    )
                ),
                at: day.at(minute: 0),
                knownAt: after(day.at(minute: 450), seconds: random.integer(in: 0...3600)),
                by: .administrator
            )
        case .stepDown, .stepUp:
            let step = LevelStep(
                fromLevel: before.program.level,
                toLevel: phase.program.level,
                rationale: rationale,
                program: program?.name,
                track: program?.track,
                schedule: program?.schedule,
                plannedHoursPerWeek: Double(phase.hoursPerWeek),
                decidedBy: "SIM-TEAM"
            )
            let at = day.at(minute: 8 * 60 + random.integer(in: 0...29))
            let next = index + 1 < plan.phases.count ? plan.phases[index + 1].first : plan.end
            // Always before the next change or the end, which would otherwise not fit its past.
            let late = random.chance(perMillion: assumptions.late(60)) ? min(3, next - day - 1) : 0
            record(
                phase.beginning == .stepDown ? .steppedDown(step) : .steppedUp(step),
                at: at,
                knownAt: after(at, seconds: 86_400 * late + random.integer(in: 300...14_400)),
                by: .therapist
            )
        }
    }

    /// The block of the program, the weekly individual session and the family's.
    private mutating func attendProgram(on day: ClinicDay) {
        let phase = plan.phase(on: day)
        let isLastDay = day == lastDay
        guard !phase.program.block.isEmpty, !isLastDay || plan.ending == .completed else { return }
        if phase.weekdays.contains(day.weekday), day > plan.phases[0].first {
            attendBlock(of: phase, on: day)
        }
        if !isLastDay {
            let isClosed = phase.program.isClosed(inWeekOf: day, seed: seed)
            if day.weekday == phase.weekdays[plan.number % phase.daysPerWeek] {
                attendIndividual(on: day, in: phase, isClosed: isClosed)
            }
            if !isClosed, isFamilyDay(day, in: phase) { holdFamilySession(on: day, in: phase) }
        }
    }

    private mutating func attendBlock(of phase: EpisodePlan.Phase, on day: ClinicDay) {
        let reason = misses(on: day)
        for index in phase.program.block.indices {
            let session = GroupSession(
                seed: seed,
                program: phase.program,
                cohort: plan.cohort,
                day: day,
                part: index
            )
            if session.isCancelled {
                let isClosed = phase.program.isClosed(inWeekOf: day, seed: seed)
                let told = isClosed ? closure(of: day) : day.at(minute: 8 * 60)
                miss(session, .cancelledByProgram, knownAt: told)
            } else if let reason {
                if reason == .noShow, random.chance(perMillion: assumptions.retracted(40)) {
                    // Ticked on the list with the others, and found out later.
                    let mistake = record(
                        .sessionAttended(facts(of: session, in: phase)),
                        at: session.start,
                        knownAt: noted(after: session.start.advanced(bySeconds: 5400)),
                        by: .therapist
                    )
                    retract(mistake, because: "Was not there", by: .therapist)
                }
                miss(session, reason, knownAt: nil)
            } else {
                lastAttended = session.start
                record(facts(of: session, in: phase), from: session.start, by: .therapist)
            }
        }
    }

    private mutating func facts(
        of session: GroupSession,
        in phase: EpisodePlan.Phase
    ) -> SessionAttended {
        let attendance: Attendance = random.pick(weighted: [
            (.full, weight: 92), (.late, weight: 5), (.leftEarly, weight: 3),
        ])
        let lost = attendance == .full ? 0 : 5 * random.integer(in: 1...6)
        return SessionAttended(
            sessionID: session.id,
            kind: session.part.kind,
            minutes: session.minutes - lost,
            modality: session.part.modality,
            attendance: attendance,
            mode: session.mode,
            place: session.mode == .video ? "10" : phase.program.place,
            serviceCode: phase.program.serviceCode,
            groupSize: session.size,
            facilitators: [clinician("T", role: .therapist)],
            topic: session.topic
        )
    }

    /// Writes a session, now and then wrongly and then right.
    private mutating func record(
        _ facts: SessionAttended,
        from start: Instant,
        by role: AuthorRole
    ) {
        let known = noted(after: start.advanced(bySeconds: Int64(facts.minutes) * 60))
        let wrongMinutes = assumptions.corrected(11)
        let wrongDate = wrongMinutes + assumptions.corrected(7)
        let wrongClient = wrongDate + assumptions.retracted(5)
        switch random.integer(in: 0...999_999) {
        case ..<wrongMinutes:
            var wrong = facts
            wrong.minutes += random.pick([5, 30, 60, 100])
            let mistake = record(.sessionAttended(wrong), at: start, knownAt: known, by: role)
            correct(
                mistake,
                to: .sessionAttended(facts),
                because: "Minutes typed wrongly",
                by: role
            )
        case ..<wrongDate:
            let dayBefore = max(admittedAt, start.advanced(bySeconds: -86_400))
            let mistake = record(.sessionAttended(facts), at: dayBefore, knownAt: known, by: role)
            correct(
                mistake,
                to: .sessionAttended(facts),
                at: start,
                because: "Wrong date",
                by: role
            )
        case ..<wrongClient:
            // Entered twice: once for somebody else.
            var other = facts
            other.sessionID = identifier(at: start)
            other.kind = .individual
            other.groupSize = nil
            let mistake = record(.sessionAttended(other), at: start, knownAt: known, by: role)
            retract(mistake, because: "Entered for the wrong client", by: role)
            record(.sessionAttended(facts), at: start, knownAt: known, by: role)
        default:
            record(.sessionAttended(facts), at: start, knownAt: known, by: role)
        }
    }

    private mutating func miss(_ session: GroupSession, _ reason: MissedReason, knownAt: Instant?) {
        let kind = MissedSessionKind(rawValue: session.part.kind.rawValue) ?? .other
        let minutes = session.part.minutes
        miss(kind, session.id, minutes, reason, at: session.scheduled, knownAt: knownAt)
    }

    /// Writes what was missed, noted like everything else unless it is said when.
    mutating func miss(
        _ kind: MissedSessionKind,
        _ session: String,
        _ minutes: Int,
        _ reason: MissedReason,
        at start: Instant,
        knownAt: Instant? = nil
    ) {
        let missed = SessionMissed(
            kind: kind,
            reason: reason,
            sessionID: session,
            scheduledMinutes: minutes
        )
        let known = knownAt ?? noted(after: start)
        record(.sessionMissed(missed), at: start, knownAt: known, by: .administrator)
    }

    /// When it is told that the program is closed: on the Monday of that week.
    private func closure(of day: ClinicDay) -> Instant { day.monday.at(minute: 8 * 60) }

    private mutating func attendIndividual(
        on day: ClinicDay,
        in phase: EpisodePlan.Phase,
        isClosed: Bool
    ) {
        let start = day.at(minute: phase.program.hours.individual)
        let session = identifier(at: start)
        if isClosed {
            miss(
                .individual,
                session,
                50,
                .cancelledByProgram,
                at: start,
                knownAt: closure(of: day)
            )
            return
        }
        if let reason = misses(on: day) {
            miss(.individual, session, 50, reason, at: start)
            return
        }
        lastAttended = max(lastAttended ?? start, start)
        let isCaseManagement = random.chance(perMille: 120)
        let facts = SessionAttended(
            sessionID: session,
            kind: isCaseManagement ? .caseManagement : .individual,
            minutes: random.pick([40, 45, 50, 50, 55]),
            modality: isCaseManagement ? nil : random.pick([.cbt, .mi, .dbt]),
            attendance: .full,
            mode: random.chance(perMille: 200) ? .video : .inPerson,
            place: phase.program.place,
            serviceCode: isCaseManagement ? "T1016" : "90834",
            facilitators: [clinician("T", role: .therapist)]
        )
        record(facts, from: start, by: isCaseManagement ? .caseManager : .therapist)
    }

    /// Every second week, of adolescents every week, on a day without a block.
    private func isFamilyDay(_ day: ClinicDay, in phase: EpisodePlan.Phase) -> Bool {
        let isAdolescent = phase.program.name == Program.adolescent.name
        guard isAdolescent || plan.number % 3 == 0 else { return false }
        let free = (0..<5).first { !phase.weekdays.contains($0) } ?? 4
        guard day.weekday == free else { return false }
        return isAdolescent || (day - plan.phases[0].first) % 14 < 7
    }

    private mutating func holdFamilySession(on day: ClinicDay, in phase: EpisodePlan.Phase) {
        let start = day.at(minute: phase.program.hours.family)
        let session = identifier(at: start)
        if let reason = misses(on: day) {
            miss(.family, session, 60, reason, at: start)
            return
        }
        let isAdolescent = phase.program.name == Program.adolescent.name
        let relation: FamilyRelation =
            isAdolescent
            ? .parent
            : random.pick([.spouse, .partner, .partner, .parent, .sibling, .child, .otherSupport])
        var participants = [FamilyParticipant(relation: relation, mode: .inPerson)]
        if isAdolescent, random.chance(perMille: 350) {
            participants.append(FamilyParticipant(relation: .parent, mode: .video))
        }
        let isThere = random.chance(perMille: 850)
        if isThere { lastAttended = max(lastAttended ?? start, start) }
        let minutes = random.pick([45, 50, 60, 60])
        record(
            .familySessionHeld(
                FamilySessionHeld(
                    sessionID: session,
                    minutes: minutes,
                    participants: participants,
                    clientPresent: isThere,
                    focus: random.pick([
                        .psychoeducation, .communication, .communication, .safetyPlan,
                        .relapsePrevention,
                    ]),
                    mode: .inPerson,
                    place: phase.program.place,
                    serviceCode: isThere ? "90847" : "90846",
                    facilitators: [clinician("T", role: .therapist)]
                )
            ),
            at: start,
            knownAt: noted(after: start.advanced(bySeconds: Int64(minutes) * 60)),
            by: .therapist
        )
    }

    /// Why the client misses this day, if so: rarely, save in the last days of who drops out.
    mutating func misses(on day: ClinicDay) -> MissedReason? {
        if plan.toldAfter > 0, day > plan.end { return .noShow }
        let isFading = isFading(on: day)
        guard random.chance(perMille: isFading ? 900 : plan.missing) else { return nil }
        return isFading
            ? random.pick(weighted: [(.noShow, weight: 85), (.cancelledByClient, weight: 15)])
            : random.pick(weighted: [
                (.noShow, weight: 45), (.cancelledByClient, weight: 35), (.excused, weight: 20),
            ])
    }

    /// Whether the client is about to drop out.
    func isFading(on day: ClinicDay) -> Bool {
        day > plan.end + -plan.fading && day <= plan.end
    }

    /// One of the few clinicians of the client's group; T is a therapist, P a prescriber.
    func clinician(_ kind: Character, role: AuthorRole) -> Facilitator {
        Facilitator(
            id: clinicianID(kind),
            role: role.rawValue,
            credential: kind == "P" ? "MD" : "LCSW"
        )
    }

    /// The identifier of the client's therapist (T) or prescriber (P).
    func clinicianID(_ kind: Character) -> String {
        "SIM-\(kind)\(plan.phases[0].program.number)\(plan.cohort)"
    }
}

extension EpisodePlan.Beginning {
    /// Why a team decides so.
    var rationales: [String] {
        switch self {
        case .admission: []
        case .stepDown:
            [
                "Goals of this level met; stable for two weeks",
                "Symptoms and cravings lower; back at work part-time",
                "Crisis has passed; safety plan in use",
            ]
        case .stepUp:
            [
                "Rising suicidal ideation without plan; daily structure needed",
                "Lapse with daily use; more support needed",
            ]
        case .programChange:
            ["Fits the hours of the new job", "Fewer days as agreed in the treatment plan"]
        }
    }
}
