import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import Server

/// On a clock that the tests move.
@Suite("Deadlines of requests")
struct RequestDeadlineTests {
    private let channel: EmbeddedChannel

    init() throws {
        channel = EmbeddedChannel(handler: RequestDeadline())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func read(_ part: HTTPRequestPart) throws { try channel.writeInbound(part) }

    private func head(_ path: String) -> HTTPRequestPart {
        .head(HTTPRequest(method: .post, scheme: "http", authority: "localhost", path: path))
    }

    private func answer() throws {
        try channel.writeOutbound(HTTPResponsePart.head(HTTPResponse(status: .ok)))
        try channel.writeOutbound(HTTPResponsePart.end(nil))
    }

    private func pass(_ seconds: Int64) {
        channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
    }

    @Test("A connection without a request is closed after 15 s")
    func silent() throws {
        pass(14)
        #expect(channel.isActive)
        pass(1)
        #expect(!channel.isActive)
    }

    @Test("A body has 60 s from its head on, however it trickles in")
    func trickle() throws {
        pass(14)
        try read(head("/v1/ledgers/a/episodes/b/events"))
        for _ in 0..<59 {
            pass(1)
            try read(.body(ByteBuffer(string: " ")))
        }
        #expect(channel.isActive)
        pass(1)
        #expect(!channel.isActive)
    }

    @Test("An answer may take its time; the next request has 60 s after it")
    func slowAnswer() throws {
        try read(head("/v1/ledgers/a/events"))
        try read(.end(nil))
        pass(600)
        #expect(channel.isActive)
        try answer()
        pass(59)
        #expect(channel.isActive)
        // In time: the deadline is put off, again and again.
        for _ in 0..<10 {
            try read(head("/v1/ledgers/a/events"))
            try read(.end(nil))
            try answer()
            pass(59)
            #expect(channel.isActive)
        }
        pass(1)
        #expect(!channel.isActive)
    }

    @Test("An import may arrive as slowly as it likes")
    func slowImport() throws {
        try read(head("/v1/ledgers/a/events:import"))
        pass(600)
        try read(.body(ByteBuffer(string: "{}")))
        pass(600)
        #expect(channel.isActive)
        try read(.end(nil))
        try answer()
        pass(60)
        #expect(!channel.isActive)
    }
}
