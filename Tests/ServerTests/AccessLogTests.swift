import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import TestSupport
import Testing
import TransparencyLog

@testable import Server

@Suite("Access log")
struct AccessLogTests {
    private func entry(
        _ request: String,
        subject: String = "tester",
        purpose: String? = nil
    ) -> AccessDecision {
        AccessDecision(
            subject: subject,
            roles: ["auditor", "service"],
            operation: "listEvents",
            isAllowed: true,
            detail: "after=0",
            purpose: purpose,
            requestID: request
        )
    }

    /// Runs a body while nobody can write to the access log.
    private func locked<Result: Sendable>(
        _ database: LedgerDatabase,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await PostgresConnection.withConnection(database.configuration) { connection in
            try await connection.withTransaction { connection in
                _ = try await connection.query("lock table access_log in exclusive mode")
                return try await body()
            }
        }
    }

    private func untilWriting(_ database: LedgerDatabase) async throws {
        try await eventually("a batch is on its way") { try await lockWaits(database).count == 1 }
    }

    /// Since when each session that waits for a lock has been waiting.
    private func lockWaits(_ database: LedgerDatabase) async throws -> [String] {
        // As the superuser: others are not shown what sessions wait for.
        try await PostgresConnection.withConnection(database.configuration) { connection in
            try await connection.query(
                """
                select query_start::text as since
                from pg_stat_activity
                where wait_event_type = 'Lock' and datname = current_database()
                """
            ).map { try $0.get("since") }
        }
    }

