extension RecordedEvent: JSONDescribed {
    /// What ``served()`` writes: the stored bytes, described by hand.
    public static var schema: AnswerJSON { schema(adding: []) }

    /// Likewise, with members that an answer adds.
    ///
    /// - Parameter more: their names and schemas.
    public static func schema(adding more: [(name: String, value: AnswerJSON)]) -> AnswerJSON {
        let optional: [(name: String, value: AnswerJSON)] = [
            ("causation_id", CorrelationID.schema),
            ("correlation_id", CorrelationID.schema),
            ("source_recorded_at", Instant.schema),
        ]
        let required: [(name: String, value: AnswerJSON)] = [
            (
                "author",
                [
                    "type": "object",
                    "properties": ["id": String.schema, "role": AuthorRole.schema],
                    "required": ["id", "role"],
                    "additionalProperties": false,
                ]
            ),
            ("episode_id", EpisodeID.schema),
            ("event_id", EventID.schema),
            ("ledger", LedgerName.schema),
            ("occurred_at", Instant.schema),
            ("recorded_by", String.schema),
            ("schema_version", Int.schema),
            ("type", EventType.schema),
            ("data", ["type": "object"]),
            ("leaf_hash", ["type": "string", "pattern": "^[0-9a-f]{64}$"]),
            ("position", Position.schema),
            ("recorded_at", Instant.schema),
            ("version", Version.schema),
        ]
        return [
            "type": "object",
            "properties": .object(optional + required + more),
            "required": .array((required + more).map { .string($0.name) }),
            "additionalProperties": false,
        ]
    }

    /// The event as it is served.
    public var json: AnswerJSON { .raw(served()) }
}
