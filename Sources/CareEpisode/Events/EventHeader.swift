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
        let (document, isJSON) = JSONReader.read(bytes)
        guard isJSON else { throw Refusal(errors: document.errors.fieldErrors(in: document)) }
        let shape = ShapeReader(document)
        let header = shape.object(at: 0).map { EventHeader(reading: $0) }
        let errors = shape.fieldErrors()
        guard let header, errors.isEmpty else { throw Refusal(errors: errors) }
        return header
    }

    private init(reading object: ObjectReader) {
        author = object.requiredObject("author", else: Author(id: "", role: .other))
        causationID = object.identifier("causation_id")
        correlationID = object.identifier("correlation_id")
        episodeID = object.requiredIdentifier("episode_id")
        eventID = object.requiredIdentifier("event_id")
        ledger = .default
        if let name = LedgerName(object.requiredString("ledger")) {
            ledger = name
        } else if object.hasAccepted("ledger") {
            object.refuse("ledger", "invalid_ledger", "must be the name of a ledger")
        }
        occurredAt = object.requiredInstant("occurred_at")
        recordedBy = object.requiredString("recorded_by")
        schemaVersion = object.requiredInteger("schema_version", atLeast: 1, atMost: Int(Int32.max))
        sourceRecordedAt = object.instant("source_recorded_at")
        type = object.requiredCode("type") ?? .admitted
        object.finish()
    }
}
