import CareEpisode
import Foundation
import Ledger
import Postgres
import Tampering
import TestSupport
import Testing
import TransparencyLog

/// What the database's owner may do to the access log with triggers off, and how it is found.
@Suite("Tampering with the access log", .serialized)
struct AccessTamperingTests {
    /// A change, and the first number that is named; nil where none is.
    struct Change: Sendable, CustomTestStringConvertible {
        let name: String
        let number: Int64?
        let script: String
        var testDescription: String { name }

        init(_ name: String, _ number: Int64?, _ script: String) {
            (self.name, self.number, self.script) = (name, number, script)
        }
    }

    private static func row(_ number: Int) -> String {
        "entry = (select entry from access_entry where number = \(number))"
    }

    static let changes: [Change] = [
        Change("a row erased", 50, "delete from access_log where \(row(50))"),
        Change("the first row erased", 1, "delete from access_log where \(row(1))"),
        Change("the last row erased", 330, "delete from access_log where \(row(330))"),
        Change(
            "a row and its entry erased",
            50,
            "delete from access_log where \(row(50)); delete from access_entry where number = 50"
        ),
        Change(
            "a row erased, and the others moved up",
            1,
            """
            delete from access_log where \(row(50));
            delete from access_entry where number = 50;
            alter table access_entry drop constraint access_entry_number_check;
            update access_entry set number = -number where number > 50;
            update access_entry set number = -number - 1 where number < 0;
            """
        ),
        Change("who asked", 77, "update access_log set subject = 'nobody' where \(row(77))"),
        Change(
            "whether it was allowed",
            77,
            "update access_log set allowed = false where \(row(77))"
        ),
        Change("roles", 78, "update access_log set roles = '{service}' where \(row(78))"),
        Change("when", 79, "update access_log set at = at - interval '1 us' where \(row(79))"),
        Change("no time", 79, "update access_log set at = 'infinity' where \(row(79))"),
        Change(
            "which episode",
            80,
            "update access_log set episode_id = gen_random_uuid() where \(row(80))"
        ),
        Change("no episode", 80, "update access_log set episode_id = null where \(row(80))"),
        Change("detail", 81, "update access_log set detail = null where \(row(81))"),
        Change("purpose", 81, "update access_log set purpose = 'HRESCH' where \(row(81))"),
        Change("operation", 82, "update access_log set operation = 'getCensus' where \(row(82))"),
        Change("request", 82, "update access_log set request_id = 'x' where \(row(82))"),
        Change(
            "the subject taken away",
            83,
            """
            alter table access_log alter column subject drop not null;
            update access_log set subject = null where \(row(83))
            """
        ),
        Change(
            "all subjects by a change of the column",
            1,
            "alter table access_log alter column subject type text using 'nobody'"
        ),
        Change("a nonce", 90, "update access_entry set nonce = sha256(nonce) where number = 90"),
        Change(
            "a commitment with its leaf",
            90,
            """
            update access_entry set commitment = sha256(commitment), leaf_hash = sha256(leaf_hash)
            where number = 90
            """
        ),
        Change(
            "a leaf",
            91,
            "update access_entry set leaf_hash = sha256(leaf_hash) where number = 91"
        ),
        Change(
            "two rows swapped",
            10,
            """
            alter table access_entry drop constraint access_entry_number_check;
            update access_entry set number = -10 where number = 10;
            update access_entry set number = 10 where number = 11;
            update access_entry set number = 11 where number = -10
            """
        ),
        Change(
            "a row put in between",
            201,
            """
            insert into access_log overriding system value
            select ledger_id, entry + 1, at, 'snoop', roles, operation, allowed, episode_id, detail,
                purpose, request_id
            from access_log where \(row(200))
            """
        ),
        Change(
            "a row put in front",
            1,
            """
            insert into access_log overriding system value
            select ledger_id, 0, at, 'snoop', roles, operation, allowed, episode_id, detail,
                purpose, request_id
            from access_log where \(row(1))
            """
        ),
        Change(
            "an entry before the first",
            -1,
            """
            alter table access_entry drop constraint access_entry_number_check;
            insert into access_entry
            select ledger_id, -1, -1, nonce, commitment, leaf_hash from access_entry
            where number = 1
            """
        ),
        Change(
            "the end cut off",
            201,
            """
            delete from access_log
            where entry > (select entry from access_entry where number = 200);
            delete from access_entry where number > 200;
            delete from access_checkpoint where size > 200;
            delete from access_tile;
            update sealer set access_size = 200
            """
        ),
        Change(
            "everything emptied",
            1,
            """
            truncate access_log, access_entry, access_tile, access_checkpoint, access_seal_log,
                access_verifier_key;
            update sealer set access_size = 0
            """
        ),
        Change("the log emptied", 1, "truncate access_log"),
        Change("the numbers emptied", 1, "truncate access_entry"),
        Change("the log dropped", nil, "drop table access_log"),
        Change("the numbers dropped", nil, "drop table access_entry"),
        Change("the checkpoints dropped", nil, "drop table access_checkpoint"),
        Change("a column renamed", nil, "alter table access_log rename subject to who"),
        Change(
            "a tile",
            1,
            "update access_tile set hashes = set_bit(hashes, 8, 1 - get_bit(hashes, 8))"
        ),
        Change("no tile", 1, "delete from access_tile"),
        Change(
            "a tile too many",
            nil,
            "insert into access_tile select ledger_id, 1, 0, hashes from access_tile"
        ),
        Change(
            "the root of a checkpoint",
            nil,
            "update access_checkpoint set root = sha256(root) where size = 330"
        ),
        Change("no newest checkpoint", nil, "delete from access_checkpoint where size = 330"),
        Change("what the sealer says", nil, "update sealer set access_size = 200"),
    ]

