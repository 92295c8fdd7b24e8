public import CareEpisode
import Postgres
public import TransparencyLog

/// How far a ledger is sealed, and what keeps it from more.
public struct SealStatus: Sendable {
    /// The name of the log, the first line of its checkpoints; nil before the first seal.
    public let origin: String?
    /// The events that the newest checkpoint covers.
    public let size: Int64
    /// When the newest checkpoint was published, by the database server's clock.
    public let sealedAt: Instant?
    /// The events that no checkpoint covers yet.
    public let unsealed: Int64
    /// How long the oldest of those has been recorded, in seconds of the database server's clock.
    public let lagSeconds: Double
    /// Who holds the sealing lease.
    public let holder: String?
    /// Why nothing is signed any more; holds no health information.
    public let trouble: String?
    /// The position that trouble is about.
    public let troublePosition: Position?

    /// Asks the database.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) async throws {
        let id = ledger.id.rawValue
        let rows = try await database.reader.query(
            """
            select h.position as head, l.origin, c.size, c.sealed_at, s.trouble, s.trouble_position,
                case when \(Lease.isHeld("s.lease_until")) then s.lease_holder end as holder,
                clock_timestamp() as now,
                (
                    select e.recorded_at from event e
                    where e.ledger_id = h.ledger_id and e.position = coalesce(c.size, 0) + 1
                ) as oldest
            from ledger_head h
            left join sealer s using (ledger_id)
            left join lateral (
                select origin from seal_log l
                where l.ledger_id = h.ledger_id order by incarnation desc limit 1
            ) l on true
            left join lateral (
                select size, sealed_at from checkpoint c
                where c.ledger_id = h.ledger_id order by size desc limit 1
            ) c on true
            where h.ledger_id = \(id)
            """
        )
        guard let row = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
        size = try row.get("size", as: Int64?.self) ?? 0
        origin = try row.get("origin")
        sealedAt = try row.get("sealed_at")
        unsealed = max(0, try row.get("head", as: Int64.self) - size)
        let now = try row.get("now", as: Instant.self)
        let oldest = try row.get("oldest", as: Instant?.self) ?? now
        lagSeconds = max(0, Double(now.microseconds - oldest.microseconds) / 1_000_000)
        holder = try row.get("holder")
        trouble = try row.get("trouble")
        troublePosition = try row.get("trouble_position", as: Int64?.self).map { Position($0) }
    }

    /// The public keys that sign a ledger's checkpoints now; none before the first seal.
    public static func keys(
        _ database: LedgerDatabase,
        ledger: LedgerDescription
    ) async throws -> [NoteVerifierKey] {
        let registry = SealRegistry(database: database, ledger: ledger)
        return try await registry.identity()?.activeKeys ?? []
    }
}

/// What keeps a ledger from being sealed, as the database knows it.
public struct SealFault: Sendable {
    /// Of which ledger.
    public let ledger: LedgerName
    /// What is wrong; holds no health information and no path.
    public let reason: String

    /// Those of all ledgers, by name: one statement.
    ///
    /// A database of an encoding that lacks what each checkpoint has can never be sealed, and goes on; that
    /// is told by the status of its ledgers.
    public static func all(_ database: LedgerDatabase) async throws -> [SealFault] {
        try await database.reader.query(
            """
            select l.name, c.size > h.position as is_beyond, s.trouble is not null as is_troubled
            from ledger l
            join ledger_head h using (ledger_id)
            left join sealer s using (ledger_id)
            left join lateral (
                select size from checkpoint c
                where c.ledger_id = l.ledger_id order by size desc limit 1
            ) c on true
            where c.size > h.position
            or (s.trouble is not null or s.access_trouble is not null)
                and getdatabaseencoding() = 'UTF8'
            order by l.name
            """
        ).compactMap { row in
            guard let name = LedgerName(try row.get("name")) else { return nil }
            let isBeyond = try row.get("is_beyond", as: Bool?.self) ?? false
            let isTroubled = try row.get("is_troubled", as: Bool.self)
            return SealFault(
                ledger: name,
                reason: isBeyond
                    ? "a checkpoint covers more events than there are: was the database restored?"
                    : isTroubled
                        ? "nothing is signed any more"
                        : "nothing of the access log is signed any more"
            )
        }
    }
}
