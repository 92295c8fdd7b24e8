/// An event as a writer sends it, parsed.
///
/// Recording it adds what only the ledger knows.
public struct EventDraft: Hashable, Sendable {
    /// The writer's own id: the idempotency key within the ledger.
    public var eventID: EventID
    /// The version of the schema of `data`.
    public var schemaVersion: Int
    /// When it happened, clinically; of a correction or retraction, when it was decided.
    public var occurredAt: Instant
    /// Who states it.
    public var author: Author
    /// When the source system recorded it; only in what is imported.
    public var sourceRecordedAt: Instant?
    /// The id of the request.
    public var correlationID: CorrelationID?
    /// The id of the event that caused this one.
    public var causationID: CorrelationID?
    /// What the event says.
    public var data: EventData

    /// An event to be recorded.
    public init(
        eventID: EventID,
        schemaVersion: Int = EventData.schemaVersion,
        occurredAt: Instant,
        author: Author,
        sourceRecordedAt: Instant? = nil,
        correlationID: CorrelationID? = nil,
        causationID: CorrelationID? = nil,
        data: EventData
    ) {
        self.eventID = eventID
        self.schemaVersion = schemaVersion
        self.occurredAt = occurredAt
        self.author = author
        self.sourceRecordedAt = sourceRecordedAt
        self.correlationID = correlationID
        self.causationID = causationID
        self.data = data
    }

    /// The type of the event.
    public var type: EventType { data.type }

    /// The canonical JSON of `data`.
    public func payload() -> [UInt8] { data.canonicalBytes() }

    /// The canonical JSON of everything but `data`, with what the ledger knows when it records.
    public func header(
        ledger: LedgerName,
        episodeID: EpisodeID,
        recordedBy: String
    ) -> [UInt8] {
        canonicalBytes(of: episodeID, ledger: ledger.description, recordedBy: recordedBy)
    }

    /// The event as one line of an import file, without the newline.
    public func importLine(episodeID: EpisodeID) -> [UInt8] {
        importLine(episodeID: episodeID, payload: payload())
    }

    func importLine(episodeID: EpisodeID, payload: [UInt8]) -> [UInt8] {
        canonicalBytes(of: episodeID, payload: payload)
    }

    /// The members of a header and of an import line, in their order: a header has `ledger` and
    /// `recorded_by`, a line has `data`.
    private func canonicalBytes(
        of episodeID: EpisodeID,
        ledger: String? = nil,
        recordedBy: String? = nil,
        payload: [UInt8]? = nil
    ) -> [UInt8] {
        var writer = CanonicalWriter(capacity: 384 + (payload?.count ?? 0))
        writer.begin("{")
        writer.member("author", author)
        writer.member("causation_id", causationID)
        writer.member("correlation_id", correlationID)
        if let payload {
            writer.name("data")
            writer.write(canonical: payload)
        }
        writer.member("episode_id", episodeID)
        writer.member("event_id", eventID)
        writer.member("ledger", ledger)
        writer.member("occurred_at", occurredAt)
        writer.member("recorded_by", recordedBy)
        writer.member("schema_version", schemaVersion)
        writer.member("source_recorded_at", sourceRecordedAt)
        writer.member("type", type)
        writer.end("}")
        return writer.bytes
    }
}
