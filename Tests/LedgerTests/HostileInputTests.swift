import CareEpisode
import Foundation
import Ledger
import Postgres
import TestSupport
import Testing
import TransparencyLog

/// What somebody hands over, or has written into the database, to crash `verify` or to keep it busy.
@Suite("Hostile input")
struct HostileInputTests {
    private func withFolder(_ body: (String) async throws -> Void) async throws {
        let folder = NSTemporaryDirectory() + "hostile-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try await body(folder)
    }

    private func little(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.littleEndian) { Array($0) }
    }

    @Test(
        "An archive of thousands of entries for the same bytes is refused, whatever it unpacks to"
    )
    func overlappingArchive() async throws {
        try await withFolder { folder in
            let body = [UInt8](repeating: 0, count: 1 << 20)
            // The checksum of a megabyte of zeros.
            let sum: UInt32 = 0xA738_EA1C
            let fields =
                little(UInt16(20)) + little(UInt16(0x0800)) + little(UInt32(0))
                + little(UInt16(0x21))
                + little(sum) + little(UInt32(body.count)) + little(UInt32(body.count))
                + little(UInt16(1)) + little(UInt16(0))
            var archive = little(UInt32(0x0403_4B50)) + fields + [0x61] + body
            let start = archive.count
            for _ in 0..<4_000 {
                archive += little(UInt32(0x0201_4B50)) + little(UInt16(20)) + fields
                archive += [UInt8](repeating: 0, count: 14) + [0x61]
            }
            let length = archive.count - start
            archive += little(UInt32(0x0605_4B50)) + little(UInt32(0)) + little(UInt16(4_000))
            archive += little(UInt16(4_000)) + little(UInt32(length)) + little(UInt32(start))
            archive += little(UInt16(0))
            let path = "\(folder)/bomb.zip"
            try Data(archive).write(to: URL(filePath: path))
            await #expect(throws: SealError.self) { try await PacketVerification(path) }
        }
    }

    @Test(
        "An export of more events than there can be ends at once, signed or not",
        arguments: [Int64(9_007_199_254_740_992), 1_000_000_000_000, .max]
    )
    func hugeExport(size: Int64) async throws {
        try await withFolder { folder in
            let key = NoteSigningKey(generatedFor: "example.org/clinic")
            let root = TreeHash.leaf([1])
            let signed = try SignedNote(
                "example.org/clinic\n\(size)\n\(root)\n",
                signedBy: [key]
            )
            try Data(signed.description.utf8).write(to: URL(filePath: "\(folder)/checkpoint"))
            try Data("\(key.verifierKey)\n".utf8)
                .write(to: URL(filePath: "\(folder)/verifier-keys"))
            let report = try await ExportVerification(folder).run()
            #expect(!report.isClean && report.faultCount < 5)
            let other = NoteSigningKey(generatedFor: "example.org/clinic")
            let foreign = try await ExportVerification(folder, pinned: [other.verifierKey]).run()
            #expect(foreign.faults.map(\.kind.code) == ["checkpoint"])
        }
    }

    @Test("A pipe or a link in the place of a file is not waited for")
    func noFile() async throws {
        try await withFolder { folder in
            for name in ["checkpoint", "verifier-keys", "events.ndjson"] {
                try #require(mkfifo("\(folder)/\(name)", 0o600) == 0)
            }
            await #expect(throws: SealError.self) { try await ExportVerification(folder).run() }
            await #expect(throws: SealError.self) { try await PacketVerification(folder) }
        }
    }

    @Test(
        "What the database's owner writes into columns is a fault, whatever it is",
        arguments: [
            "update ledger_head set position = 9223372036854775807",
            "update event set position = 9223372036854775807 where position = 20",
            "update event set version = 9223372036854775807",
            "update event set version = -9223372036854775808 + position",
            "update event set recorded_at = 9223372036854775807 where position > 10",
            "update event set recorded_at = -9223372036854775807 where position < 30",
            "update event set occurred_at = -9223372036854775807, known_at = 9223372036854775807",
            "update event set nonce = '\\x00', header = '{', payload = repeat('[', 100000)::bytea",
            """
            insert into tile (ledger_id, level, number, hashes)
            select ledger_id, 0, 9223372036854775807, decode(repeat('00', 8192), 'hex')
            from ledger_head
            """,
            """
            insert into tile (ledger_id, level, number, hashes)
            select ledger_id, 2147483647, 1, decode(repeat('00', 8192), 'hex') from ledger_head
            """,
            """
            insert into checkpoint (ledger_id, size, root, note)
            select ledger_id, 9223372036854775807, decode(repeat('00', 32), 'hex'),
                E'episode-ledger/default\\n9223372036854775807\\n' || repeat('A', 43)
                || E'=\\n\\n— episode-ledger/default AAAAAAAA\\n'
            from ledger_head
            """,
        ]
    )
    func columns(_ statement: String) async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(40)
            try await fixture.seal()
            try await fixture.append(5)
            for constraint in [
                "event_pkey", "event_ledger_id_episode_id_version_key", "event_version_check",
                "event_nonce_check",
            ] {
                try await fixture.tamper(
                    "alter table event drop constraint \(raw: constraint) cascade"
                )
            }
            try await fixture.tamper("\(raw: statement)")
            let report = try await fixture.verify()
            #expect(!report.isClean)
        }
    }

    @Test(
        "An event before the first position is found: readers of its episode would see it",
        arguments: [0, -1]
    )
    func beforeTheFirst(position: Int) async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(40)
            try await fixture.seal()
            try await fixture.tamper("alter table event drop constraint event_position_check")
            let copy = EventTable.insert(
                [
                    "position": "\(position)", "version": "version + 1000",
                    "event_id": "gen_random_uuid()",
                ],
                from: "event where position = 7"
            )
            try await fixture.tamper("\(raw: copy)")
            #expect(try await !fixture.verify().isClean)

            // Nor has it a place in a tree: there is no packet of its episode, and no proof.
            let rows = try await fixture.database.reader.query(
                "select episode_id from event where position = 7"
            )
            let episode = try #require(rows.first).get("episode_id", as: EpisodeID.self)
            let newest = try #require(
                try await PublishedCheckpoint.newest(fixture.database, fixture.ledger)
            )
            await #expect(throws: SealError.self) {
                try await EpisodePacket(
                    of: episode,
                    fixture.database,
                    ledger: fixture.ledger,
                    checkpoint: newest.signed
                )
            }
            let store = TileStore(fixture.database, ledger: fixture.ledger)
            for position in [Int64(position), 41] {
                await #expect(throws: SealError.self) {
                    try await store.inclusionProof(of: Position(position), size: 40)
                }
            }
        }
    }

    @Test(
        "A tile that no tree has, or that has not its hashes, is a fault, whatever is written there",
        arguments: [
            "insert into tile values (LEDGER, 0, -123, decode(repeat('00', 8192), 'hex'))",
            "insert into tile values (LEDGER, -2147483648, 0, ''::bytea)",
            "insert into tile values (LEDGER, 7, -1000000, ''::bytea)",
            "update tile set hashes = hashes || hashes",
            "update tile set hashes = ''::bytea",
            "update tile set hashes = substring(hashes for 8160)",
        ]
    )
    func tiles(_ statement: String) async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(300)
            let newest = try await fixture.seal()
            for constraint in ["number_check", "level_check", "hashes_check"] {
                try await fixture.tamper(
                    "alter table tile drop constraint tile_\(raw: constraint)"
                )
            }
            let id = "\(fixture.ledger.id.rawValue)"
            try await fixture.tamper("\(raw: statement.replacing("LEDGER", with: id))")
            #expect(try await !fixture.verify().isClean)
            // Who asks for a proof or an export gets one that is right, or none.
            let store = TileStore(fixture.database, ledger: fixture.ledger)
            let root = try? await store.root(size: 300)
            #expect(root == nil || root == newest.checkpoint.root)
            _ = try? await LogExport(
                fixture.database,
                ledger: fixture.ledger,
                to: "\(fixture.folder)/export"
            ).run(newest)
        }
    }

    @Test("A checkpoint that covers nothing, or more than there is, is not gone by")
    func oddCheckpoints() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(10)
            try await fixture.seal()
            let origin = "episode-ledger/default"
            let key = NoteSigningKey(generatedFor: origin)
            let none = TreeCheckpoint(origin: origin, size: 0, root: .ofEmptyTree)
            let note = try SignedCheckpoint(none, signedBy: [key]).note.description
            try await fixture.tamper("update checkpoint set note = \(note)")
            await #expect(throws: NoteError.self) {
                try await PublishedCheckpoint.newest(fixture.database, fixture.ledger)
            }
            #expect(try await !fixture.verify().isClean)
            let beyond = TreeCheckpoint(origin: origin, size: 1 << 52, root: .ofEmptyTree)
            let export = LogExport(
                fixture.database,
                ledger: fixture.ledger,
                to: "\(fixture.folder)/export"
            )
            await #expect(throws: SealError.self) {
                try await export.run(SignedCheckpoint(beyond, signedBy: [key]))
            }
        }
    }

    @Test("Declarations that lead in a circle are read once each")
    func circle() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(20)
            let newest = try await fixture.seal()
            let origin = newest.checkpoint.origin
            let keys = ["", "/2"].map { NoteSigningKey(generatedFor: origin + $0) }
            var log = "\(newest.note.description)\n"
            for (ended, begun) in [(keys[0], keys[1]), (keys[1], keys[0])] {
                let text = """
                    episode-ledger restore declaration 1
                    ended \(ended.verifierKey.name) 20 \(newest.checkpoint.root)
                    kept 20 \(newest.checkpoint.root)
                    restored 20
                    begun \(begun.verifierKey)
                    declared 2026-05-03T12:00:00.000000Z
                    reason none

                    """
                log += "\(try SignedNote(text, signedBy: [ended, begun]).description)\n"
            }
            let path = "\(fixture.folder)/circle"
            try Data(log.utf8).write(to: URL(filePath: path))
            let pinned = keys.map(\.verifierKey)
            let report = try await fixture.verify(
                pinned: pinned,
                kept: [newest],
                log: CheckpointLog(path)
            )
            #expect(!report.isClean)
        }
    }
}
