/// What a writer may send, in JSON Schema (2020-12), for an OpenAPI document.
///
/// The payloads' schemas are made of the lists of fields that the parser reads, so that they admit
/// and refuse the same, but for what JSON Schema cannot say: whole numbers written with a fraction,
/// numbers of more than 15 digits, NUL in texts, the size of an event.
public enum EventSchema: CaseIterable, Sendable {
    /// One event, whose episode the request names.
    case event
    /// The body of a request: one event, or a list of 1 to 256.
    case request
    /// One line of an import, which names its episode.
    case importLine

    /// The schema; it refers to ``components``.
    public var json: AnswerJSON {
        switch self {
        case .event: Self.oneOf { Self.name($0, "Event") }
        case .importLine: Self.oneOf { Self.name($0, "Line") }
        case .request:
            ["oneOf": [Self.reference("Event"), .list(Self.reference("Event"), atLeast: 1)]]
        }
    }

    /// What the schemas refer to, by name, for `#/components/schemas`: `Event`, `EventRequest` and
    /// `ImportLine`; and for each type, such as `session_attended`, `SessionAttendedData`,
    /// `SessionAttendedEvent` and `SessionAttendedLine`.
    public static var components: [(name: String, value: AnswerJSON)] {
        [
            ("Event", event.json), ("EventRequest", request.json), ("ImportLine", importLine.json),
        ]
            + EventType.allCases.flatMap { type in
                [
                    (name(type, "Data"), type.dataSchema),
                    (name(type, "Event"), envelope(type, isLine: false)),
                    (name(type, "Line"), envelope(type, isLine: true)),
                ]
            }
    }

    /// A reference to one of ``components``.
    public static func reference(_ name: String) -> AnswerJSON {
        ["$ref": .string("#/components/schemas/\(name)")]
    }

    private static func name(_ type: EventType, _ suffix: String) -> String {
        type.rawValue.split(separator: "_")
            .map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined() + suffix
    }

    private static func oneOf(_ name: (EventType) -> String) -> AnswerJSON {
        [
            "oneOf": .array(EventType.allCases.map { reference(name($0)) }),
            "discriminator": [
                "propertyName": "type",
                "mapping": .object(
                    EventType.allCases.map {
                        ($0.rawValue, .string("#/components/schemas/\(name($0))"))
                    }
                ),
            ],
        ]
    }

    /// The fields of ``Envelope`` around the data of one type.
    private static func envelope(_ type: EventType, isLine: Bool) -> AnswerJSON {
        var properties: [(name: String, value: AnswerJSON)] = [
            ("event_id", EventID.schema),
            ("type", ["type": "string", "const": .string(type.rawValue)]),
            ("schema_version", ["type": "integer", "const": 1, "default": 1]),
            ("occurred_at", Instant.schema),
            ("author", Author.schema),
            ("source_recorded_at", Instant.schema),
            ("correlation_id", EventID.schema),
            ("causation_id", EventID.schema),
            ("data", reference(name(type, "Data"))),
        ]
        var required: AnswerJSON = ["event_id", "type", "occurred_at", "author", "data"]
        if isLine {
            properties.insert(("episode_id", EventID.schema), at: 1)
            required = ["event_id", "episode_id", "type", "occurred_at", "author", "data"]
        }
        return [
            "type": "object",
            "properties": .object(properties),
            "required": required,
            "additionalProperties": false,
        ]
    }
}

extension EventType {
    /// The schema of the type's data.
    var dataSchema: AnswerJSON {
        switch self {
        case .admitted: Admitted.schema
        case .sessionAttended: SessionAttended.schema
        case .medicationAdjusted: MedicationAdjusted.schema
        case .familySessionHeld: FamilySessionHeld.schema
        case .steppedDown: LevelStep.schema(adding: LevelStep.direction { $1 < $0 })
        case .completed: Completed.schema
        case .sessionMissed: SessionMissed.schema
        case .steppedUp: LevelStep.schema(adding: LevelStep.direction { $1 > $0 })
        case .programChanged: ProgramChanged.schema
        case .discharged: Discharged.schema
        case .entryCorrected: EntryCorrected.schema
        case .entryRetracted: EntryRetracted.schema
        }
    }
}