    @Test("Whatever is done to the access log is found", arguments: changes)
    func found(_ change: Change) async throws {
        try await SealedAccessLog.with { fixture in
            try await fixture.asSuperuser(change.script)
            let report = try await fixture.verify()
            #expect(!report.isVerified)
            #expect(Set(report.faults.map(\.kind.code)) == ["access_log"])
            // A root is wrong from the last checkpoint that still holds, which may be none.
            let numbers = report.faults.map(\.number)
            #expect(numbers.contains(change.number))
            #expect(numbers.allSatisfy { ($0 ?? 1) == 1 || $0 ?? 0 >= change.number ?? 0 })
        }
    }

    @Test("An untouched access log raises no alarm, and neither does what is not sealed yet")
    func untouched() async throws {
        try await SealedAccessLog.with { fixture in
            #expect(try await fixture.verify().faults == [])
            try await fixture.write(1..<4)
            let report = try await fixture.verify()
            #expect(report.faults == [])
            #expect(report.accessLog?.entries == 330)
            #expect(report.accessLog?.unsealed == 3)
            #expect(report.accessLog?.unsealedSince != nil)
            #expect(report.accessLog?.isVouched == true)
            let alone = try await fixture.verify(hasLog: false)
            #expect(alone.isVerified)
            #expect(alone.accessLog?.isVouched == false)
        }
    }

    @Test(
        "An access log made anew with another key is found by the checkpoint log, and by a known key"
    )
    func madeAnew() async throws {
        try await SealedAccessLog.with { fixture in
            let keys = try await fixture.keys()
            try await fixture.asSuperuser(
                """
                truncate access_log, access_entry, access_tile, access_checkpoint, access_seal_log,
                    access_verifier_key;
                update sealer set access_size = 0;
                alter table seal_log disable trigger all;
                delete from verifier_key; delete from seal_log
                """
            )
            try await fixture.write(1..<400)
            try await fixture.seal(fixture.place("forger"))
            #expect(try await fixture.verify().faults.contains { $0.kind.code == "access_log" })
            let pinned = try await fixture.verify(pinned: keys, hasLog: false)
            #expect(pinned.faults.contains { $0.kind.code == "access_log" })
            let trusting = try await fixture.verify(hasLog: false)
            #expect(trusting.isVerified && trusting.accessLog?.isVouched == false)
        }
    }

