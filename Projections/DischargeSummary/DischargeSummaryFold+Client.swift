import CareEpisode

extension DischargeSummaryFold {
    func client() throws -> DischargeSummary.Client {
        let openers = try stayOpeners()
        let last = course.stays[course.stays.count - 1]
        let ending = course.ending
        return DischargeSummary.Client(
            clientID: atAdmission(course.admitted.clientID),
            program: element(last.program, [openers[firstOfLast(\.program)]]),
            track: element(last.track, [openers[firstOfLast(\.track)]]),
            admittedAt: atAdmission(course.admission.time),
            admissionDate: atAdmission(calendar.date(of: course.admission.time)),
            endedAt: atEnd(\.entry.time),
            endDate: atEnd { calendar.date(of: $0.entry.time) },
            lastContactAt: lastContact(),
            lengthOfStayDays: element(
                ending?.lengthOfStayDays,
                lastContact().eventIDs + [admissionID, openers[firstOfLast(\.levelOfCare)]]
                    + [endID].compactMap { $0 }
            ),
            levelsOfCare: element(course.stays, openers + [endID].compactMap { $0 })
        )
    }

    /// The first of the stays at the end that agree in one of their fields.
    private func firstOfLast<Field: Equatable>(
        _ field: KeyPath<EpisodeCensus.Stay, Field>
    ) -> Int {
        let stays = course.stays
        let last = stays[stays.count - 1][keyPath: field]
        return stays.lastIndex { $0[keyPath: field] != last }.map { $0 + 1 } ?? 0
    }

    /// What the end says, else the start of the last attended session, else the end.
    private func lastContact() -> Element<Instant> {
        let attended = course.sessions.sessions.last { $0.isAttended }
        guard let ending = course.ending else {
            return element(attended?.start, [attended?.entry.eventID].compactMap { $0 })
        }
        if ending.details.lastContactAt == nil, let attended {
            return element(ending.lastContactAt, [attended.entry.eventID])
        }
        return element(ending.lastContactAt, [ending.entry.eventID])
    }

    /// The events that opened the stays, one for each.
    private func stayOpeners() throws -> [EventID] {
        let stays = course.stays
        var openers = [admissionID]
        let afterAdmission = history.entries.drop { $0.eventID != admissionID }.dropFirst()
        for entry in afterAdmission where openers.count < stays.count {
            guard entry.type.kind == .transfer else { continue }
            let current = stays[openers.count - 1]
            let next: (level: LevelOfCare, program: String?, track: Track?)
            switch try entry.decode() {
            case .steppedDown(let step), .steppedUp(let step):
                next = (step.toLevel, step.program, step.track)
            case .programChanged(let changed):
                next = (current.levelOfCare, changed.program, changed.track)
            default: continue
            }
            if next.level != current.levelOfCare
                || next.program ?? current.program != current.program
                || next.track?.rawValue ?? current.track != current.track
            {
                openers.append(entry.eventID)
            }
        }
        precondition(openers.count == stays.count, "every stay has an event that opened it")
        return openers
    }
}
