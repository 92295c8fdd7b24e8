public import CareEpisode
import Postgres

/// A webhook that has something to send.
public struct DueWebhook: Sendable {
    /// Which.
    public let name: SubscriptionName
    /// Where it is.
    public let url: String
    /// Whether its receiver took what it was sent last.
    public let isProven: Bool

    /// Describes one.
    public init(name: SubscriptionName, url: String, isProven: Bool) {
        (self.name, self.url, self.isProven) = (name, url, isProven)
    }
}

/// The right to send what one webhook is behind with.
public struct WebhookLease: Sendable {
    /// What is sent where.
    public let subscription: Subscription
    /// Where.
    public let settings: WebhookSettings
    /// Everything up to here is delivered, or was not wanted.
    public internal(set) var position: Position
    /// Failed attempts to send the next event.
    public internal(set) var attempts: Int
    /// The right itself, to be kept while something is sent.
    public let lease: Lease
}

/// What the senders of webhooks share: who sends what, and what became of it.
///
/// One sender at a time has a webhook, by a lease; what makes a delivery count is the compare-and-set
/// on (position, epoch). A sender that dies in between sends its last event again.
public struct WebhookRegistry: Sendable {
    /// The wait before each attempt after the first, in seconds (Standard Webhooks, "Retry
    /// schedule"): about 75 hours in all.
    public static let schedule: [Double] = [
        5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, 72_000, 86_400,
    ]

    let database: LedgerDatabase
    let ledger: LedgerDescription
    private let holder: String
    /// How long a lease lasts without being renewed, by the database's clock.
    private let leaseSeconds: Double

    private var id: Int32 { ledger.id.rawValue }

