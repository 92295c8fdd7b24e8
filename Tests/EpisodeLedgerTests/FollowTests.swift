import CareEpisode
import Glibc
import TestSupport
import Testing

@Suite("Follow")
struct FollowTests {
    @Test("Events of another process are seen at once, from the head on, and Ctrl-C exits with 0")
    func live() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let follow = try fixture.start(["follow"])
            try await eventually("it follows") { try await fixture.listeners() == 1 }
            let episode = EpisodeID.fresh
            for (number, event) in [EventText.admitted(), EventText.session()].enumerated() {
                let file = try fixture.file("event.json", lines: [event])
                try await fixture.succeed(["append", "--episode", "\(episode)"], input: file)
                try await eventually("the event is printed", within: .seconds(5)) {
                    follow.lineCount == number + 1
                }
            }
            let asked = ContinuousClock.now
            follow.signal(SIGINT)
            let end = try await follow.end()
            #expect(end.status == 0)
            #expect(asked.duration(to: .now) < .seconds(5), "it ends at once")
            #expect(end.errors.isEmpty)
            #expect(end.lines == (try await fixture.succeed(["export"])).lines.suffix(2))
        }
    }

    @Test("One episode's events alone are printed, and SIGTERM exits with 0 too")
    func episode() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 3, seed: 1)
            let recorded = try await fixture.exported()
            let episode = recorded[0].episodeId
            let wanted = recorded.filter { $0.episodeId == episode }
            let follow = try fixture.start(["follow", "--after", "0", "--episode", episode])
            try await eventually("all are printed") { follow.lineCount == wanted.count }
            follow.signal(SIGTERM)
            let end = try await follow.end()
            #expect(end.status == 0)
            let seen = try end.output.split(separator: 0x0A).map {
                try fixture.decode(RecordedLine.self, Array($0)).position
            }
            #expect(seen == wanted.map(\.position))
        }
    }

    @Test("A follower whose reader has stopped reading ends all the same when it is told to")
    func stalledReader() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 20, seed: 1)
            let program = CommandLineFixture.program
            // The reader never reads; the follower's pipe is full.
            let script = """
                exec 3> >(exec sleep 90)
                \(program) follow --after 0 >&3 &
                echo $!
                wait $!
                echo $?
                """
            let shell = try fixture.launch(
                ["bash", "-c", script],
                environment: ["EPISODE_LEDGER_DATABASE_URL": fixture.url]
            )
            try await eventually("the follower is connected") { try await fixture.listeners() == 1 }
            let text = String(decoding: shell.output, as: UTF8.self)
            let process = try #require(pid_t(text.split(separator: "\n").first ?? ""))
            try await eventually("the follower waits for its reader") {
                ListedProcess(process)?.state == "S"
            }
            kill(process, SIGTERM)
            let end = try await shell.end()
            #expect(end.lines.last == "0", "\(end.errors)")
        }
    }

    @Test("The database's crash and restart delay a follower and lose nothing")
    func restart() async throws {
        try await TestCluster.withPrivateCluster(settings: ["fsync = on"]) { cluster in
            try await CommandLineFixture.with(on: cluster) { fixture in
                let first = try await fixture.importSimulated(episodes: 2, seed: 1)
                let follow = try fixture.start(["follow", "--after", "0"])
                let worker = try fixture.start(["projections", "run"])
                try await eventually("all are printed") { follow.lineCount == first }
                try await eventually("the worker works") {
                    try await fixture.projection()?.position == first
                }
                for restart in 1...2 {
                    if restart == 1 { cluster.killEverything() } else { try await cluster.stop() }
                    try await eventually("the follower has noticed") {
                        follow.errors.split(separator: "\n").count >= restart
                    }
                    #expect(follow.isRunning && worker.isRunning)
                    try await cluster.restart()
                    try await fixture.importSimulated(episodes: 2, seed: 1 + restart)
                    let head = try await fixture.head()
                    try await eventually("all are printed") { follow.lineCount == head }
                    try await eventually("the read model has them too") {
                        try await fixture.projection()?.position == head
                    }
                }
                follow.signal(SIGINT)
                worker.signal(SIGINT)
                let end = try await follow.end()
                #expect(end.status == 0)
                #expect(end.lines == (try await fixture.succeed(["export"])).lines)
                let workerEnd = try await worker.end()
                #expect(workerEnd.status == 0, "\(workerEnd.errors)")
            }
        }
    }
}
