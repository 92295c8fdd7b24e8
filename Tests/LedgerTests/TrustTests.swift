import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

/// What the database's owner can make up without the private key and without the checkpoint log, and
/// what nobody vouches for then.
@Suite("Who vouches")
struct TrustTests {
    private let origin = "episode-ledger/default"

    /// A ledger of 60 events that was sealed at 20, 40 and 60.
    private func withSealed(
        _ body: (SealingFixture, _ key: NoteVerifierKey, _ newest: SignedCheckpoint) async throws
            -> Void
    ) async throws {
        try await SealingFixture.with { fixture in
            var newest: SignedCheckpoint?
            for _ in 1...3 {
                try await fixture.append(20)
                newest = try await fixture.seal()
            }
            let key = try #require(try fixture.place.keys.keys().first).verifierKey
            try await body(fixture, key, try #require(newest))
        }
    }

    private var noLog: CheckpointLog { CheckpointLog("/nonexistent/checkpoints") }

    /// Drops what follows a checkpoint, and records other events.
    private func rewrite(_ fixture: SealingFixture, after size: Int64) async throws {
        try await fixture.tamper("delete from event where position > \(size)")
        try await fixture.tamper("delete from checkpoint where size > \(size)")
        try await fixture.tamper("update sealer set size = \(size)")
        try await fixture.tamper("update ledger_head set position = \(size)")
        try await fixture.append(50)
    }

    private func register(
        _ fixture: SealingFixture,
        _ key: NoteSigningKey,
        incarnation: Int32 = 1
    ) async throws {
        try await fixture.tamper(
            """
            insert into verifier_key (ledger_id, verifier_key, incarnation)
            values (\(fixture.ledger.id.rawValue), \(key.verifierKey.description), \(incarnation))
            """
        )
    }

    /// The text of a declaration, as whoever makes one up writes it.
    private func declaration(
        last: TreeCheckpoint,
        kept: TreeCheckpoint,
        begun: NoteVerifierKey,
        reason: String = "disk failure"
    ) -> String {
        """
        episode-ledger restore declaration 1
        ended \(last.origin) \(last.size) \(last.root)
        kept \(kept.size) \(kept.root)
        restored \(kept.size)
        begun \(begun)
        declared 2026-05-03T12:00:00.000000Z
        reason \(reason)

        """
    }

    /// Declares a restore that never was, signed by keys that the forger has made.
    private func declare(
        _ fixture: SealingFixture,
        last: TreeCheckpoint,
        kept: TreeCheckpoint,
        as ended: NoteSigningKey,
        begun: NoteSigningKey
    ) async throws {
        let text = declaration(last: last, kept: kept, begun: begun.verifierKey)
        let note = try SignedNote(text, signedBy: [ended, begun])
        try await register(fixture, ended)
        try await fixture.tamper(
            """
            insert into seal_log (ledger_id, incarnation, origin, declaration)
            values (
                \(fixture.ledger.id.rawValue), 2, \(begun.verifierKey.name),
                \(note.description)
            )
            """
        )
        try await register(fixture, begun, incarnation: 2)
    }

    private func checkpoint(_ fixture: SealingFixture, _ size: Int64) async throws -> TreeCheckpoint
    {
        TreeCheckpoint(origin: origin, size: size, root: try await fixture.root(size))
    }

    private func publish(
        _ fixture: SealingFixture,
        _ checkpoint: TreeCheckpoint,
        _ key: NoteSigningKey
    ) async throws {
        let signed = try SignedCheckpoint(checkpoint, signedBy: [key])
        try await fixture.tamper(
            """
            insert into checkpoint (ledger_id, size, root, note)
            values (
                \(fixture.ledger.id.rawValue), \(checkpoint.size), \(checkpoint.root.bytes),
                \(signed.note.description)
            )
            """
        )
        try await fixture.tamper("update sealer set size = \(checkpoint.size)")
    }

    // MARK: - Declarations

    @Test("A restore that never was does not hide a rewritten history, whatever is registered")
    func forgedRestore() async throws {
        try await withSealed { fixture, key, newest in
            let kept = try await checkpoint(fixture, 20)
            try await rewrite(fixture, after: 20)
            try await declare(
                fixture,
                last: newest.checkpoint,
                kept: kept,
                as: NoteSigningKey(generatedFor: origin),
                begun: NoteSigningKey(generatedFor: "\(origin)/2")
            )
            for pinned in [[], [key]] {
                let report = try await fixture.verify(pinned: pinned)
                #expect(report.faults.contains { $0.kind.code == "root" })
                #expect(report.faults.contains { $0.kind.code == "checkpoint" })
                #expect(report.first?.position == Position(21))
                #expect(!report.notices.contains { $0.contains("disk failure") })
            }
            // Without the log it is the pinned key that tells.
            let logless = try await fixture.verify(pinned: [key], log: noLog)
            #expect(logless.faults.map(\.kind.code) == ["checkpoint"])
        }
    }

    @Test("A forged declaration is found beside events that nobody touched")
    func idleDeclaration() async throws {
        try await withSealed { fixture, key, newest in
            try await declare(
                fixture,
                last: newest.checkpoint,
                kept: newest.checkpoint,
                as: NoteSigningKey(generatedFor: origin),
                begun: NoteSigningKey(generatedFor: "\(origin)/2")
            )
            #expect(try await !fixture.verify().isClean)
            #expect(try await !fixture.verify(pinned: [key]).isClean)
            #expect(try await !fixture.verify(pinned: [key], log: noLog).isClean)
        }
    }

    @Test("One key cannot sign for the log that ended and for the one that begins")
    func oneKeyForBoth() async throws {
        try await withSealed { fixture, key, newest in
            let kept = try await checkpoint(fixture, 20)
            try await rewrite(fixture, after: 20)
            let forged = NoteSigningKey(generatedFor: origin)
            let text = declaration(
                last: newest.checkpoint,
                kept: kept,
                begun: forged.verifierKey
            )
            let note = try SignedNote(text, signedBy: [forged])
            try await fixture.tamper(
                """
                insert into seal_log (ledger_id, incarnation, origin, declaration)
                values (
                    \(fixture.ledger.id.rawValue), 2, \("\(origin)/2"), \(note.description)
                )
                """
            )
            for log in [fixture.place.log, noLog] {
                let report = try await fixture.verify(pinned: [key], log: log)
                #expect(report.faults.contains { $0.kind.code == "checkpoint" })
            }
        }
    }

    @Test("A restore that was declared counts with its log, and without it with both keys")
    func declaredRestore() async throws {
        try await withSealed { fixture, old, lost in
            try await rewrite(fixture, after: 20)
            _ = try await fixture.sealer().declareRestore(reason: "disk failure")
            try await fixture.seal()
            let new = try #require(try fixture.place.keys.keys().last).verifierKey
            #expect(new.name == "\(origin)/2")
            for pinned in [[], [old, new], [new]] {
                let report = try await fixture.verify(pinned: pinned)
                #expect(report.faults == [])
                #expect(report.vouchers.contains(.checkpointLog))
                #expect(report.notices.contains { $0.contains("disk failure") })
            }
            let both = try await fixture.verify(pinned: [old, new], log: noLog)
            #expect(both.faults == [] && both.vouchers == [.verifierKey])
            #expect(try await fixture.verify(pinned: [new], log: noLog).faults.count == 1)
            // What was lost is told to who kept a checkpoint, with the log or with the keys.
            for log in [fixture.place.log, noLog] {
                let witness = try await fixture.verify(pinned: [old, new], kept: [lost], log: log)
                #expect(witness.faults.map(\.kind.code) == ["shrunken"])
            }
        }
    }

    @Test("What a second restore lost of what the first one kept is lost, and no false alarm")
    func restoredTwice() async throws {
        try await withSealed { fixture, _, _ in
            try await rewrite(fixture, after: 40)
            _ = try await fixture.sealer().declareRestore(reason: "first")
            try await fixture.seal()
            // A backup that is older than what the first restore kept.
            try await rewrite(fixture, after: 20)
            _ = try await fixture.sealer().declareRestore(reason: "second")
            try await fixture.seal()
            let report = try await fixture.verify()
            #expect(report.faults == [])
            #expect(report.notices.filter { $0.contains("restored from a backup") }.count == 2)
        }
    }

    @Test("A checkpoint log that was lost and begun anew takes the declarations along")
    func logBegunAnew() async throws {
        try await withSealed { fixture, _, _ in
            try await rewrite(fixture, after: 20)
            let note = try await fixture.sealer().declareRestore(reason: "disk failure")
            let newest = try await fixture.seal()
            let anew = CheckpointLog("\(fixture.folder)/anew")
            try Data("\(newest.note.description)\n".utf8).write(to: URL(filePath: anew.path))
            let without = try await fixture.verify(log: anew)
            #expect(without.faults.map(\.kind.code) == ["checkpoint"])
            try Data("\(note.description)\n\(newest.note.description)\n".utf8)
                .write(to: URL(filePath: anew.path))
            let with = try await fixture.verify(log: anew)
            #expect(with.faults == [] && with.vouchers == [.checkpointLog])
        }
    }

    // MARK: - Keys

    @Test("A published checkpoint counts by no key that only the database registers")
    func registeredKey() async throws {
        try await withSealed { fixture, key, _ in
            let forged = NoteSigningKey(generatedFor: origin)
            try await register(fixture, forged)
            let untouched = try await fixture.verify()
            #expect(untouched.isClean)
            #expect(untouched.notices.contains { $0.contains("\(forged.verifierKey)") })
            try await fixture.append(20)
            try await publish(fixture, try await checkpoint(fixture, 80), forged)
            for (pinned, log) in [
                ([], fixture.place.log), ([key], noLog), ([key], fixture.place.log),
            ] {
                let report = try await fixture.verify(pinned: pinned, log: log)
                #expect(!report.isClean && report.signers == [])
                #expect(report.faults.allSatisfy { $0.kind.code == "checkpoint" })
            }
            // In the place of an older one, which the log has.
            try await fixture.tamper("delete from checkpoint where size in (40, 80)")
            try await publish(fixture, try await checkpoint(fixture, 40), forged)
            try await fixture.tamper("update sealer set size = 60")
            #expect(try await !fixture.verify().isClean)
        }
    }

    @Test("A kept checkpoint counts by no key that only the database registers")
    func keptByRegisteredKey() async throws {
        try await withSealed { fixture, key, _ in
            let forged = NoteSigningKey(generatedFor: origin)
            try await register(fixture, forged)
            let tree = try await checkpoint(fixture, 40)
            let kept = try SignedCheckpoint(tree, signedBy: [forged])
            for (pinned, log) in [([], fixture.place.log), ([key], noLog)] {
                let report = try await fixture.verify(pinned: pinned, kept: [kept], log: log)
                #expect(report.faults.map(\.kind.code) == ["checkpoint"])
                #expect(!report.vouchers.contains(.keptCheckpoint))
            }
        }
    }

    @Test("A key pinned after a change of keys is enough, and what it does not vouch for is told")
    func rotated() async throws {
        try await withSealed { fixture, old, first in
            let new = try await fixture.sealer().addKey()
            try await fixture.sealer().retireKey(old)
            try await fixture.append(20)
            try await fixture.seal()
            let report = try await fixture.verify(pinned: [new], log: noLog)
            #expect(report.faults == [] && report.signers == [new])
            #expect(report.notices.contains { $0.contains("up to size 60, 3 of them") })
            // The root of such a checkpoint must be right all the same.
            let wrong = TreeCheckpoint(origin: origin, size: 60, root: .ofEmptyTree)
            try await fixture.tamper("delete from checkpoint where size = 60")
            try await publish(fixture, wrong, try #require(try fixture.place.keys.keys().first))
            try await fixture.tamper("update sealer set size = 80")
            let forged = try await fixture.verify(pinned: [new], log: noLog)
            #expect(forged.faults.map(\.kind.code) == ["root"])
        }
    }

    @Test("Where every checkpoint was removed, a pinned key finds that nothing is signed")
    func nothingSigned() async throws {
        try await withSealed { fixture, key, _ in
            try await fixture.tamper("delete from checkpoint")
            try await fixture.tamper("delete from tile")
            try await fixture.tamper("update sealer set size = 0")
            #expect(try await !fixture.verify(pinned: [key], log: noLog).isClean)
            #expect(try await fixture.verify(log: noLog).vouchers == [])
        }
    }

    @Test("With nothing outside the database at hand, what that shows is said in words")
    func nothingAtHand() async throws {
        try await withSealed { fixture, _, newest in
            let alone = try await fixture.verify(log: noLog)
            #expect(alone.isClean && alone.vouchers == [] && !alone.isVouched)
            #expect(alone.notices.contains { $0.contains("whoever holds it could have made") })
            let kept = try await fixture.verify(kept: [newest], log: noLog)
            #expect(kept.vouchers == [.keptCheckpoint] && kept.isVouched && kept.keptThrough == 60)
            try await fixture.append(5)
            let more = try await fixture.verify(kept: [newest], log: noLog)
            #expect(!more.isVouched && more.keptThrough == 60)
            #expect(more.notices.contains { $0.contains("up to position 60") })
            let logged = try await fixture.verify()
            #expect(logged.vouchers == [.checkpointLog] && logged.isVouched)
        }
    }

    @Test("A log that lacks what the database has published is told")
    func logCut() async throws {
        try await withSealed { fixture, _, _ in
            let notes = try fixture.place.log.notes()
            let cut = CheckpointLog("\(fixture.folder)/cut")
            try Data(notes.prefix(1).map { "\($0.description)\n" }.joined().utf8)
                .write(to: URL(filePath: cut.path))
            let report = try await fixture.verify(log: cut)
            #expect(report.isClean)
            #expect(report.notices.contains { $0.contains("2 of them, the first of size 40") })
        }
    }

    // MARK: - Exports

    private func export(_ fixture: SealingFixture, _ signed: SignedCheckpoint) async throws
        -> String
    {
        let folder = "\(fixture.folder)/export"
        try? FileManager.default.removeItem(atPath: folder)
        _ = try await LogExport(fixture.database, ledger: fixture.ledger, to: folder).run(signed)
        return folder
    }

    @Test(
        "An export's own keys vouch for nothing where a key was pinned, for no kept checkpoint either"
    )
    func exportedKeys() async throws {
        try await withSealed { fixture, key, newest in
            let forged = NoteSigningKey(generatedFor: origin)
            try await register(fixture, forged)
            let folder = try await export(fixture, newest)
            let tree = try await checkpoint(fixture, 40)
            let kept = try SignedCheckpoint(tree, signedBy: [forged])
            let trusting = try await ExportVerification(folder, kept: [kept]).run()
            #expect(trusting.isClean && trusting.vouchers == [.keptCheckpoint])
            let report = try await ExportVerification(folder, pinned: [key], kept: [kept]).run()
            #expect(report.faults.map(\.kind.code) == ["checkpoint"])
            let own = try await ExportVerification(folder, pinned: [key], kept: [newest]).run()
            #expect(own.faults == [] && own.vouchers == [.verifierKey, .keptCheckpoint])
            // The first key of the list is that of the first signature.
            try Data("\(forged.verifierKey)\n\(key)\n".utf8)
                .write(to: URL(filePath: "\(folder)/verifier-keys"))
            #expect(try await !ExportVerification(folder, pinned: [key]).run().isClean)
        }
    }

    @Test("A declaration in an export counts if a pinned key has signed it")
    func exportedDeclaration() async throws {
        try await withSealed { fixture, old, lost in
            let keys = [
                NoteSigningKey(generatedFor: origin), NoteSigningKey(generatedFor: "\(origin)/2"),
            ]
            let text = declaration(
                last: lost.checkpoint,
                kept: try await checkpoint(fixture, 20),
                begun: keys[1].verifierKey,
                reason: "a fire"
            )
            let forged = try SignedNote(text, signedBy: keys)
            var folder = try await export(fixture, lost)
            try Data(forged.description.utf8)
                .write(to: URL(filePath: "\(folder)/restore-declarations"))
            let report = try await ExportVerification(folder, pinned: [old]).run()
            #expect(!report.isClean && !report.notices.contains { $0.contains("a fire") })
            #expect(try await !ExportVerification(folder).run().isClean)

            try await rewrite(fixture, after: 20)
            _ = try await fixture.sealer().declareRestore(reason: "disk failure")
            let newest = try await fixture.seal()
            let new = try #require(try fixture.place.keys.keys().last).verifierKey
            folder = try await export(fixture, newest)
            let both = try await ExportVerification(folder, pinned: [old, new], kept: [lost]).run()
            #expect(both.faults.map(\.kind.code) == ["shrunken"])
            #expect(both.notices.contains { $0.contains("disk failure") })
            #expect(try await ExportVerification(folder).run().isClean)
            #expect(try await !ExportVerification(folder, pinned: [new]).run().isClean)
        }
    }
}
