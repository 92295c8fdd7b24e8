import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

@Suite("Sealer")
struct SealerTests {
    @Test("The first seal makes a key that its owner alone can read, and registers it")
    func first() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(25)
            let signed = try await fixture.seal()
            #expect(signed.checkpoint.origin == "episode-ledger/default")
            #expect(signed.checkpoint.size == 25)
            let root = try await fixture.root(25)
            #expect(signed.checkpoint.root == root)
            let keys = try await SealStatus.keys(fixture.database, ledger: fixture.ledger)
            #expect(try fixture.place.keys.keys().map(\.verifierKey) == keys)
            #expect(try signed.verified(by: keys) == keys)
            let mode =
                try FileManager.default
                .attributesOfItem(atPath: fixture.place.keys.path)[.posixPermissions] as? Int
            #expect(mode == 0o600)
            #expect(try fixture.place.log.newest() == signed.note)
            // Nothing new, nothing signed.
            let again = try await fixture.seal()
            #expect(again == signed)
            #expect(try fixture.place.log.notes().count == 1)
        }
    }

    @Test("Each seal goes on from the last, whoever made that; full tiles alone are stored")
    func incremental() async throws {
        try await SealingFixture.with { fixture in
            for count in [1, 254, 1, 1, 300, 256, 7] {
                try await fixture.append(count)
                let signed = try await fixture.seal()
                #expect(signed.checkpoint.root == (try await fixture.root(signed.checkpoint.size)))
            }
            let tiles = try await fixture.database.reader.query(
                "select level, number from tile order by level, number"
            ).map {
                "\(try $0.get("level", as: Int32.self))/\(try $0.get("number", as: Int64.self))"
            }
            #expect(tiles == ["0/0", "0/1", "0/2"])
            #expect(try await fixture.verify().isClean)
        }
    }

    @Test("Proofs from the stored tree hold, for events and sizes at random")
    func proofs() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(700)
            let newest = try await fixture.seal().checkpoint
            let store = TileStore(fixture.database, ledger: fixture.ledger)
            var random = SeededRandom(seed: 3)
            for _ in 0..<30 {
                let size = Int64.random(in: 1...700, using: &random)
                let position = Position(Int64.random(in: 1...size, using: &random))
                let event = try #require(
                    try await fixture.reader.page(after: Position(position.rawValue - 1), limit: 1)
                        .events.first
                )
                let root = try await store.root(size: size)
                #expect(root == (try await fixture.root(size)))
                let isIncluded = TreeProof.verifyInclusion(
                    leaf: try #require(TreeHash(event.leafHash)),
                    index: position.rawValue - 1,
                    size: size,
                    root: root,
                    proof: try await store.inclusionProof(of: position, size: size)
                )
                #expect(isIncluded)
                let isConsistent = TreeProof.verifyConsistency(
                    from: size,
                    root,
                    to: 700,
                    newest.root,
                    proof: try await store.consistencyProof(from: size, to: 700)
                )
                #expect(isConsistent)
            }
        }
    }

    @Test(
        "An event that was changed before it was sealed is never signed, and its position is named",
        arguments: [
            "payload = set_byte(payload, 5, get_byte(payload, 5) # 1)",
            "header = set_byte(header, 20, get_byte(header, 20) # 1)",
            "leaf_hash = sha256(leaf_hash)", "known_at = known_at + 1",
            "occurred_at = occurred_at - 1", "type = 'completed'", "recorded_at = recorded_at + 1",
            "ledger_id = 7", "episode_id = gen_random_uuid()",
        ]
    )
    func damaged(_ change: String) async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(20)
            let before = try await fixture.seal()
            try await fixture.append(20)
            try await fixture.tamper("update event set \(raw: change) where position = 33")
            let error = await #expect(throws: SealError.self) { try await fixture.seal() }
            guard case .damaged(let fault) = error else {
                Issue.record("\(String(describing: error))")
                return
            }
            #expect(fault.position == Position(33))
            #expect(try fixture.place.log.newest() == before.note)
            let status = try await SealStatus(fixture.database, ledger: fixture.ledger)
            #expect(status.size == 20 && status.unsealed == 20 && status.lagSeconds > 0)
            #expect(status.troublePosition == Position(33))
            #expect(status.trouble?.contains("position 33") == true)
            #expect(status.holder == nil, "the lease was handed back")
        }
    }

    @Test("A sealer without the key, or with a log that lacks the newest checkpoint, seals nothing")
    func elsewhere() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            try await fixture.seal()
            try await fixture.append(10)
            let keyless = fixture.sealer(fixture.place(key: "other"))
            await #expect(throws: SealError.self) { try await fixture.seal(keyless) }
            #expect(!FileManager.default.fileExists(atPath: "\(fixture.folder)/other"))
            let logless = fixture.sealer(fixture.place(log: "other-log"))
            await #expect(
                throws: SealError.logBehind(file: "\(fixture.folder)/other-log", size: 10)
            ) {
                try await fixture.seal(logless)
            }
            let renamed = fixture.sealer(fixture.place(name: "example.org"))
            await #expect(
                throws: SealError.otherOrigin(
                    registered: "episode-ledger/default",
                    configured: "example.org/default"
                )
            ) { try await fixture.seal(renamed) }
            #expect(try await fixture.seal().checkpoint.size == 20)
        }
    }

    @Test("A key that others may read is not used")
    func openKey() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            try await fixture.seal()
            try await fixture.append(1)
            chmod(fixture.place.keys.path, 0o640)
            let error = await #expect(throws: SealError.self) { try await fixture.seal() }
            #expect("\(try #require(error))".contains("chmod 600"))
        }
    }

    @Test("A checkpoint that was signed and not published is published as it was signed")
    func unpublished() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            let first = try await fixture.seal()
            try await fixture.append(300)
            // As a sealer that died between its two steps leaves it.
            let root = try await fixture.root(444)
            let signed = try SignedCheckpoint(
                TreeCheckpoint(origin: "episode-ledger/default", size: 444, root: root),
                signedBy: try fixture.place.keys.keys()
            )
            try fixture.place.log.append(signed.note, after: first.note)
            let sealed = try await fixture.seal()
            #expect(sealed.checkpoint.size == 600)
            let sizes = try await fixture.database.reader.query(
                "select size, note from checkpoint order by size"
            )
            #expect(try sizes.map { try $0.get("size", as: Int64.self) } == [300, 444, 600])
            #expect(try sizes[1].get("note", as: String.self) == signed.note.description)
            #expect(try await fixture.verify().isClean)
        }
    }

    @Test(
        "What the log says was signed and the ledger does not lead to keeps it from being sealed",
        arguments: [Int64(12), 20, 30]
    )
    func forgedLog(size: Int64) async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            let first = try await fixture.seal()
            try await fixture.append(10)
            let root = try await fixture.root(9)
            let other = try SignedCheckpoint(
                TreeCheckpoint(origin: "episode-ledger/default", size: size, root: root),
                signedBy: try fixture.place.keys.keys()
            )
            try fixture.place.log.append(other.note, after: first.note)
            await #expect(
                throws: SealError.inconsistent(
                    file: fixture.place.log.path,
                    size: size,
                    head: 20
                )
            ) { try await fixture.seal() }
            #expect(try fixture.place.log.newest() == other.note)
            #expect(try await !fixture.verify().isClean)
        }
    }

    @Test("Two sealers at once neither fork nor wait for each other for ever")
    func two() async throws {
        try await SealingFixture.with { fixture in
            let sealers = (1...2).map {
                fixture.sealer(holder: "sealer \($0)", batch: 16, lease: 1)
            }
            try await withThrowingTaskGroup(of: Void.self) { group in
                let feed = LiveFeed()
                for sealer in sealers { group.addTask { try await sealer.run(feed: feed) } }
                for round in 0..<6 {
                    try await fixture.append(120)
                    // The one that seals hands over to the other.
                    if round == 3 { sealers[0].stop() }
                }
                try await eventually("everything is sealed") {
                    try await SealStatus(fixture.database, ledger: fixture.ledger).unsealed == 0
                }
                sealers[1].stop()
                try await group.waitForAll()
            }
            let report = try await fixture.verify()
            #expect(report.faults == [])
            #expect(report.newest?.size == 720)
            #expect(report.checkpoints == (try fixture.place.log.notes().count))
        }
    }

    @Test("A stored checkpoint that cannot be read is told, and the sealer does not end")
    func unreadable() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            try await fixture.seal()
            try await fixture.tamper("update checkpoint set note = 'none'")
            let sealer = fixture.sealer()
            let (troubles, told) = AsyncStream.makeStream(of: String.self)
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    try await sealer.run(feed: LiveFeed()) { told.yield("\($0)") }
                    told.finish()
                }
                var list = troubles.makeAsyncIterator()
                let first = await list.next()
                #expect(first?.contains("not a signed note") == true)
                sealer.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test("A sealer that lost its lease publishes nothing; the next one goes on")
    func lostLease() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            try await fixture.seal()
            // Somebody took the lease and died.
            _ = try await fixture.database.projector.query(
                """
                update sealer set lease_holder = 'gone',
                    lease_until = clock_timestamp() + interval '1 second'
                """
            )
            try await fixture.append(10)
            #expect(try await fixture.seal().checkpoint.size == 20)
        }
    }

    @Test("One who waits for another sealer that gets nowhere is told so")
    func notReached() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            try await fixture.seal()
            _ = try await fixture.database.projector.query(
                """
                update sealer set lease_holder = 'busy',
                    lease_until = clock_timestamp() + interval '1 minute'
                """
            )
            try await fixture.append(10)
            await #expect(throws: SealError.notReached(Position(20), sealed: 10)) {
                try await fixture.sealer().seal(upTo: Position(20), limit: .milliseconds(200))
            }
        }
    }

    @Test("A new key signs beside the old one, which can then be retired")
    func rotation() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            let sealer = fixture.sealer()
            let first = try await fixture.seal(sealer)
            let old = try #require(
                try await SealStatus.keys(fixture.database, ledger: fixture.ledger).first
            )
            await #expect(throws: SealError.self) { try await sealer.retireKey(old) }
            let new = try await sealer.addKey()
            try await fixture.append(10)
            let both = try await fixture.seal(sealer)
            #expect(Set(try both.verified(by: [old, new])) == [old, new])
            try await sealer.retireKey(old)
            try await fixture.append(10)
            let second = try await fixture.seal(sealer)
            #expect(try second.verified(by: [old, new]) == [new])
            // Who has either key pinned finds everything that was signed in order.
            #expect(try await fixture.verify(pinned: [new], kept: [first, both]).faults == [])
            // The old key alone is not enough for the newest checkpoint any more.
            #expect(try await !fixture.verify(pinned: [old]).isClean)
            await #expect(throws: SealError.self) { try await sealer.retireKey(old) }
        }
    }

    /// Puts a ledger back to what a backup of it had.
    ///
    /// - Parameters:
    ///   - head: the events it had.
    ///   - sealed: how many of them were sealed by then.
    private func rollBack(_ fixture: SealingFixture, to head: Int64, sealed: Int64) async throws {
        try await fixture.tamper("delete from event where position > \(head)")
        try await fixture.tamper("delete from checkpoint where size > \(sealed)")
        try await fixture.tamper("delete from tile where (number + 1) << 8 > \(sealed)")
        try await fixture.tamper("update sealer set size = \(sealed)")
        try await fixture.tamper("update ledger_head set position = \(head)")
    }

    @Test("What was sealed after the backup, of events that are in it, counts as kept")
    func sealedAfterBackup() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            try await fixture.seal()
            try await fixture.append(300)
            let kept = try await fixture.seal()
            try await fixture.append(100)
            let lost = try await fixture.seal()
            try await rollBack(fixture, to: 600, sealed: 300)
            try await fixture.append(50)
            await #expect(throws: SealError.self) { try await fixture.seal() }
            let note = try await fixture.sealer().declareRestore(reason: "disk failure")
            let declaration = try #require(RestoreDeclaration(text: note.text))
            #expect(declaration.last == lost.checkpoint && declaration.kept == kept.checkpoint)
            let sealed = try await fixture.seal()
            #expect(sealed.checkpoint.size == 650)
            #expect(try await fixture.verify(kept: [kept]).faults == [])
        }
    }

    @Test("A backup that is older than the first seal, or than a declared restore, goes on too")
    func oldBackup() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            try await fixture.seal()
            // From before the first seal.
            try await rollBack(fixture, to: 100, sealed: 0)
            for table in ["verifier_key", "seal_log"] {
                try await fixture.tamper("alter table \(raw: table) disable trigger all")
                try await fixture.tamper("delete from \(raw: table)")
            }
            await #expect(throws: SealError.self) { try await fixture.seal() }
            _ = try await fixture.sealer().declareRestore(reason: "first")
            let second = try await fixture.seal()
            #expect(second.checkpoint.origin == "episode-ledger/default/2")
            #expect(second.checkpoint.size == 100)
            #expect(try await fixture.verify().faults == [])

            // From before that restore: its log is not begun a second time.
            try await fixture.append(50)
            try await fixture.seal()
            try await rollBack(fixture, to: 90, sealed: 0)
            try await fixture.tamper("delete from verifier_key where incarnation = 2")
            try await fixture.tamper("delete from seal_log where incarnation = 2")
            await #expect(throws: SealError.self) { try await fixture.seal() }
            let note = try await fixture.sealer().declareRestore(reason: "second")
            let declaration = try #require(RestoreDeclaration(text: note.text))
            #expect(declaration.last.origin == "episode-ledger/default/2")
            #expect(declaration.last.size == 150 && declaration.kept.size == 0)
            let third = try await fixture.seal()
            #expect(third.checkpoint.origin == "episode-ledger/default/3")
            let report = try await fixture.verify()
            #expect(report.faults == [])
            #expect(report.notices.filter { $0.contains("restored from a backup") }.count == 2)
        }
    }

    @Test("A ledger that does not lead to its log begins another one, once that is declared")
    func restored() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            let first = try await fixture.seal()
            await #expect(throws: SealError.self) {
                try await fixture.sealer().declareRestore(reason: "nothing was lost")
            }
            try await fixture.append(100)
            let lost = try await fixture.seal()
            // A backup of the first seal comes back.
            try await fixture.tamper("delete from event where position > 310")
            try await fixture.tamper("delete from checkpoint where size > 300")
            try await fixture.tamper("update sealer set size = 300")
            try await fixture.tamper("update ledger_head set position = 310")
            try await fixture.append(200)
            await #expect(throws: SealError.self) { try await fixture.seal() }
            #expect(try await !fixture.verify(kept: [lost]).isClean)
            let note = try await fixture.sealer().declareRestore(reason: "disk failure")
            let declaration = try #require(RestoreDeclaration(text: note.text))
            #expect(declaration.last == lost.checkpoint)
            #expect(declaration.kept == first.checkpoint)
            #expect(declaration.head == 510)
            #expect(declaration.reason == "disk failure")
            let sealed = try await fixture.seal()
            #expect(sealed.checkpoint.origin == "episode-ledger/default/2")
            #expect(sealed.checkpoint.size == 510)
            let report = try await fixture.verify(kept: [first])
            #expect(report.faults == [])
            #expect(report.notices.contains { $0.contains("disk failure") })
            // What was lost is told to whoever kept a checkpoint that covered it.
            let witness = try await fixture.verify(kept: [lost])
            #expect(witness.first?.position == Position(301))
            #expect(witness.first?.through == Position(400))
            // And the new log goes on.
            try await fixture.append(1)
            #expect(try await fixture.seal().checkpoint.size == 511)
            #expect(try await fixture.verify().isClean)
            await #expect(throws: SealError.self) {
                try await fixture.sealer().declareRestore(reason: "again")
            }
        }
    }
}
