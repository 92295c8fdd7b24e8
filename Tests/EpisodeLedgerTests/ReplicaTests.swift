import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// Real replicas, whose replay is paused: they are behind for as long as the test wants.
@Suite("A replica", .serialized)
struct ReplicaTests {
    /// Two programs: one on the primary, and one that asks the replica.
    private struct Pair: Sendable {
        let fixture: CommandLineFixture
        let replica: TestCluster
        let database: String

        var url: String { replica.url(database: database) }

        func run(_ words: [String]) async throws -> ProgramEnd {
            try await fixture.run(
                words,
                environment: ["EPISODE_LEDGER_DATABASE_URL": url]
            )
        }

        func verify(_ words: [String] = [], status: Int32) async throws -> VerifyAnswer {
            let end = try await run(["verify"] + words)
            try #require(end.status == status, "\(end.text)\(end.errors)")
            return try fixture.decode(VerifyAnswer.self, end.output)
        }

        func pause() async throws {
            try await replica.sql("select pg_wal_replay_pause()")
            try await eventually("the replay is paused") {
                try await replica.sql("select pg_get_wal_replay_pause_state()") == "paused\n"
            }
        }

        /// Lets the replica get to where the primary is now.
        func catchUp(_ primary: TestCluster) async throws {
            let position = try await primary.sql("select pg_current_wal_flush_lsn()")
                .trimmingCharacters(in: .whitespacesAndNewlines)
            try await replica.sql("select pg_wal_replay_resume()")
            try await eventually("the replica has caught up") {
                try await replica.sql("select pg_last_wal_replay_lsn() >= '\(position)'") == "t\n"
            }
        }
    }

    private func withPair(
        _ body: (Pair, TestCluster) async throws -> Void
    ) async throws {
        try await TestCluster.withPrivateCluster { primary in
            try await CommandLineFixture.with(on: primary) { fixture in
                let name = try await fixture.pool.query("select current_database()::text as name")
                let database = try #require(try name.first?.get("name", as: String.self))
                _ = try await fixture.importSimulated(episodes: 3, seed: 1)
                try await fixture.succeed(["projections", "run", "--until-caught-up"])
                _ = try await fixture.checkpoint()
                try await primary.withReplica { replica in
                    let pair = Pair(fixture: fixture, replica: replica, database: database)
                    try await pair.catchUp(primary)
                    try await body(pair, primary)
                }
            }
        }
    }

