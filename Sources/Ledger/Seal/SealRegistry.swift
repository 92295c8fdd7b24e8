public import CareEpisode
import Postgres
public import TransparencyLog

/// What the database knows of the sealing of one of a ledger's trees: logs, keys, checkpoints; and of
/// the lease, which is one for both.
struct SealRegistry: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription
    var tree = LedgerTree.events
    /// Who takes the lease; who only reads has no name.
    var holder = ""
    /// How long a lease lasts without being renewed, by the database's clock.
    var leaseSeconds: Double = 0

    private var id: Int32 { ledger.id.rawValue }

    /// The same of another tree of the ledger.
    func of(_ tree: LedgerTree) -> SealRegistry {
        var other = self
        other.tree = tree
        return other
    }

    /// The log in force and its keys; nil before the first seal.
    func identity() async throws -> SealIdentity? {
        let rows = try await database.reader.query(
            """
            select l.incarnation, l.origin, l.declaration, k.verifier_key, k.retired_at is null
                as active
            from \(tree.logs) l
            left join \(tree.keys) k using (ledger_id, incarnation)
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
        try await PublishedCheckpoint.newest(database, ledger, tree)?.signed
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
                returning: "size, access_size",
                connection
            )
        }.map { lease, row in
            SealLease(
                lease: lease,
                size: try row.get("size"),
                accessSize: try row.get("access_size")
            )
        }
    }

    // MARK: - Writing

    /// Makes the first log and its key known.
    ///
    /// - Parameter incarnation: of the ledger, which for the access log may have gone through restores
    ///   before anything of it was sealed.
    func register(
        _ key: NoteVerifierKey,
        incarnation: Int32 = 1,
        _ lease: SealLease
    ) async throws {
        try await database.projector.withTransaction { connection in
            try await begin(incarnation, key, declaration: nil, lease, connection)
        }
    }

    /// Adds a key that signs beside the others of the log in force from now on, or ends one.
    func changeKeys(
        adding new: NoteVerifierKey? = nil,
        retiring old: NoteVerifierKey? = nil,
        _ lease: SealLease
    ) async throws {
        try await database.projector.withTransaction { connection in
            try await fence(lease, connection)
            try await call(
                """
                change_verifier_keys(
                    \(id), \(tree.name), \(lease.lease.epoch), \(new?.description), \(old?.description)
                )
                """,
                connection
            )
        }
    }

    /// Begins a new log after a restore.
    func begin(
        _ next: Int32,
        _ key: NoteVerifierKey,
        declaration: SignedNote,
        _ lease: SealLease
    ) async throws {
        try await database.projector.withTransaction { connection in
            try await begin(next, key, declaration: declaration, lease, connection)
            _ = try await connection.query(
                """
                update sealer set \(tree.trouble) = null, \(tree.troublePlace) = null
                where ledger_id = \(id)
                """
            )
            guard tree == .events else { return }
            try await RestoreDeclaration(text: declaration.text)?
                .resetSubscriptions(ledger, connection)
        }
    }

    private func begin(
        _ incarnation: Int32,
        _ key: NoteVerifierKey,
        declaration: SignedNote?,
        _ lease: SealLease,
        _ connection: PostgresConnection
    ) async throws {
        try await fence(lease, connection)
        try await call(
            """
            begin_seal_log(
                \(id), \(tree.name), \(lease.lease.epoch), \(incarnation), \(key.name),
                \(declaration?.description), \(key.description)
            )
            """,
            connection
        )
    }

    /// Calls a function that writes where the lease is held.
    ///
    /// - Throws: ``SealError/leaseLost`` where it is not.
    private func call(_ function: SQL, _ connection: PostgresConnection) async throws {
        let rows = try await connection.query("select \(function) as held")
        guard try rows.first?.get("held", as: Bool.self) == true else { throw SealError.leaseLost }
    }

    /// Takes the row's lock: whoever has lost the lease writes nothing.
    private func fence(_ held: SealLease, _ connection: PostgresConnection) async throws {
        let isHeld = try await held.lease.fence(
            connection,
            setting: "updated_at = statement_timestamp()"
        )
        guard isHeld else { throw SealError.leaseLost }
    }

    /// Gives rows of the access log their numbers.
    func insert(_ rows: [AccessRow], _ lease: SealLease) async throws {
        try await database.projector.withTransaction { connection in
            try await fence(lease, connection)
            try await call(
                """
                number_access_entries(
                    \(id), \(lease.lease.epoch), \(rows.map(\.number)), \(rows.map(\.entry)),
                    \(rows.map(\.nonce)), \(rows.map(\.commitment)), \(rows.map(\.leafHash))
                )
                """,
                connection
            )
        }
    }

    /// Publishes a checkpoint with the tiles that became full, in one transaction.
    ///
    /// - Returns: when, by the database server's clock.
    /// - Throws: ``SealError/leaseLost`` where size or epoch are not the lease's any more;
    ///   ``SealError/damaged(_:at:)`` where somebody has written tiles or checkpoints already.
    func publish(
        _ signed: SignedCheckpoint,
        _ tiles: [TreeEdge.FullTile],
        _ lease: SealLease
    ) async throws -> Instant {
        do {
            return try await publishAll(signed, tiles, lease)
        } catch let error as PostgresError
            where error.sqlState == .uniqueViolation || error.sqlState == .doesNotFit
        {
            let reason = "tiles or checkpoints are there that this sealer has not written"
            throw SealError.damaged(.checkpoint(reason))
        }
    }

    private func publishAll(
        _ signed: SignedCheckpoint,
        _ tiles: [TreeEdge.FullTile],
        _ lease: SealLease
    ) async throws -> Instant {
        try await database.projector.withTransaction { connection in
            try await fence(lease, connection)
            let epoch = lease.lease.epoch
            // A restore of many events at once makes many tiles: in pieces, one transaction.
            for start in stride(from: 0, to: tiles.count, by: 256) {
                let piece = tiles[start..<min(start + 256, tiles.count)]
                try await call(
                    """
                    publish_tiles(
                        \(id), \(tree.name), \(epoch), \(piece.map { Int32($0.id.level) }),
                        \(piece.map(\.id.number)), \(piece.map { TreeHash.bytes(of: $0.hashes) })
                    )
                    """,
                    connection
                )
            }
            let rows = try await connection.query(
                """
                select publish_checkpoint(
                    \(id), \(tree.name), \(epoch), \(lease.size(of: tree)), \(signed.checkpoint.size),
                    \(signed.checkpoint.root.bytes), \(signed.note.description)
                ) as sealed_at
                """
            )
            guard let sealedAt = try rows.first?.get("sealed_at", as: Instant?.self) else {
                throw SealError.leaseLost
            }
            return sealedAt
        }
    }

    /// Tells those who wait for a checkpoint in other processes; who hears nothing looks each second.
    func announce(_ size: Int64) async {
        guard tree == .events else { return }
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
                \(tree.trouble) = \(error.description), \(tree.troublePlace) = \(position),
                    updated_at = statement_timestamp()
                """
        )
    }
}