    @Test("No forged access log and no forged export of one passes, in either verifier")
    func forged() async throws {
        try await SealedAccessLog.with { log in
            let forged = try await log.forged(5 * AccessForgery.allCases.count, seed: 20)
            #expect(forged.failures == [])
            #expect(forged.made.count == AccessForgery.allCases.count)
            let exported = try await log.forgedExports(6 * ExportForgery.allCases.count, seed: 21)
            #expect(exported.failures == [])
            #expect(exported.made.values.reduce(0, +) > 80)
        }
    }

    @Test("An export of the access log that was changed anywhere is found, in either verifier")
    func exported() async throws {
        try await SealedAccessLog.with { fixture in
            let folder = "\(fixture.folder)/export"
            #expect(try await fixture.export(to: folder).size == 330)
            let keys = try await fixture.keys()
            func verdicts() async throws -> (own: Bool, python: Int32) {
                let own = try await ExportVerification(folder, pinned: keys).run()
                let python = await runningProgram([
                    "python3", "-B", "\(SealedLedger.tests)/Independent/verify_access_log.py",
                    folder, "--verifier-key", "\(keys[0])",
                ])
                return (own.isVerified, python.status)
            }
            #expect(try await verdicts() == (true, 0))
            let line = "\(folder)/rows/000"
            let edits: [(name: String, path: String, edit: (inout [UInt8]) -> Void)] = [
                ("a subject", line, { Self.replace("n-7", "n-8", in: &$0) }),
                ("a purpose", line, { Self.replace("TREAT", "TREET", in: &$0) }),
                ("white space", line, { Self.replace("\"row\":", "\"row\": ", in: &$0) }),
                ("a member", line, { Self.replace("\"row\":{", "\"row\":{\"a\":1,", in: &$0) }),
                (
                    "a double member", line,
                    { Self.replace("\"row\":{", "\"row\":{\"allowed\":true,", in: &$0) }
                ),
                ("a type", line, { Self.replace("\"allowed\":true", "\"allowed\":1", in: &$0) }),
                ("a nonce", line, { $0[12] = $0[12] == 65 ? 66 : 65 }),
                ("a line missing", line, { $0.removeFirst($0.firstIndex(of: 10)! + 1) }),
                ("an entry", "\(folder)/tile/entries/000", { $0[2 + 55] ^= 1 }),
                ("a mark", "\(folder)/tile/entries/000", { $0[2] ^= 1 }),
                ("a tile", "\(folder)/tile/0/000", { $0[40] ^= 1 }),
                ("a partial tile", "\(folder)/tile/0/001.p/74", { $0[40] ^= 1 }),
                ("the checkpoint", "\(folder)/checkpoint", { Self.replace("330", "331", in: &$0) }),
            ]
            for (name, path, edit) in edits {
                let kept = Array(try Data(contentsOf: URL(fileURLWithPath: path)))
                var bytes = kept
                edit(&bytes)
                #expect(bytes != kept, "\(name)")
                try Data(bytes).write(to: URL(fileURLWithPath: path))
                let (own, python) = try await verdicts()
                #expect(!own && python == 1, "\(name): \(own), \(python)")
                try Data(kept).write(to: URL(fileURLWithPath: path))
            }
            for name in ["rows/002", "notes", "events/000", "tile/1/000.p/2"] {
                let path = "\(folder)/\(name)"
                try FileManager.default.createDirectory(
                    atPath: (path as NSString).deletingLastPathComponent,
                    withIntermediateDirectories: true
                )
                try Data("x".utf8).write(to: URL(fileURLWithPath: path))
                let (own, python) = try await verdicts()
                #expect(!own && python == 1, "\(name): \(own), \(python)")
                try FileManager.default.removeItem(atPath: path)
            }
            #expect(try await verdicts() == (true, 0))
            // One that somebody adds to later goes on from there.
            try await fixture.write(1..<300)
            try await fixture.seal()
            let more = try await fixture.export(to: folder)
            #expect(more.kept == 330 && more.size == 629)
            #expect(try await verdicts() == (true, 0))
        }
    }

    private static func replace(_ old: String, _ new: String, in bytes: inout [UInt8]) {
        if let range = bytes.firstRange(of: Array(old.utf8)) {
            bytes.replaceSubrange(range, with: Array(new.utf8))
        }
    }
}
