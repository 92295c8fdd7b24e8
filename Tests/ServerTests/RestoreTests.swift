import CareEpisode
import Foundation
import Postgres
import Synchronization
import TestSupport
import Testing
import TransparencyLog

@testable import Ledger
@testable import Server

/// A database that is really put back to a copy of it, and goes on: what names a thing then.
@Suite("After a restore", .serialized)
struct RestoreTests {
    /// A ledger of five events, of which a copy was made before five more were recorded and sealed.
    private struct Restored: Sendable {
        let configuration: PostgresConfiguration
        let database: String
        let place: SealingPlace

        private var copy: String { "\(database)_copy" }

        static func with(_ body: (Restored) async throws -> Void) async throws {
            try await LedgerFixture.withConfiguration { configuration in
                let folder = NSTemporaryDirectory() + "restore-\(UUID().uuidString)"
                try FileManager.default.createDirectory(
                    atPath: folder,
                    withIntermediateDirectories: true
                )
                defer { try? FileManager.default.removeItem(atPath: folder) }
                let name = try await LedgerFixture.withDatabase(configuration) { database in
                    try await database.reader.query("select current_database()::text as name")
                        .first?.get("name", as: String.self)
                }
                let restored = Restored(
                    configuration: configuration,
                    database: try #require(name),
                    place: SealingPlace(
                        keys: SigningKeyFile("\(folder)/key"),
                        log: CheckpointLog("\(folder)/checkpoints")
                    )
                )
                do {
                    try await body(restored)
                } catch {
                    try await restored.drop(restored.copy)
                    throw error
                }
                try await restored.drop(restored.copy)
            }
        }

        /// Lends a service that seals nothing by itself.
        func serving(
            _ body: @escaping @Sendable (ServiceFixture) async throws -> Void
        ) async throws {
            try await ServiceFixture.with(
                configuration,
                runsWorkers: false,
                allowsPrivateNetworks: true,
                body
            )
        }

        func backUp() async throws { try await make(copy, from: database) }

        /// Puts the copy in the place of the database, whoever is connected.
        func putBack() async throws {
            try await drop(database)
            try await make(database, from: copy)
        }

        private func make(_ name: String, from source: String) async throws {
            try await eventually("nobody is connected to \(source)") {
                let made = try? await TestCluster.shared.sql(
                    "create database \(name) template \(source)"
                )
                return made != nil
            }
        }

        private func drop(_ name: String) async throws {
            try await TestCluster.shared.sql("drop database if exists \(name) with (force)")
        }

        private func withSealer<Result>(
            _ body: (Sealer, EventReader) async throws -> Result
        ) async throws -> Result {
            try await LedgerFixture.withDatabase(configuration) { database in
                let ledger = try await database.ledger(named: .default)
                return try await body(
                    Sealer(database, ledger: ledger, place: place, holder: "test"),
                    EventReader(database, ledger: ledger)
                )
            }
        }

        func seal() async throws {
            try await withSealer { sealer, reader in
                _ = try await sealer.seal(upTo: reader.head().position)
                _ = try await sealer.sealAccessLog()
            }
        }

        func declare() async throws {
            try await withSealer { sealer, _ in
                _ = try await sealer.declareRestore(reason: "a test")
            }
        }

        /// Five events, a copy, and five more that are lost; the database is the copy then.
        func lose(
            _ before: @escaping @Sendable (ServiceFixture) async throws -> Void = { _ in },
            _ lost: @escaping @Sendable (ServiceFixture) async throws -> Void = { _ in }
        ) async throws {
            try await serving { fixture in
                try await fixture.record(5)
                try await before(fixture)
            }
            try await seal()
            try await backUp()
            try await serving { fixture in
                try await fixture.record(5)
                try await lost(fixture)
            }
            try await seal()
            try await putBack()
        }
    }

    // MARK: - Cursors

    /// The three ways of reading on after a cursor.
    private func answers(
        _ fixture: ServiceFixture,
        after cursor: String
    ) async throws -> [ServiceFixture.Answer] {
        let token = try await fixture.token(.service)
        return [
            try await fixture.get("events?after=\(cursor)", token: token),
            try await fixture.get(
                "events?after=\(cursor)",
                token: token,
                headers: ["Accept": "application/x-ndjson"]
            ),
            try await fixture.get(
                "events",
                token: token,
                headers: ["Accept": "text/event-stream", "Last-Event-ID": cursor]
            ),
        ]
    }

