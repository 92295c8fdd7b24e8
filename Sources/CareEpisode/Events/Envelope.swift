/// The fields of `docs/events.md`, "Envelope", on their way to a draft.
struct Envelope {
    /// Zero where the event does not name its episode.
    private(set) var episodeID = EpisodeID(bits: 0)
    /// Nil where type or version are unknown, so that `data` cannot be read.
    private(set) var draft: EventDraft?

    /// What the ledger adds when it records.
    private static let ledgerFields: [StaticString] = [
        "ledger", "version", "position", "recorded_at", "recorded_by", "leaf_hash",
    ]

    init(reading object: ObjectReader, _ source: EventParser.Source) {
        let eventID = object.required("event_id", .identifier()) ?? EventID(bits: 0)
        if source == .importLine {
            episodeID = object.required("episode_id", .identifier()) ?? episodeID
        } else if object.member("episode_id") != nil {
            object.refuse(
                "episode_id",
                "not_allowed",
                "is not allowed: the request names the episode"
            )
        }
        let type = Envelope.type(object)
        let knowsVersion = Envelope.checkSchemaVersion(object)
        let occurredAt =
            object.required("occurred_at", .instant) ?? Instant(microseconds: 0)
        let author: Author = object.required("author", .object()) ?? .blank
        var sourceRecordedAt: Instant?
        if source != .writer {
            sourceRecordedAt = object.optional("source_recorded_at", .instant)
        } else if object.member("source_recorded_at") != nil {
            object.refuse(
                "source_recorded_at",
                "not_allowed",
                "is allowed only in an import, or from a service or an administrator"
            )
        }
        let correlationID: CorrelationID? = object.optional("correlation_id", .identifier())
        let causationID: CorrelationID? = object.optional("causation_id", .identifier())
        let data = object.requiredMember("data").flatMap { object.shape.object(at: $0) }
        Envelope.refuseLedgerFields(object, source)
        if let type, let data, knowsVersion {
            draft = EventDraft(
                eventID: eventID,
                occurredAt: occurredAt,
                author: author,
                sourceRecordedAt: sourceRecordedAt,
                correlationID: correlationID,
                causationID: causationID,
                data: EventData(reading: data, type)
            )
        }
        object.finish()
    }

    private static func type(_ object: ObjectReader) -> EventType? {
        guard let member = object.requiredMember("type"),
            object.shape.accepts(member, .string, "a string")
        else { return nil }
        let text = object.shape.document.text(object.shape.document.nodes[member])
        if let type = EventType(rawValue: text) { return type }
        let types = EventType.allCases.map(\.rawValue).joined(separator: ", ")
        object.refuse("type", "unknown_type", "must be one of \(types)")
        return nil
    }

    private static func checkSchemaVersion(_ object: ObjectReader) -> Bool {
        guard let version = object.optional("schema_version", .integer(Int.min...)) else {
            return object.member("schema_version") == nil
        }
        if version == EventData.schemaVersion { return true }
        object.refuse(
            "schema_version",
            "unknown_schema_version",
            "must be \(EventData.schemaVersion)"
        )
        return false
    }

    /// A recorded event sent back is one mistake, told once.
    private static func refuseLedgerFields(_ object: ObjectReader, _ source: EventParser.Source) {
        let found = ledgerFields.filter { object.member($0) != nil }
        if found.isEmpty { return }
        if source == .importLine {
            object.refuse(
                "recorded_event",
                "is a recorded event; import takes what export --as-import writes"
            )
        } else {
            for field in found {
                object.refuse(field, "not_allowed", "is not allowed: the ledger adds it")
            }
        }
    }
}
