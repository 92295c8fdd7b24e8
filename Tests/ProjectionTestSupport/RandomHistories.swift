public import CareEpisode
import TestSupport

/// An event on its way into a ledger.
public struct RandomEvent: Sendable {
    public var episodeID: EpisodeID
    public var draft: EventDraft

    public init(episodeID: EpisodeID, draft: EventDraft) {
        self.episodeID = episodeID
        self.draft = draft
    }
}

/// Random episodes: everything an append accepts, as awkward as that allows.
///
/// Late entries, corrections of content and of time, retractions of anything, entries of one
/// instant, at local midnight and a microsecond beside it, sessions recorded twice, knowledge from
/// before the event to months after it. What is offered is judged by `EpisodeState`, as an append
/// does it, and offered in an order in which an append accepts it.
public struct RandomHistories {
    public static let programs = ["iop-day", "iop-evening", "php"]

    var generator: SeededRandom
    private let calendar: LocalCalendar
    private let firstDate: CalendarDate
    private let days: Int
    private let hasMedications: Bool
    private var episodes: [Episode] = []

    private struct Episode {
        let id: EpisodeID
        let number: Int
        let firstDate: CalendarDate
        let length: Int
        var state = EpisodeState()
        var drafts: [EventDraft] = []
    }

    /// - Parameters:
    ///   - calendar: whose midnights are used.
    ///   - firstDate: no episode begins before it, save by a correction.
    ///   - days: within how many days the episodes begin.
    ///   - medications: whether a third of the entries are changes of medications of every kind,
    ///     and clients arrive on some.
    public init(
        seed: UInt64,
        calendar: LocalCalendar,
        firstDate: CalendarDate = CalendarDate(dayNumber: 19_768),
        days: Int = 60,
        medications: Bool = false
    ) {
        generator = SeededRandom(seed: seed)
        self.calendar = calendar
        self.firstDate = firstDate
        self.days = days
        hasMedications = medications
    }

    /// More events, of new episodes and of those of earlier calls.
    public mutating func events(_ count: Int, episodes limit: Int) -> [RandomEvent] {
        var events: [RandomEvent] = []
        while events.count < count {
            if episodes.count < limit,
                episodes.isEmpty || generator.happens(Double(limit) / Double(count))
            {
                begin()
            }
            let index = Int.random(in: episodes.indices, using: &generator)
            var episode = episodes[index]
            if let draft = offer(&episode) {
                events.append(RandomEvent(episodeID: episode.id, draft: draft))
                episodes[index] = episode
            }
        }
        return events
    }

    private mutating func begin() {
        episodes.append(
            Episode(
                id: .random(using: &generator),
                number: episodes.count,
                firstDate: firstDate.adding(days: Int.random(in: 0..<days, using: &generator)),
                length: generator.pick([0, 1, 3, 14, 40])
            )
        )
    }

    private mutating func offer(_ episode: inout Episode) -> EventDraft? {
        let occurredAt = instant(episode)
        for data in offers(episode, at: occurredAt) {
            let draft = EventDraft(
                eventID: .random(using: &generator),
                occurredAt: occurredAt,
                author: Author(id: "random", role: .other),
                sourceRecordedAt: generator.happens(0.2) ? nil : knowledge(of: occurredAt),
                data: data
            )
            guard episode.state.decide(draft).isEmpty else { continue }
            episode.state.apply(draft)
            episode.drafts.append(draft)
            return draft
        }
        return nil
    }

    private mutating func knowledge(of occurredAt: Instant) -> Instant {
        let minute: Int64 = 60
        return occurredAt.advanced(
            bySeconds: generator.pick([
                -minute, 0, 5 * minute, 26 * 60 * minute,
                Int64.random(in: 0..<120 * 24 * 60, using: &generator) * minute,
            ])
        )
    }

    /// A moment near the episode: often one that was used before, or a midnight.
    private mutating func instant(_ episode: Episode) -> Instant {
        if !episode.drafts.isEmpty, generator.happens(0.2) {
            return generator.pick(episode.drafts).occurredAt
        }
        let days = Int.random(in: 0...episode.length, using: &generator)
        let start = calendar.startOfDay(episode.firstDate.adding(days: days))
        if generator.happens(0.25) {
            return Instant(microseconds: start.microseconds + generator.pick([0, 0, -1, 1]))
        }
        return start.advanced(bySeconds: Int64.random(in: 0..<96, using: &generator) * 900)
    }

    /// What is tried, in this order, until an append would accept it.
    private mutating func offers(_ episode: Episode, at time: Instant) -> [EventData] {
        guard !episode.drafts.isEmpty else { return [.admitted(admission(episode))] }
        if hasMedications, generator.happens(0.35) { return [medicationChange()] }
        switch Int.random(in: 0..<36, using: &generator) {
        case 0..<9: return [session(episode)]
        case 9..<12: return [family()]
        case 12..<14: return [missed()]
        case 14: return [medication()]
        case 15..<20: return steps(.steppedDown)
        case 20..<23: return steps(.steppedUp)
        case 23..<26: return [programChange()]
        case 26: return [.completed(end(episode, time))]
        case 27: return [discharge(episode, time)]
        case 28..<33: return [correction(episode)].compactMap { $0 }
        default: return [retraction(episode)].compactMap { $0 }
        }
    }

    private mutating func admission(_ episode: Episode) -> Admitted {
        var admitted = Admitted(
            clientID: "C-\(episode.number / 2)",
            program: generator.pick(Self.programs),
            levelOfCare: generator.pick(LevelOfCare.allCases),
            track: generator.happens(0.5) ? .coOccurring : nil
        )
        if hasMedications { admitted.medications = arrivals() }
        return admitted
    }

