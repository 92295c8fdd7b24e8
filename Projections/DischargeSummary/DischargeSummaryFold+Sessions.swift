import CareEpisode

extension DischargeSummaryFold {
    func courseOfCare() throws -> DischargeSummary.CourseOfCare {
        var count = SessionCount()
        for session in course.sessions.sessions { try count.add(session) }
        for session in course.sessions.missedAfterEnd { count.addAfterEnd(session) }
        return DischargeSummary.CourseOfCare(
            attended: element(count.attended.count, count.attended),
            byKind: element(count.kinds.mapValues(\.count), count.attended),
            byModality: element(
                count.modalities.mapValues(\.count),
                count.modalities.values.joined()
            ),
            // By ISO weeks whatever the ledger's settings say: rows hold none of these.
            hours: element(course.sessions.hours, count.counting),
            weeks: weeks(),
            attendanceRate: element(count.rate, count.attended + count.expected),
            missed: element(
                count.missed.mapValues(\.count),
                count.missed.values.joined()
            ),
            missedAfterEnd: element(
                count.missedAfterEnd.mapValues(\.count),
                count.missedAfterEnd.values.joined()
            ),
            familySessions: element(count.family, count.familySessions)
        )
    }

    /// The length of stay in weeks, rounded up; so far, both dates count.
    private func weeks() -> Element<Int> {
        if let ending = course.ending {
            return element((ending.lengthOfStayDays + 6) / 7, client().lengthOfStayDays.eventIDs)
        }
        let days =
            calendar.date(of: max(openUntil, course.admission.time))
            - calendar.date(of: course.admission.time) + 1
        return element((days + 6) / 7, [admissionID])
    }
}

/// Sessions counted, with the events that each number comes from.
private struct SessionCount {
    var attended: [EventID] = []
    var kinds: [String: [EventID]] = [:]
    var modalities: [String: [EventID]] = [:]
    var counting: [EventID] = []
    var missed: [String: [EventID]] = [:]
    var missedAfterEnd: [String: [EventID]] = [:]
    /// Those missed for any other reason than that the program cancelled.
    var expected: [EventID] = []
    var family = DischargeSummary.FamilySessions(held: 0, withClient: 0, participants: [:])
    var familySessions: [EventID] = []

    var rate: Double? {
        let all = attended.count + expected.count
        return all == 0 ? nil : Double(attended.count) / Double(all)
    }

    mutating func add(_ session: SessionTally.Session) throws {
        let event = session.entry.eventID
        if session.counts { counting.append(event) }
        if session.isAttended { attended.append(event) }
        switch try session.entry.decode() {
        case .sessionAttended(let data):
            kinds[data.kind.rawValue, default: []].append(event)
            if let modality = data.modality {
                modalities[modality.rawValue, default: []].append(event)
            }
        case .familySessionHeld(let data):
            if session.isAttended {
                kinds[MissedSessionKind.family.rawValue, default: []].append(event)
            }
            add(data, event)
        case .sessionMissed(let data):
            missed[data.reason.rawValue, default: []].append(event)
            if data.reason != .cancelledByProgram { expected.append(event) }
        case .admitted, .steppedDown, .steppedUp, .programChanged, .completed, .discharged,
            .medicationAdjusted, .entryCorrected, .entryRetracted:
            break
        }
    }

    mutating func addAfterEnd(_ session: SessionTally.Session) {
        guard case .missed(let reason) = session.recorded.outcome else { return }
        missedAfterEnd[reason.rawValue, default: []].append(session.entry.eventID)
        if reason != .cancelledByProgram { expected.append(session.entry.eventID) }
    }

    private mutating func add(_ data: FamilySessionHeld, _ event: EventID) {
        family.held += 1
        if data.clientPresent { family.withClient += 1 }
        for participant in data.participants {
            family.participants[participant.relation.rawValue, default: 0] += 1
        }
        familySessions.append(event)
    }
}
