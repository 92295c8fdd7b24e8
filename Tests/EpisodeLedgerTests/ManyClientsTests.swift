import Foundation
import Postgres
import TestSupport
import Testing

/// The service as a process of its own, with clients that mean it no good.
@Suite("Many clients")
struct ManyClientsTests {
    /// Runs the service, with what its standard error is connected to.
    private func serve(
        _ fixture: CommandLineFixture,
        _ command: String = "exec \"$@\"",
        _ options: [String] = []
    ) throws -> RunningProgram {
        try fixture.launch(
            ["bash", "-c", command, "bash", CommandLineFixture.program, "serve"] + options,
            environment: [
                "EPISODE_LEDGER_DATABASE_URL": fixture.url,
                "EPISODE_LEDGER_DATA_DIR": fixture.dataDirectory,
            ]
        )
    }

    private func port(_ service: RunningProgram) async throws -> String {
        var port: Substring?
        try await eventually("it serves") {
            let line = service.errors.split(separator: "\n").first { $0.hasPrefix("serving on ") }
            port = line?.split(separator: ":").last
            return port != nil
        }
        return try #require(port.map(String.init))
    }

    /// By how many megabytes the service has grown, as a script says that deals with it.
    private func growth(_ script: String) async throws -> Int {
        try await CommandLineFixture.with { fixture in
            let service = try serve(fixture, "exec \"$@\"", ["--port", "0"])
            let words = ["python3", "-c", script, try await port(service), "\(service.processID)"]
            let end = try await fixture.launch(words).end()
            #expect(end.status == 0, "\(end.errors)")
            service.signal(SIGTERM)
            #expect(try await service.end().status == 0)
            return try #require(end.lines.last.flatMap { Int($0) })
        }
    }

    @Test("Requests whose answers nobody reads take no memory, and others are answered meanwhile")
    func unread() async throws {
        // Without the limit the answers alone take 4,200.
        #expect(try await growth(Self.unread) < 150)
    }

    @Test("Forms that come without a session, and whose answers nobody reads, take no memory")
    func lateForms() async throws {
        // Without the limits the answers alone take 1,200 for forms of a megabyte.
        #expect(try await growth(Self.forms) < 150)
    }

    @Test("A log that nobody reads holds up nobody: lines are left out, and counted")
    func unreadLog() async throws {
        try await CommandLineFixture.with { fixture in
            // Standard error becomes a pipe whose end is open, and is not read.
            let command = "exec 9<>\"$0.pipe\" 2>\"$0.pipe\"; exec \"$@\""
            let pipe = "\(fixture.dataDirectory)-log.pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let script = command.replacingOccurrences(of: "$0.pipe", with: pipe)
            let port = try #require(Self.freePort())
            let service = try serve(fixture, script, ["--port", "\(port)"])
            let end = try await fixture.launch(["python3", "-c", Self.busy, "\(port)"]).end()
            #expect(end.status == 0, "\(end.errors)")
            let dropped = try #require(end.lines.last.flatMap { Double($0) })
            #expect(dropped > 0)
            service.signal(SIGTERM)
            #expect(try await service.end().status == 0)
        }
    }

