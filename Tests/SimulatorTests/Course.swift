import CareEpisode

/// What became of an episode, after corrections and retractions.
struct Course {
    let client: String
    let admittedAt: Instant
    let endedAt: Instant?
    let teds: Int?

    init?(_ lines: [SimulatedLines.Line]) {
        var retracted: Set<EventID> = []
        for line in lines {
            if case .entryRetracted(let it) = line.draft.data {
                retracted.insert(it.targetEventID)
            }
        }
        let valid = lines.map(\.draft).filter { !retracted.contains($0.eventID) }
        guard let first = valid.first, case .admitted(let admission) = first.data else {
            return nil
        }
        client = admission.clientID
        admittedAt = first.occurredAt
        let end = valid.first { $0.type.isEnd }
        endedAt = end?.occurredAt
        switch end?.data {
        case .completed: teds = 1
        case .discharged(let discharged): teds = discharged.reason.teds
        default: teds = nil
        }
    }

    var days: Int? {
        endedAt.map { Int(($0.microseconds - admittedAt.microseconds) / 86_400_000_000) }
    }
}

extension SimulatedLines {
    /// What became of each episode, without those that were opened by mistake.
    var courses: [Course] { byEpisode.values.compactMap { Course($0) } }
}
