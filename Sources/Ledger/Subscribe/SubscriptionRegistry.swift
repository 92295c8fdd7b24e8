public import CareEpisode
import Postgres

/// Makes, changes, describes and ends the durable subscriptions of a ledger.
public struct SubscriptionRegistry: Sendable {
    /// The most subscriptions that a ledger may have.
    public static let limit = 1_000

    let database: LedgerDatabase
    let ledger: LedgerDescription

    /// The subscriptions of a ledger.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) {
        self.database = database
        self.ledger = ledger
    }

    var id: Int32 { ledger.id.rawValue }

    // MARK: - Making and ending

    /// Makes a subscription, or changes one: but for its name, where it began and whether it is
    /// sent, everything can be changed.
    ///
    /// - Parameters:
    ///   - subscription: as it shall be.
    ///   - givesAfter: whether `after` was asked for; else a subscription that is there keeps its own.
    ///   - incarnation: of the ledger, of which `after` is.
    ///   - by: who makes it.
    /// - Returns: whether it is new, and for a new webhook its first secret.
    /// - Throws: ``SubscriptionError``; ``CursorError`` where `after` of a new one is from before a
    ///   restore.
    public func put(
        _ subscription: Subscription,
        givesAfter: Bool,
        incarnation: Int32? = nil,
        by subject: String
    ) async throws -> (isNew: Bool, secret: WebhookSecret?) {
        try await database.projector.withTransaction { connection in
            // One at a time, so that the limit holds.
            let heads = try await connection.query(
                """
                select h.position, \(EventReader.incarnation) as incarnation, pg_advisory_xact_lock(1163086931, \(id))::text as held
                from ledger_head h
                where h.ledger_id = \(id)
                """
            )
            let head = try heads.first?.get("position", as: Int64.self) ?? 0
            guard let stored = try await find(subscription.name, connection) else {
                if let incarnation {
                    let current = LedgerHead(
                        position: Position(head),
                        recordedAt: nil,
                        incarnation: try heads.first?.get("incarnation") ?? 1
                    )
                    // What is beyond the head of this incarnation is refused as a field.
                    if incarnation != current.incarnation {
                        try await EventReader(database, ledger: ledger)
                            .check(Cursor(subscription.after, incarnation: incarnation), current)
                    }
                }
                guard subscription.after.rawValue <= head else {
                    throw SubscriptionError.beyondHead
                }
                let secret = try await insert(subscription, by: subject, connection)
                return (true, secret)
            }
            if givesAfter, stored.after != subscription.after {
                throw SubscriptionError.fixed("after")
            }
            if (stored.webhook == nil) != (subscription.webhook == nil) {
                throw SubscriptionError.fixed("webhook")
            }
            if stored.webhook?.signature != subscription.webhook?.signature {
                throw SubscriptionError.fixed("webhook.signature")
            }
            try await update(subscription, from: stored, connection)
            return (false, nil)
        }
    }

    private func insert(
        _ subscription: Subscription,
        by subject: String,
        _ connection: PostgresConnection
    ) async throws -> WebhookSecret? {
        let name = subscription.name.description
        let counts = try await connection.query(
            "select count(*) as number from subscription where ledger_id = \(id)"
        )
        guard try counts.first?.get("number", as: Int64.self) ?? 0 < Self.limit else {
            throw SubscriptionError.tooMany(Self.limit)
        }
        let types = subscription.types.map { $0.map(\.rawValue).sorted() }
        _ = try await connection.query(
            """
            insert into subscription
                (ledger_id, name, types, episode_id, start_after, lease_seconds, max_deliveries,
                created_by)
            values (
                \(id), \(name), \(types), \(subscription.episode),
                \(subscription.after.rawValue), \(Int32(subscription.leaseSeconds)),
                \(Int32(subscription.maxDeliveries)), \(subject)
            )
            """
        )
        guard let webhook = subscription.webhook else {
            _ = try await connection.query(
                """
                insert into subscription_bucket (ledger_id, name, bucket, position, delivered)
                select \(id), \(name), bucket, \(subscription.after.rawValue),
                    \(subscription.after.rawValue)
                from generate_series(0, \(Int32(Subscription.buckets - 1))) as b (bucket)
                """
            )
            return nil
        }
        _ = try await connection.query(
            """
            insert into webhook (ledger_id, name, url, payload, mode, signature, position)
            values (
                \(id), \(name), \(webhook.url), \(webhook.payload.rawValue),
                \(webhook.mode.rawValue), \(webhook.signature.rawValue),
                \(subscription.after.rawValue)
            )
            """
        )
        let secret = WebhookSecret.fresh(webhook.signature, number: 1)
        _ = try await connection.query(
            """
            insert into webhook_secret (ledger_id, name, number, secret)
            values (\(id), \(name), 1, \(secret.bytes))
            """
        )
        return secret
    }

    private func update(
        _ subscription: Subscription,
        from stored: Subscription,
        _ connection: PostgresConnection
    ) async throws {
        let name = subscription.name.description
        let types = subscription.types.map { $0.map(\.rawValue).sorted() }
        _ = try await connection.query(
            """
            update subscription
            set types = \(types), episode_id = \(subscription.episode),
                lease_seconds = \(Int32(subscription.leaseSeconds)),
                max_deliveries = \(Int32(subscription.maxDeliveries))
            where ledger_id = \(id) and name = \(name)
            """
        )
        guard let webhook = subscription.webhook else {
            guard stored.types != subscription.types || stored.episode != subscription.episode
            else { return }
            // What was given out by the old filter no longer counts: it may lack what is wanted now.
            _ = try await connection.query(
                """
                update subscription_bucket
                set epoch = epoch + 1, delivered = position, consumer = null, lease_until = null
                where ledger_id = \(id) and name = \(name)
                """
            )
            return
        }
        // Whoever puts a webhook again wants it to work: it is tried at once.
        _ = try await connection.query(
            """
            update webhook
            set url = \(webhook.url), payload = \(webhook.payload.rawValue),
                mode = \(webhook.mode.rawValue), disabled_reason = null, attempts = 0,
                next_attempt_at = null,
                -- What is under way to the old address, or by the old filter, no longer counts.
                epoch = epoch + 1, lease_holder = null, lease_until = null
            where ledger_id = \(id) and name = \(name)
            """
        )
    }

    /// Ends a subscription; what it kept is gone.
    ///
    /// - Throws: ``SubscriptionError/unknown(_:)``.
    public func delete(_ name: SubscriptionName) async throws {
        let rows = try await database.projector.query(
            """
            delete from subscription where ledger_id = \(id) and name = \(name.description)
            """
        )
        guard rows.affectedRows == 1 else { throw SubscriptionError.unknown(name) }
    }

    // MARK: - Reading

    private func rows(where condition: SQL = "true") -> SQL {
        """
        select s.name, s.types, s.episode_id, s.start_after, s.lease_seconds, s.max_deliveries,
            w.url, w.payload, w.mode, w.signature
        from subscription s left join webhook w using (ledger_id, name)
        where s.ledger_id = \(id) and \(condition)
        order by s.name
        """
    }

    private func find(
        _ name: SubscriptionName,
        _ connection: PostgresConnection
    ) async throws -> Subscription? {
        try await connection.query(rows(where: "s.name = \(name.description)"))
            .first.map(Subscription.init(row:))
    }

    /// The subscription of a name.
    ///
    /// - Throws: ``SubscriptionError/unknown(_:)``.
    public func subscription(_ name: SubscriptionName) async throws -> Subscription {
        let found = try await database.reader.query(rows(where: "s.name = \(name.description)"))
        guard let row = found.first else { throw SubscriptionError.unknown(name) }
        return try Subscription(row: row)
    }

    /// All subscriptions, by name.
    public func all() async throws -> [Subscription] {
        try await database.reader.query(rows()).map(Subscription.init(row:))
    }

    // MARK: - Dead letters

    /// Events that were given out in vain, by position.
    ///
    /// - Throws: ``SubscriptionError/unknown(_:)``.
    public func deadLetters(
        _ name: SubscriptionName,
        after: Position,
        limit: Int
    ) async throws -> [DeadLetter] {
        _ = try await subscription(name)
        return try await database.reader.query(
            """
            select position, episode_id, event_id, deliveries, reason, died_at
            from subscription_dead_letter
            where ledger_id = \(id) and name = \(name.description)
            and position > \(after.rawValue)
            order by position
            limit \(Int64(limit))
            """
        ).map { row in
            DeadLetter(
                position: Position(rawValue: try row.get("position")),
                episode: try row.get("episode_id"),
                eventID: try row.get("event_id"),
                deliveries: Int(try row.get("deliveries", as: Int32.self)),
                reason: try row.get("reason"),
                diedAt: try row.get("died_at")
            )
        }
    }

    /// Takes a dead letter off the list, once it has been dealt with.
    ///
    /// - Throws: ``SubscriptionError``.
    public func resolve(_ name: SubscriptionName, deadLetter position: Position) async throws {
        _ = try await subscription(name)
        let rows = try await database.projector.query(
            """
            delete from subscription_dead_letter
            where ledger_id = \(id) and name = \(name.description)
            and position = \(position.rawValue)
            """
        )
        guard rows.affectedRows == 1 else { throw SubscriptionError.noDeadLetter(position) }
    }
}

