public import CareEpisode
import Postgres
public import TransparencyLog

/// How far the access log of a ledger is sealed, and what keeps it from more.
public struct AccessStatus: Sendable {
    /// The most entries that are counted of those that no checkpoint covers: there may be very many
    /// before the first seal.
    public static let countLimit: Int64 = 100_000

    /// The name of its log, the first line of its checkpoints; nil before the first seal.
    public let origin: String?
    /// The entries that its newest checkpoint covers.
    public let size: Int64
    /// When that was published, by the database server's clock.
    public let sealedAt: Instant?
    /// The entries that no checkpoint covers yet, at most ``countLimit``.
    public let unsealed: Int64
    /// When the oldest of those was written.
    public let unsealedSince: Instant?
    /// How many seconds ago that was; 0 where there are none.
    public let lagSeconds: Double
    /// Why nothing of it is signed any more; holds no health information.
    public let trouble: String?
    /// The number that trouble is about.
    public let troubleNumber: Int64?

    /// Asks the database.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) async throws {
        let id = ledger.id.rawValue
        let rows = try await database.reader.query(
            """
            select l.origin, c.size, c.sealed_at, s.access_trouble, s.access_trouble_number, u.*
            from ledger
            left join sealer s using (ledger_id)
            left join lateral (
                select origin from access_seal_log l
                where l.ledger_id = ledger.ledger_id order by incarnation desc limit 1
            ) l on true
            left join lateral (
                select size, sealed_at from access_checkpoint c
                where c.ledger_id = ledger.ledger_id order by size desc limit 1
            ) c on true
            cross join lateral (
                select count(*) as unsealed, min(w.at) filter (where isfinite(w.at)) as since,
                    clock_timestamp() as now
                from (
                    select a.at from access_log a
                    where a.ledger_id = ledger.ledger_id
                    and a.entry > (\(Self.sealedEntry(id)))
                    order by a.entry
                    limit \(Self.countLimit)
                ) w
            ) u
            where ledger.ledger_id = \(id)
            """
        )
        guard let row = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
        origin = try row.get("origin")
        size = try row.get("size", as: Int64?.self) ?? 0
        sealedAt = try row.get("sealed_at")
        unsealed = try row.get("unsealed")
        let now: Instant = try row.get("now")
        let since: Instant? = try row.get("since")
        unsealedSince = since
        lagSeconds =
            since.map { max(0, Double(now.microseconds - $0.microseconds) / 1_000_000) } ?? 0
        trouble = try row.get("access_trouble")
        troubleNumber = try row.get("access_trouble_number")
    }

    /// The entry of the access log that the newest checkpoint ends with; 0 before the first.
    private static func sealedEntry(_ id: Int32) -> SQL {
        """
        select coalesce((
            select e.entry
            from sealer s
            join access_entry e on e.ledger_id = s.ledger_id and e.number = s.access_size
            where s.ledger_id = \(id)
        ), 0) as entry
        """
    }

    static func sealedEntry(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws -> Int64 {
        let rows = try await database.reader.query(sealedEntry(ledger.id.rawValue))
        return try rows[0].get("entry")
    }

    /// The newest entry of the access log; 0 where there is none.
    static func lastEntry(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws -> Int64 {
        let rows = try await database.reader.query(
            """
            select coalesce(max(entry), 0) as entry from access_log
            where ledger_id = \(ledger.id.rawValue)
            """
        )
        return try rows[0].get("entry")
    }

    /// The public keys that sign the access log's checkpoints now; none before the first seal.
    public static func keys(
        _ database: LedgerDatabase,
        ledger: LedgerDescription
    ) async throws -> [NoteVerifierKey] {
        let registry = SealRegistry(database: database, ledger: ledger, tree: .access)
        return try await registry.identity()?.activeKeys ?? []
    }
}
