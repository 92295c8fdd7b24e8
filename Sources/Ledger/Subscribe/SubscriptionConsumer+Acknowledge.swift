import CareEpisode
import Postgres

extension SubscriptionConsumer {
    /// Takes acknowledgements, all or none.
    ///
    /// One that reaches the end of what was given out gives the bucket back; one before it keeps the
    /// lease for as long again.
    ///
    /// - Throws: ``SubscriptionError``; ``CursorError`` where they are from before a restore; a `Refusal`
    ///   where a failed event is not one of the bucket's.
    public func acknowledge(
        _ subscription: Subscription,
        _ acknowledgements: [Acknowledgement]
    ) async throws {
        guard subscription.webhook == nil else {
            throw SubscriptionError.isPushed(subscription.name)
        }
        try await checkIncarnation(acknowledgements)
        let failed = try await failedEvents(acknowledgements)
        let name = subscription.name
        try await database.projector.withTransaction { connection in
            let deliveries = try await check(name, acknowledgements, connection)
            _ = try await connection.query(
                """
                update subscription_bucket b
                set position = t.through,
                    deliveries = case
                        when t.through = b.delivered then 0
                        when t.through > b.position then 1
                        else b.deliveries
                    end,
                    consumer = case when t.through < b.delivered then b.consumer end,
                    lease_until = case
                        when t.through < b.delivered then clock_timestamp()
                            + make_interval(secs => \(Double(subscription.leaseSeconds)))
                    end
                from unnest(
                    \(acknowledgements.map { Int32($0.bucket) }),
                    \(acknowledgements.map(\.to.rawValue))
                ) as t (bucket, through)
                where b.ledger_id = \(id) and b.name = \(name.description)
                and b.bucket = t.bucket
                """
            )
            for (event, reason) in failed {
                let bucket = Subscription.bucket(of: event.episodeID)
                try await bury(
                    name,
                    event,
                    deliveries: deliveries[bucket] ?? 1,
                    reason: reason,
                    connection
                )
            }
        }
    }

    /// Makes sure that all are of the ledger as it is now: a bucket's position and epoch may be the same
    /// in two histories.
    private func checkIncarnation(_ acknowledgements: [Acknowledgement]) async throws {
        guard acknowledgements.contains(where: { $0.incarnation != nil }) else { return }
        let head = try await reader.head()
        for acknowledgement in acknowledgements {
            guard let incarnation = acknowledgement.incarnation, incarnation != head.incarnation
            else { continue }
            try await reader.check(Cursor(acknowledgement.to, incarnation: incarnation), head)
        }
    }

    /// Compares with where the buckets are, and locks them.
    private func check(
        _ name: SubscriptionName,
        _ acknowledgements: [Acknowledgement],
        _ connection: PostgresConnection
    ) async throws -> [Int: Int] {
        let rows = try await connection.query(
            """
            select bucket, position, delivered, epoch, deliveries
            from subscription_bucket
            where ledger_id = \(id) and name = \(name.description)
            and bucket = any (\(acknowledgements.map { Int32($0.bucket) }))
            order by bucket
            for update
            """
        )
        var stored: [Int: (position: Int64, delivered: Int64, epoch: Int64, deliveries: Int)] = [:]
        for row in rows {
            stored[Int(try row.get("bucket", as: Int32.self))] = (
                try row.get("position"), try row.get("delivered"), try row.get("epoch"),
                Int(try row.get("deliveries", as: Int32.self))
            )
        }
        // Deleted in the meantime.
        guard !stored.isEmpty else { throw SubscriptionError.unknown(name) }
        var stale: [StaleAcknowledgement] = []
        for (index, acknowledgement) in acknowledgements.enumerated() {
            guard let bucket = stored[acknowledgement.bucket] else { continue }
            let fits =
                acknowledgement.from.rawValue == bucket.position
                && acknowledgement.to.rawValue <= bucket.delivered
                && acknowledgement.epoch.map { $0 == bucket.epoch } ?? true
            guard !fits else { continue }
            stale.append(
                StaleAcknowledgement(
                    index: index,
                    bucket: acknowledgement.bucket,
                    position: Position(rawValue: bucket.position),
                    delivered: Position(rawValue: bucket.delivered),
                    epoch: bucket.epoch,
                    incarnation: acknowledgement.incarnation ?? 1
                )
            )
        }
        guard stale.isEmpty else { throw SubscriptionError.stale(stale) }
        return stored.mapValues(\.deliveries)
    }

    /// The events that consumers could not deal with.
    private func failedEvents(
        _ acknowledgements: [Acknowledgement]
    ) async throws -> [(event: RecordedEvent, reason: String)] {
        var events: [(event: RecordedEvent, reason: String)] = []
        var errors: [FieldError] = []
        for (index, acknowledgement) in acknowledgements.enumerated() {
            for (number, failed) in acknowledgement.failed.enumerated() {
                let page = try await reader.page(
                    after: Position(rawValue: failed.position.rawValue - 1),
                    until: failed.position
                )
                if let event = page.events.first,
                    Subscription.bucket(of: event.episodeID) == acknowledgement.bucket,
                    failed.position > acknowledgement.from, failed.position <= acknowledgement.to
                {
                    events.append((event, failed.reason))
                } else {
                    errors.append(
                        FieldError(
                            pointer: "/\(index)/failed/\(number)/position",
                            code: "out_of_range",
                            detail: "must be of an event of the bucket, between from and to"
                        )
                    )
                }
            }
        }
        guard errors.isEmpty else { throw Refusal(errors: errors) }
        return events
    }
}
