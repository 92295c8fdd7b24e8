/// Which of the two times counts as the time an event became known.
public enum KnowledgeClock: String, ClosedCode {
    /// `source_recorded_at` where the event has one, else `recorded_at`.
    case source
    /// `recorded_at` alone, the only time the ledger vouches for.
    case ledger
}

/// The entries of an episode as they stand at two times (`docs/read-models.md`, "Effective history").
public struct EffectiveHistory: Sendable {
    /// An event that is neither correction nor retraction, with its corrections applied.
    public struct Entry: Hashable, Sendable {
        /// The id of the original event.
        public let eventID: EventID
        /// The type of the event.
        public let type: EventType
        /// When it happened, clinically: the time last given.
        public let time: Instant
        /// When the original said that it happened.
        public let occurredAt: Instant
        /// The position of the original.
        public let position: Position
        /// The version of the original.
        public let version: Version
        /// The knowledge time of the original by source.
        public let knownAt: Instant
        /// When the ledger recorded the original.
        public let recordedAt: Instant
        /// The canonical JSON of the original's data, or of the last correction's replacement.
        public let payload: [UInt8]
        /// The envelope of the original; empty but for an end or a session.
        public let header: [UInt8]
        /// The corrections that are known, the last one last.
        public let correctedBy: [EventID]
        /// The time that each of them left in force, in the same order.
        public let correctedTimes: [Instant]

        /// Reads the payload; throws a ``Refusal`` where the bytes are none of this type.
        public func decode() throws -> EventData {
            try EventData.decode(type, schemaVersion: 1, payload: payload)
        }
    }

    /// The entries by (time, position); none without a known, unretracted admission.
    public let entries: [Entry]
    /// Only what was known then takes part; nil for everything.
    public let knownAt: Instant?
    /// Which clock tells when something became known.
    public let knownBy: KnowledgeClock

    /// What `events` amount to, which are those of one episode by version.
    ///
    /// Only events known at `knownAt` by the clock `knownBy` take part (nil: all); of the entries,
    /// only those whose time is not after `effectiveAt` (nil: all). Throws ``UnreadablePayload``
    /// where a correction or retraction lacks its target.
    public init(
        _ events: [HistoryEvent],
        knownAt: Instant? = nil,
        knownBy: KnowledgeClock = .source,
        effectiveAt: Instant? = nil
    ) throws {
        let isKnown: (HistoryEvent) -> Bool = { event in
            guard let knownAt else { return true }
            return (knownBy == .source ? event.knownAt : event.recordedAt) <= knownAt
        }
        var changes: [EventID: Changes] = [:]
        for event in events where event.type.isAmendment && isKnown(event) {
            let amendment = try Amendment(event.type, payload: event.payload)
            changes[amendment.target, default: Changes()].apply(amendment, event.eventID)
        }
        var entries: [Entry] = []
        entries.reserveCapacity(events.count)
        var isAdmitted = false
        for event in events where !event.type.isAmendment && isKnown(event) {
            let change = changes.isEmpty ? nil : changes[event.eventID]
            if change?.isRetracted == true { continue }
            if event.type == .admitted { isAdmitted = true }
            let time = change?.time ?? event.occurredAt
            if let effectiveAt, time > effectiveAt { continue }
            entries.append(
                Entry(
                    eventID: event.eventID,
                    type: event.type,
                    time: time,
                    occurredAt: event.occurredAt,
                    position: event.position,
                    version: event.version,
                    knownAt: event.knownAt,
                    recordedAt: event.recordedAt,
                    payload: change?.replacement.map { Array($0) } ?? event.payload,
                    header: event.header,
                    correctedBy: change?.corrections ?? [],
                    correctedTimes: (change?.times ?? []).map { $0 ?? event.occurredAt }
                )
            )
        }
        entries.sort { ($0.time, $0.position) < ($1.time, $1.position) }
        self.entries = isAdmitted ? entries : []
        self.knownAt = knownAt
        self.knownBy = knownBy
    }

    private init(_ whole: EffectiveHistory, entries: [Entry]) {
        self.entries = entries
        knownAt = whole.knownAt
        knownBy = whole.knownBy
    }

    /// When an entry became known, by the clock of this history.
    public func knowledgeTime(of entry: Entry) -> Instant {
        knownBy == .source ? entry.knownAt : entry.recordedAt
    }

    /// The same history without what lies after a time; nil leaves it as it is.
    ///
    /// - Parameters:
    ///   - effectiveAt: the time of the last entry that is kept.
    ///   - type: entries of this type are kept wherever they lie; nil for none.
    public func through(_ effectiveAt: Instant?, and type: EventType? = nil) -> EffectiveHistory {
        guard let effectiveAt, let last = entries.last, last.time > effectiveAt else { return self }
        return EffectiveHistory(
            self,
            entries: entries.filter { $0.time <= effectiveAt || $0.type == type }
        )
    }

    /// What corrections and retractions make of one entry.
    private struct Changes {
        var isRetracted = false
        var replacement: ArraySlice<UInt8>?
        var time: Instant?
        var corrections: [EventID] = []
        /// The time in force after each correction; nil while it is the original's.
        var times: [Instant?] = []

        mutating func apply(_ amendment: Amendment, _ eventID: EventID) {
            guard let correction = amendment.correction else {
                isRetracted = true
                return
            }
            replacement = correction.replacement
            time = correction.occurredAt ?? time
            corrections.append(eventID)
            times.append(time)
        }
    }
}