    private mutating func steps(_ type: EventType) -> [EventData] {
        let program = generator.happens(0.3) ? generator.pick(Self.programs) : nil
        let track = generator.happens(0.2) ? Track.substanceUse : nil
        return LevelOfCare.allCases.compactMap { from in
            let reachable = LevelOfCare.allCases.filter {
                type == .steppedDown ? $0 < from : $0 > from
            }
            guard !reachable.isEmpty else { return nil }
            let step = LevelStep(
                fromLevel: from,
                toLevel: generator.pick(reachable),
                rationale: "as agreed",
                program: program,
                track: track
            )
            return type == .steppedDown ? .steppedDown(step) : .steppedUp(step)
        }
    }

    private mutating func programChange() -> EventData {
        .programChanged(
            ProgramChanged(
                rationale: "as agreed",
                program: generator.happens(0.5) ? generator.pick(Self.programs) : nil,
                track: generator.happens(0.3) ? .mentalHealth : nil,
                schedule: .evening
            )
        )
    }

    private mutating func session(_ episode: Episode) -> EventData {
        .sessionAttended(
            SessionAttended(
                sessionID: "s-\(Int.random(in: 0..<8, using: &generator))",
                kind: .group,
                minutes: generator.pick([1, 45, 60, 180, 720]),
                countsTowardHours: generator.pick([nil, nil, nil, true, false])
            )
        )
    }

    private mutating func family() -> EventData {
        .familySessionHeld(
            FamilySessionHeld(
                sessionID: "s-\(Int.random(in: 0..<8, using: &generator))",
                minutes: 60,
                participants: [FamilyParticipant(relation: .parent)],
                clientPresent: generator.happens(0.6),
                countsTowardHours: generator.pick([nil, nil, true, false])
            )
        )
    }

    private mutating func missed() -> EventData {
        .sessionMissed(
            SessionMissed(
                kind: .group,
                reason: .noShow,
                sessionID: generator.happens(0.7)
                    ? "s-\(Int.random(in: 0..<8, using: &generator))" : nil
            )
        )
    }

    private mutating func medication() -> EventData {
        if hasMedications { return medicationChange() }
        return .medicationAdjusted(
            MedicationAdjusted(
                medication: Medication(name: "sertraline", orderID: "o-1"),
                change: .start,
                prescriber: "p-1"
            )
        )
    }

    private mutating func end(_ episode: Episode, _ time: Instant) -> EpisodeEnd {
        let contact: Instant? =
            generator.happens(0.5)
            ? nil
            : generator.happens(0.3)
                ? instant(episode)
                : time.advanced(bySeconds: -3_600 * Int64.random(in: 0..<120, using: &generator))
        return EpisodeEnd(lastContactAt: contact)
    }

    private mutating func discharge(_ episode: Episode, _ time: Instant) -> EventData {
        .discharged(
            Discharged(
                reason: generator.pick(DischargeReason.allCases),
                end: end(episode, time)
            )
        )
    }

    private mutating func correction(_ episode: Episode) -> EventData? {
        let target = generator.pick(episode.drafts)
        let moved = generator.happens(0.6) ? instant(episode) : nil
        let replacement: EventData
        switch target.data {
        case _ where generator.happens(0.3): replacement = target.data
        case .admitted: replacement = .admitted(admission(episode))
        case .sessionAttended: replacement = session(episode)
        case .familySessionHeld: replacement = family()
        case .sessionMissed: replacement = missed()
        case .medicationAdjusted: replacement = medication()
        case .steppedDown: replacement = generator.pick(steps(.steppedDown))
        case .steppedUp: replacement = generator.pick(steps(.steppedUp))
        case .programChanged: replacement = programChange()
        case .completed: replacement = .completed(end(episode, moved ?? target.occurredAt))
        case .discharged: replacement = discharge(episode, moved ?? target.occurredAt)
        case .entryCorrected, .entryRetracted: return nil
        }
        guard !target.type.isAmendment else { return nil }
        return .entryCorrected(
            EntryCorrected(
                targetEventID: target.eventID,
                reason: "typed wrongly",
                replacement: replacement,
                replacementOccurredAt: moved
            )
        )
    }

    private mutating func retraction(_ episode: Episode) -> EventData? {
        let target = generator.pick(episode.drafts)
        // A retracted admission ends everything: rare, or there would be little left.
        if target.type == .admitted, !generator.happens(0.1) { return nil }
        return .entryRetracted(
            EntryRetracted(targetEventID: target.eventID, reason: "entered in error")
        )
    }
}

/// What a ledger would have recorded of some events, without a database.
public func recorded(_ events: [RandomEvent]) -> [EpisodeID: [HistoryEvent]] {
    var histories: [EpisodeID: [HistoryEvent]] = [:]
    for (index, event) in events.enumerated() {
        let recordedAt = Instant(microseconds: 1_767_225_600_000_000 + Int64(index))
        let version = Int64(histories[event.episodeID, default: []].count + 1)
        histories[event.episodeID, default: []].append(
            HistoryEvent(
                position: Position(Int64(index + 1)),
                version: Version(version),
                eventID: event.draft.eventID,
                type: event.draft.type,
                occurredAt: event.draft.occurredAt,
                recordedAt: recordedAt,
                knownAt: event.draft.sourceRecordedAt ?? recordedAt,
                payload: event.draft.payload(),
                header: event.draft.type.hasReadAuthor
                    ? event.draft.header(
                        ledger: .default,
                        episodeID: event.episodeID,
                        recordedBy: "test"
                    ) : []
            )
        )
    }
    return histories
}
