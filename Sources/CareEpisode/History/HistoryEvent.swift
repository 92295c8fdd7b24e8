/// One recorded event as a fold sees it.
public struct HistoryEvent: Hashable, Sendable {
    /// Where the event stands in its ledger.
    public var position: Position
    /// Where the event stands in its episode.
    public var version: Version
    /// The writer's own id of the event.
    public var eventID: EventID
    /// The type of the event.
    public var type: EventType
    /// When it happened, clinically.
    public var occurredAt: Instant
    /// When the ledger recorded it.
    public var recordedAt: Instant
    /// The knowledge time by source: `source_recorded_at`, else `recorded_at`.
    public var knownAt: Instant
    /// The canonical JSON of `data`.
    public var payload: [UInt8]
    /// The canonical JSON of the envelope of an end or a session; empty for every other type.
    ///
    /// Who states a `completed` or `discharged` is part of a summary, and who states a session of a
    /// clinician's day.
    public var header: [UInt8]

    /// A recorded event.
    public init(
        position: Position,
        version: Version,
        eventID: EventID,
        type: EventType,
        occurredAt: Instant,
        recordedAt: Instant,
        knownAt: Instant,
        payload: [UInt8],
        header: [UInt8] = []
    ) {
        self.position = position
        self.version = version
        self.eventID = eventID
        self.type = type
        self.occurredAt = occurredAt
        self.recordedAt = recordedAt
        self.knownAt = knownAt
        self.payload = payload
        self.header = header
    }
}
