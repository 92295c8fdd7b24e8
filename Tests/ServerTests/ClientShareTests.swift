import CareEpisode
import HTTPTypes
import Ledger
import Postgres
import TestSupport
import Testing

@testable import Server

@Suite("What one client may take of the service")
struct ClientShareTests {
    @Test("A token, a ledger and an address have so many requests at once, and then 429")
    func counted() async throws {
        let work = WorkAtOnce(token: 2, ledger: 3, address: 1)
        func token(_ name: String) -> WorkAtOnce.Payer { .token(subject: name) }
        func refused(_ payers: [WorkAtOnce.Payer]) -> Bool {
            do {
                _ = try work.share(payers)
                return false
            } catch let problem as Problem {
                return problem.status == .tooManyRequests && problem.code == "too-many-requests"
                    && problem.headers[.retryAfter] != nil
            } catch {
                return false
            }
        }
        let ledger = WorkAtOnce.Payer.ledger(.default)
        var shares = [try work.share([token("a"), ledger]), try work.share([token("a"), ledger])]
        #expect(refused([token("a")]))
        // Who was refused counts for nobody.
        #expect(refused([ledger, token("a")]))
        #expect(!refused([token("b"), ledger]))
        shares.append(try work.share([token("b"), ledger, .address("192.0.2.1")]))
        #expect(refused([token("c"), ledger]))
        #expect(refused([token("c"), .address("192.0.2.1")]))
        #expect(!refused([token("c"), .address("192.0.2.2")]))
        // Given back once, however often that is said.
        for _ in 0..<3 { shares[0].release() }
        #expect(work.count(token("a")) == 1 && work.count(ledger) == 2)
        shares = []
        for payer in [token("a"), token("b"), ledger] { #expect(work.count(payer) == 0) }
    }

    @Test("A name that is no ledger's is looked up once, and only so many are remembered")
    func unknownNames() throws {
        let denials = LateDenials()
        let name = try #require(LedgerName("none"))
        #expect(!denials.isUnknown(name))
        denials.noteUnknown(name)
        #expect(denials.isUnknown(name) && !denials.isUnknown(.default))
        for number in 0..<LateDenials.unknownLimit {
            denials.noteUnknown(try #require(LedgerName("n\(number)")))
        }
        #expect(!denials.isUnknown(name))
    }

    @Test("Streams of a token have a limit of their own, and count until their clients have gone")
    func streams() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            settings: { $0.mostConnections = 16 }
        ) { fixture in
            let token = try await fixture.token(.service)
            let script = """
                import http.client, sys
                open_streams, refused = [], 0
                for _ in range(10):
                    client = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=60)
                    client.request('GET', '/v1/ledgers/default/events', headers={
                        'Authorization': 'Bearer ' + sys.argv[2], 'Accept': 'text/event-stream'})
                    answer = client.getresponse()
                    if answer.status == 200:
                        open_streams.append(client)
                    else:
                        assert answer.status == 429 and b'streams of this token' in answer.read()
                        refused += 1
                        client.close()
                print(len(open_streams), refused)
                """
            for _ in 0..<2 {
                let end = await runningProgram(["python3", "-c", script, "\(fixture.port)", token])
                #expect(end.output == "8 2\n", "\(end.output)")
                try await eventually("the streams are over") {
                    fixture.service.workAtOnce.count(.stream(.token(subject: "tester"))) == 0
                }
            }
        }
    }

