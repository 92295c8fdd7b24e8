import CareEpisode
import Postgres
import TestSupport
import Testing

@Suite("Ledgers, episodes, status and read models")
struct OperatingTests {
    @Test("Ledgers are created once, listed by name, and apart from each other")
    func ledgers() async throws {
        try await CommandLineFixture.with { fixture in
            let create = ["ledgers", "create", "riverside", "--time-zone", "America/New_York"]
            let made = try await fixture.answer(LedgersAnswer.Ledger.self, create)
            #expect(made == .init(name: "riverside", timeZone: "America/New_York", head: 0))
            let again = try await fixture.run(create)
            #expect(again.status == 1 && again.output.isEmpty)
            #expect(again.errors.contains("riverside"))

            let count = try await fixture.importSimulated(episodes: 2, seed: 1, ledger: "riverside")
            let listed = try await fixture.answer(LedgersAnswer.self, ["ledgers"])
            #expect(
                listed.ledgers == [
                    .init(name: "default", timeZone: "UTC", head: 0),
                    .init(name: "riverside", timeZone: "America/New_York", head: count),
                ]
            )
            #expect(
                try await fixture.succeed(["ledgers", "list"]).text
                    == (try await fixture.succeed(["ledgers"]).text)
            )
            #expect(try await fixture.succeed(["export"]).output.isEmpty)
            let named = try await fixture.run(
                ["export"],
                environment: ["EPISODE_LEDGER_LEDGER": "riverside"]
            )
            #expect(named.lines.count == count)
        }
    }

    @Test("Episodes are listed by client, status and program, with the overlapping ones marked")
    func episodes() async throws {
        try await CommandLineFixture.with { fixture in
            let (first, second, third) = (EpisodeID.fresh, EpisodeID.fresh, EpisodeID.fresh)
            let file = try fixture.file(
                "episodes.ndjson",
                lines: [
                    EventText.line(first, EventText.admitted(client: "C-1")),
                    EventText.line(
                        second,
                        EventText.admitted(
                            at: "2025-01-20T09:00:00Z",
                            client: "C-1",
                            program: "iop-evening"
                        )
                    ),
                    EventText.line(
                        third,
                        EventText.admitted(at: "2025-01-07T09:00:00Z", client: "C-2")
                    ),
                    EventText.line(first, EventText.completed(at: "2025-02-01T10:00:00Z")),
                ]
            )
            try await fixture.succeed(["import", file])
            func listed(_ options: String...) async throws -> [String] {
                let answer = try await fixture.answer(
                    EpisodesAnswer.self,
                    ["episodes"] + options
                )
                #expect(answer.position == 4)
                return answer.episodes.map(\.episodeId)
            }
            let (one, two, three) = ("\(first)", "\(second)", "\(third)")
            #expect(try await listed() == [one, three, two])
            #expect(try await listed("--client", "C-1") == [one, two])
            #expect(try await listed("--status", "open") == [three, two])
            #expect(try await listed("--status", "ended") == [one])
            #expect(try await listed("--program", "iop-evening") == [two])
            #expect(try await listed("--client", "C-3").isEmpty)
            #expect(try await listed("--effective-at", "2025-01-10") == [one, three])
            #expect(
                try await listed("--effective-at", "2025-01-31", "--status", "ended").isEmpty
            )
            let all = try await fixture.answer(EpisodesAnswer.self, ["episodes"])
            #expect(all.episodes.map(\.overlappingEpisode) == [true, false, true])
            let text = try await fixture.succeed(["episodes", "--format", "text"])
            #expect(text.lines.count == 5)
            #expect(text.text.contains("overlapping episode"))
        }
    }

    @Test("Status shows the head and how far the read model is; a question catches it up")
    func status() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 4, seed: 3)
            let before = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(before.head == count)

            // Answered from nothing, at once.
            let stale = try await fixture.answer(CensusAnswer.self, ["census", "--stale-ok"])
            #expect(stale.position == 0 && stale.lag == count)
            let lagging = try await fixture.answer(
                ProjectionsAnswer.self,
                ["projections", "status"]
            )
            #expect(lagging.projections.map(\.lag) == [count])

            let fresh = try await fixture.answer(CensusAnswer.self, ["census"])
            #expect(fresh.position == count && fresh.lag == 0)
            let after = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(after.projections.map(\.name) == ["census"])
            #expect(after.projections.map(\.position) == [count])
            #expect(after.projections.allSatisfy { $0.parked.isEmpty && !$0.rebuildNeeded })
            #expect(
                after.projections.allSatisfy { $0.leaseHolder == nil },
                "the lease is given back"
            )
            let text = try await fixture.succeed(["status", "--format", "text"])
            #expect(text.lines.count == 8 && text.text.contains("at the head"))
            #expect(
                text.text.contains("may act as ledger_owner: roles protect nothing"),
                "one login is everything here"
            )
            // Both of the census.
            let accesses = try #require(text.lines.last)
            #expect(accesses.hasPrefix("Access log   nothing is sealed yet, 2 not sealed, since "))
            let sealed = try #require(text.lines.dropLast().last)
            #expect(
                sealed.hasPrefix("Seal         nothing is sealed yet, \(count) not sealed for ")
            )
            #expect(after.seal.origin == nil && after.seal.size == 0)
            #expect(after.seal.unsealed == count && after.seal.lagSeconds > 0)
            #expect(after.seal.leaseHolder == nil && after.seal.trouble == nil)
        }
    }

    @Test("A read model is caught up on demand, rebuilt to the same, and told what to retry")
    func projections() async throws {
        struct Rebuilt: Decodable {
            var name: String
            var events: Int
            var differing: Int?
            var generation: Int
            var parked: Int
        }
        struct Marked: Decodable { var marked: Int }
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 6, seed: 4)
            let caughtUp = try await fixture.succeed(["projections", "run", "--until-caught-up"])
            #expect(caughtUp.output.isEmpty)
            let status = try await fixture.answer(ProjectionsAnswer.self, ["projections"])
            #expect(
                status.projections.map(\.name) == [
                    "census", "discharge_summary", "medication_review", "sessions",
                ]
            )
            #expect(status.projections.allSatisfy { $0.position == count })

            let period = ["census", "--from", "2025-06-01", "--to", "2025-12-31"]
            let before = try await fixture.succeed(period)
            let rebuilt = try await fixture.answer(
                Rebuilt.self,
                ["projections", "rebuild", "census"]
            )
            #expect(rebuilt.name == "census" && rebuilt.events == count)
            #expect(rebuilt.differing == 0 && rebuilt.parked == 0)
            #expect(rebuilt.generation == status.projections[0].generation + 1)
            #expect(try await fixture.succeed(period).output == before.output)
            #expect(try await fixture.answer(Marked.self, ["projections", "retry"]).marked == 0)
        }
    }

    @Test("Rows that somebody changed keep a rebuild from switching, unless that is accepted")
    func differences() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 6, seed: 4)
            try await fixture.succeed(["census"])
            _ = try await fixture.pool.query(
                "delete from read_model.census_stay where ctid in (select min(ctid) from read_model.census_stay)"
            )
            let end = try await fixture.run(["projections", "rebuild"])
            #expect(end.status == 1)
            #expect(end.output.isEmpty)
            #expect(end.errors.contains("--accept-differences"), "\(end.errors)")
            try await fixture.succeed(["projections", "rebuild", "--accept-differences"])
            try await fixture.succeed(["projections", "rebuild"])
        }
    }

    @Test("Rows that an older fold has filled are rebuilt by whoever needs them, and by a worker")
    func olderFold() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 3, seed: 4)
            let census = ["census", "--date", "2025-12-31"]
            let before = try await fixture.succeed(census)
            func makeOlder() async throws {
                _ = try await fixture.pool.query("update read_model_state set fold_version = -1")
            }
            try await makeOlder()
            let status = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(status.projections.map(\.rebuildNeeded) == [true])
            let stale = try await fixture.run(census + ["--stale-ok"])
            #expect(stale.status == 1 && stale.output.isEmpty)
            #expect(stale.errors.contains("census was built by version -1 of its fold"))
            #expect(try await fixture.succeed(census).output == before.output)
            #expect(try await fixture.projection()?.generation == 2)

            try await makeOlder()
            let worker = try fixture.start(["projections", "run"])
            try await eventually("the worker has rebuilt it") {
                try await fixture.projection()?.generation == 3
            }
            #expect(worker.errors.contains("builds it anew beside the old one"), "\(worker.errors)")
            #expect(try await fixture.succeed(census).output == before.output)
            worker.signal(2)
            #expect(try await worker.end().status == 0)
        }
    }

    @Test("Rows that a newer fold has filled are not answered from nor worked on")
    func newerFold() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 3, seed: 4)
            try await fixture.succeed(["census"])
            _ = try await fixture.pool.query("update read_model_state set fold_version = 99")
            let status = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(status.projections.map(\.rebuildNeeded) == [true])
            let census = try await fixture.run(["census"])
            #expect(census.status == 1 && census.output.isEmpty)
            #expect(census.errors.contains("use a newer program"))

            let worker = try fixture.start(["projections", "run"])
            try await eventually("the worker says so") {
                worker.errors.contains("use a newer program")
            }
            #expect(worker.isRunning)
            try await fixture.succeed(["projections", "rebuild"])
            let head = try await fixture.importSimulated(episodes: 1, seed: 5)
            #expect(head > 0)
            try await eventually("the worker goes on") {
                try await fixture.projection()?.position == (try await fixture.head())
            }
            worker.signal(2)
            #expect(try await worker.end().status == 0)
        }
    }

    @Test("A running worker seals, status shows how far, and Ctrl-C hands the lease back")
    func sealer() async throws {
        try await CommandLineFixture.with { fixture in
            let worker = try fixture.start(["projections", "run"])
            let count = try await fixture.importSimulated(episodes: 3, seed: 5)
            func seal() async throws -> SealAnswer {
                try await fixture.answer(StatusAnswer.self, ["status"]).seal
            }
            try await eventually("everything is sealed") { try await seal().size == count }
            let sealed = try await seal()
            #expect(sealed.origin == "episode-ledger/default")
            #expect(sealed.unsealed == 0 && sealed.lagSeconds == 0)
            #expect(sealed.sealedAt?.hasSuffix("Z") == true)
            #expect(sealed.leaseHolder?.hasPrefix("cli:") == true)
            #expect(sealed.trouble == nil && sealed.troublePosition == nil)
            // A checkpoint is had while somebody else holds the lease.
            let more = try await fixture.importSimulated(episodes: 1, seed: 6)
            let checkpoint = try await fixture.checkpoint()
            #expect(checkpoint.size == count + more)
            worker.signal(2)
            let end = try await worker.end()
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.output.isEmpty)
            #expect(try await seal().leaseHolder == nil)

            let reader = try fixture.start(["projections", "run", "--without-sealer"])
            let last = try await fixture.importSimulated(episodes: 1, seed: 7)
            try await eventually("the read models are at the head") {
                try await fixture.projection()?.position == count + more + last
            }
            reader.signal(2)
            #expect(try await reader.end().status == 0)
            #expect(try await seal().unsealed == last)
        }
    }

    @Test("A worker that finds a changed event signs nothing and says where, as does status")
    func trouble() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 1, seed: 5)
            try await fixture.tamper(
                "update event set occurred_at = occurred_at + 1 where position = 7"
            )
            let worker = try fixture.start(["projections", "run"])
            try await eventually("the worker says so") {
                worker.errors.contains("default: not sealed: position 7")
            }
            let status = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(status.seal.troublePosition == 7)
            #expect(status.seal.trouble?.contains("occurred_at") == true)
            #expect(status.seal.size == 0 && status.seal.unsealed == count)
            let text = try await fixture.succeed(["status", "--format", "text"])
            #expect(text.text.contains("TROUBLE: position 7"))
            #expect(worker.isRunning, "the read models go on")
            worker.signal(2)
            #expect(try await worker.end().status == 0)
        }
    }

    @Test("Each command warns of a database that is not in UTF8, in one line on standard error")
    func encoding() async throws {
        try await CommandLineFixture.with { fixture in
            // Made in UTF8 and called otherwise, since to make one in another encoding is refused.
            let name = try PostgresConfiguration(url: fixture.url).database ?? ""
            try await TestCluster.shared.sql(
                """
                update pg_database set encoding = pg_char_to_encoding('LATIN1')
                where datname = '\(name)'
                """
            )
            for command in [["status"], ["ledgers"], ["migrate"], ["census"]] {
                let end = try await fixture.run(command)
                #expect(end.status == 0, "\(command)")
                #expect(end.errors.hasPrefix("warning: the database's encoding is LATIN1"))
                #expect(end.errors.split(separator: "\n").count == 1, "\(command)")
            }
            let service = try fixture.start(["projections", "run"])
            try await eventually("it is told at the start") {
                service.errors.contains("warning: the database's encoding is LATIN1")
            }
            service.signal(2)
            #expect(try await service.end().status == 0)
        }
    }

    @Test("A running worker keeps the read model at the head, and hands its lease back on Ctrl-C")
    func worker() async throws {
        try await CommandLineFixture.with { fixture in
            let worker = try fixture.start(["projections", "run"])
            try await eventually("the worker holds the lease") {
                try await fixture.projection()?.leaseHolder != nil
            }
            let count = try await fixture.importSimulated(episodes: 3, seed: 5)
            try await eventually("the read model is at the head") {
                try await fixture.projection()?.position == count
            }
            // A question is answered while somebody else holds the lease.
            let census = try await fixture.answer(CensusAnswer.self, ["census"])
            #expect(census.position == count)
            worker.signal(2)
            let end = try await worker.end()
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.output.isEmpty)
            #expect(try await fixture.projection()?.leaseHolder == nil)
        }
    }
}

extension CommandLineFixture {
    /// Where the census of the default ledger stands; nil before anybody has asked for it.
    func projection() async throws -> (position: Int, generation: Int, leaseHolder: String?)? {
        let rows = try await pool.query(
            """
            select position, generation, lease_holder from read_model_state
            where ledger_id = 1 and name = 'census'
            """
        )
        guard let row = rows.first else { return nil }
        return (
            Int(try row.get("position", as: Int64.self)),
            Int(try row.get("generation", as: Int32.self)),
            try row.get("lease_holder", as: String?.self)
        )
    }

    /// The position of the newest event of the default ledger.
    func head() async throws -> Int {
        let rows = try await pool.query("select position from ledger_head where ledger_id = 1")
        return Int(try rows.first?.get("position", as: Int64.self) ?? 0)
    }

    /// Takes the time that dead workers' leases still have.
    func expireLeases() async throws {
        _ = try await pool.query("update read_model_state set lease_until = clock_timestamp()")
    }
}
