import CareEpisode
import Hummingbird
import Ledger
import ProjectionRuntime

extension Endpoint {
    static let subscriptions: [Endpoint] = [
        Endpoint(
            operation: "listSubscriptions",
            method: .get,
            path: "subscriptions",
            summary: "The durable subscriptions of the ledger",
            roles: [.auditor, .service, .administrator],
            disclosesHealthInformation: false,
            answers: [.json(SubscriptionList.schema)],
            handler: SubscriptionRoutes.list
        ),
        Endpoint(
            operation: "putSubscription",
            method: .put,
            path: "subscriptions/{name}",
            summary: "Make a durable subscription, or change one",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            answers: [.json(PutSubscription.schema)],
            body: .json(settings),
            statuses: ["200", "201"],
            mayConflict: true,
            handler: SubscriptionRoutes.put
        ),
        Endpoint(
            operation: "getSubscription",
            method: .get,
            path: "subscriptions/{name}",
            summary: "Where a subscription is, and how far behind",
            roles: [.auditor, .service, .administrator],
            disclosesHealthInformation: false,
            answers: [.json(SubscriptionDescription.schema)],
            handler: SubscriptionRoutes.get
        ),
        Endpoint(
            operation: "deleteSubscription",
            method: .delete,
            path: "subscriptions/{name}",
            summary: "End a subscription",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            statuses: ["204"],
            handler: SubscriptionRoutes.delete
        ),
        Endpoint(
            operation: "fetchSubscription",
            method: .get,
            path: "subscriptions/{name}/events",
            summary: "The next events for a consumer, and what to acknowledge",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            parameters: [
                limit(100),
                Parameter(
                    "buckets",
                    .integer(1...64),
                    "From how many buckets events may come.",
                    standard: "16"
                ),
                Parameter(
                    "wait",
                    .integer(0...30),
                    "How many seconds to wait where there are none.",
                    standard: "0"
                ),
                Parameter(
                    "consumer",
                    .pattern(
                        "^[A-Za-z0-9._:-]{1,64}$",
                        accepted: "of letters, digits and . _ : -, at most 64"
                    ),
                    "Who fetches, for those who look at the subscription."
                ),
            ],
            answers: [.json(SubscriptionDelivery.schema)],
            extraSeconds: 30,
            mayConflict: true,
            handler: SubscriptionRoutes.events
        ),
        Endpoint(
            operation: "acknowledge",
            method: .post,
            path: "subscriptions/{name}/ack",
            summary: "Acknowledge the events of a bucket, or of several, all or nothing",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            answers: [.json(AcknowledgedAnswer.schema)],
            body: .json(["oneOf": [batch, ["type": "array", "minItems": 1, "items": batch]]]),
            mayConflict: true,
            handler: SubscriptionRoutes.acknowledge
        ),
        Endpoint(
            operation: "listDeadLetters",
            method: .get,
            path: "subscriptions/{name}/dead-letters",
            summary: "Events that were given out in vain",
            roles: [.auditor, .service, .administrator],
            disclosesHealthInformation: false,
            parameters: [after, limit(500)],
            answers: [.json(DeadLetterList.schema)],
            handler: SubscriptionRoutes.deadLetters
        ),
        Endpoint(
            operation: "resolveDeadLetter",
            method: .delete,
            path: "subscriptions/{name}/dead-letters/{position}",
            summary: "Take a dead letter off the list, once it has been dealt with",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            statuses: ["204"],
            handler: SubscriptionRoutes.resolve
        ),
        Endpoint(
            operation: "rotateSecret",
            method: .post,
            path: "subscriptions/{name}/rotate-secret",
            summary: "A new secret for a webhook; the one before signs along for a day",
            roles: [.service, .administrator],
            disclosesHealthInformation: true,
            answers: [.json(RotatedSecret.schema)],
            mayConflict: true,
            handler: SubscriptionRoutes.rotate
        ),
    ]

    private static let position: AnswerJSON = [
        "type": "integer", "minimum": 0, "maximum": .integer(1 << 53),
    ]

    private static let settings: AnswerJSON = [
        "type": "object", "additionalProperties": .bool(false),
        "properties": [
            "types": [
                "type": "array", "minItems": 1, "maxItems": 256,
                "items": EventType.schema,
            ],
            "episode_id": ["type": "string", "format": "uuid"], "after": Cursor.schema,
            "lease_seconds": ["type": "integer", "minimum": 1, "maximum": 3_600],
            "max_deliveries": ["type": "integer", "minimum": 1, "maximum": 1_000],
            "webhook": [
                "type": "object", "additionalProperties": .bool(false), "required": ["url"],
                "properties": [
                    "url": ["type": "string", "format": "uri", "maxLength": 2_048],
                    "payload": WebhookSettings.Payload.schema,
                    "mode": WebhookSettings.Mode.schema,
                    "signature": WebhookSettings.Signature.schema,
                ],
            ],
        ],
    ]

    private static let batch: AnswerJSON = [
        "type": "object", "additionalProperties": .bool(false),
        "required": ["bucket", "from", "to"],
        "properties": [
            "bucket": ["type": "integer", "minimum": 0, "maximum": 63], "from": Cursor.schema,
            "to": Cursor.schema, "epoch": position,
            "deliveries": ["type": "integer", "minimum": 0],
            "failed": [
                "type": "array", "maxItems": 256,
                "items": [
                    "type": "object", "additionalProperties": .bool(false),
                    "required": ["position", "reason"],
                    "properties": [
                        "position": ["type": "integer", "minimum": 1],
                        "reason": ["type": "string", "pattern": "^[a-z0-9_]{1,64}$"],
                    ],
                ],
            ],
        ],
    ]
}