    @Test("Verification of a replica that lags says how far it is, and nothing of a fault")
    func lagging() async throws {
        try await withPair { pair, primary in
            let fixture = pair.fixture
            let whole = try await pair.verify(status: 0)
            #expect(whole.verified && whole.replica == nil && !whole.readModels.isEmpty)
            try await pair.pause()
            let more = try await fixture.importSimulated(episodes: 1, seed: 2)
            try await fixture.succeed(["projections", "run", "--until-caught-up"])
            let kept = try await fixture.keptCheckpoint("kept")
            let expected = whole.events + more

            // Against the checkpoint log, and against a kept checkpoint without a log.
            let elsewhere = ["--checkpoint-log", "\(fixture.folder)/no-log"]
            for words in [[], ["--against", kept] + elsewhere] {
                let report = try await pair.verify(words, status: 3)
                #expect(!report.verified && report.faults.isEmpty)
                let replica = try #require(report.replica)
                #expect(replica.events == whole.events && replica.expected == expected)
                #expect(report.events == whole.events && report.sealed == whole.events)
                #expect(report.readModels == whole.readModels)
            }
            let text = try await pair.run(["verify", "--format", "text"])
            #expect(
                text.lines.last == "NOT VERIFIED: not there yet: this replica has "
                    + "\(whole.events) of \(expected) events; wait, or ask the primary."
            )
            #expect(try await fixture.verify(["--against", kept]).verified)
            // What is wrong with what is there is wrong on a replica too.
            let other = try await pair.run(["verify", "--verifier-key", Self.otherKey])
            #expect(other.status == 1, "\(other.text)")

            try await pair.catchUp(primary)
            let again = try await pair.verify(["--against", kept], status: 0)
            #expect(again.verified && again.events == expected && again.replica == nil)
        }
    }

    @Test("A replica that has not got to a cursor waits for it, and an export says that it has not")
    func cursor() async throws {
        try await withPair { pair, primary in
            let fixture = pair.fixture
            try await pair.pause()
            let more = try await fixture.importSimulated(episodes: 1, seed: 2)
            let head = try await fixture.exported().count
            let behind = try await pair.run(["export", "--unlogged", "--after", "\(head)"])
            #expect(behind.status == 0 && behind.output.isEmpty)
            // A replica takes no entry of who looked.
            let unlogged = try await pair.run(["export"])
            #expect(unlogged.status == 1 && unlogged.output.isEmpty)
            #expect(unlogged.errors.contains("--unlogged"), "\(unlogged.errors)")
            #expect(behind.errors.contains("this replica has \(head - more) events"))
            let follow = try fixture.start(
                ["follow", "--unlogged", "--after", "\(head - 1)"],
                environment: ["EPISODE_LEDGER_DATABASE_URL": pair.url]
            )
            try await pair.catchUp(primary)
            try await eventually("the last event is printed") { follow.lineCount == 1 }
            follow.signal(SIGINT)
            #expect(try await follow.end().status == 0)
            // The primary has got to it, or never will.
            let ahead = try await fixture.run(["export", "--after", "\(head + 1)"])
            #expect(ahead.status == 1 && ahead.errors.contains("ahead of the ledger"))
        }
    }

    @Test("A key that a replica has not got to yet is no wrong signature")
    func newKey() async throws {
        try await withPair { pair, primary in
            let fixture = pair.fixture
            _ = try await fixture.importSimulated(episodes: 1, seed: 2)
            try await pair.catchUp(primary)
            try await pair.pause()
            let old = try await fixture.succeed(["checkpoint", "--no-seal", "--verifier-key"])
            try await fixture.succeed(["checkpoint", "--add-key"])
            try await fixture.succeed(["checkpoint", "--retire-key", old.lines[0]])
            let kept = try await fixture.keptCheckpoint("kept")
            // Every event is there, and the checkpoint that the new key signed is not.
            for words in [[], ["--against", kept]] {
                let report = try await pair.verify(words, status: 3)
                #expect(report.faults.isEmpty && report.replica?.events == report.events)
                #expect(report.replica?.expected == report.events)
            }
            try await pair.catchUp(primary)
            #expect(try await pair.verify(["--against", kept], status: 0).verified)
        }
    }

    @Test("A replica that has no checkpoint yet is told apart from a ledger that has none")
    func unsealed() async throws {
        try await TestCluster.withPrivateCluster { primary in
            try await CommandLineFixture.with(on: primary) { fixture in
                let name = try await fixture.pool.query("select current_database()::text as name")
                let database = try #require(try name.first?.get("name", as: String.self))
                _ = try await fixture.importSimulated(episodes: 1, seed: 1)
                try await primary.withReplica { replica in
                    let pair = Pair(fixture: fixture, replica: replica, database: database)
                    try await pair.catchUp(primary)
                    let nothing = try await pair.verify(status: 0)
                    #expect(nothing.sealed == 0)
                    try await pair.pause()
                    let kept = try await fixture.keptCheckpoint("kept")
                    let key = try await fixture.checkpoint(["--no-seal"]).verifierKeys
                    let elsewhere = ["--checkpoint-log", "\(fixture.folder)/no-log"]
                    for words in [
                        [], ["--verifier-key", key[0]] + elsewhere,
                        ["--against", kept] + elsewhere,
                    ] {
                        let report = try await pair.verify(words, status: 3)
                        #expect(report.faults.isEmpty && report.replica != nil, "\(words)")
                    }
                    // Nor is there anything to export, which the verifier in Python says as well.
                    let folder = "\(fixture.folder)/export"
                    let export = try await pair.run([
                        "checkpoint", "--no-seal", "--export", folder,
                    ])
                    #expect(export.status == 1 && export.errors.contains("no checkpoint yet"))
                    let end = try await fixture.python(["verify_export.py", folder], status: 1)
                    #expect(end.text.contains("checkpoint is missing"))
                    try await pair.catchUp(primary)
                    #expect(try await pair.verify(["--verifier-key", key[0]], status: 0).verified)
                }
            }
        }
    }

    @Test("A replica whose end was cut off before it became the primary fails verification")
    func promoted() async throws {
        try await withPair { pair, _ in
            try await pair.replica.sql("alter system set primary_conninfo = ''")
            try await pair.replica.sql("select pg_reload_conf()")
            try await eventually("nothing is received any more") {
                try await pair.replica.sql("select count(*) from pg_stat_wal_receiver") == "0\n"
            }
            // What is recorded now is lost, as after a failover without synchronous replication.
            _ = try await pair.fixture.importSimulated(episodes: 1, seed: 2)
            _ = try await pair.fixture.checkpoint()
            _ = try await pair.verify(status: 3)
            try await pair.replica.sql("select pg_promote()")
            let report = try await pair.verify(status: 1)
            #expect(report.faults.map(\.code) == ["shrunken"] && report.replica == nil)
        }
    }

    @Test("While a replica cancels what reads, all of it is read, and nothing twice")
    func conflicts() async throws {
        try await withPair { pair, primary in
            let fixture = pair.fixture
            try await fixture.importSimulated(episodes: 60, seed: 3)
            try await fixture.succeed(["projections", "run", "--until-caught-up"])
            _ = try await fixture.checkpoint()
            _ = try await primary.sql(
                "create table churn as select 1 as n",
                database: pair.database
            )
            let census = [
                "census", "--known-at", "2030-01-01T00:00:00Z", "--date", "2025-12-31",
                "--unlogged",
            ]
            let whole = try await fixture.succeed(["export"])
            try await pair.catchUp(primary)
            try await pair.replica.sql("alter system set max_standby_streaming_delay = 0")
            try await pair.replica.sql("select pg_reload_conf()")
            let expected = try await pair.run(census)
            #expect(expected.status == 0, "\(expected.errors)")

            // Each round removes rows that a snapshot of the replica may still see. After ten of them there
            // is a rest, however long they took: on a busy machine nothing would ever be read in a tenth of
            // a second.
            let churn = BackgroundProgram([
                "sh", "-c",
                """
                while :; do
                    echo 'select pg_sleep(3);'
                    for round in 1 2 3 4 5 6 7 8 9 10; do
                        echo 'select pg_sleep(0.1);'
                        echo 'update churn set n = n + 1;'
                        echo 'vacuum churn;'
                    done
                done | "$@"
                """,
                "sh", try TestCluster.binary("psql"), "-X", "-q", "-o", "/dev/null", "-h",
                primary.folder, "-p", "\(primary.port)", "-U", TestCluster.user, "-d",
                pair.database,
            ])
            defer { churn.kill() }
            func cancelled() async throws -> Int {
                let number = try await pair.replica.sql(
                    "select sum(confl_snapshot + confl_lock) from pg_stat_database_conflicts"
                )
                return Int(number.trimmingCharacters(in: .whitespacesAndNewlines)) ?? 0
            }
            // Other tests may leave so little of the machine that no rest is long enough: then the program
            // says so, and to try again.
            func read(_ words: [String]) async throws -> ProgramEnd {
                var end = try await pair.run(words)
                for _ in 0..<10 where end.errors.contains("a standby cancels") {
                    end = try await pair.run(words)
                }
                return end
            }
            // Until every one of them has met what there is to meet.
            var rounds = 0
            repeat {
                let export = try await read(["export", "--unlogged"])
                #expect(export.status == 0 && export.output == whole.output, "\(export.errors)")
                let report = try await pair.verify(status: 0)
                #expect(report.verified && report.events == whole.lines.count)
                #expect(!report.readModels.isEmpty)
                let answer = try await read(census)
                #expect(answer.status == 0 && answer.output == expected.output, "\(answer.errors)")
                rounds += 1
            } while try await cancelled() < 20 && rounds < 40
            #expect(try await cancelled() > 0)
        }
    }

    /// A key of some other ledger.
    private static let otherKey =
        "episode-ledger/demo+c05566e5+AcTkqpyVz3a9erpzkGG870Zq95kK3bFAaYysKL2QyRRA"
}
