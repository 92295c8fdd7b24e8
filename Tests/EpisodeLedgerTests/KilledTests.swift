import CareEpisode
import Glibc
import Postgres
import TestSupport
import Testing

/// Programs that are stopped or killed in the middle of their work.
@Suite("Stopped and killed", .serialized)
struct KilledTests {
    /// Simulated lines, enough to be stopped in the middle.
    private func bigFile(_ fixture: CommandLineFixture, episodes: Int = 120) async throws -> (
        path: String, count: Int
    ) {
        let lines = try await fixture.succeed([
            "simulate", "--episodes", "\(episodes)", "--seed", "9",
        ])
        return (try fixture.file("big.ndjson", lines.output), lines.lines.count)
    }

    @Test(
        "An import that is stopped or killed is completed by the next one, to exactly the file",
        arguments: [SIGINT, SIGTERM, SIGKILL]
    )
    func importing(_ signal: Int32) async throws {
        try await CommandLineFixture.with { fixture in
            let (path, count) = try await bigFile(fixture)
            var random = SeededRandom(seed: UInt64(signal))
            var inTheMiddle = 0
            for _ in 1...3 {
                let before = try await fixture.head()
                guard before < count else { break }
                let goal = before + Int.random(in: 1...max(1, (count - before) / 3), using: &random)
                let program = try fixture.start(["import", path])
                try await eventually("\(goal) events are recorded") {
                    try await fixture.head() >= goal || !program.isRunning
                }
                program.signal(signal)
                let end = try await program.end()
                guard end.status != 0 else { continue }
                #expect(end.status == (signal == SIGKILL ? 128 + SIGKILL : 130), "\(end.errors)")
                #expect(end.output.isEmpty)
                inTheMiddle += 1
            }
            #expect(inTheMiddle > 0, "it was stopped in the middle")
            try await eventually("what the dead process sent is over") {
                try await fixture.pool.query(
                    """
                    select from pg_stat_activity
                    where datname = current_database() and application_name = 'episode-ledger/2'
                    """
                ).isEmpty
            }
            let before = try await fixture.head()
            let answer = try await fixture.answer(ImportAnswer.self, ["import", path])
            #expect(
                answer
                    == ImportAnswer(
                        appended: count - before,
                        duplicates: before,
                        refused: 0,
                        head: count
                    )
            )
            // The ledger holds the file: each line once, each episode's in its order.
            let again = try fixture.file(
                "again.ndjson",
                try await fixture.succeed(["export", "--as-import"]).output
            )
            let copy = try await fixture.answer(ImportAnswer.self, ["import", again])
            #expect(copy.duplicates == count && copy.head == count)
        }
    }

    @Test(
        "Ctrl-C ends an import and an append that wait for their input",
        arguments: ["import", "append"]
    )
    func waiting(_ command: String) async throws {
        try await CommandLineFixture.with { fixture in
            let pipe = "\(fixture.folder)/pipe"
            try #require(mkfifo(pipe, 0o600) == 0)
            // Open for both, so that nobody waits for the other end.
            let writer = open(pipe, O_RDWR)
            defer { close(writer) }
            let words =
                command == "import"
                ? ["import", "-"] : ["append", "--episode", "\(EpisodeID.fresh)"]
            let program = try fixture.start(words, input: pipe)
            _ = write(writer, "{", 1)
            try await eventually("it reads") {
                var waiting: Int32 = 0
                return ioctl(writer, UInt(FIONREAD), &waiting) == 0 && waiting == 0
            }
            program.signal(SIGINT)
            let end = try await program.end()
            #expect(end.status == 130, "\(end.errors)")
            #expect(end.output.isEmpty)
        }
    }

    @Test("An import waits out the database's crash and tells each event's outcome rightly")
    func crash() async throws {
        // What is acknowledged must be on disk, so this server flushes.
        try await TestCluster.withPrivateCluster(settings: ["fsync = on"]) { cluster in
            try await CommandLineFixture.with(on: cluster) { fixture in
                let (path, count) = try await bigFile(fixture)
                let program = try fixture.start(["import", path])
                for crash in 1...2 {
                    let goal = count * crash / 4
                    try await eventually("\(goal) events are recorded") {
                        try await fixture.head() >= goal
                    }
                    try #require(program.isRunning, "it crashes in the middle")
                    cluster.killEverything()
                    try await cluster.restart()
                }
                let end = try await program.end()
                #expect(end.status == 0, "\(end.errors)")
                #expect(
                    try fixture.decode(ImportAnswer.self, end.output)
                        == ImportAnswer(appended: count, duplicates: 0, refused: 0, head: count)
                )
                #expect(try await fixture.exported().map(\.position) == Array(1...count))
            }
        }
    }

    @Test("Workers killed with kill -9 while an import runs leave the independent census")
    func workers() async throws {
        try await CommandLineFixture.with { fixture in
            let (path, count) = try await bigFile(fixture)
            var random = SeededRandom(seed: 77)
            let importing = try fixture.start(["import", path])
            var inTheMiddle = 0
            for round in 1...6 {
                let worker = try fixture.start(["projections", "run"])
                let before = try await fixture.projection()?.position ?? 0
                let goal = before + Int.random(in: 1...max(1, count / 8), using: &random)
                try await eventually("the worker of round \(round) has come to \(goal)") {
                    try await fixture.projection()?.position ?? 0 >= min(goal, count)
                }
                worker.kill()
                #expect(try await worker.end().status == 128 + SIGKILL)
                if let position = try await fixture.projection()?.position, position < count {
                    inTheMiddle += 1
                }
                try await fixture.expireLeases()
            }
            let end = try await importing.end()
            #expect(end.status == 0, "\(end.errors)")
            #expect(inTheMiddle > 0, "it was killed in the middle of its work")

            let period = ["--from", "2025-01-01", "--to", "2025-12-31"]
            let census = try await fixture.answer(PeriodAnswer.self, ["census"] + period)
            #expect(census.position == count && census.lag == 0)
            let actual = try await fixture.succeed(["census"] + period)
            let export = try await fixture.succeed(["export"])
            let expected = try await fixture.python(
                ["census.py", "--events", try fixture.file("recorded", export.output)]
                    + ["--time-zone", "UTC"] + period
            )
            try await fixture.python([
                "compare_census.py", try fixture.file("expected.json", expected.output),
                try fixture.file("actual.json", actual.output),
            ])
        }
    }
}
