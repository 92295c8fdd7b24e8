import CareEpisode
import Foundation
import Postgres
import TestSupport
import Testing
import TransparencyLog

@testable import Ledger

@Suite("The access log's tree")
struct AccessTreeTests {
    @Test("Rows are numbered from 1 in the order of their entries, those of before first")
    func numbers() async throws {
        try await SealingFixture.with { fixture in
            #expect(try await fixture.sealAccessLog() == nil, "there is nothing")
            try await fixture.access(600)
            let checkpoint = try #require(try await fixture.sealAccessLog()).checkpoint
            #expect(checkpoint.origin == "episode-ledger/default/access")
            #expect(checkpoint.size == 600)
            #expect(try await fixture.numbered() == (1...600).map { "\($0) request-\($0)" })
            let rows = try await fixture.database.reader.query(
                "select leaf_hash from access_entry order by number"
            )
            var edge = TreeEdge()
            for row in rows {
                edge.append(try #require(TreeHash(row.get("leaf_hash", as: [UInt8].self))))
            }
            #expect(edge.root == checkpoint.root)
            try await fixture.append(3)
            try await fixture.seal()
            // Each tree goes on by itself.
            try await fixture.access(1, from: 601)
            #expect(try await fixture.sealAccessLog()?.checkpoint.size == 601)
            let report = try await fixture.verify()
            #expect(report.faults == [])
            #expect(report.accessLog?.entries == 601)
            #expect(report.accessLog?.unsealed == 0)
            #expect(report.accessLog?.isVouched == true)
        }
    }

    @Test("Somebody who writes without end is told of, and numbering goes on once he has ended")
    func writesWithoutEnd() async throws {
        try await SealingFixture.with { fixture in
            let sealer = fixture.sealer(patience: .milliseconds(100))
            try await fixture.database.writer.withConnection { connection in
                try await connection.withTransaction { connection in
                    _ = try await connection.query(
                        AccessDecision.statement(
                            writing: [SealingFixture.decision(1)],
                            to: fixture.ledger
                        )
                    )
                    try await fixture.access(1, from: 2)
                    await #expect(throws: SealError.self) { try await sealer.sealAccessLog() }
                    let status = try await AccessStatus(fixture.database, ledger: fixture.ledger)
                    #expect(status.trouble?.contains("has been writing") == true)
                    #expect(try await fixture.numbered() == [])
                }
            }
            try await sealer.sealAccessLog()
            #expect(try await fixture.numbered() == ["1 request-1", "2 request-2"])
            let status = try await AccessStatus(fixture.database, ledger: fixture.ledger)
            #expect(status.trouble == nil)
        }
    }

    @Test("What is being written is waited for, and nobody who writes waits")
    func settled() async throws {
        try await SealingFixture.with { fixture in
            let numbering = AccessNumbering(
                database: fixture.database.atPrimary,
                ledger: fixture.ledger
            )
            try await fixture.database.writer.withConnection { connection in
                try await connection.withTransaction { connection in
                    _ = try await connection.query(
                        AccessDecision.statement(
                            writing: [SealingFixture.decision(1)],
                            to: fixture.ledger
                        )
                    )
                    try await fixture.access(1, from: 2)
                    let mark = try await numbering.mark()
                    #expect(mark.entry == 2)
                    #expect(mark.writers.count == 1)
                    await #expect(throws: SealError.self) {
                        try await fixture.sealer().sealAccessLog(limit: .milliseconds(300))
                    }
                    #expect(try await fixture.numbered() == [])
                    // A mark that was taken now would let nobody pass who is given an entry later.
                    try await fixture.access(1, from: 3)
                }
            }
            try await fixture.sealAccessLog()
            #expect(
                try await fixture.numbered() == ["1 request-1", "2 request-2", "3 request-3"]
            )
        }
    }

    @Test("A running sealer numbers and seals by itself, and one that takes over goes on")
    func running() async throws {
        try await SealingFixture.with { fixture in
            for turn in 0..<2 {
                try await fixture.access(5, from: 1 + 5 * turn)
                try await fixture.append(2)
                let sealer = fixture.sealer()
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await sealer.run(feed: LiveFeed()) }
                    try await eventually("everything is sealed") {
                        let status = try await AccessStatus(
                            fixture.database,
                            ledger: fixture.ledger
                        )
                        return status.size == Int64(5 + 5 * turn) && status.unsealed == 0
                    }
                    sealer.stop()
                    try await group.waitForAll()
                }
            }
            #expect(try await fixture.verify().faults == [])
            #expect(try await fixture.numbered() == (1...10).map { "\($0) request-\($0)" })
        }
    }

    @Test("One look finds the ledgers with entries that have no number, and no others")
    func looked() async throws {
        try await SealingFixture.with { fixture in
            func isCalled() async throws -> Bool {
                let looks = try await LedgerLook.all(fixture.database, within: .seconds(60))
                let own = looks.first { $0.ledger == fixture.ledger.id }
                return own?.calls.contains(WorkCall.accesses) == true
            }
            let name = try #require(LedgerName("other"))
            _ = try await fixture.database.createLedger(named: name, timeZone: "UTC")
            #expect(try await !isCalled())
            try await fixture.access(3)
            #expect(try await isCalled())
            let calls = try await LedgerLook.all(fixture.database, within: .seconds(60))
                .filter { $0.calls.contains(WorkCall.accesses) }
            #expect(calls.count == 1)
            try await fixture.sealAccessLog()
            #expect(try await !isCalled())
        }
    }

    @Test("A checkpoint that was signed and not published is published by the next sealer")
    func interrupted() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.access(4)
            try await fixture.sealAccessLog()
            // As if the process had died before it published.
            try await fixture.asSuperuser(
                """
                \(SealingFixture.triggersOff)
                delete from access_checkpoint;
                update sealer set access_size = 0;
                """
            )
            try await fixture.access(1, from: 5)
            #expect(try await fixture.sealAccessLog()?.checkpoint.size == 5)
            #expect(try await fixture.verify().faults == [])
        }
    }

    @Test("A row that was changed before it was sealed keeps no event from being sealed")
    func damaged() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.access(3)
            try await fixture.sealAccessLog()
            try await fixture.access(2, from: 4)
            try await fixture.asSuperuser(
                """
                \(SealingFixture.triggersOff)
                insert into access_entry
                select 1, 4, max(entry) + 1, nonce, commitment, leaf_hash from access_entry
                where number = 3 group by nonce, commitment, leaf_hash;
                """
            )
            try await fixture.append(2)
            let sealer = fixture.sealer()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sealer.run(feed: LiveFeed()) }
                try await eventually("the events are sealed, and the trouble is known") {
                    let seal = try await SealStatus(fixture.database, ledger: fixture.ledger)
                    let access = try await AccessStatus(fixture.database, ledger: fixture.ledger)
                    return seal.unsealed == 0 && access.trouble != nil && seal.trouble == nil
                }
                sealer.stop()
                try await group.waitForAll()
            }
            let status = try await AccessStatus(fixture.database, ledger: fixture.ledger)
            #expect(status.size == 3)
            #expect(status.unsealed == 2)
            #expect(status.troubleNumber == 4)
            let faults = try await SealFault.all(fixture.database)
            #expect(faults.map(\.reason) == ["nothing of the access log is signed any more"])
        }
    }

    @Test("A declared restore begins a new log of both trees; what is left of the old one counts")
    func restored() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(20)
            try await fixture.access(20)
            try await fixture.seal()
            let kept = try #require(try await fixture.sealAccessLog())
            try await fixture.access(10, from: 21)
            let lost = try #require(try await fixture.sealAccessLog())
            // No event was lost.
            try await loseAccesses(after: 20, fixture)
            await #expect(throws: SealError.self) { try await fixture.sealAccessLog() }
            #expect(try await fixture.verify().faults.first?.kind.code == "access_log")
            _ = try await fixture.sealer().declareRestore(reason: "a backup of yesterday")
            try await fixture.access(15, from: 31)
            let newest = try #require(try await fixture.sealAccessLog())
            #expect(newest.checkpoint.origin == "episode-ledger/default/access/2")
            #expect(newest.checkpoint.size == 35)
            try await fixture.append(1)
            #expect(try await fixture.seal().checkpoint.origin == "episode-ledger/default/2")
            #expect(try await fixture.verify(kept: [kept]).faults == [])
            let found = try await fixture.verify(kept: [lost]).faults
            #expect(found.map(\.kind.code) == ["access_log"])
            #expect(found.first?.number == 21)
            await #expect(throws: SealError.self) {
                try await fixture.sealer().declareRestore(reason: "once more")
            }
        }
    }

    @Test("Another key signs beside the first, and the first may end, without the events' keys")
    func keys() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.access(2)
            try await fixture.append(1)
            try await fixture.seal()
            try await fixture.sealAccessLog()
            let events = try await SealStatus.keys(fixture.database, ledger: fixture.ledger)
            let first = try await AccessStatus.keys(fixture.database, ledger: fixture.ledger)
            let second = try await fixture.sealer().addKey(to: .access)
            try await fixture.access(1, from: 3)
            let both = try #require(try await fixture.sealAccessLog())
            #expect(try both.verified(by: first + [second]).count == 2)
            try await fixture.sealer().retireKey(first[0], of: .access)
            #expect(
                try await AccessStatus.keys(fixture.database, ledger: fixture.ledger) == [second]
            )
            #expect(
                try await SealStatus.keys(fixture.database, ledger: fixture.ledger) == events
            )
            #expect(try await fixture.verify().faults == [])
            let pinned = try await fixture.verify(pinned: events + [second])
            #expect(pinned.faults == [])
            #expect(pinned.accessLog?.vouchers.contains(.verifierKey) == true)
        }
    }

    @Test("What was written before details had a limit is sealed to its end")
    func longDetail() async throws {
        try await SealingFixture.with { fixture in
            let id = fixture.ledger.id.rawValue
            try await fixture.asSuperuser(
                """
                insert into access_log
                    (ledger_id, subject, roles, operation, allowed, detail, request_id)
                values (\(id), 'n-1', '{auditor}', 'listEvents', true, repeat('x', 6000), 'r')
                """
            )
            try await fixture.sealAccessLog()
            #expect(try await fixture.verify().faults == [])
            try await fixture.asSuperuser(
                """
                \(SealingFixture.triggersOff)
                update access_log set detail = left(detail, 5999) || 'y';
                """
            )
            let faults = try await fixture.verify().faults
            #expect(faults.map(\.kind.code) == ["access_log"] && faults.first?.number == 1)
        }
    }

    @Test("An entry and its commitment are those of a program that shares no code")
    func example() async throws {
        try await SealingFixture.with { fixture in
            let detail = "a\u{8}\u{c}\n\t\"\\ é\u{1f600}\u{1}\u{7f}"
            var strange = SealingFixture.decision(2, detail: detail)
            strange.purpose = "line\r\nfeed"
            let decisions = [SealingFixture.decision(1, detail: nil), strange]
            for decision in decisions {
                _ = try await fixture.database.writer.query(
                    AccessDecision.statement(writing: [decision], to: fixture.ledger)
                )
            }
            try await fixture.sealAccessLog()
            try await checkExport(fixture)
        }
    }

    /// Both verifiers find nothing wrong with an export of the access log.
    private func checkExport(_ fixture: SealingFixture) async throws {
        let target = "\(fixture.folder)/export"
        let newest = try #require(
            try await PublishedCheckpoint.newest(fixture.database, fixture.ledger, .access)
        )
        let export = LogExport(
            fixture.database,
            ledger: fixture.ledger,
            tree: .access,
            to: target
        )
        _ = try await export.run(newest.signed)
        #expect(try await ExportVerification(target).run().faults == [])
        let verdict = await runningProgram([
            "python3", "-B", "\(Self.tests)/Independent/verify_access_log.py", target,
        ])
        #expect(verdict.status == 0, "\(verdict.output)")
    }

    @Test("An access log that was first sealed after a restore, and restored, is exported whole")
    func restoredTwice() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(20)
            try await fixture.seal()
            try await fixture.append(5)
            try await fixture.seal()
            try await fixture.asSuperuser(
                """
                alter table event disable trigger all;
                alter table checkpoint disable trigger all;
                delete from event where position > 20;
                delete from checkpoint where size > 20;
                update ledger_head set position = 20;
                update sealer set size = 20;
                """
            )
            _ = try await fixture.sealer().declareRestore(reason: "before anybody had looked")
            try await fixture.access(20)
            let first = try #require(try await fixture.sealAccessLog())
            #expect(first.checkpoint.origin == "episode-ledger/default/access/2")
            try await fixture.access(10, from: 21)
            try await fixture.sealAccessLog()
            try await loseAccesses(after: 20, fixture)
            _ = try await fixture.sealer().declareRestore(reason: "a backup of yesterday")
            try await fixture.access(1, from: 31)
            let second = try #require(try await fixture.sealAccessLog())
            #expect(second.checkpoint.origin == "episode-ledger/default/access/3")
            #expect(try await fixture.verify().faults == [])
            try await checkExport(fixture)
        }
    }

    /// The database of before some entries, with all events.
    private func loseAccesses(after number: Int, _ fixture: SealingFixture) async throws {
        try await fixture.asSuperuser(
            """
            \(SealingFixture.triggersOff)
            delete from access_log where entry > \(number);
            delete from access_entry where number > \(number);
            delete from access_checkpoint where size > \(number);
            update sealer set access_size = \(number);
            """
        )
    }

    @Test("An export of the access log that was broken off while it wrote is taken up again")
    func brokenOff() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.access(300)
            try await fixture.sealAccessLog()
            try await checkExport(fixture)
            let rest = "\(fixture.folder)/export/rows/000.4711.new"
            try Data("{".utf8).write(to: URL(filePath: rest))
            try await checkExport(fixture)
        }
    }

    @Test("What cannot be read of the access log's checkpoints keeps no event from being sealed")
    func unreadable() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.access(3)
            try await fixture.append(1)
            try await fixture.seal()
            try await fixture.sealAccessLog()
            try await fixture.asSuperuser(
                """
                \(SealingFixture.triggersOff)
                update access_checkpoint set note = 'none';
                """
            )
            try await fixture.append(2)
            try await fixture.access(1, from: 4)
            #expect(try await fixture.seal().checkpoint.size == 3)
            let sealer = fixture.sealer()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sealer.run(feed: LiveFeed()) }
                try await eventually("the trouble is known") {
                    try await AccessStatus(fixture.database, ledger: fixture.ledger)
                        .trouble != nil
                }
                try await fixture.append(1)
                try await eventually("the events are sealed") {
                    try await SealStatus(fixture.database, ledger: fixture.ledger).unsealed == 0
                }
                sealer.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test("A checkpoint log that cannot be written is tried again, with nothing new to seal")
    func triedAgain() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.append(1)
            try await fixture.seal()
            let log = SealingPlace.accessLog(beside: fixture.place.log)
            // A folder stands in its place.
            try FileManager.default.createDirectory(
                atPath: log.path,
                withIntermediateDirectories: false
            )
            try await fixture.access(3)
            let sealer = fixture.sealer()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await sealer.run(feed: LiveFeed()) }
                try await eventually("the trouble is known") {
                    try await AccessStatus(fixture.database, ledger: fixture.ledger)
                        .trouble != nil
                }
                try FileManager.default.removeItem(atPath: log.path)
                try await eventually("it is sealed") {
                    try await AccessStatus(fixture.database, ledger: fixture.ledger).size == 3
                }
                sealer.stop()
                try await group.waitForAll()
            }
        }
    }

    @Test("A row longer than any that was written is none that was sealed")
    func longRow() async throws {
        try await SealingFixture.with { fixture in
            try await fixture.access(3)
            try await fixture.sealAccessLog()
            try await fixture.asSuperuser(
                """
                \(SealingFixture.triggersOff)
                update access_log set detail = repeat('x', 10000000) where entry = 2;
                """
            )
            let faults = try await fixture.verify().faults
            #expect(faults.map(\.kind.code) == ["access_log"] && faults.first?.number == 2)
        }
    }

    @Test("The example of docs/audit.md is as a program makes it that shares no code")
    func documented() async throws {
        let verdict = await runningProgram([
            "python3", "-B", "-m", "unittest", "discover", "-s", "\(Self.tests)/Independent",
            "-p", "test_access_entry.py",
        ])
        #expect(verdict.status == 0, "\(verdict.output)")
        let at = try #require(Instant(rfc3339: "2026-11-30T08:15:42.123456Z"))
        let decision = AccessDecision(
            subject: "n-7",
            roles: ["clinician"],
            operation: "getEpisode",
            isAllowed: true,
            episodeID: EpisodeID("0192f0c1-2b4d-7c3e-8a5f-001122334455"),
            detail: "as of position 41",
            purpose: "TREAT",
            requestID: "0192f0c1-9999-7000-8000-00aabbccddee"
        )
        let kept = KeptAccess(entry: 1_234, at: at, decision: decision)
        let name = try #require(LedgerName("demo"))
        let nonce = (0..<32).map { UInt8($0) }
        let commitment = Evidence.commitment(
            nonce: nonce[...],
            header: kept.row(in: name),
            payload: kept.text
        )
        let entry = AccessRow.entry(kept, 7, commitment)
        let text = try String(contentsOfFile: "\(Self.tests)/../docs/audit.md", encoding: .utf8)
        for part in [
            String(decoding: kept.row(in: name), as: UTF8.self),
            String(decoding: kept.text, as: UTF8.self),
            entry.map { String(format: "%02x", $0) }.joined(),
            TreeHash.leaf(entry).bytes.map { String(format: "%02x", $0) }.joined(),
        ] { #expect(text.contains(part), "\(part)") }
    }

    /// The folder `Tests` of the repository.
    static let tests: String = {
        var parts = #filePath.split(separator: "/", omittingEmptySubsequences: false)
        parts.removeLast(2)
        return parts.joined(separator: "/")
    }()
}
