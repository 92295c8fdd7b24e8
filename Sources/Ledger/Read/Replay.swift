public import CareEpisode

/// An episode's events as they were known at a time, and what became of each.
///
/// Pure: a function of the events and the two clocks.
public struct Replay: Sendable {
    /// What an event counts for in the effective history.
    public enum Standing: String, ClosedCode {
        /// It counts as it was recorded.
        case inForce = "in_force"
        /// It counts with other content or another time.
        case corrected
        /// It was entered in error.
        case retracted
        /// It corrects or retracts another event.
        case amends
        /// It happened after the effective time that was asked for.
        case liesAhead = "lies_ahead"
        /// The episode has no admission that is known and not retracted.
        case withoutEpisode = "without_episode"
    }

    /// One event that was known.
    public struct Line: Sendable {
        /// As it was recorded.
        public var event: RecordedEvent
        /// What it counts for.
        public var standing: Standing
        /// The corrections of it that were known, the last one last.
        public var correctedBy: [EventID]
        /// The retraction of it, where one was known.
        public var retractedBy: EventID?

        /// When it became known by the clock that was asked for.
        public var knowledgeTime: Instant
        /// Whether that time is the source system's word and not the ledger's.
        public var isSourceTime: Bool
    }

    /// The events that were known, by version.
    public let lines: [Line]
    /// What they amount to.
    public let history: EffectiveHistory

    /// Replays an episode.
    ///
    /// - Parameters:
    ///   - events: all of the episode's, by version.
    ///   - knownAt: only what was known then; nil for everything.
    ///   - knownBy: which clock `knownAt` is on.
    ///   - effectiveAt: only entries up to then; nil for all.
    /// - Throws: what makes a correction or retraction unreadable.
    public init(
        _ events: [RecordedEvent],
        knownAt: Instant? = nil,
        knownBy: KnowledgeClock = .source,
        effectiveAt: Instant? = nil
    ) throws {
        let all = events.map(\.history)
        history = try EffectiveHistory(
            all,
            knownAt: knownAt,
            knownBy: knownBy,
            effectiveAt: effectiveAt
        )
        let isBegun = try !EffectiveHistory(all, knownAt: knownAt, knownBy: knownBy).entries.isEmpty
        let entries = Dictionary(uniqueKeysWithValues: history.entries.map { ($0.eventID, $0) })
        let known = events.filter { event in
            knownAt.map { event.history.knowledgeTime(knownBy) <= $0 } ?? true
        }
        var corrections: [EventID: [EventID]] = [:]
        var retractions: [EventID: EventID] = [:]
        for event in known {
            guard let target = event.history.amendedEventID else { continue }
            if event.history.type == .entryCorrected {
                corrections[target, default: []].append(event.history.eventID)
            } else {
                retractions[target] = event.history.eventID
            }
        }
        lines = known.map { event in
            let id = event.history.eventID
            let standing: Standing
            if event.history.amendedEventID != nil {
                standing = .amends
            } else if retractions[id] != nil {
                standing = .retracted
            } else if !isBegun {
                standing = .withoutEpisode
            } else if let entry = entries[id] {
                standing = entry.correctedBy.isEmpty ? .inForce : .corrected
            } else {
                standing = .liesAhead
            }
            return Line(
                event: event,
                standing: standing,
                correctedBy: corrections[id] ?? [],
                retractedBy: retractions[id],
                knowledgeTime: event.history.knowledgeTime(knownBy),
                isSourceTime: knownBy == .source
                    && event.history.knownAt != event.history.recordedAt
            )
        }
    }
}

/// What differs in an episode between two knowledge times.
public struct ReplayDifference: Sendable {
    /// One entry that differs.
    public struct Change: Sendable {
        /// The entry as it was known at the first time; nil where it was not.
        public var before: EffectiveHistory.Entry?
        /// The entry as it was known at the second time; nil where it was not any more.
        public var after: EffectiveHistory.Entry?
        /// The events that made the difference.
        public var because: [EventID]

        /// The id of the entry.
        public var eventID: EventID? { (after ?? before)?.eventID }
    }

    /// What differs, in the order of the history.
    public let changes: [Change]
    /// What became known between the two times, by version.
    public let learned: [RecordedEvent]

    /// Compares.
    ///
    /// - Parameters:
    ///   - events: all of the episode's, by version.
    ///   - first: the earlier knowledge time.
    ///   - second: the later one.
    ///   - knownBy: which clock they are on.
    ///   - effectiveAt: only entries up to then; nil for all.
    public init(
        _ events: [RecordedEvent],
        from first: Instant,
        to second: Instant,
        knownBy: KnowledgeClock,
        effectiveAt: Instant? = nil
    ) throws {
        func entries(_ knownAt: Instant) throws -> [EventID: EffectiveHistory.Entry] {
            let history = try EffectiveHistory(
                events.map(\.history),
                knownAt: knownAt,
                knownBy: knownBy,
                effectiveAt: effectiveAt
            )
            return Dictionary(uniqueKeysWithValues: history.entries.map { ($0.eventID, $0) })
        }
        self.init(
            events,
            before: try entries(first),
            after: try entries(second),
            learned: events.filter { event in
                let time = event.history.knowledgeTime(knownBy)
                return time > first && time <= second
            }
        )
    }

    /// Compares the entries with and without one version, the ones after it left out.
    ///
    /// - Parameters:
    ///   - events: all of the episode's, by version.
    ///   - version: which.
    public init(_ events: [RecordedEvent], by version: Version) throws {
        func entries(_ events: [RecordedEvent]) throws -> [EventID: EffectiveHistory.Entry] {
            let history = try EffectiveHistory(events.map(\.history))
            return Dictionary(uniqueKeysWithValues: history.entries.map { ($0.eventID, $0) })
        }
        let events = events.filter { $0.history.version <= version }
        self.init(
            events,
            before: try entries(events.dropLast()),
            after: try entries(events),
            learned: events.suffix(1)
        )
    }

    private init(
        _ events: [RecordedEvent],
        before: [EventID: EffectiveHistory.Entry],
        after: [EventID: EffectiveHistory.Entry],
        learned: [RecordedEvent]
    ) {
        self.learned = learned
        let admissions = Set(
            events.filter { $0.history.type == .admitted }.map(\.history.eventID)
        )
        changes = Set(before.keys).union(after.keys)
            .compactMap { id -> Change? in
                let (old, new) = (before[id], after[id])
                if let old, let new, old.payload == new.payload, old.time == new.time { return nil }
                func concerning(_ ids: Set<EventID>) -> [EventID] {
                    learned.map(\.history)
                        .filter { event in
                            ids.contains(event.eventID)
                                || event.amendedEventID.map(ids.contains) ?? false
                        }
                        .map(\.eventID)
                }
                // An entry appears and disappears with the episode's admission.
                let own = concerning([id])
                return Change(
                    before: old,
                    after: new,
                    because: own.isEmpty ? concerning(admissions) : own
                )
            }
            .sorted { left, right in
                guard let left = left.after ?? left.before, let right = right.after ?? right.before
                else { return false }
                return (left.time, left.position) < (right.time, right.position)
            }
    }
}

extension HistoryEvent {
    /// When the event became known by a clock.
    public func knowledgeTime(_ clock: KnowledgeClock) -> Instant {
        clock == .source ? knownAt : recordedAt
    }

    /// The event that this one corrects or retracts; nil for any other type.
    public var amendedEventID: EventID? {
        guard type.isAmendment else { return nil }
        return CanonicalObject(payload).uuidBits("target_event_id").map(EventID.init(bits:))
    }
}