    private func expectConflict(
        _ fixture: ServiceFixture,
        after cursor: String,
        _ reason: String,
        goOn: String
    ) async throws {
        for answer in try await answers(fixture, after: cursor) {
            #expect(answer.status == 409, "\(cursor): \(answer.text)")
            #expect(answer.headers["content-type"] == "application/problem+json")
            #expect(answer.json.string("type") == "urn:episode-ledger:cursor-conflict")
            let told = try #require(answer.json.object("cursor"))
            #expect(told.string("reason") == reason)
            let after = told.string("go_on_after") ?? "\(told.integer("go_on_after") ?? -1)"
            #expect(after == goOn)
        }
    }

    @Test("A cursor from before a restore is told so, whatever the head is, and where to go on")
    func cursors() async throws {
        try await Restored.with { restored in
            try await restored.lose()
            try await restored.serving { fixture in
                // Not declared yet: only that it is ahead can be seen.
                try await expectConflict(fixture, after: "10", "ahead", goOn: "0")
                try await expectConflict(fixture, after: "6", "ahead", goOn: "0")
                let token = try await fixture.token(.service)
                let atHead = try await fixture.get("events?after=5", token: token)
                #expect(atHead.status == 200 && atHead.json.integer("next_after") == 5)
                #expect(try await fixture.get("events?after=1.4", token: token).status == 200)
            }
            try await restored.declare()
            try await restored.serving { fixture in
                try await fixture.record(7)
                try await expectConflict(fixture, after: "10", "restored", goOn: "2.5")
                try await expectConflict(fixture, after: "1.12", "restored", goOn: "2.5")
                try await expectConflict(fixture, after: "3", "restored", goOn: "2.3")
                try await expectConflict(fixture, after: "2.13", "ahead", goOn: "0")
                try await expectConflict(fixture, after: "3.7", "ahead", goOn: "0")
                let token = try await fixture.token(.service)
                let all = try await fixture.get("events", token: token)
                #expect(all.json.list("events").count == 12)
                #expect(all.json.string("next_after") == "2.12" && all.json.integer("head") == 12)
                let rest = try await fixture.get("events?after=2.5&limit=3", token: token)
                #expect(rest.json.list("events").map { $0["position"] as? Int } == [6, 7, 8])
                #expect(rest.json.string("next_after") == "2.8")
                for wrong in ["0.5", "2.", ".5", "02.5", "2.05", "2.-1", "x", "2.5.5"] {
                    let answer = try await fixture.get("events?after=\(wrong)", token: token)
                    #expect(answer.status == 400, "\(wrong)")
                }
            }
        }
    }

    @Test("So is a cursor of the access log, and nobody who looked is passed over")
    func accessLogCursors() async throws {
        @Sendable func look(_ fixture: ServiceFixture) async throws {
            let token = try await fixture.token(.auditor)
            for limit in 1...6 {
                #expect(try await fixture.get("events?limit=\(limit)", token: token).status == 200)
            }
        }
        // The fixture would seal first, with a key of its own.
        @Sendable func page(
            _ fixture: ServiceFixture,
            _ query: String
        ) async throws -> ServiceFixture.Answer {
            let token = try await fixture.token(.auditor)
            let path = "/v1/ledgers/default/access-log\(query)"
            return try await fixture.request("GET", path, token: token)
        }
        @Sendable func conflict(
            _ fixture: ServiceFixture,
            _ cursor: String,
            _ reason: String,
            goOn: String
        ) async throws {
            let answer = try await page(fixture, "?after=\(cursor)")
            #expect(answer.status == 409, "\(cursor): \(answer.text)")
            let told = try #require(answer.json.object("cursor"))
            let after = told.string("go_on_after") ?? "\(told.integer("go_on_after") ?? -1)"
            #expect(told.string("reason") == reason && after == goOn, "\(answer.text)")
        }
        try await Restored.with { restored in
            try await restored.lose(look, look)
            // An append of five events, and six looks.
            let kept = 7
            try await restored.serving { fixture in
                try await conflict(fixture, "\(kept + 1)", "ahead", goOn: "0")
                let all = try await page(fixture, "")
                #expect(all.json.integer("next_after") == kept, "\(all.text)")
                let rest = try await page(fixture, "?after=\(kept)")
                #expect(rest.status == 200 && rest.json.list("entries").isEmpty)
            }
            try await restored.declare()
            try await restored.serving(look)
            try await restored.seal()
            try await restored.serving { fixture in
                for cursor in [kept + 6, kept, 3] {
                    let goOn = min(cursor, kept)
                    try await conflict(fixture, "\(cursor)", "restored", goOn: "2.\(goOn)")
                }
                try await conflict(fixture, "2.1000", "ahead", goOn: "0")
                let next = try await page(fixture, "?after=2.\(kept)&limit=2")
                let numbers = next.json.list("entries").map { $0["number"] as? Int }
                #expect(numbers == [kept + 1, kept + 2])
                #expect(next.json.string("next_after") == "2.\(kept + 2)", "\(next.text)")
            }
        }
    }

