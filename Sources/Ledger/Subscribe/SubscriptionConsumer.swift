import CareEpisode
import Postgres

/// Gives out events to the consumers of a subscription that is fetched.
///
/// Any number of consumers, of any number of processes, share the buckets. Nothing is locked while
/// events are read: a bucket is taken, and acknowledged, by compare-and-set.
public struct SubscriptionConsumer: Sendable {
    /// The most events of one delivery.
    public static let eventLimit = 1_000
    /// Buckets in which nothing happened are moved on once they are so far behind: often enough to
    /// look at few events twice, seldom enough to write little.
    private static let idleLag: Int64 = 256
    /// The most positions that one delivery looks at.
    private static let window = 20 * EventReader.pageLimit

    let database: LedgerDatabase
    let ledger: LedgerDescription
    let reader: EventReader

    var id: Int32 { ledger.id.rawValue }

    /// The consumers of a ledger.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) {
        self.database = database
        self.ledger = ledger
        reader = EventReader(database.atPrimary, ledger: ledger)
    }

    private struct Bucket {
        let number: Int
        let position: Int64
        let epoch: Int64
        let deliveries: Int
    }

    private struct Scan {
        var events: [(bucket: Int, event: RecordedEvent)] = []
        /// Of each bucket that has an event: up to where it is given out.
        var through: [Int: Int64] = [:]
        /// Buckets that have an event, given out or not.
        var busy: Set<Int> = []
        /// Everything up to here was looked at.
        var reached: Int64
        var head: Position = .zero
        var incarnation: Int32 = 1
        var isReplica = false
        var isEnded = false
    }

    // MARK: - Giving out

    /// The next events for a consumer; none where there are none that nobody else has.
    ///
    /// - Parameters:
    ///   - subscription: one that is fetched.
    ///   - consumer: who asks. One with a name gets again at once what it has not acknowledged;
    ///     without a name, what it was given comes back when the lease ends.
    ///   - limit: the most events, 1 to ``eventLimit``.
    ///   - buckets: the most buckets, so that others get some too.
    /// - Throws: ``SubscriptionError``, ``LedgerError/missingEvent(_:)``.
    public func next(
        _ subscription: Subscription,
        consumer: String?,
        limit: Int = 100,
        buckets: Int = 16
    ) async throws -> SubscriptionDelivery {
        guard subscription.webhook == nil else {
            throw SubscriptionError.isPushed(subscription.name)
        }
        while true {
            try Task.checkCancellation()
            let free = try await free(subscription, consumer)
            guard let first = free.first else {
                return SubscriptionDelivery(
                    events: [],
                    batches: [],
                    head: try await reader.head().position
                )
            }
            let scan = try await scan(subscription, free, first.position, limit, buckets)
            try await checkHead(subscription.name, free, scan)
            let isMoved = try await moveIdle(subscription.name, free, scan)
            guard !scan.events.isEmpty else {
                // Nothing in a whole window: go on behind it.
                if !scan.isEnded, isMoved { continue }
                return SubscriptionDelivery(events: [], batches: [], head: scan.head)
            }
            if try await buryExhausted(subscription, free, scan) { continue }
            let batches = try await take(subscription, consumer, free, scan)
            // Somebody else was quicker with all of them.
            if batches.isEmpty { continue }
            let taken = Set(batches.map(\.bucket))
            return SubscriptionDelivery(
                events: scan.events.filter { taken.contains($0.bucket) },
                batches: batches,
                head: scan.head
            )
        }
    }

    /// Makes sure that no bucket stands beyond the head: what comes there would never be given out.
    private func checkHead(
        _ name: SubscriptionName,
        _ free: [Bucket],
        _ scan: Scan
    ) async throws {
        guard !scan.isReplica, free.contains(where: { $0.position > scan.head.rawValue }) else {
            return
        }
        try await setBack(name, to: scan.head)
        let head = LedgerHead(
            position: scan.head,
            recordedAt: nil,
            incarnation: scan.incarnation
        )
        throw SubscriptionError.stoodBeyondHead(CursorError(ahead: head, goOnAfter: head.cursor))
    }

    /// Buckets that nobody has, or that this consumer has, those furthest behind first.
    private func free(_ subscription: Subscription, _ consumer: String?) async throws -> [Bucket] {
        let name = subscription.name
        let leaseSeconds = Double(subscription.leaseSeconds)
        return try await database.projector.query(
            """
            select bucket, position, epoch, deliveries
            from subscription_bucket
            where ledger_id = \(id) and name = \(name.description)
            and (
                lease_until is null or lease_until <= clock_timestamp()
                -- No lease of it is so long: it was taken while the clock was ahead.
                or lease_until > clock_timestamp() + make_interval(secs => \(leaseSeconds))
                or consumer = \(consumer)::text
            )
            order by position, bucket
            """
        ).map { row in
            Bucket(
                number: Int(try row.get("bucket", as: Int32.self)),
                position: try row.get("position"),
                epoch: try row.get("epoch"),
                deliveries: Int(try row.get("deliveries", as: Int32.self))
            )
        }
    }

    /// Reads on from the bucket that is furthest behind, until there is enough.
    private func scan(
        _ subscription: Subscription,
        _ free: [Bucket],
        _ start: Int64,
        _ limit: Int,
        _ most: Int
    ) async throws -> Scan {
        let known = Dictionary(uniqueKeysWithValues: free.map { ($0.number, $0) })
        var scan = Scan(reached: start)
        var full: Set<Int> = []
        while scan.reached - start < Int64(Self.window), !scan.isEnded, scan.events.count < limit {
            let page = try await reader.page(
                after: Position(rawValue: scan.reached),
                types: subscription.types,
                episode: subscription.episode,
                limit: EventReader.pageLimit
            )
            scan.head = page.head
            (scan.incarnation, scan.isReplica) = (page.incarnation, page.isReplica)
            for event in page.events where scan.events.count < limit {
                let position = event.history.position.rawValue
                scan.reached = position
                let number = Subscription.bucket(of: event.episodeID)
                guard let bucket = known[number], bucket.position < position else { continue }
                scan.busy.insert(number)
                if full.contains(number) { continue }
                if scan.through[number] == nil, scan.through.count >= most { continue }
                scan.events.append((number, event))
                scan.through[number] = position
                // What was given out in vain before comes one by one, so that the event that its
                // consumers die of is found and the others are not buried with it.
                if bucket.deliveries > 1 { full.insert(number) }
            }
            if scan.events.count < limit { scan.reached = page.nextAfter.rawValue }
            scan.isEnded = page.nextAfter >= page.head
        }
        // Of a bucket that was read to the end of the scan, all up to there is given out.
        for number in scan.through.keys where !full.contains(number) {
            scan.through[number] = scan.reached
        }
        return scan
    }

    /// Moves on free buckets in which nothing happened up to where the scan came.
    private func moveIdle(
        _ name: SubscriptionName,
        _ free: [Bucket],
        _ scan: Scan
    ) async throws -> Bool {
        let idle = free.filter { $0.position < scan.reached && !scan.busy.contains($0.number) }
        guard let behind = idle.first,
            !scan.isEnded && scan.events.isEmpty
                || scan.reached - behind.position >= Self.idleLag
        else { return false }
        let ordered = idle.sorted { $0.number < $1.number }
        try await database.projector.withTransaction { connection in
            try await lock(name, ordered.map(\.number), connection)
            _ = try await connection.query(
                """
                update subscription_bucket b
                set position = \(scan.reached), delivered = \(scan.reached), deliveries = 0
                from unnest(
                    \(ordered.map { Int32($0.number) }), \(ordered.map(\.position)),
                    \(ordered.map(\.epoch))
                ) as t (bucket, position, epoch)
                where b.ledger_id = \(id) and b.name = \(name.description)
                and b.bucket = t.bucket and b.position = t.position and b.epoch = t.epoch
                """
            )
        }
        return true
    }

    /// Buries the first event of each bucket that was given out as often as it may be.
    private func buryExhausted(
        _ subscription: Subscription,
        _ free: [Bucket],
        _ scan: Scan
    ) async throws -> Bool {
        let exhausted = free.filter { bucket in
            bucket.deliveries >= subscription.maxDeliveries && scan.through[bucket.number] != nil
        }
        guard !exhausted.isEmpty else { return false }
        let name = subscription.name.description
        for bucket in exhausted {
            guard let event = scan.events.first(where: { $0.bucket == bucket.number })?.event else {
                continue
            }
            let position = event.history.position.rawValue
            try await database.projector.withTransaction { connection in
                let moved = try await connection.query(
                    """
                    update subscription_bucket
                    set position = \(position), delivered = \(position), deliveries = 0,
                        epoch = epoch + 1, consumer = null, lease_until = null
                    where ledger_id = \(id) and name = \(name)
                    and bucket = \(Int32(bucket.number))
                    and position = \(bucket.position) and epoch = \(bucket.epoch)
                    """
                )
                guard moved.affectedRows == 1 else { return }
                try await bury(
                    subscription.name,
                    event,
                    deliveries: bucket.deliveries,
                    reason: "never_acknowledged",
                    connection
                )
            }
        }
        return true
    }

    func bury(
        _ name: SubscriptionName,
        _ event: RecordedEvent,
        deliveries: Int,
        reason: String,
        _ connection: PostgresConnection
    ) async throws {
        _ = try await connection.query(
            """
            insert into subscription_dead_letter
                (ledger_id, name, position, episode_id, event_id, deliveries, reason)
            values (
                \(id), \(name.description), \(event.history.position.rawValue),
                \(event.episodeID), \(event.history.eventID), \(Int32(deliveries)), \(reason)
            )
            on conflict do nothing
            """
        )
    }

    /// Leases the buckets of a scan that are still as they were.
    private func take(
        _ subscription: Subscription,
        _ consumer: String?,
        _ free: [Bucket],
        _ scan: Scan
    ) async throws -> [SubscriptionDelivery.Batch] {
        let wanted = free.filter { scan.through[$0.number] != nil }
            .sorted { $0.number < $1.number }
        let name = subscription.name
        return try await database.projector.withTransaction { connection in
            try await lock(name, wanted.map(\.number), connection)
            return try await connection.query(
                """
                update subscription_bucket b
                set epoch = b.epoch + 1, delivered = t.through, deliveries = b.deliveries + 1,
                    consumer = \(consumer), lease_until = clock_timestamp()
                        + make_interval(secs => \(Double(subscription.leaseSeconds)))
                from unnest(
                    \(wanted.map { Int32($0.number) }), \(wanted.map(\.position)),
                    \(wanted.map(\.epoch)), \(wanted.map { scan.through[$0.number] ?? 0 })
                ) as t (bucket, position, epoch, through)
                where b.ledger_id = \(id) and b.name = \(name.description)
                and b.bucket = t.bucket and b.position = t.position and b.epoch = t.epoch
                returning b.bucket, b.position, b.delivered, b.epoch, b.deliveries,
                    (
                        select \(EventReader.incarnation) from ledger_head h
                        where h.ledger_id = b.ledger_id
                    ) as incarnation
                """
            ).map { row in
                SubscriptionDelivery.Batch(
                    bucket: Int(try row.get("bucket", as: Int32.self)),
                    from: Position(rawValue: try row.get("position")),
                    to: Position(rawValue: try row.get("delivered")),
                    epoch: try row.get("epoch"),
                    deliveries: Int(try row.get("deliveries", as: Int32.self)),
                    incarnation: try row.get("incarnation")
                )
            }.sorted { $0.bucket < $1.bucket }
        }
    }

    /// Locks rows in one order, so that consumers wait for each other and never for themselves.
    private func lock(
        _ name: SubscriptionName,
        _ buckets: [Int],
        _ connection: PostgresConnection
    ) async throws {
        _ = try await connection.query(
            """
            select bucket from subscription_bucket
            where ledger_id = \(id) and name = \(name.description)
            and bucket = any (\(buckets.map { Int32($0) }))
            order by bucket
            for update
            """
        )
    }
}
