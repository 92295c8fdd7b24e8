public import CareEpisode
public import Ledger

extension Subscription: JSONObject {
    /// What was asked for.
    public static let fields: [JSONField<Self>] = [
        .init("name", \.name),
        .init("types") { $0.types?.sorted { $0.rawValue < $1.rawValue } },
        .init("episode_id", \.episode),
        .init("after", \.after),
        .init("lease_seconds", \.leaseSeconds),
        .init("max_deliveries", \.maxDeliveries),
        .optional("webhook", \.webhook),
    ]
}

extension SubscriptionName: JSONText {
    /// A name.
    public static var schema: AnswerJSON { LedgerName.schema }
}

extension WebhookSettings: JSONObject {
    /// Where and how events are sent.
    public static let fields: [JSONField<Self>] = [
        .init("url", \.url),
        .init("payload", \.payload),
        .init("mode", \.mode),
        .init("signature", \.signature),
    ]
}

/// The subscriptions of a ledger.
struct SubscriptionList: JSONObject {
    let subscriptions: [Subscription]

    static let fields: [JSONField<Self>] = [.init("subscriptions", \.subscriptions)]
}

/// A subscription, where it is, and how far behind.
struct SubscriptionDescription: JSONObject {
    let subscription: Subscription
    let status: SubscriptionStatus
    /// What checks the signatures of a webhook that signs with a key of its own.
    var publicKey: String?

    static let fields: [JSONField<Self>] =
        Subscription.fields.map { $0.lifted(\.subscription) } + [
            .init("position") {
                Cursor($0.status.position, incarnation: $0.status.incarnation)
            },
            .init("head", \.status.head),
            .init("lag", \.status.lag),
            .init("dead_letters", \.status.deadLetters),
            .optional("buckets") { $0.status.push == nil ? $0.status.buckets : nil },
            .optional("delivery", \.status.push),
            .optional("public_key", \.publicKey),
        ]
}

/// A subscription that was made or changed.
struct PutSubscription: JSONObject {
    let description: SubscriptionDescription
    /// What checks the signatures of a webhook with a shared secret: told once.
    let secret: String?

    static let fields: [JSONField<Self>] =
        SubscriptionDescription.fields.map { $0.lifted(\.description) } + [
            .optional("secret", \.secret)
        ]
}

extension SubscriptionStatus.Bucket: JSONObject {
    /// Where a bucket is, and who has it.
    public static let fields: [JSONField<Self>] = [
        .init("bucket", \.number),
        .init("position") { Cursor($0.position, incarnation: $0.incarnation) },
        .init("delivered") { Cursor($0.delivered, incarnation: $0.incarnation) },
        .init("epoch", \.epoch),
        .init("consumer", \.consumer),
        .init("leased_until", \.leasedUntil),
    ]
}

extension SubscriptionStatus.Push: JSONObject {
    /// How the sending goes.
    public static let fields: [JSONField<Self>] = [
        .init("state", \.state),
        .init("disabled_reason", \.disabledReason),
        .init("attempts", \.attempts),
        .init("next_attempt_at", \.nextAttemptAt),
        .init("last_attempt_at", \.lastAttemptAt),
        .init("last_status", \.lastStatus),
        .init("last_error", \.lastError),
    ]

    private enum State: String, ClosedCode {
        case active, disabled
    }

    private var state: State { disabledReason == nil ? .active : .disabled }
}

/// A webhook's new secret, or the key that checks its signatures.
struct RotatedSecret: JSONObject {
    let secret: String?
    let publicKey: String?

    static let fields: [JSONField<Self>] = [
        .optional("secret", \.secret),
        .optional("public_key", \.publicKey),
    ]
}

extension SubscriptionDelivery: JSONObject {
    /// Events, and what to acknowledge once they are dealt with.
    public static let fields: [JSONField<Self>] = [
        .init("events", schema: .schema(listOf: eventSchema)) { delivery in
            .array(
                delivery.events.map { bucket, event in
                    .raw(event.served().dropLast() + Array(",\"bucket\":\(bucket)}".utf8))
                }
            )
        },
        .init("batches", \.batches),
        .init("head", \.head),
    ]

    private static let eventSchema = RecordedEvent.schema(adding: [("bucket", Int.schema)])
}

extension SubscriptionDelivery.Batch: JSONObject {
    /// What `ack` takes.
    public static let fields: [JSONField<Self>] = [
        .init("bucket", \.bucket),
        .init("from") { Cursor($0.from, incarnation: $0.incarnation) },
        .init("to") { Cursor($0.to, incarnation: $0.incarnation) },
        .init("epoch", \.epoch),
        .init("deliveries", \.deliveries),
    ]
}

/// What was acknowledged.
struct AcknowledgedAnswer: JSONObject {
    let acknowledged: [Acknowledgement]

    static let fields: [JSONField<Self>] = [.init("acknowledged", \.acknowledged)]
}

extension Acknowledgement: JSONObject {
    /// A bucket, and up to where it is acknowledged now.
    public static let fields: [JSONField<Self>] = [
        .init("bucket", \.bucket),
        .init("position") { Cursor($0.to, incarnation: $0.incarnation ?? 1) },
    ]
}

extension StaleAcknowledgement: JSONObject {
    /// Where a bucket is.
    public static let fields: [JSONField<Self>] = [
        .init("bucket", \.bucket),
        .init("position", \.cursors.position),
        .init("delivered", \.cursors.delivered),
        .init("epoch", \.epoch),
    ]

    /// Both positions as they are told.
    var cursors: (position: Cursor, delivered: Cursor) {
        (
            Cursor(position, incarnation: incarnation), Cursor(delivered, incarnation: incarnation)
        )
    }
}

/// Events that were given out in vain.
struct DeadLetterList: JSONObject {
    let letters: [DeadLetter]

    static let fields: [JSONField<Self>] = [.init("dead_letters", \.letters)]
}

extension DeadLetter: JSONObject {
    /// An event, and why it was given up.
    public static let fields: [JSONField<Self>] = [
        .init("position", \.position),
        .init("episode_id", \.episode),
        .init("event_id", \.eventID),
        .init("deliveries", \.deliveries),
        .init("reason", \.reason),
        .init("died_at", \.diedAt),
    ]
}
