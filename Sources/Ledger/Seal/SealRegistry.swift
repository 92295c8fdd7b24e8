public import CareEpisode
import Postgres
public import TransparencyLog

/// What the database knows of a ledger's sealing: logs, keys, checkpoints, the lease.
struct SealRegistry: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription
    /// Who takes the lease; who only reads has no name.
    var holder = ""
    /// How long a lease lasts without being renewed, by the database's clock.
    var leaseSeconds: Double = 0

    private var id: Int32 { ledger.id.rawValue }

    /// The log in force and its keys; nil before the first seal.
    func identity() async throws -> SealIdentity? {
        let rows = try await database.reader.query(
            """
            select l.incarnation, l.origin, l.declaration, k.verifier_key, k.retired_at is null
                as active
            from seal_log l
            left join verifier_key k using (ledger_id, incarnation)
            where l.ledger_id = \(id)
            order by l.incarnation, k.registered_at, k.verifier_key
            """
        )
        guard let last = rows.last else { return nil }
        let incarnation = try last.get("incarnation", as: Int32.self)
        var keys: [SealIdentity.Key] = []
        var declarations: [String] = []
        for row in rows {
            let number = try row.get("incarnation", as: Int32.self)
            if let note = try row.get("declaration", as: String?.self), note != declarations.last {
                declarations.append(note)
            }
            guard let text = try row.get("verifier_key", as: String?.self) else { continue }
            keys.append(
                SealIdentity.Key(
                    key: try NoteVerifierKey(text),
                    isActive: try row.get("active") && number == incarnation
                )
            )
        }
        return SealIdentity(
            incarnation: incarnation,
            origin: try last.get("origin"),
            keys: keys,
            declarations: declarations
        )
    }

    /// The newest checkpoint; nil before the first seal.
    func newest() async throws -> SignedCheckpoint? {
        try await PublishedCheckpoint.newest(database, ledger)?.signed
    }

    /// The database server's clock.
    func now() async throws -> Instant {
        let rows = try await database.reader.query("select clock_timestamp() as now")
        return try rows[0].get("now")
    }

    // MARK: - The lease

    private var leaseRow: Lease.Row { Lease.Row("sealer", of: ledger.id) }

    /// Takes the lease where nobody holds it, or from whoever does.
    ///
    /// - Returns: nil where it is held.
    func acquire(seizing: Bool = false) async throws -> SealLease? {
        try await database.projector.withConnection { connection in
            _ = try await connection.query(
                "insert into sealer (ledger_id) values (\(id)) on conflict do nothing"
            )
            return try await Lease.acquire(
                leaseRow,
                holder: holder,
                seconds: leaseSeconds,
                seizing: seizing ? "true" : database.leases.isUnreturned(leaseRow),
                returning: "size",
                connection
            )
        }.map { SealLease(lease: $0.lease, size: try $0.row.get("size")) }
    }

    // MARK: - Writing

    /// Makes the first log and its key known.
    func register(_ key: NoteVerifierKey, _ lease: SealLease) async throws {
        try await database.projector.withTransaction { connection in
            try await fence(lease, connection)
            _ = try await connection.query(
                """
                insert into seal_log (ledger_id, incarnation, origin)
                values (\(id), 1, \(key.name))
                """
            )
            try await insert(key, incarnation: 1, connection)
        }
    }

    /// Adds a key that signs beside the others from now on, or ends one.
    func changeKeys(
        adding new: NoteVerifierKey? = nil,
        retiring old: NoteVerifierKey? = nil,
        incarnation: Int32,
        _ lease: SealLease
    ) async throws {
        try await database.projector.withTransaction { connection in
            try await fence(lease, connection)
            if let new { try await insert(new, incarnation: incarnation, connection) }
            if let old {
                _ = try await connection.query(
                    """
                    update verifier_key set retired_at = statement_timestamp()
                    where ledger_id = \(id) and verifier_key = \(old.description)
                    """
                )
            }
        }
    }

    /// Begins a new log after a restore.
    func begin(
        _ identity: SealIdentity,
        _ key: NoteVerifierKey,
        declaration: SignedNote,
        _ lease: SealLease
    ) async throws {
        try await database.projector.withTransaction { connection in
            try await fence(lease, connection)
            let next = identity.incarnation + 1
            _ = try await connection.query(
                """
                insert into seal_log (ledger_id, incarnation, origin, declaration)
                values (\(id), \(next), \(key.name), \(declaration.description))
                """
            )
            try await insert(key, incarnation: next, connection)
            _ = try await connection.query(
                """
                update sealer set trouble = null, trouble_position = null where ledger_id = \(id)
                """
            )
            try await RestoreDeclaration(text: declaration.text)?
                .resetSubscriptions(ledger, connection)
        }
    }

    private func insert(
        _ key: NoteVerifierKey,
        incarnation: Int32,
        _ connection: PostgresConnection
    ) async throws {
        _ = try await connection.query(
            """
            insert into verifier_key (ledger_id, verifier_key, incarnation)
            values (\(id), \(key.description), \(incarnation))
            """
        )
    }

    /// Takes the row's lock: whoever has lost the lease writes nothing.
    private func fence(_ held: SealLease, _ connection: PostgresConnection) async throws {
        let isHeld = try await held.lease.fence(
            connection,
            setting: "updated_at = statement_timestamp()"
        )
        guard isHeld else { throw SealError.leaseLost }
    }

    /// Publishes a checkpoint with the tiles that became full, in one transaction.
    ///
    /// - Returns: when, by the database server's clock.
    /// - Throws: ``SealError/leaseLost`` where size or epoch are not the lease's any more.
    func publish(
        _ signed: SignedCheckpoint,
        _ tiles: [TreeEdge.FullTile],
        _ lease: SealLease
    ) async throws -> Instant {
        try await database.projector.withTransaction { connection in
            let size = signed.checkpoint.size
            let isMoved = try await lease.lease.fence(
                connection,
                setting: """
                    size = \(size), updated_at = statement_timestamp(), trouble = null,
                        trouble_position = null
                    """,
                if: "size = \(lease.size)"
            )
            guard isMoved else { throw SealError.leaseLost }
            // A restore of many events at once makes many tiles: in pieces, one transaction.
            for start in stride(from: 0, to: tiles.count, by: 256) {
                let piece = tiles[start..<min(start + 256, tiles.count)]
                _ = try await connection.query(
                    """
                    insert into tile (ledger_id, level, number, hashes)
                    select \(id), t.level, t.number, t.hashes
                    from unnest(
                        \(piece.map { Int32($0.id.level) }), \(piece.map(\.id.number)),
                        \(piece.map { TreeHash.bytes(of: $0.hashes) })
                    ) as t (level, number, hashes)
                    """
                )
            }
            let rows = try await connection.query(
                """
                insert into checkpoint (ledger_id, size, root, note)
                values (
                    \(id), \(size), \(signed.checkpoint.root.bytes), \(signed.note.description)
                )
                returning sealed_at
                """
            )
            guard let row = rows.first else { throw SealError.leaseLost }
            return try row.get("sealed_at")
        }
    }

    /// Tells those who wait for a checkpoint in other processes; who hears nothing looks each second.
    func announce(_ size: Int64) async {
        let announcement = Announcement(ledger.id, Position(size), isSeal: true)
        _ = try? await database.projector.query("select \(announcement.notify)")
    }

    /// Says why nothing is signed any more; the next seal clears it.
    func report(_ error: SealError, _ held: SealLease) async throws {
        var position: Int64?
        if case .damaged(let fault) = error { position = fault.position?.rawValue }
        _ = try await held.lease.renew(
            database.projector,
            setting: """
                trouble = \(error.description), trouble_position = \(position),
                    updated_at = statement_timestamp()
                """
        )
    }
}

