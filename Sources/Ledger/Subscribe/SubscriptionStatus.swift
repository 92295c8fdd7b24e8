public import CareEpisode
import Postgres

/// Where a subscription is.
public struct SubscriptionStatus: Sendable {
    /// One bucket of a subscription that is fetched.
    public struct Bucket: Hashable, Sendable {
        /// 0 to 63.
        public let number: Int
        /// What is acknowledged.
        public let position: Position
        /// Up to where events are given out.
        public let delivered: Position
        /// Of the newest lease.
        public let epoch: Int64
        /// Who has it, where that has a name.
        public let consumer: String?
        /// Until when somebody has it; nil where nobody has.
        public let leasedUntil: Instant?
        /// The ledger's incarnation, of which both positions are.
        public internal(set) var incarnation: Int32 = 1
    }

    /// A subscription that is sent.
    public struct Push: Hashable, Sendable {
        /// Failed attempts to send the next event.
        public let attempts: Int
        /// When the next one is due; nil for at once.
        public let nextAttemptAt: Instant?
        /// When the last one was made.
        public let lastAttemptAt: Instant?
        /// What was answered then.
        public let lastStatus: Int?
        /// Why nothing was answered then.
        public let lastError: String?
        /// Why nothing is sent any more; nil while it is.
        public let disabledReason: String?
    }

    /// Everything up to here is dealt with.
    public let position: Position
    /// The ledger's incarnation, of which the position is.
    public let incarnation: Int32
    /// The ledger's head.
    public let head: Position
    /// How many positions lie between what is dealt with and the head; 0 where nothing is waiting.
    public let lag: Int64
    /// How many dead letters there are.
    public let deadLetters: Int
    /// Of a subscription that is fetched.
    public let buckets: [Bucket]
    /// Of a subscription that is sent.
    public let push: Push?

    /// The most positions that are looked at for the oldest event that waits.
    private static let window: Int64 = 20_000

    /// Looks up where a subscription is.
    ///
    /// - Throws: ``SubscriptionError/unknown(_:)`` where it was deleted in the meantime.
    public init(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ subscription: Subscription
    ) async throws {
        let (id, name) = (ledger.id.rawValue, subscription.name.description)
        let counts = try await database.reader.query(
            """
            select count(*) as number from subscription_dead_letter
            where ledger_id = \(id) and name = \(name)
            """
        )
        deadLetters = Int(try counts.first?.get("number", as: Int64.self) ?? 0)
        let newest = try await EventReader(database, ledger: ledger).head()
        let head = newest.position
        self.head = head
        incarnation = newest.incarnation
        guard subscription.webhook == nil else {
            let rows = try await database.reader.query(
                """
                select position, attempts, last_status, last_error, disabled_reason,
                    next_attempt_at, last_attempt_at
                from webhook
                where ledger_id = \(id) and name = \(name)
                """
            )
            guard let row = rows.first else { throw SubscriptionError.unknown(subscription.name) }
            position = Position(rawValue: try row.get("position"))
            buckets = []
            push = Push(
                attempts: Int(try row.get("attempts", as: Int32.self)),
                nextAttemptAt: try row.get("next_attempt_at"),
                lastAttemptAt: try row.get("last_attempt_at"),
                lastStatus: try row.get("last_status", as: Int32?.self).map { Int($0) },
                lastError: try row.get("last_error"),
                disabledReason: try row.get("disabled_reason")
            )
            lag = max(0, head.rawValue - position.rawValue)
            return
        }
        push = nil
        buckets = try await Self.buckets(database, id, name).map { bucket in
            var bucket = bucket
            bucket.incarnation = newest.incarnation
            return bucket
        }
        guard let least = buckets.map(\.position.rawValue).min() else {
            throw SubscriptionError.unknown(subscription.name)
        }
        let waiting = try await Self.oldestWaiting(database, ledger, subscription, buckets, least)
        let through = min(head.rawValue, least + Self.window)
        position = Position(rawValue: waiting.map { $0 - 1 } ?? max(least, through))
        lag = max(0, head.rawValue - position.rawValue)
    }

    private static func buckets(
        _ database: LedgerDatabase,
        _ id: Int32,
        _ name: String
    ) async throws -> [Bucket] {
        try await database.reader.query(
            """
            select b.bucket, b.position, b.delivered, b.epoch,
                case when l.is_held then b.consumer end as consumer,
                case when l.is_held then b.lease_until end as lease_until
            from subscription_bucket b
            join subscription u using (ledger_id, name)
            cross join lateral (
                -- One that lasts longer than it may is void.
                select b.lease_until > clock_timestamp() and b.lease_until
                    <= clock_timestamp() + make_interval(secs => u.lease_seconds) as is_held
            ) l
            where b.ledger_id = \(id) and b.name = \(name)
            order by b.bucket
            """
        ).map { row in
            Bucket(
                number: Int(try row.get("bucket", as: Int32.self)),
                position: Position(rawValue: try row.get("position")),
                delivered: Position(rawValue: try row.get("delivered")),
                epoch: try row.get("epoch"),
                consumer: try row.get("consumer"),
                leasedUntil: try row.get("lease_until")
            )
        }
    }

    /// The first event that is not acknowledged: buckets without events do not count.
    private static func oldestWaiting(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ subscription: Subscription,
        _ buckets: [Bucket],
        _ least: Int64
    ) async throws -> Int64? {
        let types = subscription.types.map { $0.map(\.rawValue).sorted() }
        let rows = try await database.reader.query(
            """
            select position, episode_id
            from event
            where ledger_id = \(ledger.id.rawValue)
            and position > \(least) and position <= \(least + window)
            and (\(types)::text[] is null or type = any (\(types)::text[]))
            and (\(subscription.episode)::uuid is null or episode_id = \(subscription.episode)::uuid)
            order by position
            """
        )
        let positions = Dictionary(uniqueKeysWithValues: buckets.map { ($0.number, $0.position) })
        for row in rows {
            let position = try row.get("position", as: Int64.self)
            let bucket = Subscription.bucket(of: try row.get("episode_id", as: EpisodeID.self))
            if position > (positions[bucket]?.rawValue ?? 0) { return position }
        }
        return nil
    }
}
