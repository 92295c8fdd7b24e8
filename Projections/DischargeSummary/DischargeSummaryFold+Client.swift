import CareEpisode

extension DischargeSummaryFold {
    func client() -> DischargeSummary.Client {
        let openers = course.stays.map(\.openedBy)
        let last = course.stays[course.stays.count - 1]
        let ending = course.ending
        return DischargeSummary.Client(
            clientID: atAdmission(course.admitted.clientID),
            program: element(last.program, [openers[firstOfLast(\.program)]]),
            track: element(last.track, [last.trackNamedBy]),
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
            levelsOfCare: element(course.stays.map(\.row), openers + [endID].compactMap { $0 })
        )
    }

    /// The first of the stays at the end that agree in one of their fields.
    private func firstOfLast<Field: Equatable>(
        _ field: KeyPath<EpisodeCensus.Stay, Field>
    ) -> Int {
        let stays = course.stays
        let last = stays[stays.count - 1].row[keyPath: field]
        return stays.lastIndex { $0.row[keyPath: field] != last }.map { $0 + 1 } ?? 0
    }

    /// What the end says of it, else the start of the last attended session, else the end.
    private func lastContact() -> Element<Instant> {
        if let ending = course.ending {
            return element(ending.lastContactAt, [ending.lastContactBy])
        }
        let attended = course.sessions.lastAttended
        return element(attended?.start, [attended?.entry.eventID].compactMap { $0 })
    }
}