    /// Prints the lines of a stream as they come, and says when it has ended.
    private func stream(
        _ fixture: ServiceFixture,
        after cursor: String
    ) async throws -> BackgroundProgram {
        let script = """
            import http.client, sys
            server = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=150)
            server.request('GET', '/v1/ledgers/default/events', headers={
                'Accept': 'text/event-stream', 'Authorization': 'Bearer ' + sys.argv[2],
                'Last-Event-ID': sys.argv[3]})
            for line in server.getresponse():
                print(line.decode().strip(), flush=True)
            print('the end', flush=True)
            """
        let token = try await fixture.token(.service)
        return BackgroundProgram(["python3", "-c", script, "\(fixture.port)", token, cursor])
    }

    @Test("A stream that is open while a restore is declared ends by saying so, and so does its id")
    func openStream() async throws {
        try await Restored.with { restored in
            try await restored.lose()
            try await restored.serving { fixture in
                let open = try await stream(fixture, after: "4")
                defer { open.kill() }
                try await eventually("the stream is there") { open.output.contains("id: 5\n") }
                try await restored.declare()
                try await fixture.record(1)
                try await eventually("the stream has ended") { open.output.contains("the end") }
                #expect(open.output.contains("event: cursor-conflict\ndata: {\"type\":"))
                #expect(open.output.contains(#""go_on_after":"2.5""#))
                let next = try await stream(fixture, after: "2.5")
                defer { next.kill() }
                try await eventually("it goes on") { next.output.contains("id: 2.6\n") }
            }
        }
    }

    @Test("A stream that sees its cursor ahead of the head ends by saying so; nothing lost is told")
    func databaseWentBack() async throws {
        try await ServiceFixture.with { fixture in
            try await fixture.record(10)
            let open = try await stream(fixture, after: "5")
            defer { open.kill() }
            try await eventually("the stream is there") { open.output.contains("id: 10\n") }
            // Under the eyes of the service, which has the events of before in memory.
            let name = try await fixture.database.reader.query(
                "select current_database()::text as n"
            )
            try await TestCluster.shared.sql(
                """
                alter table event disable trigger all;
                delete from event where position > 5;
                update ledger_head set position = 5;
                alter table event enable trigger all;
                """,
                database: try #require(name.first?.get("n", as: String.self))
            )
            try await eventually("the stream has ended") { open.output.contains("the end") }
            #expect(open.output.contains(#""reason":"ahead""#))
            let other = try await stream(fixture, after: "4")
            defer { other.kill() }
            try await eventually("the stream is there") { other.output.contains("id: 5\n") }
            try await fixture.record(1)
            try await eventually("it goes on") { other.output.contains("id: 6\n") }
            #expect(!other.output.contains("id: 7\n"))
        }
    }

    // MARK: - Subscriptions

    private func put(
        _ fixture: ServiceFixture,
        _ name: String,
        _ body: String
    ) async throws -> ServiceFixture.Answer {
        try await fixture.request(
            "PUT",
            "/v1/ledgers/default/subscriptions/\(name)",
            token: fixture.token(.service),
            body: Array(body.utf8)
        )
    }

    private func fetch(_ fixture: ServiceFixture) async throws -> ServiceFixture.Answer {
        try await fixture.get(
            "subscriptions/billing/events?buckets=64",
            token: fixture.token(.service)
        )
    }

    private func acknowledge(
        _ fixture: ServiceFixture,
        _ batches: [[String: Any]]
    ) async throws -> ServiceFixture.Answer {
        try await fixture.request(
            "POST",
            "/v1/ledgers/default/subscriptions/billing/ack",
            token: fixture.token(.service),
            body: Array(try JSONSerialization.data(withJSONObject: batches))
        )
    }

