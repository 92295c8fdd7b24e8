import CareEpisode
import HTTPTypes
import Hummingbird
import ProjectionRuntime

/// The OpenAPI 3.1 document, made from the table of requests.
enum OpenAPI {
    static let document: [UInt8] = AnswerJSON.object([
        ("openapi", "3.1.0"),
        (
            "info",
            [
                "title": "EpisodeLedger",
                "version": "0.1.0",
                "description": "An append-only, auditable record of care episodes.",
            ]
        ),
        ("security", .array([["bearer": []]])),
        ("paths", .object(paths)),
        ("components", components),
    ]).bytes

    /// The document as an answer: one buffer for all who ask.
    static var answer: Response {
        Response(
            status: .ok,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: buffer)
        )
    }

    private static let buffer = ByteBuffer(bytes: document)

    private static var paths: [(name: String, value: AnswerJSON)] {
        var order: [String] = []
        var methods: [String: [(name: String, value: AnswerJSON)]] = [:]
        for endpoint in Endpoint.all {
            let path = "/v1/ledgers/{ledger}/\(endpoint.path)"
            if methods[path] == nil { order.append(path) }
            methods[path, default: []].append(
                (endpoint.method.rawValue.lowercased(), operation(endpoint))
            )
        }
        let open: [(name: String, value: AnswerJSON)] = [
            ("/healthz", probe("Whether the process answers", "healthz", .json(Health.schema))),
            (
                "/readyz",
                probe(
                    "Whether the service is ready",
                    "readyz",
                    .json(Readiness.schema),
                    ["200", "503"]
                )
            ),
            ("/metrics", probe("Prometheus text", "metrics", .text("text/plain"))),
            ("/openapi.json", probe("This document", "openapi", .json(["type": "object"]))),
        ]
        return order.map { ($0, .object(methods[$0] ?? [])) } + open
    }

    private static func probe(
        _ summary: String,
        _ id: String,
        _ content: Content,
        _ statuses: [String] = ["200"]
    ) -> AnswerJSON {
        [
            "get": [
                "operationId": .string(id),
                "summary": .string(summary),
                "security": [],
                "responses": .object(statuses.map { ($0, answer(summary, [content])) }),
            ]
        ]
    }

    private static func operation(_ endpoint: Endpoint) -> AnswerJSON {
        var parameters: [AnswerJSON] = []
        for (name, schema) in pathParameters
        where "{ledger}/\(endpoint.path)".contains("{\(name)}") {
            parameters.append([
                "name": .string(name), "in": "path", "required": .bool(true), "schema": schema,
            ])
        }
        parameters += endpoint.parameters.map { parameter -> AnswerJSON in
            [
                "name": .string(parameter.name), "in": "query",
                "description": .string(parameter.words),
                "required": .bool(parameter.isRequired), "schema": parameter.schema,
            ]
        }
        var responses: [(name: String, value: AnswerJSON)] = endpoint.statuses.map { status in
            (status, answer(endpoint.summary, endpoint.answers))
        }
        responses += ["400", "401", "403", "404", "429", "503"].map { ($0, reference) }
        if endpoint.mayConflict { responses.append(("409", reference)) }
        var members: [(name: String, value: AnswerJSON)] = [
            ("operationId", .string(endpoint.operation)),
            ("summary", .string(endpoint.summary)),
            (
                "description",
                .string(
                    "Roles: "
                        + endpoint.roles.map(\.rawValue).sorted()
                        .joined(separator: ", ") + "."
                )
            ),
            ("parameters", .array(parameters)),
        ]
        if let body = endpoint.body {
            members.append(
                (
                    "requestBody",
                    [
                        // An import of no lines is one.
                        "required": .bool(body.type != "application/x-ndjson"),
                        "content": .object([body.member]),
                    ]
                )
            )
            responses += [("413", reference), ("422", reference)]
        }
        members.append(("responses", .object(responses)))
        return .object(members)
    }

    private static let pathParameters: [(name: String, schema: AnswerJSON)] = [
        ("ledger", ["type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"]),
        ("episode", ["type": "string", "format": "uuid"]),
        ("name", ["type": "string", "pattern": "^[a-z0-9][a-z0-9_-]{0,62}$"]),
        (
            "tile",
            [
                "type": "string", "pattern": "^([0-9]|[1-5][0-9]|6[0-3]|entries)/[0-9x./p]{3,40}$",
                "description": "LEVEL/NUMBER[.p/WIDTH] or entries/NUMBER[.p/WIDTH]; with slashes",
            ]
        ),
        ("position", ["type": "integer", "minimum": 1, "maximum": .integer(Position.most)]),
    ]

    private static func answer(_ summary: String, _ contents: [Content]) -> AnswerJSON {
        guard !contents.isEmpty else { return ["description": .string(summary)] }
        return ["description": .string(summary), "content": .object(contents.map(\.member))]
    }

    private static let reference: AnswerJSON = ["$ref": "#/components/responses/Problem"]

    private static let components: AnswerJSON = [
        "securitySchemes": [
            "bearer": ["type": "http", "scheme": "bearer", "bearerFormat": "JWT"]
        ],
        "responses": [
            "Problem": [
                "description": "RFC 9457 problem details",
                "content": [
                    "application/problem+json": ["schema": ["$ref": "#/components/schemas/Problem"]]
                ],
            ]
        ],
        "schemas": .object([("Problem", ProblemAnswer.schema)] + EventSchema.components),
    ]
}
