import CareEpisode

/// A body, or what one may be: its media type and a JSON Schema (2020-12).
struct Content: Sendable {
    let type: String
    let schema: AnswerJSON

    /// JSON.
    static func json(_ schema: AnswerJSON) -> Content {
        Content(type: "application/json", schema: schema)
    }

    /// A JSON text on each line; the schema is that of one line.
    static func lines(_ schema: AnswerJSON) -> Content {
        Content(type: "application/x-ndjson", schema: schema)
    }

    /// Text of a media type.
    static func text(_ type: String) -> Content { Content(type: type, schema: String.schema) }

    /// Bytes of a media type.
    static func bytes(_ type: String) -> Content {
        Content(type: type, schema: .schema(format: "binary"))
    }

    /// As an OpenAPI document lists it.
    var member: (name: String, value: AnswerJSON) { (type, ["schema": schema]) }
}