    @Test("The service says so, as the document has it, and goes on for others")
    func overHTTP() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            settings: { $0.requestsPerToken = 1 },
            configure: { $0.set("lock_timeout", to: "0") }
        ) { fixture in
            let busy = try await fixture.token(.auditor, subject: "busy")
            let other = try await fixture.token(.auditor, subject: "other")
            #expect(try await fixture.get("settings", token: busy).status == 200)
            try await PostgresConnection.withConnection(fixture.database.configuration) { watcher in
                try await watcher.withTransaction { watcher in
                    _ = try await watcher.query("lock table event in access exclusive mode")
                    let waiting = Task { try await fixture.get("events", token: busy).status }
                    try await eventually("it is being answered") {
                        fixture.service.workAtOnce.count(.token(subject: "busy")) == 1
                    }
                    let refused = try await fixture.get("settings", token: busy)
                    #expect(refused.status == 429 && refused.headers["retry-after"] == "1")
                    #expect(refused.json.string("type") == "urn:episode-ledger:too-many-requests")
                    #expect(try await fixture.get("settings", token: other).status == 200)
                    _ = try await watcher.query("rollback")
                    #expect(try await waiting.value == 200)
                }
            }
            #expect(try await fixture.get("settings", token: busy).status == 200)
        }
    }

    @Test("Behind a trusted proxy an address is the client's, as the last hop that is none says")
    func proxied() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            settings: { settings in
                settings.pages.trustedProxies = ["127.0.0.0/8", "10.0.0.0/8"]
                    .compactMap { AddressRange($0) }
                settings.connectionsPerAddress = 1
            },
            configure: { $0.set("lock_timeout", to: "0") }
        ) { fixture in
            let token = try await fixture.token(.auditor)
            func from(_ hops: String, _ path: String = "settings") async throws -> Int {
                try await fixture.get(path, token: token, headers: ["X-Forwarded-For": hops]).status
            }
            #expect(try await from("192.0.2.1") == 200)
            try await PostgresConnection.withConnection(fixture.database.configuration) { watcher in
                try await watcher.withTransaction { watcher in
                    _ = try await watcher.query("lock table event in access exclusive mode")
                    let waiting = Task { try await from("192.0.2.1, 10.7.7.7", "events") }
                    try await eventually("it is being answered") {
                        fixture.service.workAtOnce.count(.address("192.0.2.1")) == 1
                    }
                    #expect(try await from("192.0.2.1") == 429)
                    // What the client himself has put in front counts for nothing.
                    #expect(try await from("203.0.113.5, 192.0.2.1") == 429)
                    #expect(try await from("192.0.2.1, 192.0.2.2") == 200)
                    _ = try await watcher.query("rollback")
                    #expect(try await waiting.value == 200)
                }
            }
        }
    }

    @Test("A ledger's readers leave connections to the others, whatever it asks")
    func readers() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            configure: { configuration in
                configuration.set("lock_timeout", to: "0")
                configuration.callTimeout = .seconds(600)
            }
        ) { fixture in
            let other = try await fixture.database.createLedger(
                named: try #require(LedgerName("other")),
                timeZone: "UTC"
            )
            let token = try await fixture.token(.auditor, ledgers: ["default", "other"])
            for name in ["default", "other"] {
                let path = "/v1/ledgers/\(name)/settings"
                #expect(try await fixture.request("GET", path, token: token).status == 200)
            }
            let pool = fixture.database.reader
            try await PostgresConnection.withConnection(fixture.database.configuration) { watcher in
                try await watcher.withTransaction { watcher in
                    _ = try await watcher.query("lock table event in access exclusive mode")
                    // This client has eight connections to a service.
                    let waiting = (0..<7).map { _ in
                        Task { try await fixture.get("events", token: token).status }
                    }
                    try await eventually("one ledger has all but one") {
                        pool.statistics.leased == 7
                    }
                    let path = "/v1/ledgers/\(other.name)/settings"
                    #expect(try await fixture.request("GET", path, token: token).status == 200)
                    _ = try await watcher.query("rollback")
                    for task in waiting { #expect(try await task.value == 200) }
                }
            }
            #expect(pool.statistics.waiting == 0)
        }
    }

    @Test("With a port for health, metrics are there alone, and probes at both")
    func health() async throws {
        try await ServiceFixture.with(health: true) { fixture in
            let port = try #require(fixture.healthPort)
            for path in ["/healthz", "/readyz"] {
                #expect(try await fixture.request("GET", path, token: nil).status == 200)
                #expect(try await fixture.request("GET", path, token: nil, at: port).status == 200)
            }
            let metrics = try await fixture.request("GET", "/metrics", token: nil, at: port)
            #expect(metrics.status == 200)
            #expect(metrics.text.contains("episode_ledger_database_up 1"))
            let elsewhere = try await fixture.request("GET", "/metrics", token: nil)
            #expect(elsewhere.status == 404 && !elsewhere.text.contains("default"))
            // Nothing else is there.
            let token = try await fixture.token(.auditor)
            let path = "/v1/ledgers/default/settings"
            #expect(try await fixture.request("GET", path, token: token, at: port).status == 404)
        }
    }

    @Test("While somebody holds every connection, probes are answered at both ports")
    func held() async throws {
        try await ServiceFixture.with(
            health: true,
            settings: { $0.mostConnections = 48 }
        ) { fixture in
            let ports = [fixture.port, try #require(fixture.healthPort)]
            for port in ports {
                let holder = BackgroundProgram(["python3", "-c", Self.idle, "\(port)", "200"])
                try await eventually("they are opened") { holder.output.contains("open") }
                for _ in 0..<3 {
                    // One that is kept would be closed in its turn.
                    let answer = try await fixture.request(
                        "GET",
                        "/readyz",
                        token: nil,
                        headers: ["Connection": "close"],
                        at: port
                    )
                    #expect(answer.status == 200)
                }
                holder.kill()
            }
        }
    }

    @Test("A connection too many of one address is answered with 429, once all of them are busy")
    func tooMany() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            settings: { $0.connectionsPerAddress = 3 }
        ) { fixture in
            let token = try await fixture.token(.auditor)
            let streams = BackgroundProgram(
                [
                    "python3", "-c", Self.streams, "\(fixture.port)", "3",
                    "GET /v1/ledgers/default/events HTTP/1.1\r\nHost: localhost\r\n"
                        + "Accept: text/event-stream\r\nAuthorization: Bearer \(token)\r\n\r\n",
                ]
            )
            try await eventually("they have begun") { streams.output.contains("begun") }
            let refused = try await fixture.request("GET", "/healthz", token: nil)
            #expect(refused.status == 429 && refused.headers["retry-after"] != nil)
            #expect(refused.json.string("type") == "urn:episode-ledger:too-many-connections")
            streams.kill()
            try await eventually("there is room again") {
                try await fixture.request("GET", "/healthz", token: nil).status == 200
            }
        }
    }

    /// Opens connections and sends nothing.
    private static let idle = """
        import signal, socket, sys
        held = []
        for _ in range(int(sys.argv[2])):
            try:
                held.append(socket.create_connection(('127.0.0.1', int(sys.argv[1])), timeout=1))
            except OSError:
                break
        print('open', flush=True)
        signal.pause()
        """

    /// Begins streams, and reads no more than their beginning.
    private static let streams = """
        import signal, socket, sys
        held = []
        for _ in range(int(sys.argv[2])):
            held.append(socket.create_connection(('127.0.0.1', int(sys.argv[1]))))
            held[-1].sendall(sys.argv[3].encode())
            assert held[-1].recv(12) == b'HTTP/1.1 200'
        print('begun', flush=True)
        signal.pause()
        """
}

