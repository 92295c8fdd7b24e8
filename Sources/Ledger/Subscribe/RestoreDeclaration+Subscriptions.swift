import CareEpisode
import Postgres
import TransparencyLog

extension RestoreDeclaration {
    /// Puts the subscriptions of a restored ledger where they miss nothing, in the transaction that
    /// begins the new log.
    ///
    /// One that stands beyond what was restored goes on after what was kept. Names of messages that were
    /// made of positions stay with what was kept alone.
    func resetSubscriptions(
        _ ledger: LedgerDescription,
        _ connection: PostgresConnection
    ) async throws {
        let (id, kept) = (ledger.id.rawValue, kept.size)
        _ = try await connection.query(
            """
            update webhook
            set position = least(position, \(kept)), epoch = epoch + 1, lease_holder = null,
                lease_until = null, attempts = 0, next_attempt_at = null, disabled_reason = null
            where ledger_id = \(id)
            and (position > \(head) or disabled_reason = \(WebhookRegistry.beyondHead))
            """
        )
        _ = try await connection.query(
            """
            update subscription_bucket
            set position = \(kept), delivered = \(kept), deliveries = 0, epoch = epoch + 1,
                consumer = null, lease_until = null
            where ledger_id = \(id) and position > \(head)
            """
        )
        _ = try await connection.query(
            """
            update message_name
            set by_position_through = least(by_position_through, \(kept))
            where ledger_id = \(id)
            """
        )
    }
}

extension SubscriptionConsumer {
    /// Puts buckets that stand beyond the head of a primary back to it, so that what comes is given out.
    func setBack(_ name: SubscriptionName, to head: Position) async throws {
        _ = try await database.projector.query(
            """
            update subscription_bucket
            set position = \(head.rawValue), delivered = \(head.rawValue), deliveries = 0,
                epoch = epoch + 1, consumer = null, lease_until = null
            where ledger_id = \(id) and name = \(name.description) and position > \(head.rawValue)
            """
        )
    }
}

extension WebhookRegistry {
    /// Why a webhook is disabled that stood beyond the head.
    static let beyondHead = "beyond_head"

    /// Ends webhooks that stand beyond the head, as they may after a part of a database was restored,
    /// and puts them back to it: whoever puts them again gets all that comes.
    func endThoseBeyondHead() async throws {
        _ = try await database.projector.query(
            """
            update webhook w
            set position = h.position, epoch = epoch + 1, lease_holder = null, lease_until = null,
                attempts = 0, next_attempt_at = null, disabled_reason = \(Self.beyondHead)
            from ledger_head h
            where h.ledger_id = w.ledger_id and w.ledger_id = \(ledger.id.rawValue)
            and w.position > h.position
            """
        )
    }
}