    /// The webhooks of a ledger.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        holder: String,
        leaseSeconds: Double = 10
    ) {
        self.database = database
        self.ledger = ledger
        self.holder = holder
        self.leaseSeconds = leaseSeconds
    }

    // MARK: - Leases

    /// When a webhook may be sent to; of a row of `webhook`, called `w` or nothing.
    static let isDue: SQL = """
        disabled_reason is null
        and (
            next_attempt_at is null or next_attempt_at <= statement_timestamp()
            -- No wait is so long: it was reckoned while the clock was ahead.
            or next_attempt_at > statement_timestamp() + interval '2 days'
        )
        """

    /// Takes webhooks that have something to send, nobody sends, and are due.
    ///
    /// - Parameter takes: whether one is to be taken: asked of each, those that were sent to the longest
    ///   ago first.
    /// - Returns: what was taken; some of those that `takes` wanted may be somebody else's by now.
    public func takeDue(where takes: (DueWebhook) -> Bool) async throws -> [WebhookLease] {
        let due = try await database.projector.query(
            """
            select w.name, w.url, w.position > h.position as is_beyond_head,
                w.attempts = 0 and w.last_status between 200 and 299 as is_proven
            from webhook w
            join ledger_head h using (ledger_id)
            where w.ledger_id = \(id)
            and (
                w.position > h.position
                or w.position < h.position and \(Self.isDue)
                and not \(Lease.isHeld("w.lease_until"))
            )
            order by w.last_attempt_at nulls first, w.position
            limit \(Int64(SubscriptionRegistry.limit))
            """
        )
        if try due.contains(where: { try $0.get("is_beyond_head") }) {
            try await endThoseBeyondHead()
        }
        let registry = SubscriptionRegistry(database, ledger: ledger)
        var leases: [WebhookLease] = []
        for row in due {
            guard let name = SubscriptionName(try row.get("name")),
                takes(
                    DueWebhook(
                        name: name,
                        url: try row.get("url"),
                        isProven: try row.get("is_proven", as: Bool?.self) ?? false
                    )
                ),
                let taken = try await take(name)
            else { continue }
            let subscription: Subscription
            do {
                subscription = try await registry.subscription(name)
            } catch is SubscriptionError {
                continue
            }
            guard let settings = subscription.webhook else { continue }
            leases.append(
                WebhookLease(
                    subscription: subscription,
                    settings: settings,
                    position: Position(rawValue: try taken.row.get("position")),
                    attempts: Int(try taken.row.get("attempts", as: Int32.self)),
                    lease: taken.lease
                )
            )
        }
        return leases
    }

    private func take(
        _ name: SubscriptionName
    ) async throws -> (lease: Lease, row: PostgresRow)? {
        let row = Lease.Row("webhook", of: ledger.id, named: name.description)
        return try await database.projector.withConnection { connection in
            try await Lease.acquire(
                row,
                holder: holder,
                seconds: leaseSeconds,
                if: Self.isDue,
                returning: "position, attempts",
                connection
            )
        }
    }

    // MARK: - What became of it

    /// Everything up to a position is delivered, or was not wanted.
    ///
    /// - Parameter status: of the receiver's answer; nil where nothing was sent.
    /// - Returns: whether it counted; else somebody else sends now.
    public func advance(
        _ lease: inout WebhookLease,
        to position: Position,
        status: Int?
    ) async throws -> Bool {
        let answered: SQL =
            status.map {
                ", last_status = \(Int32($0)), last_attempt_at = statement_timestamp()"
            } ?? ""
        let (held, pool) = (lease, database.projector)
        let isMoved = try await pool.withConnection { connection in
            try await held.lease.fence(
                connection,
                setting: """
                    position = \(position.rawValue), attempts = 0, next_attempt_at = null,
                        last_error = null\(answered)
                    """,
                if: "position = \(held.position.rawValue)"
            )
        }
        guard isMoved else { return false }
        lease.position = position
        lease.attempts = 0
        return true
    }

    /// What a failed attempt leads to.
    public enum Consequence: Sendable, Hashable {
        /// It is tried again after so many seconds.
        case again(seconds: Double)
        /// The event is put on the list of dead letters, and the next one is sent.
        case dead(Position, EpisodeID, EventID, reason: String)
        /// Nothing is sent any more until somebody puts the webhook again.
        case disabled(reason: String)
    }

    /// An attempt failed: gives the webhook back, and keeps what follows.
    ///
    /// - Parameters:
    ///   - status: of the receiver's answer; nil where there was none.
    ///   - error: why there was none, a code; never what was sent or answered.
    public func fail(
        _ lease: WebhookLease,
        status: Int?,
        error: String?,
        _ consequence: Consequence
    ) async throws {
        var (wait, disabled): (Double?, String?) = (nil, nil)
        var (attempts, position) = (lease.attempts + 1, lease.position)
        switch consequence {
        case .again(let seconds): wait = seconds
        case .disabled(let reason): disabled = reason
        case .dead(let at, _, _, _): (attempts, position) = (0, at)
        }
        let name = lease.subscription.name.description
        let numbers = (status: status.map { Int32($0) }, attempts: Int32(attempts))
        try await database.projector.withTransaction { connection in
            let isMoved = try await lease.lease.fence(
                connection,
                setting: """
                    position = \(position.rawValue), attempts = \(numbers.attempts),
                        next_attempt_at = statement_timestamp()
                            + make_interval(secs => \(wait)::double precision),
                        last_attempt_at = statement_timestamp(), last_status = \(numbers.status),
                        last_error = \(error), disabled_reason = \(disabled)
                    """,
                if: "position = \(lease.position.rawValue)"
            )
            guard isMoved else { return }
            try await lease.lease.release(connection)
            guard case .dead(let at, let episode, let event, let reason) = consequence else {
                return
            }
            _ = try await connection.query(
                """
                insert into subscription_dead_letter
                    (ledger_id, name, position, episode_id, event_id, deliveries, reason)
                values (
                    \(id), \(name), \(at.rawValue), \(episode), \(event),
                    \(Int32(lease.attempts + 1)), \(reason)
                )
                on conflict do nothing
                """
            )
        }
    }

    // MARK: - Secrets

    /// What to sign with: the newest secret, and those before it that have not expired.
    public func secrets(_ subscription: Subscription) async throws -> [WebhookSecret] {
        guard let settings = subscription.webhook else { return [] }
        return try await database.projector.query(
            """
            select number, secret
            from webhook_secret
            where ledger_id = \(id) and name = \(subscription.name.description)
            and (
                expires_at is null
                -- One that lasts longer than a day was replaced while the clock was ahead.
                or expires_at > clock_timestamp()
                    and expires_at <= clock_timestamp() + interval '25 hours'
            )
            order by number desc
            """
        ).map { row in
            WebhookSecret(
                number: try row.get("number"),
                signature: settings.signature,
                bytes: try row.get("secret")
            )
        }
    }

    /// Makes a new secret; the one before signs along for a day.
    ///
    /// So the receiver has time to change. No more than two sign at a time.
    ///
    /// - Throws: ``SubscriptionError``.
    public func rotate(_ subscription: Subscription) async throws -> WebhookSecret {
        guard let settings = subscription.webhook else {
            throw SubscriptionError.isFetched(subscription.name)
        }
        let name = subscription.name.description
        return try await database.projector.withTransaction { connection in
            let locked = try await connection.query(
                """
                select from webhook where ledger_id = \(id) and name = \(name) for update
                """
            )
            guard !locked.isEmpty else { throw SubscriptionError.unknown(subscription.name) }
            // In a statement of its own, which sees what was committed before the lock was had.
            let rows = try await connection.query(
                """
                select max(number) as number from webhook_secret
                where ledger_id = \(id) and name = \(name)
                """
            )
            let last = try rows.first?.get("number", as: Int32?.self) ?? 0
            let secret = WebhookSecret.fresh(settings.signature, number: last + 1)
            _ = try await connection.query(
                """
                delete from webhook_secret
                where ledger_id = \(id) and name = \(name) and number < \(last)
                """
            )
            _ = try await connection.query(
                """
                update webhook_secret set expires_at = clock_timestamp() + interval '1 day'
                where ledger_id = \(id) and name = \(name) and number = \(last)
                """
            )
            _ = try await connection.query(
                """
                insert into webhook_secret (ledger_id, name, number, secret)
                values (\(id), \(name), \(secret.number), \(secret.bytes))
                """
            )
            return secret
        }
    }
}
