import CareEpisode
import Postgres

/// What one look at all ledgers finds of one of them.
struct LedgerLook: Sendable {
    /// How long a look may take.
    static let limit: Duration = .seconds(2)

    let ledger: LedgerID
    let head: Position
    let incarnation: Int32
    /// The size of the newest checkpoint.
    let sealed: Position
    /// Whether the server that was asked is a replica, which may be behind the primary.
    let isReplica: Bool
    /// How far each read model is.
    let models: [String: Position]
    /// What there is to be done; see ``WorkCall``.
    let calls: Set<String>

    /// Looks at all ledgers, by one statement however many there are.
    static func all(
        _ database: LedgerDatabase,
        within limit: Duration = limit
    ) async throws -> [LedgerLook] {
        try await database.atPrimary.reader.query(
            """
            with call as (
                \(WorkCall.all)
            ),
            called as (
                select ledger_id, array_agg(distinct call) as calls
                from call
                group by ledger_id
            ),
            model as (
                select ledger_id, array_agg(name) as names, array_agg(position) as positions
                from read_model_state
                group by ledger_id
            )
            select h.ledger_id, h.position, coalesce(s.size, 0) as sealed,
                pg_is_in_recovery() as is_replica, \(EventReader.incarnation) as incarnation,
                coalesce(m.names, '{}') as names, coalesce(m.positions, '{}') as positions,
                coalesce(c.calls, '{}') as calls
            from ledger_head h
            left join sealer s using (ledger_id)
            left join model m using (ledger_id)
            left join called c using (ledger_id)
            """,
            deadline: .now + limit
        ).map { row in
            let names = try row.get("names", as: [String].self)
            let positions = try row.get("positions", as: [Int64].self).map(Position.init(rawValue:))
            return LedgerLook(
                ledger: LedgerID(rawValue: try row.get("ledger_id")),
                head: Position(rawValue: try row.get("position")),
                incarnation: try row.get("incarnation"),
                sealed: Position(try row.get("sealed", as: Int64.self)),
                isReplica: try row.get("is_replica"),
                models: Dictionary(zip(names, positions), uniquingKeysWith: { $1 }),
                calls: Set(try row.get("calls", as: [String].self))
            )
        }
    }
}

/// What a look at the tables can find to be done.
///
/// Whoever would do it waits for it in his feed, instead of looking himself.
public enum WorkCall {
    /// Nobody holds the lease of the sealer.
    public static let freeSealer = "free sealer"
    /// The access log has entries without a number.
    static let accesses = "accesses"
    /// There are webhooks that are not disabled.
    public static let webhooks = "webhooks"
    /// A webhook has something to send, nobody sends it, and it is due.
    public static let dueWebhook = "due webhook"

    /// Nobody holds the lease of a read model.
    public static func free(_ model: String) -> String { "free \(model)" }

    /// Somebody has asked to fold parked episodes of a read model again.
    public static func retry(_ model: String) -> String { "retry \(model)" }

    /// There may be rows of a rebuild that has said nothing for a day.
    public static func remove(_ model: String) -> String { "remove \(model)" }

    /// There may be events of a subscription that no consumer has: it was given none, gave them back, or
    /// its lease has lapsed.
    public static func lapsed(_ subscription: String) -> String { "lapsed \(subscription)" }

    /// All of it, as rows of ledger and call.
    static let all: SQL = """
        select s.ledger_id, \(free(""))::text || s.name as call
        from read_model_state s
        where not \(Lease.isHeld("s.lease_until"))
        union all
        -- A newer program's rebuild whose process has ended, whoever keeps the older rows.
        select r.ledger_id, \(free(""))::text || r.name
        from read_model_rebuild r
        join read_model_state s using (ledger_id, name)
        where r.fold_version > s.fold_version and not \(Lease.isHeld("r.lease_until"))
        union all
        select l.ledger_id, \(freeSealer)::text
        from ledger l
        left join sealer s using (ledger_id)
        where not \(Lease.isHeld("s.lease_until"))
        union all
        -- Two look-ups in indexes for each ledger, at their ends.
        select l.ledger_id, \(accesses)::text
        from ledger l
        where (
            select a.entry from access_log a
            where a.ledger_id = l.ledger_id
            order by a.entry desc
            limit 1
        ) > coalesce((
            select e.entry from access_entry e
            where e.ledger_id = l.ledger_id
            order by e.number desc
            limit 1
        ), 0)
        union all
        select k.ledger_id, \(retry(""))::text || k.name
        from read_model_parked k
        where k.retry_asked
        union all
        select r.ledger_id, \(remove(""))::text || r.name
        from read_model_rebuild r
        where \(Lease.isDead("r.lease_until"))
        union all
        select w.ledger_id, unnest(
            case
                when w.position > h.position
                or w.position < h.position and \(WebhookRegistry.isDue)
                    and not \(Lease.isHeld("w.lease_until"))
                then array[\(webhooks), \(dueWebhook)]
                else array[\(webhooks)]
            end
        )
        from webhook w
        join ledger_head h using (ledger_id)
        where w.disabled_reason is null
        union all
        select b.ledger_id, \(lapsed(""))::text || b.name
        from subscription_bucket b
        join subscription u using (ledger_id, name)
        join ledger_head h using (ledger_id)
        where b.position < h.position
        and (
            b.lease_until is null or b.lease_until <= statement_timestamp()
            or b.lease_until > statement_timestamp() + make_interval(secs => u.lease_seconds)
        )
        """
}
