import CareEpisode
import Foundation
import NIOHTTP1
import TestSupport
import Testing

@testable import Server

/// What is sent byte by byte, as no proper client does.
@Suite("Heads and bodies of requests")
struct StrictHeadTests {
    /// Sends the bytes of its second argument on one connection, and prints the status of each answer
    /// until the connection is closed, or no more comes for a while.
    private static let client = """
        import socket, sys
        link = socket.create_connection(("127.0.0.1", int(sys.argv[1])), timeout=100)
        link.sendall(sys.argv[2].encode("latin-1"))
        data = b""
        last = int(sys.argv[3])
        while data.count(b"HTTP/1.1 ") < last or last == 0:
            got = link.recv(65536)
            if not got:
                data += b"HTTP/1.1 closed"
                break
            data += got
        print(" ".join(part[:6].split()[0].decode() for part in data.split(b"HTTP/1.1 ")[1:]))
        """

    private func statuses(
        _ fixture: ServiceFixture,
        _ bytes: String,
        answers: Int = 0
    ) async throws -> String {
        let result = await runningProgram(
            ["python3", "-c", Self.client, "\(fixture.port)", bytes, "\(answers)"]
        )
        #expect(result.status == 0, "\(result.output)")
        return result.output.trimmingCharacters(in: .whitespacesAndNewlines)
    }

    @Test("Whoever asks before sending a body is told to send it, though not amid another answer")
    func goesOn() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let path = "/v1/ledgers/default/episodes/\(EpisodeID.fresh)/events"
            let ask = "POST \(path) HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n"
            let expecting = ask + "Expect: 100-Continue\r\n"
            #expect(try await statuses(fixture, "\(expecting)\r\n", answers: 1) == "100")
            let whole = "\(expecting)Connection: close\r\n\r\n{}"
            #expect(try await statuses(fixture, whole) == "100 401 closed")
            let behind = "GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n" + whole
            let found = try await statuses(fixture, behind)
            // The answer before it may have been taken by then.
            #expect(["200 401 closed", "200 100 401 closed"].contains(found))
            #expect(try await statuses(fixture, "\(ask)\r\n{}", answers: 1) == "401")
            let old = expecting.replacing("HTTP/1.1", with: "HTTP/1.0") + "\r\n{}"
            #expect(try await statuses(fixture, old).hasPrefix("401"))
        }
    }

    @Test("A request is for one host, and what nobody can tell the end of is refused and closed")
    func hosts() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let next = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            for (head, expected) in [
                ("GET /healthz HTTP/1.1\r\nHost: h\r\n\r\n", "200 200 closed"),
                ("GET http://h/healthz HTTP/1.1\r\nHost: h\r\n\r\n", "200 200 closed"),
                ("GET /healthz HTTP/1.1\r\n\r\n", "400 closed"),
                ("GET http://h/healthz HTTP/1.1\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost: [::1]:80\r\n\r\n", "200 200 closed"),
                ("GET http://H/healthz HTTP/1.1\r\nHost: h\r\n\r\n", "200 200 closed"),
                ("GET http://g/healthz HTTP/1.1\r\nHost: h\r\n\r\n", "400 closed"),
                ("GET http://h@g/healthz HTTP/1.1\r\nHost: h\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost:\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost: a, b\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost: a@b\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost: a/b\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.1\r\nHost: a\r\nhost: a\r\n\r\n", "400 closed"),
                ("GET /healthz HTTP/1.0\r\nHost: a\r\nHost: b\r\n\r\n", "400 closed"),
            ] {
                let found = try await statuses(fixture, head + next)
                #expect(found == expected, "\(head)")
            }
            let old = try await statuses(fixture, "GET /healthz HTTP/1.0\r\n\r\n\(next)")
            #expect(old.hasPrefix("200 "))
        }
    }

    @Test("A body whose end a proxy could see elsewhere is refused, and never the next request")
    func codings() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let smuggled = "GET /readyz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            let length = String(smuggled.utf8.count, radix: 16)
            let chunked = "\(length)\r\n\(smuggled)\r\n0\r\n\r\n"
            for (version, coding) in [
                ("1.1", "xchunked"), ("1.1", "identity"), ("1.1", "gzip, chunked"),
                ("1.1", "chunked, identity"), ("1.1", "chunked, chunked"), ("1.0", "chunked"),
                ("1.0", "identity"), ("1.1", "gzip"), ("1.1", "\"chunked\""),
            ] {
                let head =
                    "POST /healthz HTTP/\(version)\r\nHost: h\r\nConnection: keep-alive\r\n"
                    + "Transfer-Encoding: \(coding)\r\n\r\n"
                let found = try await statuses(fixture, head + chunked)
                #expect(found == "400 closed", "\(version) \(coding)")
            }
            let good = "POST /healthz HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: Chunked\r\n\r\n"
            let next = "GET /healthz HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n"
            #expect(try await statuses(fixture, good + chunked + next) == "405 200 closed")
        }
    }

    @Test("Requests before one that is refused get their own answers first")
    func order() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let good = "GET /openapi.json HTTP/1.1\r\nHost: h\r\n\r\n"
            let wrong = "GET /healthz HTTP/1.1\r\n\r\n"
            let found = try await statuses(fixture, good + good + wrong + good)
            #expect(found == "200 200 400 closed")
        }
    }

    @Test("Which heads are sound", arguments: [0, 1])
    func sound(_ minor: Int) {
        var head = HTTPRequestHead(
            version: HTTPVersion(major: 1, minor: minor),
            method: .GET,
            uri: "/"
        )
        #expect(StrictHead.isSound(head) == (minor == 0))
        head.headers.add(name: "Host", value: "h")
        #expect(StrictHead.isSound(head))
        head.headers.add(name: "Transfer-Encoding", value: "chunked")
        #expect(StrictHead.isSound(head) == (minor == 1))
        head.headers.add(name: "Transfer-Encoding", value: "chunked")
        #expect(!StrictHead.isSound(head))
    }

    @Test("One event that is too large is refused before it is there; so is any other large body")
    func largeBodies() async throws {
        try await ServiceFixture.with(runsWorkers: false) { fixture in
            let token = try await fixture.token(.service)
            func head(_ method: String, _ path: String, _ length: Int) -> String {
                "\(method) /v1/ledgers/default/\(path) HTTP/1.1\r\nHost: h\r\n"
                    + "Authorization: Bearer \(token)\r\nContent-Length: \(length)\r\n\r\n"
            }
            // The rest is never sent.
            let events = "episodes/\(EpisodeID.fresh)/events"
            let cut = "{\"event_id\":\"\(String(repeating: "x", count: 70_000))"
            let file = NSTemporaryDirectory() + "large-\(UUID().uuidString)"
            defer { try? FileManager.default.removeItem(atPath: file) }
            let body = String(repeating: cut, count: 4)
            for (request, expected) in [
                (head("POST", events, 8_000_000) + body, "422"),
                (head("POST", events, 20_000_000), "413"),
                (head("PUT", "subscriptions/large", 2_000_000), "413"),
            ] {
                try Data(request.utf8).write(to: URL(filePath: file))
                let script = Self.client.replacing(
                    "sys.argv[2].encode(\"latin-1\")",
                    with: "open(sys.argv[2], \"rb\").read()"
                )
                let result = await runningProgram(
                    ["python3", "-c", script, "\(fixture.port)", file, "1"]
                )
                #expect(result.output == "\(expected)\n", "\(result.output)")
            }
        }
    }
}