/// The right to seal one ledger.
struct SealLease: Sendable {
    let lease: Lease
    /// The size of the newest checkpoint of the events.
    var size: Int64
    /// The size of the newest checkpoint of the access log.
    var accessSize: Int64

    /// The size of the newest checkpoint of a tree.
    func size(of tree: LedgerTree) -> Int64 { tree == .events ? size : accessSize }

    /// A checkpoint of a tree was published.
    mutating func moved(_ tree: LedgerTree, to size: Int64) {
        if tree == .events { self.size = size } else { accessSize = size }
    }
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
    var declarations: [String]

    var activeKeys: [NoteVerifierKey] { keys.filter(\.isActive).map(\.key) }

    /// The origin of the events' first log.
    var firstOrigin: String {
        incarnation > 1 ? String(origin.dropLast("/\(incarnation)".count)) : origin
    }

    /// The origin of the access log that goes with a log of the events.
    func accessOrigin(incarnation: Int32) -> String {
        let first = firstOrigin + LedgerTree.access.suffix
        return incarnation > 1 ? "\(first)/\(incarnation)" : first
    }

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

    /// The newest one of a tree of a ledger; nil before the first seal.
    ///
    /// - Throws: ``NoteError`` where it cannot be read.
    public static func newest(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription,
        _ tree: LedgerTree = .events
    ) async throws -> PublishedCheckpoint? {
        let rows = try await database.reader.query(
            """
            select note, sealed_at
            from \(tree.checkpoints)
            where ledger_id = \(ledger.id.rawValue)
            order by size desc
            limit 1
            """
        )
        guard let row = rows.first else { return nil }
        let signed = try SignedCheckpoint(parsing: row.get("note"))
        guard signed.checkpoint.size > 0 else {
            throw NoteError.notACheckpoint("it covers no event")
        }
        return PublishedCheckpoint(signed: signed, sealedAt: try row.get("sealed_at"))
    }
}

extension SQLState {
    /// What a function of the ledger's own refuses, since it does not fit what there is.
    fileprivate static let doesNotFit = SQLState(rawValue: "EL002")
}
