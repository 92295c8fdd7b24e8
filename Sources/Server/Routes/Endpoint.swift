import CareEpisode
import HTTPTypes
import Hummingbird
import ProjectionRuntime

/// One request that the service answers: the router, the access table and the OpenAPI document are all
/// made from these.
struct Endpoint: Sendable {
    /// What a parameter of a query may be.
    enum Kind: Sendable {
        case text
        case integer(least: Int64, most: Int64 = Position.most)
        case date
        case time
        case uuid
        case choice([String])
        /// Text of a regular expression (ECMA-262).
        case pattern(String)
        /// Types of events, separated by commas.
        case types

        /// Not every such text is a time: months have different lengths.
        private static let timePattern =
            "^[0-9]{4}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])"
            + "(T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?"
            + "(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9]))?$"
        private static let typePattern = EventType.allCases.map(\.rawValue).joined(separator: "|")

        var schema: AnswerJSON {
            switch self {
            case .text: ["type": "string"]
            case .integer(let least, let most):
                ["type": "integer", "minimum": .integer(least), "maximum": .integer(most)]
            case .types:
                [
                    "type": "string",
                    "pattern": .string("^(\(Self.typePattern))(,(\(Self.typePattern)))*$"),
                ]
            case .date: ["type": "string", "format": "date"]
            case .time:
                [
                    "type": "string",
                    "description":
                        "RFC 3339 with an offset, or a date: its 24:00 in the ledger's zone",
                    "pattern": .string(Self.timePattern),
                ]
            case .uuid: ["type": "string", "format": "uuid"]
            case .pattern(let pattern): ["type": "string", "pattern": .string(pattern)]
            case .choice(let values):
                ["type": "string", "enum": .array(values.map { .string($0) })]
            }
        }
    }

    /// What is asked for, and so who may.
    let operation: Operation
    let method: HTTPRequest.Method
    /// Below `/v1/ledgers/{ledger}`.
    let path: String
    let summary: String
    var parameters: [(name: String, kind: Kind, isRequired: Bool)] = []
    /// The media types of a good answer, the usual one first.
    var answers = ["application/json"]
    /// The media type of the request's body; nil for none.
    var body: String?
    /// The JSON Schema of the request's body.
    var schema: AnswerJSON = [:]
    /// The statuses of good answers.
    var statuses = ["200"]
    /// How much longer than others it may take, in seconds: what waits for something on purpose.
    var extraSeconds = 0
    /// Whether the state of things can forbid it: 409.
    var mayConflict = false
    let handler: @Sendable (Call) async throws -> Response

    /// The path for the router, in which a tile's name may hold slashes.
    var route: String { path.replacing("{tile}", with: "**") }

    /// The parameters that the access log may keep: all but free text, which could be anything.
    var describedParameters: Set<String> {
        Set(
            parameters.filter { parameter in
                if case .text = parameter.kind { return false }
                return true
            }.map(\.name)
        )
    }

    private static let known: [(name: String, kind: Kind, isRequired: Bool)] = [
        ("known_at", .time, false), ("known_by", .choice(["source", "ledger"]), false),
        ("at_least", .integer(least: 0), false),
    ]

    /// Every request about a ledger.
    static let all = record + readModels + evidence + subscriptions

    private static let record: [Endpoint] = [
        Endpoint(
            operation: .appendEvents,
            method: .post,
            path: "episodes/{episode}/events",
            summary: "Record one event of an episode, or up to 256, all or nothing",
            body: "application/json",
            statuses: ["200", "201"],
            mayConflict: true,
            handler: EventRoutes.append
        ),
        Endpoint(
            operation: .listEpisodeEvents,
            method: .get,
            path: "episodes/{episode}/events",
            summary: "The events of an episode by version",
            handler: EventRoutes.ofEpisode
        ),
        Endpoint(
            operation: .importEvents,
            method: .post,
            path: "events:import",
            summary: "Record NDJSON of any length, a line of result for each line",
            answers: ["application/x-ndjson"],
            body: "application/x-ndjson",
            handler: ImportRoute.run
        ),
        Endpoint(
            operation: .listEvents,
            method: .get,
            path: "events",
            summary: "Events in order: a page, all of them as NDJSON, or a stream that goes on",
            parameters: [
                ("after", .integer(least: 0), false),
                ("limit", .integer(least: 1, most: 1_000), false),
                ("types", .types, false), ("episode", .uuid, false),
            ],
            answers: ["application/json", "application/x-ndjson", "text/event-stream"],
            handler: EventRoutes.list
        ),
    ]

