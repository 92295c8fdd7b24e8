public import CareEpisode

/// What one consumer of a subscription was given: it has each bucket until its lease ends, and what
/// it does not acknowledge by then is given to whoever asks next.
public struct SubscriptionDelivery: Sendable {
    /// The part of one bucket: what `POST …/ack` takes once its events are dealt with.
    public struct Batch: Hashable, Sendable {
        /// 0 to 63.
        public let bucket: Int
        /// What was acknowledged before.
        public let from: Position
        /// Everything up to here that the subscription wants of this bucket is in this delivery.
        public let to: Position
        /// Of the lease.
        public let epoch: Int64
        /// How often this was given out, with this time.
        public let deliveries: Int
        /// The ledger's incarnation, of which both positions are.
        public let incarnation: Int32
    }

    /// In the order of their positions, and so each episode in order.
    public let events: [(bucket: Int, event: RecordedEvent)]
    /// What to acknowledge.
    public let batches: [Batch]
    /// The ledger's head when this was read.
    public let head: Position
}

/// Says that everything of a bucket between two positions has been dealt with.
public struct Acknowledgement: Hashable, Sendable {
    /// An event that could not be dealt with and goes to the dead letters.
    public struct Failed: Hashable, Sendable {
        /// The event's.
        public var position: Position
        /// A code; never health information.
        public var reason: String

        /// Names an event and why.
        public init(position: Position, reason: String) {
            self.position = position
            self.reason = reason
        }
    }

    /// 0 to 63.
    public var bucket: Int
    /// Where the bucket is.
    public var from: Position
    /// Where it shall be; the same for keeping the lease.
    public var to: Position
    /// Of the lease; nil leaves the check to the position alone.
    public var epoch: Int64?
    /// The ledger's incarnation, of which both positions are; nil where they are the beginning alone.
    public var incarnation: Int32?
    /// What could not be dealt with.
    public var failed: [Failed]

    /// Acknowledges.
    public init(
        bucket: Int,
        from: Position,
        to: Position,
        epoch: Int64? = nil,
        incarnation: Int32? = nil,
        failed: [Failed] = []
    ) {
        self.bucket = bucket
        self.from = from
        self.to = to
        self.epoch = epoch
        self.incarnation = incarnation
        self.failed = failed
    }
}