    @Test("Workers go on, and end, though nobody reads what they say")
    func unreadWorkers() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 2, seed: 1)
            // A pipe that is full already, whose end is open, and is not read.
            let pipe = "\(fixture.dataDirectory)-workers.pipe"
            #expect(mkfifo(pipe, 0o600) == 0)
            let script = "exec 9<>\(pipe); head -c 65536 /dev/zero >&9; exec \"$@\" 2>&9"
            let workers = try fixture.launch(
                ["bash", "-c", script, "bash", CommandLineFixture.program, "projections", "run"],
                environment: [
                    "EPISODE_LEDGER_DATABASE_URL": fixture.url,
                    "EPISODE_LEDGER_DATA_DIR": fixture.dataDirectory,
                ]
            )
            struct Row: Decodable { var lag: Int }
            struct Answer: Decodable { var projections: [Row] }
            try await eventually("the read models are at the head, and everything is sealed") {
                let answer = try await fixture.answer(Answer.self, ["projections"])
                let sealed = try await fixture.pool.query(
                    "select coalesce(max(size), 0) as size from checkpoint"
                )
                let size = try sealed[0].get("size", as: Int64.self)
                return answer.projections.map(\.lag) == [0, 0, 0, 0] && size == Int64(count)
            }
            workers.signal(SIGTERM)
            #expect(try await workers.end().status == 0)
        }
    }

    /// A port that was free a moment ago: where standard error is not read, nothing tells which it is.
    private static func freePort() -> UInt16? {
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        return withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard bind(listener, address, length) == 0,
                    getsockname(listener, address, &length) == 0
                else { return nil }
                return pointer.pointee.sin_port.bigEndian
            }
        }
    }

    /// Says by how many megabytes the service grows while 300 connections send 400 requests each.
    private static let unread = """
        import socket, sys, time
        port, process = int(sys.argv[1]), sys.argv[2]
        def resident():
            for line in open(f'/proc/{process}/status'):
                if line.startswith('VmRSS'):
                    return int(line.split()[1]) // 1024
        def probe():
            with socket.create_connection(('127.0.0.1', port), timeout=60) as probe:
                probe.sendall(b'GET /healthz HTTP/1.1\\r\\nHost: a\\r\\nConnection: close\\r\\n\\r\\n')
                assert probe.recv(12) == b'HTTP/1.1 200'
        probe()
        before, most, clients = resident(), 0, []
        for _ in range(300):
            clients.append(socket.create_connection(('127.0.0.1', port), timeout=60))
        for client in clients:
            client.sendall(b'GET /openapi.json HTTP/1.1\\r\\nHost: a\\r\\n\\r\\n' * 400)
        for _ in range(20):
            probe()
            time.sleep(0.1)
            most = max(most, resident())
        # What is read is answered, in order and whole.
        client = clients[0]
        client.settimeout(60)
        rest, answers = b'', 0
        while answers < 400:
            data = client.recv(1 << 20)
            assert data, answers
            rest += data
            found = rest.count(b'HTTP/1.1 200 OK')
            answers += found
            rest = rest[-14:] if not found else rest[rest.rindex(b'HTTP/1.1 200 OK') + 15:][-14:]
        print(most - before)
        """

    /// Sends 200 forms of many quotes, each of which becomes six characters, on connections that read
    /// nothing, and says by how many megabytes the service has grown; those beyond the limit may be refused.
    private static let forms = """
        import socket, sys, time
        port, process = int(sys.argv[1]), sys.argv[2]
        def resident():
            for line in open(f'/proc/{process}/status'):
                if line.startswith('VmRSS'):
                    return int(line.split()[1]) // 1024
        def send(length):
            client = socket.create_connection(('127.0.0.1', port), timeout=60)
            head = (
                'POST /account HTTP/1.1\\r\\nHost: localhost\\r\\nSec-Fetch-Site: same-origin\\r\\n'
                'Content-Type: application/x-www-form-urlencoded\\r\\n'
                f'Content-Length: {length + 2}\\r\\n\\r\\n').encode()
            try:
                client.sendall(head + b'a=' + b'"' * length)
            except ConnectionError:
                pass
            return client
        def start(client):
            # Whoever is refused amid his form may be told so, or find the connection closed.
            try:
                return client.recv(12)
            except ConnectionError:
                return b'closed'
        assert start(send(10)) == b'HTTP/1.1 403'
        assert start(send(300_000)) in (b'HTTP/1.1 413', b'closed')
        before, most = resident(), 0
        clients = [send(120_000) for _ in range(200)]
        for _ in range(20):
            time.sleep(0.1)
            most = max(most, resident())
        starts = [start(client) for client in clients]
        assert b'HTTP/1.1 403' in starts, set(starts)
        print(most - before)
        """

    /// Sends 3,000 requests, and says how many lines the service says that it has left out.
    private static let busy = """
        import http.client, re, sys, time
        port = int(sys.argv[1])
        end = time.monotonic() + 60
        while True:
            try:
                service = http.client.HTTPConnection('127.0.0.1', port, timeout=30)
                service.connect()
                break
            except OSError:
                assert time.monotonic() < end
                time.sleep(0.1)
        def get(path):
            service.request('GET', path)
            answer = service.getresponse()
            return answer.status, answer.read().decode()
        dropped = 0.0
        while not dropped:
            assert time.monotonic() < end + 30
            for _ in range(1000):
                assert get('/healthz')[0] == 200
            text = get('/metrics')[1]
            dropped = float(re.search(r'^episode_ledger_log_lines_dropped_total (\\S+)', text, re.M)[1])
        print(dropped)
        """
}
