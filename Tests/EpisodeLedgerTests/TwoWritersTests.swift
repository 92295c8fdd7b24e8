import CareEpisode
import Glibc
import Postgres
import TestSupport
import Testing

/// Two real processes that append to one ledger at once, and two that follow it.
@Suite("Two writing processes", .serialized)
struct TwoWritersTests {
    @Test("32 writers in each of two processes: gapless, nothing lost, nothing twice, all followed")
    func calm() async throws {
        try await CommandLineFixture.with { fixture in
            let told = try await write(fixture, seed: 1, requests: 40, terminating: false)
            let events = Dictionary(grouping: told.acknowledged, by: \.event)
            for acknowledgements in events.values {
                #expect(acknowledgements.count { !$0.isDuplicate } == 1, "it was appended once")
            }
            for outcome in ["appended", "duplicate", "refused", "conflict", "reused"] {
                #expect(told.outcomes[outcome, default: 0] > 0, "no request was \(outcome)")
            }
            #expect(told.outcomes["unknown"] == nil && told.outcomes["failed"] == nil)
        }
    }

    @Test("The same while connections are terminated at random")
    func terminated() async throws {
        try await CommandLineFixture.with { fixture in
            let told = try await write(fixture, seed: 2, requests: 60, terminating: true)
            let events = Dictionary(grouping: told.acknowledged, by: \.event)
            for acknowledgements in events.values {
                #expect(acknowledgements.count { !$0.isDuplicate } <= 1, "it was appended once")
            }
            #expect(told.terminated > 40)
        }
    }

    private struct Acknowledgement {
        let event: String
        let version: Int
        let position: Int
        let isDuplicate: Bool
    }

    private struct Told {
        var acknowledged: [Acknowledgement] = []
        var outcomes: [String: Int] = [:]
        var terminated = 0

        mutating func read(_ line: String) throws {
            let words = line.split(separator: " ").map(String.init)
            if words[0] == "outcome" {
                outcomes[words[1], default: 0] += try #require(Int(words[2]))
            } else {
                try #require(words[0] == "event" && words.count == 5, "\(line)")
                acknowledged.append(
                    Acknowledgement(
                        event: words[1],
                        version: try #require(Int(words[2])),
                        position: try #require(Int(words[3])),
                        isDuplicate: words[4] == "duplicate"
                    )
                )
            }
        }
    }

    private func write(
        _ fixture: CommandLineFixture,
        seed: Int,
        requests: Int,
        terminating: Bool
    ) async throws -> Told {
        let all = try fixture.start(["follow", "--after", "0"])
        let sessions = try fixture.start([
            "follow", "--after", "0", "--types", "session_attended", "entry_corrected",
        ])
        try await eventually("both follow") { try await fixture.listeners() == 2 }

        let loads = try (0...1).map { process in
            try fixture.launch([
                CommandLineFixture.built("append-load"), fixture.url, "default", "\(seed)",
                "\(process)", "32", "200", "\(requests)",
            ])
        }
        var told = Told()
        try await eventually("both write") { loads.allSatisfy { $0.lineCount > 0 } }
        if terminating { told.terminated = try await terminate(fixture, while: loads) }
        for load in loads {
            let end = try await load.end()
            try #require(end.status == 0, "\(end.text.suffix(300))\(end.errors)")
            for line in end.lines { try told.read(line) }
        }

        let export = try await fixture.succeed(["export"])
        let recorded = try export.output.split(separator: 0x0A).map {
            try fixture.decode(RecordedLine.self, Array($0))
        }
        // Positions and versions have no gaps.
        #expect(recorded.map(\.position) == Array(1...recorded.count))
        for episode in Dictionary(grouping: recorded, by: \.episodeId).values {
            #expect(episode.map(\.version) == Array(1...episode.count))
        }
        #expect(zip(recorded, recorded.dropFirst()).allSatisfy { $0.recordedAt <= $1.recordedAt })
        #expect(Set(recorded.map(\.recordedBy)).count == 2, "both processes have written")

        // What was acknowledged is there, once, as it was told; and nothing else is there.
        let places = Dictionary(grouping: recorded, by: \.eventId)
        #expect(places.values.allSatisfy { $0.count == 1 })
        for acknowledged in told.acknowledged {
            let event = try #require(places[acknowledged.event]?.first, "an event was lost")
            #expect(event.version == acknowledged.version)
            #expect(event.position == acknowledged.position)
        }
        #expect(Set(told.acknowledged.map(\.event)) == Set(places.keys))

        // The followers have seen every position in order, once.
        let wanted = export.lines.filter { $0.contains(#""type":"session_attended""#) }
        for (follower, lines) in [(all, export.lines), (sessions, wanted)] {
            try await eventually("a follower has printed everything") {
                follower.lineCount >= lines.count
            }
            follower.signal(SIGINT)
            let end = try await follower.end()
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.lines == lines)
            #expect(terminating || end.errors.isEmpty, "\(end.errors)")
        }
        return told
    }

    /// Ends connections of the writers and the followers, one whenever something was appended, and
    /// says how many.
    private func terminate(
        _ fixture: CommandLineFixture,
        while loads: [RunningProgram]
    ) async throws -> Int {
        func head() async throws -> Int64 {
            let rows = try await fixture.pool.query("select max(position) as p from ledger_head")
            return try rows.first?.get("p") ?? 0
        }
        var (terminated, last) = (0, Int64(0))
        // Not for ever: on a slow machine nothing else would happen.
        while loads.contains(where: \.isRunning), terminated < 200 {
            let rows = try await fixture.pool.query(
                """
                select pg_terminate_backend(pid)
                from (
                    select pid from pg_stat_activity
                    where datname = current_database()
                    and application_name in ('append-load', 'episode-ledger/2')
                    order by random()
                    limit 1
                ) victim
                """
            )
            terminated += rows.count
            try await eventually("the writers go on") {
                try await head() > last || !loads.contains(where: \.isRunning)
            }
            last = try await head()
        }
        return terminated
    }
}

extension CommandLineFixture {
    /// How many connections of the program listen for announcements.
    func listeners() async throws -> Int {
        let rows = try await pool.query(
            """
            select pid from pg_stat_activity
            where datname = current_database() and application_name = 'episode-ledger/2'
            and state = 'idle' and query ilike 'listen%'
            """
        )
        return rows.count
    }
}
