import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

/// What is declared or signed while a verification is on.
@Suite("Verification meanwhile")
struct VerificationMeanwhileTests {
    @Test("A restore that is declared while a verification reads what was signed is no fault")
    func declared() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(20)
            let newest = try await fixture.seal()
            let old = try #require(try fixture.place.keys.keys().first)
            let new = NoteSigningKey(generatedFor: "\(newest.checkpoint.origin)/2")
            let text = """
                episode-ledger restore declaration 1
                ended \(newest.checkpoint.origin) 20 \(newest.checkpoint.root)
                kept 20 \(newest.checkpoint.root)
                restored 20
                begun \(new.verifierKey)
                declared 2026-05-03T12:00:00.000000Z
                reason disk failure

                """
            let note = try SignedNote(text, signedBy: [old, new])
            let pool = PostgresPool(fixture.configuration, limit: 2)
            let id = fixture.ledger.id.rawValue
            let report = try await withThrowingTaskGroup(of: VerificationReport?.self) { group in
                try await pool.withTransaction { connection in
                    _ = try await connection.query(
                        "lock table verifier_key in access exclusive mode"
                    )
                    group.addTask { try await fixture.verify() }
                    try await eventually("the verification waits for the lock") {
                        let rows = try await pool.query(
                            """
                            select count(*) as waiting from pg_locks
                            where relation = 'verifier_key'::regclass and not granted
                            """
                        )
                        return try rows.first?.get("waiting", as: Int64.self) ?? 0 > 0
                    }
                    // As it is declared: in the log first, then in the database.
                    try fixture.place.log.append(note, after: newest.note)
                    _ = try await connection.query(
                        """
                        insert into seal_log (ledger_id, incarnation, origin, declaration)
                        values (\(id), 2, \(new.verifierKey.name), \(note.description))
                        """
                    )
                    _ = try await connection.query(
                        """
                        insert into verifier_key (ledger_id, verifier_key, incarnation)
                        values (\(id), \(new.verifierKey.description), 2)
                        """
                    )
                }
                return try await group.next() ?? nil
            }
            await pool.close()
            #expect(report?.faults == [])
        }
    }
}
