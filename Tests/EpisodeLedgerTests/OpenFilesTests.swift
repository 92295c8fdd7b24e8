import Foundation
import TestSupport
import Testing

@Suite("Few open files")
struct OpenFilesTests {
    /// Closes what this process has left open to its children: the sockets of other tests.
    private static let closing = """
        for file in /proc/$$/fd/*; do
        number=${file##*/}; [ "$number" -gt 2 ] && eval "exec $number>&-"
        done
        """

    /// Starts the service in a shell that sets limits first.
    private func serve(
        _ fixture: CommandLineFixture,
        limits: String
    ) throws -> RunningProgram {
        try fixture.launch(
            [
                "bash", "-c", "\(Self.closing)\n\(limits); exec \"$@\"", "bash",
                CommandLineFixture.program, "serve",
                "--port", "0",
            ],
            environment: [
                "EPISODE_LEDGER_DATABASE_URL": fixture.url,
                "EPISODE_LEDGER_DATA_DIR": fixture.dataDirectory,
            ]
        )
    }

    /// The port of a service, once it listens.
    private func port(_ service: RunningProgram) async throws -> String {
        var port: Substring?
        try await eventually("it serves") {
            let line = service.errors.split(separator: "\n").first { $0.hasPrefix("serving on ") }
            port = line?.split(separator: ":").last
            return port != nil
        }
        return try #require(port.map(String.init))
    }

    /// Asks on 150 connections at once, of which so many must be answered, and on one more after they
    /// are closed; says how many were answered.
    private func ask(
        _ fixture: CommandLineFixture,
        _ port: String,
        expecting least: Int
    ) async throws -> [Int] {
        let words = ["python3", "-c", Self.clients, port, "\(least)"]
        let end = try await fixture.launch(words).end()
        #expect(end.status == 0, "\(end.errors)")
        return end.lines.compactMap { Int($0) }
    }

    @Test("A limit that is too low for the service is told at the start, with what it takes")
    func tooFew() async throws {
        try await CommandLineFixture.with { fixture in
            let end = try await serve(fixture, limits: "ulimit -n 48").end()
            #expect(end.status == 1 && end.output.isEmpty)
            let told = "error: this process may open 48 files and the service takes "
            #expect(end.errors.hasPrefix(told))
            #expect(end.errorLines.count == 1)
        }
    }

    @Test("A limit that may be raised is raised")
    func raised() async throws {
        try await CommandLineFixture.with { fixture in
            let service = try serve(fixture, limits: "ulimit -Sn 48; ulimit -Hn 1024")
            let answered = try await ask(fixture, try await port(service), expecting: 150)
            #expect(answered == [150, 1])
            service.signal(SIGTERM)
            #expect(try await service.end().status == 0)
        }
    }

    @Test("With few files, clients that were answered make room for those that wait")
    func few() async throws {
        try await CommandLineFixture.with { fixture in
            // The loops that wait for sockets have three for each processor.
            let limit = 100 + 3 * ProcessInfo.processInfo.processorCount
            let service = try serve(fixture, limits: "ulimit -n \(limit)")
            let answered = try await ask(fixture, try await port(service), expecting: 150)
            #expect(answered == [150, 1])
            service.signal(SIGTERM)
            let ended = try await service.end()
            #expect(ended.status == 0, "\(ended.errors.suffix(2_000))")
        }
    }

    /// Says how many answers there are when no more come.
    private static let clients = """
        import select, socket, sys
        port, least = int(sys.argv[1]), int(sys.argv[2])
        def ask(number, least):
            connections = [socket.create_connection(('127.0.0.1', port)) for _ in range(number)]
            for connection in connections:
                connection.sendall(b'GET /readyz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n')
            waiting, answered = list(connections), 0
            while waiting:
                ready = select.select(waiting, [], [], 60 if answered < least else 1)[0]
                if not ready:
                    break
                for connection in ready:
                    answered += connection.recv(4096).startswith(b'HTTP/1.1 ')
                    waiting.remove(connection)
            for connection in connections:
                connection.close()
            print(answered)
        ask(150, least)
        ask(1, 1)
        """
}
