import CareEpisode

/// What a writer sends: the envelope of an event, with the data of its type.
enum EventBody {
    /// One event, or a list of them.
    static let request: AnswerJSON = [
        "oneOf": [
            event, ["type": "array", "minItems": 1, "maxItems": 256, "items": event],
        ]
    ]

    /// A line of an import, which names its episode.
    static let importLine = envelope(adding: [("episode_id", EpisodeID.schema)])

    private static let event = envelope(adding: [])

    private static func envelope(adding more: [(name: String, value: AnswerJSON)]) -> AnswerJSON {
        let required: [(name: String, value: AnswerJSON)] = [
            ("event_id", EventID.schema),
            ("type", EventType.schema),
            ("occurred_at", Instant.schema),
            ("author", Author.schema),
            ("data", ["type": "object"]),
        ]
        let optional: [(name: String, value: AnswerJSON)] = [
            ("schema_version", ["type": "integer", "const": 1]),
            ("source_recorded_at", Instant.schema),
            ("correlation_id", CorrelationID.schema),
            ("causation_id", CorrelationID.schema),
        ]
        return [
            "type": "object",
            "properties": .object(required + more + optional),
            "required": .array((required + more).map { .string($0.name) }),
            "additionalProperties": false,
        ]
    }
}