    @Test("An acknowledgment from before a restore acknowledges nothing of the history after it")
    func acknowledgments() async throws {
        try await Restored.with { restored in
            let stale = Kept()
            try await restored.lose(
                { fixture in
                    let made = try await self.put(fixture, "billing", #"{"lease_seconds":1}"#)
                    #expect(made.status == 201)
                },
                { fixture in
                    // Whoever leaves the epoch out is protected by the positions alone.
                    let batches = try await self.fetch(fixture).json.list("batches").map {
                        $0.filter { $0.key != "epoch" }
                    }
                    let bytes = try JSONSerialization.data(withJSONObject: batches)
                    stale.data.withLock { $0 = bytes }
                }
            )
            try await restored.declare()
            try await restored.serving { fixture in
                let data = stale.data.withLock { $0 }
                let read = try JSONSerialization.jsonObject(with: data) as? [[String: Any]]
                let old = try #require(read)
                #expect(!old.isEmpty && old.allSatisfy { $0["to"] is Int })
                try await fixture.record(7)
                let given = try await fetch(fixture).json
                #expect(given.list("events").count == 12)
                #expect(given.list("batches").allSatisfy { $0["to"] as? String == "2.12" })
                let refused = try await acknowledge(fixture, old)
                #expect(refused.status == 409, "\(refused.text)")
                #expect(refused.json.string("type") == "urn:episode-ledger:cursor-conflict")
                let rows = try await fixture.database.reader.query(
                    "select from subscription_bucket where position > 0"
                )
                #expect(rows.isEmpty)
                let taken = try await acknowledge(fixture, given.list("batches"))
                #expect(taken.status == 200, "\(taken.text)")
                #expect(
                    taken.json.list("acknowledged").allSatisfy {
                        $0["position"] as? String == "2.12"
                    }
                )
                let status = try await fixture.get(
                    "subscriptions/billing",
                    token: fixture.token(.service)
                ).json
                #expect(status.string("position") == "2.12" && status.integer("head") == 12)
                // A new one begins after a cursor of the ledger as it is now.
                #expect(try await put(fixture, "late", #"{"after":10}"#).status == 409)
                #expect(try await put(fixture, "late", #"{"after":"2.10"}"#).status == 201)
                #expect(try await put(fixture, "late", #"{"after":"2.10"}"#).status == 200)
                #expect(try await put(fixture, "billing", #"{"after":0}"#).status == 200)
                #expect(try await put(fixture, "more", #"{"after":"2.13"}"#).status == 422)
                #expect(try await put(fixture, "more", #"{"after":"two"}"#).status == 422)
            }
        }
    }