    private static let readModels: [Endpoint] = [
        Endpoint(
            operation: .getEpisode,
            method: .get,
            path: "episodes/{episode}",
            summary: "The state of an episode by replay",
            parameters: [("effective_at", .time, false)] + known,
            handler: ReadModelRoutes.episode
        ),
        Endpoint(
            operation: .listEpisodes,
            method: .get,
            path: "episodes",
            summary: "Episodes, by admission",
            parameters: [
                ("client_id", .text, false), ("status", .choice(["open", "ended"]), false),
                ("program", .text, false), ("effective_at", .time, false),
            ] + known,
            handler: ReadModelRoutes.episodes
        ),
        Endpoint(
            operation: .getCensus,
            method: .get,
            path: "census",
            summary: "The midnight census of a date, or of each day of a period",
            parameters: [
                ("date", .date, false), ("from", .date, false), ("to", .date, false),
                ("program", .text, false),
            ] + known,
            handler: ReadModelRoutes.census
        ),
        Endpoint(
            operation: .getAttendance,
            method: .get,
            path: "attendance",
            summary: "An episode's sessions and hours, week by week",
            parameters: [("episode", .uuid, true), ("effective_at", .time, false)] + known,
            handler: ReadModelRoutes.attendance
        ),
        Endpoint(
            operation: .getOutcomes,
            method: .get,
            path: "outcomes",
            summary: "How the episodes of a period ended",
            parameters: [("from", .date, true), ("to", .date, true), ("program", .text, false)]
                + known,
            handler: ReadModelRoutes.outcomes
        ),
        Endpoint(
            operation: .getMedicationReview,
            method: .get,
            path: "medication-review",
            summary: "The medication review of an episode, or of a programme's",
            parameters: [
                ("episode", .uuid, false), ("program", .text, false),
                ("effective_at", .time, false),
            ] + known,
            handler: ReadModelRoutes.medicationReview
        ),
        Endpoint(
            operation: .listDischargeSummaries,
            method: .get,
            path: "discharge-summaries",
            summary: "Ended episodes and what their summaries lack",
            parameters: [
                ("program", .text, false), ("from", .date, false), ("to", .date, false),
                ("effective_at", .time, false),
            ] + known,
            handler: ReadModelRoutes.dischargeSummaries
        ),
        Endpoint(
            operation: .getDischargeSummary,
            method: .get,
            path: "discharge-summaries/{episode}",
            summary: "The discharge summary of an episode",
            parameters: [
                ("effective_at", .time, false), ("since", .time, false),
                ("interim", .choice(["true", "false"]), false),
            ] + known,
            handler: ReadModelRoutes.dischargeSummary
        ),
    ]

    private static let evidence: [Endpoint] = [
        Endpoint(
            operation: .getCheckpoint,
            method: .get,
            path: "checkpoint",
            summary: "The newest signed checkpoint, sealed up to the head first",
            parameters: [("seal", .choice(["true", "false"]), false)],
            answers: ["text/plain", "application/json"],
            extraSeconds: 10,
            handler: EvidenceRoutes.checkpoint
        ),
        Endpoint(
            operation: .getInclusionProof,
            method: .get,
            path: "proofs/inclusion",
            summary: "The proof that an event is in the tree of a size (RFC 6962)",
            parameters: [
                ("position", .integer(least: 1), true), ("size", .integer(least: 1), false),
            ],
            handler: EvidenceRoutes.inclusion
        ),
        Endpoint(
            operation: .getConsistencyProof,
            method: .get,
            path: "proofs/consistency",
            summary: "The proof that one tree begins with another (RFC 6962)",
            parameters: [("from", .integer(least: 0), true), ("to", .integer(least: 1), false)],
            handler: EvidenceRoutes.consistency
        ),
        Endpoint(
            operation: .getTile,
            method: .get,
            path: "tile/{tile}",
            summary: "The sealed log as tiles and entries (C2SP tlog-tiles)",
            answers: ["application/octet-stream"],
            handler: EvidenceRoutes.tile
        ),
        Endpoint(
            operation: .getPacket,
            method: .get,
            path: "episodes/{episode}/packet",
            summary: "What an auditor takes away of an episode, with proofs",
            answers: ["application/zip"],
            extraSeconds: 25,
            handler: EvidenceRoutes.packet
        ),
        Endpoint(
            operation: .listAccess,
            method: .get,
            path: "access-log",
            summary: "Who asked for health information, and whether it was given",
            parameters: [
                ("after", .integer(least: 0), false),
                ("limit", .integer(least: 1, most: 1_000), false),
                ("episode", .uuid, false),
            ],
            handler: OperationRoutes.accessLog
        ),
    ]
}