/// The right to seal one ledger.
struct SealLease: Sendable {
    let lease: Lease
    /// The size of the newest checkpoint.
    var size: Int64
}

/// Under which name and with which keys a ledger is sealed.
struct SealIdentity: Sendable {
    struct Key: Sendable {
        let key: NoteVerifierKey
        /// Whether it signs.
        let isActive: Bool
    }

    let incarnation: Int32
    let origin: String
    /// Of this log and those before it.
    let keys: [Key]
    /// The notes that declare restores, the oldest first.
    let declarations: [String]

    var activeKeys: [NoteVerifierKey] { keys.filter(\.isActive).map(\.key) }

    /// All keys, those that signed a checkpoint in front, in the order of its signatures: so the first
    /// key is that of the first signature, whatever was retired.
    func keys(signersFirst signed: SignedCheckpoint) -> [NoteVerifierKey] {
        let all = keys.map(\.key)
        let signers = (try? signed.verified(by: all)) ?? []
        return signers + all.filter { !signers.contains($0) }
    }
}

/// A checkpoint as it was published.
public struct PublishedCheckpoint: Sendable {
    /// What was signed.
    public let signed: SignedCheckpoint
    /// When it was published, by the database server's clock.
    public let sealedAt: Instant

    /// The newest one of a ledger; nil before the first seal.
    ///
    /// - Throws: ``NoteError`` where it cannot be read.
    public static func newest(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws -> PublishedCheckpoint? {
        let rows = try await database.reader.query(
            """
            select note, sealed_at
            from checkpoint
            where ledger_id = \(ledger.id.rawValue)
            order by size desc
            limit 1
            """
        )
        return try rows.first.map { row in
            PublishedCheckpoint(
                signed: try SignedCheckpoint(parsing: row.get("note")),
                sealedAt: try row.get("sealed_at")
            )
        }
    }
}
