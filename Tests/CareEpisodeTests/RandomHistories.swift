import CareEpisode
import TestSupport

/// Events at random, most of them about few times and targets, so that they get in each other's way.
struct RandomHistories {
    var generator: SeededRandom

    mutating func data(_ history: [HistoryEvent]) -> EventData {
        // Mostly an event that there is, sometimes one that there is not.
        let event =
            Int.random(in: 0..<8, using: &generator) == 0
            ? nil : history.randomElement(using: &generator)
        let target = event?.eventID.bits ?? 1_000_000
        switch Int.random(in: 0..<20, using: &generator) {
        case 0: return .admission(level())
        case 1: return .completion
        case 2: return .discharge
        case 3...6: return step()
        case 7: return .programChange
        case 8: return .stop
        case 9...11:
            // Seldom the admission, after which nothing more happens.
            if event?.type == .admitted, Int.random(in: 0..<8, using: &generator) > 0 {
                return .session
            }
            return .retraction(target)
        case 12...17: return .correction(target, replacement(event?.type), at: maybeHour())
        default: return .session
        }
    }

    mutating func hour() -> Int { .random(in: 0..<12, using: &generator) }

    private mutating func maybeHour() -> Int? { Bool.random(using: &generator) ? hour() : nil }

    private mutating func level() -> LevelOfCare {
        [.inpatient, .outpatient, .intensiveOutpatient].randomElement(using: &generator)!
    }

    private mutating func step() -> EventData {
        let from = level()
        let to = level()
        return from == to ? .programChange : .step(from, to)
    }

    /// Mostly of the target's type.
    private mutating func replacement(_ type: EventType?) -> EventData {
        if Int.random(in: 0..<5, using: &generator) == 0 { return step() }
        switch type {
        case .admitted: return .admission(level())
        case .completed: return .completion
        case .discharged: return .discharge
        case .steppedDown:
            return .step(.inpatient, [.residential, .outpatient].randomElement(using: &generator)!)
        case .steppedUp:
            return .step(.outpatient, [.residential, .inpatient].randomElement(using: &generator)!)
        case .medicationAdjusted: return .stop
        case .programChanged: return .programChange
        default: return .session
        }
    }

    /// An episode of events that were all accepted, some recorded long after they were known.
    mutating func episode(events: Int) -> EpisodeBuilder {
        var episode = EpisodeBuilder()
        for _ in 0..<events * 3 where episode.history.count < events {
            let first = episode.history.isEmpty
            let draft = episode.draft(hour(), first ? .admission(level()) : data(episode.history))
            guard episode.state.decide(draft).isEmpty else { continue }
            episode.record(
                draft,
                known: EpisodeBuilder.time(hour()),
                recorded: EpisodeBuilder.time(6 + episode.history.count / 2)
            )
        }
        return episode
    }
}

/// Effective history as `docs/read-models.md` says it, sentence by sentence, without a thought for speed.
struct NaiveHistory {
    struct Entry: Equatable {
        var eventID: EventID
        var type: EventType
        var time: Instant
        var position: Position
        var payload: [UInt8]
        var correctedBy: [EventID]
    }

    var entries: [Entry] = []

    init(
        _ events: [HistoryEvent],
        knownAt: Instant?,
        knownBy: KnowledgeClock,
        effectiveAt: Instant?
    ) throws {
        // The episode's events known at K;
        let known = events.filter { event in
            guard let knownAt else { return true }
            switch knownBy {
            case .source: return event.knownAt <= knownAt
            case .ledger: return event.recordedAt <= knownAt
            }
        }
        var retracted: Set<EventID> = []
        var corrections: [(EntryCorrected, HistoryEvent)] = []
        for event in known {
            switch try EventData.decode(event.type, schemaVersion: 1, payload: event.payload) {
            case .entryRetracted(let data): retracted.insert(data.targetEventID)
            case .entryCorrected(let data): corrections.append((data, event))
            default:
                entries.append(
                    Entry(
                        eventID: event.eventID,
                        type: event.type,
                        time: event.occurredAt,
                        position: event.position,
                        payload: event.payload,
                        correctedBy: []
                    )
                )
            }
        }
        // each entry_retracted removes its target;
        entries.removeAll { retracted.contains($0.eventID) }
        // each entry_corrected gives its target the replacement of the correction with the greatest
        // position, and the time last given by any correction.
        for index in entries.indices {
            let own = corrections.filter { $0.0.targetEventID == entries[index].eventID }
                .sorted { $0.1.position < $1.1.position }
            if let last = own.last {
                entries[index].payload = last.0.replacement.canonicalBytes
            }
            if let time = own.compactMap(\.0.replacementOccurredAt).last {
                entries[index].time = time
            }
            entries[index].correctedBy = own.map(\.1.eventID)
        }
        // Without a known, unretracted admission there is no effective history
        if !entries.contains(where: { $0.type == .admitted }) { entries = [] }
        // Effective at E: of the effective history only entries with time ≤ E take part.
        if let effectiveAt { entries.removeAll { $0.time > effectiveAt } }
        // Order: (time, position).
        entries.sort { $0.time == $1.time ? $0.position < $1.position : $0.time < $1.time }
    }
}
