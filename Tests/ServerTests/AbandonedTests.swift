import CareEpisode
import Ledger
import NIOSSL
import Postgres
import TestSupport
import Testing

@testable import Server

/// What clients ask who do not wait for the answer: a lock on the events makes it last for ever.
@Suite("Requests that are given up")
struct AbandonedTests {
    /// A service whose statements end by nothing but being given up.
    private func withService(
        timeout: Duration = .seconds(3_600),
        tls: TLSConfiguration? = nil,
        _ body: @escaping @Sendable (ServiceFixture, PostgresConnection) async throws -> Void
    ) async throws {
        try await ServiceFixture.with(
            runsWorkers: false,
            timeout: timeout,
            tls: tls,
            configure: { configuration in
                configuration.set("lock_timeout", to: "0")
                configuration.set("statement_timeout", to: "0")
                configuration.callTimeout = .seconds(3_600)
            }
        ) { fixture in
            try await PostgresConnection.withConnection(fixture.database.configuration) {
                try await body(fixture, $0)
            }
        }
    }

    /// How many statements of this database wait for a lock.
    private static func waiting(_ watcher: PostgresConnection) async throws -> Int {
        // A transaction would see what it saw first.
        _ = try await watcher.query("select pg_stat_clear_snapshot()")
        return try await watcher.query(
            """
            select count(*) as n from pg_stat_activity
            where datname = current_database() and wait_event_type = 'Lock' and state = 'active'
            """
        )[0].get("n")
    }

    @Test(
        "What clients ask who then go away is given up in the database too, and the next is answered",
        arguments: [false, true]
    )
    func gone(usesTLS: Bool) async throws {
        try await TestCertificate.with { _, configuration in
            try await withService(tls: usesTLS ? configuration : nil) { fixture, watcher in
                let token = try await fixture.token(.auditor, subject: "impatient")
                try await watcher.withTransaction { watcher in
                    _ = try await watcher.query("lock table event in access exclusive mode")
                    let clients = BackgroundProgram(
                        [
                            "python3", "-c", Self.clients, "\(fixture.port)", "\(usesTLS)",
                            "GET /v1/ledgers/default/events HTTP/1.1\r\nHost: localhost\r\n"
                                + "Authorization: Bearer \(token)\r\n\r\n",
                        ]
                    )
                    let reader = fixture.database.reader
                    try await eventually("every place is taken, and many wait") {
                        // One of the eight is for whoever comes from another ledger.
                        let isFull = try await Self.waiting(watcher) == 7
                        return isFull && reader.statistics.waiting >= 40
                    }
                    clients.kill()
                    // The lock is still held.
                    try await eventually("nothing waits in the database") {
                        try await Self.waiting(watcher) == 0
                    }
                    try await eventually("nobody waits for a place") {
                        let now = reader.statistics
                        return now.waiting == 0 && now.leased == 0 && now.closing == 0
                    }
                    #expect(try await fixture.database.ledgers().count == 1)
                }
            }
        }
    }

    @Test("What takes longer than a request may is given up in the database before it is told")
    func late() async throws {
        try await withService(timeout: .seconds(1)) { fixture, watcher in
            let token = try await fixture.token(.auditor)
            let pool = fixture.database.reader
            _ = try await fixture.get("events", token: token)
            try await watcher.withTransaction { watcher in
                _ = try await watcher.query("lock table event in access exclusive mode")
                let answer = try await fixture.get("events", token: token)
                #expect(answer.status == 503 && answer.headers["retry-after"] != nil)
                try await eventually("nothing waits in the database") {
                    try await Self.waiting(watcher) == 0
                }
                try await eventually("the place is free") { pool.statistics.leased == 0 }
            }
        }
    }

    @Test("An append whose client goes away is carried through")
    func append() async throws {
        try await withService { fixture, watcher in
            let token = try await fixture.token(.clinician)
            let body = "[\(SampleEvent.admitted().text)]"
            let path = "/v1/ledgers/default/episodes/\(EpisodeID.fresh)/events"
            // The ledger's writer runs.
            #expect(try await fixture.get("settings", token: token).status == 200)
            try await watcher.withTransaction { watcher in
                _ = try await watcher.query("select from ledger_head for update")
                let client = BackgroundProgram(
                    [
                        "python3", "-c", Self.clients, "\(fixture.port)", "False",
                        "POST \(path) HTTP/1.1\r\nHost: localhost\r\n"
                            + "Authorization: Bearer \(token)\r\n"
                            + "Content-Type: application/json\r\n"
                            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)",
                        "1",
                    ]
                )
                try await eventually("the batch waits for the head") {
                    try await Self.waiting(watcher) == 1
                }
                client.kill()
            }
            let reader = EventReader(fixture.database, ledger: fixture.ledger)
            try await eventually("the event is recorded") {
                try await reader.head().position == Position(1)
            }
        }
    }

    /// Sends a request on each of some connections, and waits for ever.
    private static let clients = """
        import signal, socket, ssl, sys
        port, tls, request = int(sys.argv[1]), sys.argv[2] == 'true', sys.argv[3].encode()
        connections = []
        for _ in range(int(sys.argv[4]) if len(sys.argv) > 4 else 60):
            connection = socket.create_connection(('127.0.0.1', port))
            if tls:
                context = ssl._create_unverified_context()
                connection = context.wrap_socket(connection)
            connection.sendall(request)
            connections.append(connection)
        signal.pause()
        """
}
