import CareEpisode
import Ledger
import Postgres
import TestSupport
import TransparencyLog

/// A restore that never was, declared in the database by keys of the forger's own, with or without what
/// follows from it: a history that goes another way, checkpoints of the log that is said to begin.
struct DeclarationForgery: CustomStringConvertible {
    private let sealed: SealedLedger
    private let kept: Int64
    private let keys: (ended: NoteSigningKey, begun: NoteSigningKey)
    private let isRewritten: Bool
    private let isSealedAnew: Bool
    private let isKeyRegistered: Bool
    private let signers: Int

    var description: String {
        "kept \(kept), begun \(keys.begun.verifierKey.name), rewritten \(isRewritten), sealed anew "
            + "\(isSealedAnew), registered \(isKeyRegistered), signed by \(signers)"
    }

    init(_ sealed: SealedLedger, _ random: inout SeededRandom) {
        self.sealed = sealed
        let origin = sealed.kept.checkpoint.origin
        kept = Int64.random(in: 0..<sealed.size, using: &random)
        let begun = ["\(origin)/2", "\(origin)/2", "\(origin)/3", origin]
        keys = (
            NoteSigningKey(generatedFor: origin),
            NoteSigningKey(generatedFor: begun.randomElement(using: &random) ?? origin)
        )
        isRewritten = random.happens(0.7)
        isSealedAnew = random.happens(0.6)
        isKeyRegistered = random.happens(0.8)
        signers = Int.random(in: 0...2, using: &random)
    }

    /// Makes it, as the superuser with triggers disabled.
    func make() async throws {
        let id = sealed.ledger.id.rawValue
        try await sealed.superuser.withTransaction { connection in
            let root = try await root(of: kept, connection)
            let last = sealed.kept.checkpoint
            let text = forgedDeclaration(
                of: last.origin,
                size: last.size,
                root: last.root,
                kept: (kept, root),
                begun: keys.begun.verifierKey
            )
            let all = [[keys.ended, keys.begun], [keys.begun], [keys.ended]]
            let note = try SignedNote(text, signedBy: all[signers])
            _ = try await connection.query(
                """
                insert into seal_log (ledger_id, incarnation, origin, declaration)
                values (\(id), 2, \("\(last.origin)/2"), \(note.description))
                """
            )
            if isKeyRegistered {
                for (key, incarnation) in [(keys.ended, Int32(1)), (keys.begun, 2)] {
                    _ = try await connection.query(
                        """
                        insert into verifier_key (ledger_id, verifier_key, incarnation)
                        values (\(id), \(key.verifierKey.description), \(incarnation))
                        """
                    )
                }
            }
            if isRewritten { try await rewrite(connection) }
            if isSealedAnew { try await seal(connection) }
        }
    }

    private func root(of size: Int64, _ connection: PostgresConnection) async throws -> TreeHash {
        let rows = try await connection.query(
            """
            select leaf_hash from event
            where ledger_id = \(sealed.ledger.id.rawValue) and position <= \(size) order by position
            """
        )
        var edge = TreeEdge()
        for row in rows {
            guard let leaf = TreeHash(try row.get("leaf_hash", as: [UInt8].self)) else { continue }
            edge.append(leaf)
        }
        return edge.root
    }

    /// What follows the checkpoint that is said to be kept is cut off.
    private func rewrite(_ connection: PostgresConnection) async throws {
        let id = sealed.ledger.id.rawValue
        for statement: SQL in [
            "delete from event where ledger_id = \(id) and position > \(kept)",
            "delete from checkpoint where ledger_id = \(id) and size > \(kept)",
            """
            delete from tile
            where ledger_id = \(id) and (number + 1) << (8 * (level + 1)) > \(kept)
            """,
            "update ledger_head set position = \(kept) where ledger_id = \(id)",
            """
            update sealer set size = coalesce(
                (select max(size) from checkpoint where ledger_id = \(id)), 0
            )
            where ledger_id = \(id)
            """,
        ] {
            _ = try await connection.query(statement)
        }
    }

    /// A checkpoint of the log that is said to begin, over what there is.
    private func seal(_ connection: PostgresConnection) async throws {
        let id = sealed.ledger.id.rawValue
        let size = isRewritten ? kept : sealed.size
        guard size > 0 else { return }
        let checkpoint = TreeCheckpoint(
            origin: keys.begun.verifierKey.name,
            size: size,
            root: try await root(of: size, connection)
        )
        let signed = try SignedCheckpoint(checkpoint, signedBy: [keys.begun])
        _ = try await connection.query(
            "delete from checkpoint where ledger_id = \(id) and size = \(size)"
        )
        _ = try await connection.query(
            """
            insert into checkpoint (ledger_id, size, root, note)
            values (\(id), \(size), \(checkpoint.root.bytes), \(signed.note.description))
            """
        )
        _ = try await connection.query(
            "update sealer set size = \(size) where ledger_id = \(id)"
        )
    }
}