    @Test("Decisions share a batch; whoever writes it and is cancelled takes nobody along")
    func shared() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let log = AccessLog(database, timeout: .seconds(120))
            let (first, leader, followers) = try await locked(database) {
                let first = Task { try await log.record(entry("first"), in: ledger) }
                try await untilWriting(database)
                // The next batch waits for the one that is on its way; its first member writes it.
                let leader = Task { try await log.record(entry("leader"), in: ledger) }
                try await eventually("the leader has joined") { log.waiting(ledger.id) == 1 }
                let followers = (0..<20).map { number in
                    Task { try await log.record(entry("follower \(number)"), in: ledger) }
                }
                try await eventually("all have joined") { log.waiting(ledger.id) == 21 }
                leader.cancel()
                return (first, leader, followers)
            }
            try await first.value
            await #expect(throws: (any Error).self) { try await leader.value }
            for follower in followers { try await follower.value }
            let rows = try await database.reader.query(
                "select request_id, roles from access_log where request_id <> 'leader'"
            )
            #expect(rows.count == 21)
            for row in rows { #expect(try row.get("roles") == ["auditor", "service"]) }
        }
    }

    @Test("Whoever reads on misses no decision: what is being written has no number yet")
    func inOrder() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let (database, ledger) = (fixture.database, fixture.ledger)
            let log = AccessLog(database, timeout: .seconds(120))
            try await log.record(entry("first"), in: ledger)
            try await fixture.sealAccessLog()
            try await database.writer.withConnection { connection in
                try await connection.withTransaction { connection in
                    _ = try await connection.query(
                        AccessDecision.statement(writing: [entry("earlier")], to: ledger)
                    )
                    // Given a higher entry, and committed before it.
                    try await log.record(entry("later"), in: ledger)
                    let page = try await log.page(
                        ledger,
                        after: .beginning,
                        limit: 10,
                        episode: nil
                    )
                    #expect(page.entries.map(\.decision.requestID) == ["first"])
                    #expect(page.unsealed == 1)
                }
            }
            try await fixture.sealAccessLog()
            let page = try await log.page(
                ledger,
                after: Cursor(Position(1)),
                limit: 10,
                episode: nil
            )
            #expect(page.entries.map(\.decision.requestID) == ["earlier", "later"])
            #expect(page.entries.map(\.number) == [2, 3])
            #expect(page.nextAfter == Cursor(Position(3)) && page.unsealed == 0)
            let end = try await log.page(
                ledger,
                after: Cursor(Position(3)),
                limit: 10,
                episode: nil
            )
            #expect(end.entries.isEmpty && end.nextAfter == Cursor(Position(3)))
        }
    }

    @Test("An auditor gets the access log's checkpoint, and proofs and tiles that lead to it")
    func evidence() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.auditor)
            let none = try await fixture.get("access-log/checkpoint", token: token)
            #expect(none.status == 404)
            let log = AccessLog(fixture.database, timeout: .seconds(120))
            for number in 1...5 { try await log.record(entry("\(number)"), in: fixture.ledger) }
            let note = try await fixture.get("access-log/checkpoint", token: token)
            let signed = try SignedCheckpoint(parsing: note.text)
            #expect(signed.checkpoint.origin == "episode-ledger/default/access")
            #expect(signed.checkpoint.size == 5)
            let keys = try await AccessStatus.keys(fixture.database, ledger: fixture.ledger)
            try signed.verified(by: keys)
            let tile = try await fixture.get("access-log/tile/0/000.p/5", token: token)
            let leaves = try #require(TreeHash.list(tile.bytes))
            let bundle = try await fixture.get("access-log/tile/entries/000.p/5", token: token)
            #expect(bundle.bytes.count == 5 * 114)
            #expect(TreeHash.leaf(bundle.bytes[2..<114]) == leaves[0])
            #expect(bundle.bytes[2..<18].elementsEqual("episode-access1\n".utf8))
            let answer = try await fixture.get(
                "access-log/proofs/inclusion?number=2&size=5",
                token: token
            ).json
            #expect(answer.integer("number") == 2)
            let proof = answer.strings("proof")
                .compactMap { Base64.decode($0).flatMap { TreeHash($0) } }
            #expect(
                TreeProof.verifyInclusion(
                    leaf: leaves[1],
                    index: 1,
                    size: 5,
                    root: signed.checkpoint.root,
                    proof: proof
                )
            )
            let consistency = try await fixture.get(
                "access-log/proofs/consistency?from=3",
                token: token
            ).json
            #expect(consistency.string("to_root") == "\(signed.checkpoint.root)")
            // Asked again, nothing new is signed.
            #expect(try await fixture.get("access-log/checkpoint", token: token).text == note.text)
        }
    }

    @Test("An append that records nothing leaves one decision, whatever becomes of it")
    func withoutEvents() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let (episode, event) = (EpisodeID.fresh, SampleEvent.admitted())
            var statuses: [Int] = []
            for (target, sent, headers) in [
                (episode, event, [:]), (episode, event, [:]), (EpisodeID.fresh, event, [:]),
                (episode, SampleEvent.session(), ["If-Match": "\"7\""]),
                (episode, SampleEvent.admitted(), [:]),
            ] {
                let answer = try await fixture.post(target, [sent], token: token, headers: headers)
                statuses.append(answer.status)
            }
            #expect(statuses == [201, 200, 409, 409, 422])
            let rows = try await fixture.database.reader.query(
                "select count(*) as all, count(distinct request_id) as ids from access_log"
            )
            #expect(try rows.first?.get("all", as: Int64.self) == 5)
            #expect(try rows.first?.get("ids", as: Int64.self) == 5)
        }
    }

    @Test("An append's decision is written in the transaction of its event")
    func withTheEvent() async throws {
        try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let answer = try await fixture.post(.fresh, [SampleEvent.admitted()], token: token)
            #expect(answer.status == 201)
            let rows = try await fixture.database.reader.query(
                """
                select a.xmin = e.xmin as together, a.episode_id = e.episode_id as about
                from access_log a, event e
                """
            )
            #expect(rows.count == 1)
            #expect(try rows.first?.get("together", as: Bool.self) == true)
            #expect(try rows.first?.get("about", as: Bool.self) == true)
        }
    }

    @Test("A batch that cannot be written in time fails, and so do those who waited for it")
    func unavailable() async throws {
        try await LedgerFixture.withDatabase { database in
            let ledger = try await database.ledger(named: .default)
            let log = AccessLog(database, timeout: .milliseconds(300))
            try await locked(database) {
                let first = Task { try await log.record(entry("first"), in: ledger) }
                let second = Task { try await log.record(entry("second"), in: ledger) }
                await #expect(throws: (any Error).self) { try await first.value }
                await #expect(throws: (any Error).self) { try await second.value }
            }
            // And the next ones are written again, as soon as one is quick enough.
            try await eventually("the log is written again") {
                let outcome = await Task { try await log.record(entry("third"), in: ledger) }.result
                return (try? outcome.get()) != nil
            }
        }
    }

    /// Records decisions in one batch, and returns which of them were told that they are not kept.
    private func failures(
        of entries: [AccessDecision],
        _ log: AccessLog,
        _ database: LedgerDatabase
    ) async throws -> [String] {
        let ledger = try await database.ledger(named: .default)
        let tasks = try await locked(database) {
            let first = Task { try await log.record(entry("first"), in: ledger) }
            try await untilWriting(database)
            let tasks = entries.map { entry in Task { try await log.record(entry, in: ledger) } }
            try await eventually("all have joined") { log.waiting(ledger.id) == entries.count }
            return [first] + tasks
        }
        var failed: [String] = []
        for (task, request) in zip(tasks, ["first"] + entries.map(\.requestID)) {
            if case .failure = await task.result { failed.append(request) }
        }
        return failed
    }

    private func kept(_ database: LedgerDatabase) async throws -> [String: AccessEntry] {
        let entries = try await database.reader.query("select * from access_log")
            .map { try AccessEntry($0) }
        return Dictionary(uniqueKeysWithValues: entries.map { ($0.decision.requestID, $0) })
    }

    private func refuse(_ condition: String, _ database: LedgerDatabase) async throws {
        try await PostgresConnection.withConnection(database.configuration) {
            try await $0.execute(
                script: "alter table access_log add constraint refused check (\(condition))"
            )
        }
    }

    @Test("One decision that the database refuses is kept and marked, the others as they are")
    func oneBadEntry() async throws {
        try await LedgerFixture.withDatabase { database in
            try await refuse("purpose is distinct from 'forbidden'", database)
            let log = AccessLog(database, timeout: .seconds(120))
            let entries = (1...20).map { number in
                entry("\(number)", purpose: number == 7 ? "forbidden" : "purpose \(number)")
            }
            #expect(try await failures(of: entries, log, database) == [])
            let kept = try await kept(database)
            #expect(kept.count == 21)
            for number in 1...20 where number != 7 {
                #expect(kept["\(number)"]?.decision.purpose == "purpose \(number)")
                #expect(kept["\(number)"]?.decision.detail == "after=0")
            }
            let bad = try #require(kept["7"])
            #expect(bad.decision.subject == "tester" && bad.decision.isAllowed)
            #expect(bad.decision.roles == ["auditor", "service"])
            #expect(bad.decision.operation == "listEvents")
            #expect(bad.decision.purpose == "not storable (SQLSTATE 23514)")
            #expect(bad.decision.detail == "not storable (SQLSTATE 23514)")
        }
    }

    @Test("A decision that can be kept in no form fails its own request alone")
    func unkeepable() async throws {
        try await LedgerFixture.withDatabase { database in
            try await refuse("subject <> 'nobody'", database)
            let log = AccessLog(database, timeout: .seconds(120))
            let entries = (1...20).map { number in
                entry("\(number)", subject: [1, 7].contains(number) ? "nobody" : "tester")
            }
            #expect(try await failures(of: entries, log, database) == ["1", "7"])
            #expect(try await kept(database).count == 19)
            // And nothing of it stays with the next ones.
            let ledger = try await database.ledger(named: .default)
            try await log.record(entry("next"), in: ledger)
        }
    }

    @Test("A database that lacks a character of a subject answers that request and all others")
    func otherEncoding() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            // Made in UTF8 and called otherwise, as long as it has nothing but ASCII: to make one in
            // another encoding is refused.
            try await TestCluster.shared.sql(
                """
                update pg_database set encoding = pg_char_to_encoding('LATIN1')
                where datname = '\(configuration.database ?? "")'
                """
            )
            try await ServiceFixture.with(configuration) { fixture in
                let token = try await fixture.token(.service)
                let other = try await fixture.token(.service, subject: "5 €")
                let posted = try await fixture.post(
                    .fresh,
                    [SampleEvent.admitted()],
                    token: other,
                    headers: ["X-Purpose-Of-Use": "treatment in Łódź, 5 €"]
                )
                #expect(posted.status == 201)
                let statuses = try await withThrowingTaskGroup(of: Int.self) { group in
                    for number in 0..<60 {
                        let isOther = number.isMultiple(of: 3)
                        let headers = isOther ? ["X-Purpose-Of-Use": "5 €"] : [:]
                        group.addTask {
                            try await fixture.get(
                                "events",
                                token: isOther ? other : token,
                                headers: headers
                            ).status
                        }
                    }
                    return try await group.reduce(into: []) { $0.append($1) }
                }
                #expect(statuses == Array(repeating: 200, count: 60))
                let kept = try await kept(fixture.database).values
                #expect(kept.count == 61)
                #expect(kept.filter { $0.decision.subject == "5 \\342\\202\\254" }.count == 21)
                #expect(kept.filter { $0.decision.subject == "tester" }.count == 40)
                #expect(kept.filter { $0.decision.purpose == "other" }.count == 21)
                #expect(kept.filter { $0.decision.purpose == nil }.count == 40)
                let marked = kept.filter { $0.decision.detail?.hasPrefix("escaped") == true }
                #expect(marked.count == 21)
                #expect(kept.allSatisfy { $0.decision.isAllowed })
            }
        }
    }
}
