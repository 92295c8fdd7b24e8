import HTTPTypes
import NIOCore
import NIOEmbedded
import NIOHTTPTypes
import Testing

@testable import Server

@Suite("A connection is at most two answers ahead of its client")
struct AnswerGateTests {
    private let channel: EmbeddedChannel

    init() throws {
        channel = EmbeddedChannel(handler: AnswerGate())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func ask(_ number: Int) throws {
        let head = HTTPRequest(method: .get, scheme: "http", authority: "a", path: "/\(number)")
        try channel.writeInbound(HTTPRequestPart.head(head))
        try channel.writeInbound(HTTPRequestPart.end(nil))
    }

    /// The paths of requests that were let through since the last time.
    private func passed() throws -> [String] {
        var paths: [String] = []
        while let part = try channel.readInbound(as: HTTPRequestPart.self) {
            if case .head(let head) = part { paths.append(head.path ?? "") }
        }
        return paths
    }

    /// Writes an answer, which the system has not taken.
    private func answer() {
        channel.write(HTTPResponsePart.head(HTTPResponse(status: .ok)), promise: nil)
        channel.write(HTTPResponsePart.end(nil), promise: nil)
    }

    @Test("Of ten requests two are let through, and another one when an answer was taken")
    func two() throws {
        for number in 1...10 { try ask(number) }
        #expect(try passed() == ["/1", "/2"])
        // Written is not taken.
        answer()
        #expect(try passed() == [])
        channel.flush()
        #expect(try passed() == ["/3"])
        answer()
        answer()
        channel.flush()
        #expect(try passed() == ["/4", "/5"])
    }

    @Test("Whoever reads his answers is never kept waiting")
    func reading() throws {
        for number in 1...100 {
            try ask(number)
            #expect(try passed() == ["/\(number)"])
            answer()
            channel.flush()
        }
    }

    @Test("The body of a request that was let through follows it, whatever was not read before")
    func body() throws {
        try ask(1)
        let head = HTTPRequest(method: .post, scheme: "http", authority: "a", path: "/2")
        try channel.writeInbound(HTTPRequestPart.head(head))
        #expect(try passed() == ["/1", "/2"])
        for _ in 0..<3 {
            try channel.writeInbound(HTTPRequestPart.body(ByteBuffer(string: "{}")))
            #expect(try channel.readInbound(as: HTTPRequestPart.self) != nil)
        }
        try channel.writeInbound(HTTPRequestPart.end(nil))
        #expect(try channel.readInbound(as: HTTPRequestPart.self) == .end(nil))
        try ask(3)
        #expect(try passed() == [])
    }

    @Test("That a client sends no more is told after what it has sent")
    func closing() throws {
        final class End: ChannelInboundHandler {
            typealias InboundIn = HTTPRequestPart
            var heads = 0
            var headsAtEnd: Int?
            func channelRead(context: ChannelHandlerContext, data: NIOAny) {
                if case .head = unwrapInboundIn(data) { heads += 1 }
            }
            func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
                if event is ChannelEvent { headsAtEnd = heads }
            }
        }
        let end = End()
        try channel.pipeline.syncOperations.addHandler(end)
        for number in 1...4 { try ask(number) }
        channel.pipeline.fireUserInboundEventTriggered(ChannelEvent.inputClosed)
        #expect(end.heads == 2 && end.headsAtEnd == nil)
        for _ in 1...4 { answer() }
        channel.flush()
        #expect(end.headsAtEnd == 4)
    }
}

@Suite("What was read waits in front of the parser")
struct RequestPortionTests {
    private let channel = EmbeddedChannel()
    private let gate = AnswerGate()

    /// Counts how often more is read.
    private final class Reads: ChannelOutboundHandler {
        typealias OutboundIn = NIOAny
        var count = 0
        func read(context: ChannelHandlerContext) {
            count += 1
            context.read()
        }
    }

    /// Takes each portion for a request.
    private final class Parser: ChannelInboundHandler {
        typealias InboundIn = ByteBuffer
        typealias InboundOut = HTTPRequestPart
        func channelRead(context: ChannelHandlerContext, data: NIOAny) {
            let head = HTTPRequest(
                method: .get,
                scheme: "http",
                authority: "a",
                path: "/\(unwrapInboundIn(data).readableBytes)"
            )
            context.fireChannelRead(wrapInboundOut(.head(head)))
            context.fireChannelRead(wrapInboundOut(.end(nil)))
        }
    }

    private let reads = Reads()

    init() throws {
        let portions = RequestPortions()
        try channel.pipeline.syncOperations.addHandlers(reads, portions, Parser(), gate)
        portions.stand(before: gate)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func passed() throws -> Int {
        var heads = 0
        while let part = try channel.readInbound(as: HTTPRequestPart.self) {
            if case .head = part { heads += 1 }
        }
        return heads
    }

    @Test("A kilobyte at a time is parsed, and nothing is read, while answers are not")
    func portions() throws {
        try channel.writeInbound(ByteBuffer(repeating: 0x41, count: 64 << 10))
        // Two of sixty-four, and the third is not even parsed.
        #expect(try passed() == 2)
        let before = reads.count
        channel.read()
        #expect(reads.count == before)
        var all = 2
        for _ in 0..<64 {
            channel.write(HTTPResponsePart.end(nil), promise: nil)
            channel.flush()
            let more = try passed()
            #expect(more <= 1)
            all += more
        }
        #expect(all == 64)
        #expect(reads.count == before + 1, "what was asked for meanwhile is read now")
    }

    @Test("A connection with too much that waits is closed")
    func tooMuch() throws {
        for _ in 0..<17 where channel.isActive {
            try channel.writeInbound(ByteBuffer(repeating: 0x41, count: 64 << 10))
        }
        #expect(!channel.isActive)
    }
}