    @Test("A subscription that stands beyond the head says so once, and misses nothing that comes")
    func beyondHead() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                try await fixture.record(5)
                let hook = #"{"webhook":{"url":"\#(receiver.url)"},"after":5}"#
                #expect(try await put(fixture, "hook", hook).status == 201)
                #expect(try await put(fixture, "billing", #"{"after":5}"#).status == 201)
                // As after a restore of some tables alone.
                for table in ["webhook", "subscription_bucket"] {
                    let more = table == "webhook" ? "" : ", delivered = 20"
                    _ = try await fixture.database.projector.query(
                        "update \(raw: table) set position = 20\(raw: more)"
                    )
                }
                let told = try await fetch(fixture)
                #expect(told.status == 409, "\(told.text)")
                #expect(told.json.object("cursor")?.string("reason") == "ahead")
                #expect(told.json.object("cursor")?.integer("go_on_after") == 5)
                try await eventually("the webhook is disabled") {
                    try await fixture.get("subscriptions/hook", token: fixture.token(.service))
                        .json.object("delivery")?.string("disabled_reason") == "beyond_head"
                }
                try await fixture.record(3)
                let positions = try await fetch(fixture).json.list("events")
                    .map { $0["position"] as? Int }
                #expect(positions == [6, 7, 8])
                let again = #"{"webhook":{"url":"\#(receiver.url)"}}"#
                #expect(try await put(fixture, "hook", again).status == 200)
                try await eventually("all is sent") { try receiver.positions() == [6, 7, 8] }
            }
        }
    }

    @Test("A restore that is declared puts subscriptions beyond it back to what was kept")
    func declared() async throws {
        try await WebhookReceiver.with { receiver in
            try await Restored.with { restored in
                try await restored.lose({ fixture in
                    let hook = #"{"webhook":{"url":"\#(receiver.url)"},"after":5}"#
                    let made = [
                        try await self.put(fixture, "hook", hook),
                        try await self.put(fixture, "billing", #"{"after":5}"#),
                    ]
                    #expect(made.map(\.status) == [201, 201])
                })
                try await LedgerFixture.withDatabase(restored.configuration) { database in
                    _ = try await database.projector.query("update webhook set position = 20")
                    _ = try await database.projector.query(
                        "update subscription_bucket set position = 20, delivered = 20"
                    )
                }
                try await restored.declare()
                try await restored.serving { fixture in
                    try await fixture.record(2)
                    #expect(try await fetch(fixture).json.list("events").count == 2)
                    try await eventually("all is sent") {
                        // The lost ones were sent before; the file has them first.
                        try receiver.positions().suffix(2) == [6, 7]
                    }
                }
            }
        }
    }

    // MARK: - Messages

    @Test("Over a restore no two events are sent under one name, and each under one name alone")
    func names() async throws {
        try await WebhookReceiver.with { receiver in
            try await Restored.with { restored in
                try await restored.lose(
                    { fixture in
                        let hook = #"{"webhook":{"url":"\#(receiver.url)"}}"#
                        #expect(try await self.put(fixture, "hook", hook).status == 201)
                        try await eventually("all is sent") {
                            try receiver.requests().count == 5
                        }
                        try await eventually("that is noted") {
                            try await fixture.database.reader.query(
                                "select from webhook where position = 5"
                            ).count == 1
                        }
                        // The last one is sent again: its sender died before it noted that.
                        _ = try await fixture.database.projector.query(
                            "update webhook set position = 4, epoch = epoch + 1, lease_until = null"
                        )
                    },
                    { _ in
                        try await eventually("the lost ones are sent") {
                            try receiver.positions().last == 10
                        }
                    }
                )
                try await restored.declare()
                let before = try receiver.requests().count
                try await restored.serving { fixture in
                    try await fixture.record(7)
                    try await eventually("all is sent") { try receiver.positions().last == 12 }
                }
                let requests = try receiver.requests()
                var events: [String: Set<String>] = [:]
                for request in requests {
                    let data = try #require(request.json.object("data"))
                    let id = try #require(request.headers["webhook-id"])
                    #expect(request.json.string("id").map { "default/\($0)" } == id)
                    let event = "\(data.string("episode_id") ?? "") \(data.string("time") ?? "")"
                    events[id, default: []].insert("\(data.integer("position") ?? 0) \(event)")
                }
                #expect(events.values.allSatisfy { $0.count == 1 })
                // Five that are kept, five that were lost, seven that are new.
                #expect(events.count == 17)
                let new = requests.dropFirst(before).compactMap { $0.json.string("id") }
                #expect(new.count { $0.hasPrefix("2.") } == 7)
                // What was kept has the name that it had.
                let fifth = requests.filter { $0.json.object("data")?.integer("position") == 5 }
                #expect(fifth.count >= 2)
                #expect(Set(fifth.compactMap { $0.headers["webhook-id"] }).count == 1)
            }
        }
    }

    @Test("What a program of before may have sent keeps the name that it had then")
    func oldNames() async throws {
        try await WebhookReceiver.with { receiver in
            try await ServiceFixture.with(allowsPrivateNetworks: true) { fixture in
                // As the migration leaves it.
                _ = try await fixture.database.owner.query(
                    "insert into message_name (ledger_id, by_position_through) values (1, 2)"
                )
                try await fixture.record(3)
                let hook = #"{"webhook":{"url":"\#(receiver.url)"}}"#
                #expect(try await put(fixture, "hook", hook).status == 201)
                try await eventually("all is sent") { try receiver.requests().count == 3 }
                let ids = try receiver.requests().compactMap { $0.headers["webhook-id"] }
                let events = try await fixture.get("events", token: fixture.token(.service)).json
                let third = try #require(events.list("events").last?["event_id"] as? String)
                #expect(ids == ["default/1", "default/2", "default/\(third)"])
                let names = try receiver.requests().map { $0.json.string("id") }
                #expect(names == ["1", "2", third])
            }
        }
    }
}

/// What one closure leaves to the next.
private final class Kept: Sendable {
    let data = Mutex(Data())
}

extension ServiceFixture {
    /// Records events of a new episode.
    fileprivate func record(_ number: Int) async throws {
        let events =
            [SampleEvent.admitted()]
            + (1..<max(number, 1)).map { SampleEvent.session(day: Int64($0)) }
        let answer = try await post(.fresh, events, token: token(.service))
        #expect(answer.status == 201, "\(answer.text)")
    }
}

extension WebhookReceiver {
    /// Where it is.
    fileprivate var url: String { "http://127.0.0.1:\(port)/hook" }

    /// The positions of the events that it was sent, in that order.
    fileprivate func positions() throws -> [Int] {
        try requests().compactMap { $0.json.object("data")?.integer("position") }
    }
}
