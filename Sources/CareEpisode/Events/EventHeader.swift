/// Everything of a recorded event but its payload, as `docs/tamper-evidence.md`, "Bytes", lists it.
public struct EventHeader: Hashable, Sendable {
    /// Who states the event.
    public var author: Author
    /// The id of the event that caused this one.
    public var causationID: CorrelationID?
    /// The id of the request.
    public var correlationID: CorrelationID?
    /// The episode.
    public var episodeID: EpisodeID
    /// The writer's own id of the event.
    public var eventID: EventID
    /// The ledger.
    public var ledger: LedgerName
    /// When it happened, clinically.
    public var occurredAt: Instant
    /// The authenticated principal that recorded it.
    public var recordedBy: String
    /// The version of the payload's schema.
    public var schemaVersion: Int
    /// When the source system recorded it, of what was imported.
    public var sourceRecordedAt: Instant?
    /// The type of the event.
    public var type: EventType

    /// Reads a header as it is recorded; throws a ``Refusal`` where the bytes are none.
    public static func decode(_ bytes: [UInt8]) throws(Refusal) -> EventHeader {
        let shape = try ShapeReader(bytes)
        return try shape.accepted(shape.object(at: 0).map { EventHeader(reading: $0) })
    }

    private init(reading object: ObjectReader) {
        author = object.required("author", .object()) ?? .blank
        causationID = object.optional("causation_id", .identifier())
        correlationID = object.optional("correlation_id", .identifier())
        episodeID = object.required("episode_id", .identifier()) ?? EpisodeID(bits: 0)
        eventID = object.required("event_id", .identifier()) ?? EventID(bits: 0)
        ledger = .default
        if let name = object.required("ledger", .nonEmptyText).flatMap(LedgerName.init) {
            ledger = name
        } else if object.hasAccepted("ledger") {
            object.refuse("ledger", "invalid_ledger", "must be the name of a ledger")
        }
        occurredAt = object.required("occurred_at", .instant) ?? Instant(microseconds: 0)
        recordedBy = object.required("recorded_by", .nonEmptyText) ?? ""
        schemaVersion = object.required("schema_version", .integer(1...Int(Int32.max))) ?? 1
        sourceRecordedAt = object.optional("source_recorded_at", .instant)
        type = object.required("type", .code()) ?? .admitted
        object.finish()
    }
}