@Suite("Which ledgers there are")
struct LedgerSecrecyTests {
    @Test("A denial is looked up and written after its answer has left, for every ledger alike")
    func late() async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            configure: { $0.set("lock_timeout", to: "0") }
        ) { fixture in
            let token = try await fixture.token(.clinician, ledgers: ["elsewhere"])
            func ask(_ ledger: String) async throws -> ServiceFixture.Answer {
                let path = "/v1/ledgers/\(ledger)/census"
                return try await fixture.request("GET", path, token: token)
            }
            try await PostgresConnection.withConnection(fixture.database.configuration) { watcher in
                try await watcher.withTransaction { watcher in
                    // Neither can be looked up, and the entry cannot be written.
                    _ = try await watcher.query(
                        "lock table ledger, access_log in access exclusive mode"
                    )
                    for ledger in ["default", "nowhere"] {
                        let answer = try await ask(ledger)
                        #expect(answer.status == 403)
                        #expect(answer.json.string("detail")?.contains(ledger) == true)
                    }
                }
            }
            #expect(await fixture.service.lateDenials.flush(atMost: .seconds(120)) == 0)
            let rows = try await fixture.database.reader.query(
                "select count(*) as n from access_log where not allowed"
            )
            #expect(try rows[0].get("n", as: Int64.self) == 1)
        }
    }

    @Test("Where too many denials wait, all are answered alike, with 503")
    func full() async throws {
        let denials = LateDenials()
        let (stream, end) = AsyncStream.makeStream(of: Void.self)
        for _ in 0..<LateDenials.waitingLimit { try denials.put { for await _ in stream {} } }
        #expect(throws: Problem.self) { try denials.put {} }
        #expect(await denials.flush(atMost: .milliseconds(1)) == LateDenials.waitingLimit)
        end.finish()
        let writing = Task { await denials.run() }
        #expect(await denials.flush(atMost: .seconds(60)) == 0)
        try denials.put {}
        writing.cancel()
    }
}
