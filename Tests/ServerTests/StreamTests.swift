import CareEpisode
import Foundation
import Ledger
import NIOSSL
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite("Event streams", .serialized)
struct StreamTests {
    private static let consumer = URL(filePath: #filePath).deletingLastPathComponent()
        .deletingLastPathComponent().deletingLastPathComponent()
        .appending(path: "docs/examples/consumer.py").path

    @Test("A consumer misses nothing and handles nothing twice, though both sides die and return")
    func consumer() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let state = NSTemporaryDirectory() + "consumer-\(UUID().uuidString).sqlite"
            defer { try? FileManager.default.removeItem(atPath: state) }
            var appended = 0
            for round in 0..<3 {
                let before = appended
                appended += 40
                // The service goes away at the end of each round, streams and all.
                try await ServiceFixture.with(configuration) { fixture in
                    let token = try await fixture.token(.service)
                    func start() -> BackgroundProgram {
                        BackgroundProgram(
                            [
                                "python3", Self.consumer, "http://127.0.0.1:\(fixture.port)",
                                "default", state,
                            ],
                            input: "\(token)\n"
                        )
                    }
                    var process = start()
                    for step in 0..<4 {
                        let events =
                            [SampleEvent.admitted()]
                            + (1...9).map { SampleEvent.session(day: $0) }
                        let answer = try await fixture.post(.fresh, events, token: token)
                        #expect(answer.status == 201)
                        if step == 1 {
                            // The consumer is killed in the middle, and starts again.
                            process.kill()
                            process = start()
                        }
                    }
                    let wanted = before + 40
                    try await eventually("round \(round) is handled", within: .seconds(120)) {
                        await handled(state).split(separator: " ").first == "\(wanted)"
                    }
                    process.kill()
                }
            }
            // Count, lowest, highest position, and how many different: all once.
            #expect(await handled(state) == "120 1 120 120")
        }
    }

    private func handled(_ state: String) async -> String {
        let script = """
            import sqlite3
            row = sqlite3.connect('\(state)').execute(
                'select count(*), min(position), max(position), count(distinct position) from handled'
            ).fetchone()
            print(*row)
            """
        return await runningProgram(["python3", "-c", script]).output
            .trimmingCharacters(in: .whitespacesAndNewlines)
    }

    /// Prints the lines of a stream as they come.
    private static let lines = """
        import http.client, sys
        server = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=150)
        server.request('GET', '/v1/ledgers/default/events?after=0', headers={
            'Accept': 'text/event-stream', 'Authorization': 'Bearer ' + sys.argv[2]})
        for line in server.getresponse():
            print(line.decode().strip(), flush=True)
        print('the end', flush=True)
        """

    @Test("A stream ends when the service does, and begins with what Last-Event-ID says")
    func graceful() async throws {
        let script = """
            import http.client, sys
            server = http.client.HTTPConnection('127.0.0.1', int(sys.argv[1]), timeout=150)
            server.request('GET', '/v1/ledgers/default/events?after=0&types=session_attended', headers={
                'Accept': 'text/event-stream', 'Authorization': 'Bearer ' + sys.argv[2],
                'Last-Event-ID': '5'})
            for line in server.getresponse():
                print(line.decode().strip(), flush=True)
            print('the end', flush=True)
            """
        let program = try await ServiceFixture.with { fixture in
            let token = try await fixture.token(.service)
            let events = [SampleEvent.admitted()] + (1...9).map { SampleEvent.session(day: $0) }
            _ = try await fixture.post(.fresh, events, token: token)
            let program = BackgroundProgram(["python3", "-c", script, "\(fixture.port)", token])
            try await eventually("the stream has told everything") {
                program.output.contains("id: 10")
            }
            return program
        }
        defer { program.kill() }
        try await eventually("the stream has ended") { program.output.contains("the end") }
        let ids = program.output.split(separator: "\n").filter { $0.hasPrefix("id: ") }
        #expect(ids.map { String($0) } == (6...10).map { "id: \($0)" })
    }

    @Test("A service that ends hands its leases back, and keeps how far its streams came")
    func handsBack() async throws {
        try await LedgerFixture.withConfiguration { configuration in
            let program = try await ServiceFixture.with(configuration) { fixture in
                let token = try await fixture.token(.service)
                let events = [SampleEvent.admitted()] + (1...4).map { SampleEvent.session(day: $0) }
                _ = try await fixture.post(.fresh, events, token: token)
                let program = BackgroundProgram(
                    ["python3", "-c", Self.lines, "\(fixture.port)", token]
                )
                try await eventually("the stream is there") { program.output.contains("id: 5") }
                try await eventually("everything is at work") {
                    let held = try await fixture.database.reader.query(
                        """
                        select from read_model_state where lease_holder is not null
                        union all select from sealer where lease_holder is not null
                        """
                    )
                    return held.count == 5
                }
                return program
            }
            defer { program.kill() }
            try await LedgerFixture.withDatabase(configuration) { database in
                let held = try await database.reader.query(
                    """
                    select from read_model_state where lease_holder is not null
                    union all select from sealer where lease_holder is not null
                    """
                )
                #expect(held.isEmpty)
                let log = try await database.reader.query(
                    "select detail from access_log where operation = 'listEvents' order by entry"
                )
                let details = try log.map { try $0.get("detail", as: String.self) }
                #expect(
                    details == [
                        "after=0; a stream after position 0",
                        "the stream after position 0 ended at 5",
                    ]
                )
            }
        }
    }

    @Test("TLS is served directly, and the caller's trace goes on")
    func tls() async throws {
        try await TestCertificate.with { certificate, configuration in
            try await ServiceFixture.with(tls: configuration) { fixture in
                let script = """
                    import http.client, ssl, sys
                    context = ssl.create_default_context(cafile=sys.argv[2])
                    server = http.client.HTTPSConnection('localhost', int(sys.argv[1]), context=context)
                    trace = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
                    server.request('GET', '/healthz', headers={'traceparent': trace})
                    answer = server.getresponse()
                    print(answer.status, answer.headers['traceparent'].split('-')[1])
                    """
                let answer = await runningProgram([
                    "python3", "-c", script, "\(fixture.port)", certificate.path,
                ])
                #expect(answer.output == "200 4bf92f3577b34da6a3ce929d0e0e4736\n")
            }
        }
    }

    @Test("While the database is away every request is answered; afterwards the service goes on")
    func databaseAway() async throws {
        try await TestCluster.withPrivateCluster { cluster in
            try await LedgerFixture.withDatabase(on: cluster) { database in
                let timeout: Duration = .seconds(4)
                try await ServiceFixture.with(database.configuration, timeout: timeout) {
                    fixture in
                    let token = try await fixture.token(.service, .auditor)
                    let first = try await fixture.post(
                        .fresh,
                        [SampleEvent.admitted()],
                        token: token
                    )
                    #expect(first.status == 201)
                    let stream = BackgroundProgram(
                        ["python3", "-c", Self.lines, "\(fixture.port)", token]
                    )
                    defer { stream.kill() }
                    try await eventually("the stream is there") { stream.output.contains("id: 1") }
                    try await cluster.stop()
                    for path in ["events", "census", "checkpoint"] {
                        let answer = try await fixture.get(path, token: token)
                        #expect(answer.status == 503, "\(path): \(answer.text)")
                        #expect(answer.headers["retry-after"] != nil)
                    }
                    let append = try await fixture.post(
                        .fresh,
                        [SampleEvent.admitted()],
                        token: token
                    )
                    #expect(append.status == 503)
                    let readiness = try await fixture.request("GET", "/readyz", token: nil)
                    #expect(readiness.status == 503)
                    #expect(try await fixture.request("GET", "/healthz", token: nil).status == 200)
                    try await cluster.restart()
                    try await eventually("the service is ready again", within: .seconds(120)) {
                        try await fixture.request("GET", "/readyz", token: nil).status == 200
                    }
                    let again = try await fixture.post(
                        .fresh,
                        [SampleEvent.admitted()],
                        token: token
                    )
                    #expect(again.status == 201, "\(again.text)")
                    // The stream that was open all the time goes on.
                    try await eventually("the stream goes on") { stream.output.contains("id: 2") }
                    #expect(!stream.output.contains("the end"))
                }
            }
        }
    }
}