/// An event that was given out in vain.
public struct DeadLetter: Hashable, Sendable {
    /// The event's.
    public let position: Position
    /// The event's.
    public let episode: EpisodeID
    /// The event's.
    public let eventID: EventID
    /// How often it was given out.
    public let deliveries: Int
    /// A code; never health information.
    public let reason: String
    /// When the subscription went on without it, by the database server's clock.
    public let diedAt: Instant
}

extension Subscription {
    fileprivate init(row: PostgresRow) throws {
        let text = try row.get("name", as: String.self)
        guard let name = SubscriptionName(text) else { throw LedgerError.notALedgerName(text) }
        var webhook: WebhookSettings?
        if let url = try row.get("url", as: String?.self) {
            webhook = WebhookSettings(
                url: url,
                payload: WebhookSettings.Payload(rawValue: try row.get("payload")) ?? .thin,
                mode: WebhookSettings.Mode(rawValue: try row.get("mode")) ?? .structured,
                signature: WebhookSettings.Signature(rawValue: try row.get("signature")) ?? .hmac
            )
        }
        let types = try row.get("types", as: [String]?.self)
        self.init(
            name: name,
            types: types.map { Set($0.compactMap { EventType(rawValue: $0) }) },
            episode: try row.get("episode_id"),
            after: Position(rawValue: try row.get("start_after")),
            leaseSeconds: Int(try row.get("lease_seconds", as: Int32.self)),
            maxDeliveries: Int(try row.get("max_deliveries", as: Int32.self)),
            webhook: webhook
        )
    }
}
