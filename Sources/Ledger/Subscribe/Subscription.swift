public import CareEpisode
import Crypto

/// The name of a durable subscription: as a ledger's, lower-case letters, digits, `-` and `_`, at most
/// 63.
public struct SubscriptionName: Hashable, Sendable, CustomStringConvertible {
    /// The name.
    public let description: String

    /// The name, or nil where the text is not one.
    public init?(_ text: String) {
        guard LedgerName(text) != nil else { return nil }
        description = text
    }
}

/// What a durable subscription is about, and how it is delivered.
///
/// Its position is kept in the database: a subscriber that comes back after a year has missed
/// nothing.
public struct Subscription: Hashable, Sendable {
    /// Unique in the ledger.
    public var name: SubscriptionName
    /// Only these types; nil for all.
    public var types: Set<EventType>?
    /// Only this episode; nil for all.
    public var episode: EpisodeID?
    /// The position after which it began.
    public var after: Position
    /// How long a consumer may keep what it was given before others get it; 1 to 3,600 seconds.
    public var leaseSeconds: Int
    /// How often an event is given out before it goes to the dead letters; 1 to 1,000.
    public var maxDeliveries: Int
    /// Where it is sent; nil where consumers fetch it.
    public var webhook: WebhookSettings?

    /// Describes a subscription.
    public init(
        name: SubscriptionName,
        types: Set<EventType>? = nil,
        episode: EpisodeID? = nil,
        after: Position = .zero,
        leaseSeconds: Int = 30,
        maxDeliveries: Int = 10,
        webhook: WebhookSettings? = nil
    ) {
        self.name = name
        self.types = types
        self.episode = episode
        self.after = after
        self.leaseSeconds = leaseSeconds
        self.maxDeliveries = maxDeliveries
        self.webhook = webhook
    }

    /// How many buckets the episodes of a subscription are shared out in.
    public static let buckets = 64

    /// The bucket of an episode, 0 to 63: the first byte of the SHA-256 of its id's sixteen bytes,
    /// modulo 64.
    public static func bucket(of episode: EpisodeID) -> Int {
        let bits = episode.bits
        let bytes = (0..<16).map { UInt8(truncatingIfNeeded: bits >> (8 * (15 - $0))) }
        return SHA256.hash(data: bytes).withUnsafeBytes { Int($0[0]) } % buckets
    }
}

/// Where and in which form the events of a subscription are sent.
public struct WebhookSettings: Hashable, Sendable {
    /// How much of an event is sent.
    public enum Payload: String, ClosedCode {
        /// Ledger, position, episode and time.
        case thin
        /// The whole event: health information.
        case full
    }

    /// How a CloudEvent travels over HTTP (CloudEvents 1.0, HTTP protocol binding).
    public enum Mode: String, ClosedCode {
        /// Everything in one JSON object.
        case structured
        /// Attributes as headers, the data as body.
        case binary
    }

    /// What requests are signed with (Standard Webhooks 1.0).
    public enum Signature: String, ClosedCode {
        /// HMAC-SHA256 with a shared secret.
        case hmac = "v1"
        /// Ed25519, checked with a public key.
        case ed25519 = "v1a"
    }

    /// An absolute `https` address; `http` too where the operator allows private networks.
    public var url: String
    /// How much is sent.
    public var payload: Payload
    /// In which form.
    public var mode: Mode
    /// Signed how.
    public var signature: Signature

    /// Describes a webhook.
    public init(
        url: String,
        payload: Payload = .thin,
        mode: Mode = .structured,
        signature: Signature = .hmac
    ) {
        self.url = url
        self.payload = payload
        self.mode = mode
        self.signature = signature
    }
}

/// Why something about a subscription cannot be done.
public enum SubscriptionError: Error, Hashable, Sendable, CustomStringConvertible {
    /// There is none of this name.
    case unknown(SubscriptionName)
    /// What cannot be changed was given differently: the field.
    case fixed(String)
    /// It begins after the ledger's head.
    case beyondHead
    /// There are as many as a ledger may have.
    case tooMany(Int)
    /// It is sent to an address, and not fetched.
    case isPushed(SubscriptionName)
    /// It is fetched, and not sent.
    case isFetched(SubscriptionName)
    /// There is no dead letter at this position.
    case noDeadLetter(Position)
    /// It stood beyond the ledger's head, as after a restore, and was put back to it.
    case stoodBeyondHead(CursorError)
    /// Acknowledgements that do not fit where the buckets are; nothing was acknowledged.
    case stale([StaleAcknowledgement])

    /// What is wrong and what to do.
    public var description: String {
        switch self {
        case .unknown(let name): "there is no subscription named \(name)"
        case .fixed(let field):
            "\(field) of a subscription cannot be changed: delete it, and make another one"
        case .beyondHead: "after lies beyond the ledger's head"
        case .tooMany(let limit): "a ledger has at most \(limit) subscriptions"
        case .isPushed(let name): "\(name) is a webhook: its events are sent, not fetched"
        case .isFetched(let name): "\(name) is no webhook: its events are fetched"
        case .noDeadLetter(let position): "there is no dead letter at position \(position)"
        case .stoodBeyondHead(let error):
            "the subscription stood beyond the ledger's head, \(error.head), as after a restore from a "
                + "backup, and was put back to it. Drop what you have from beyond it, and fetch again"
        case .stale:
            "the acknowledgement does not fit where the bucket is; nothing was acknowledged"
        }
    }
}

/// An acknowledgement that was not taken, and where the bucket is.
public struct StaleAcknowledgement: Hashable, Sendable {
    /// Which of the acknowledgements, from 0.
    public var index: Int
    /// Its bucket.
    public var bucket: Int
    /// What is acknowledged.
    public var position: Position
    /// Up to where events were given out.
    public var delivered: Position
    /// The epoch of the newest lease.
    public var epoch: Int64
    /// The ledger's incarnation, of which both positions are.
    public var incarnation: Int32
}
