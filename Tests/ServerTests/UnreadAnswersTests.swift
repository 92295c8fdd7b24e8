import NIOCore
import NIOEmbedded
import Testing

@testable import Server

/// On a clock that the tests move; what is not flushed waits, as where a client does not read.
@Suite("Answers that are not read")
struct UnreadAnswersTests {
    private let channel: EmbeddedChannel

    init() throws {
        channel = EmbeddedChannel(handler: UnreadAnswers())
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    private func send(_ bytes: Int) {
        channel.write(IOData.byteBuffer(ByteBuffer(repeating: 0x41, count: bytes)), promise: nil)
    }

    private func pass(_ seconds: Int64) {
        channel.embeddedEventLoop.advanceTime(by: .seconds(seconds))
    }

    @Test("A client that takes nothing for 30 s is closed, of a stream too")
    func nothing() throws {
        send(100_000)
        pass(29)
        #expect(channel.isActive)
        pass(1)
        #expect(!channel.isActive)
    }

    @Test("A client that has taken everything may be silent for as long as it likes")
    func everything() throws {
        send(100_000)
        channel.flush()
        pass(3_600)
        #expect(channel.isActive)
        send(1)
        pass(20)
        channel.flush()
        pass(3_600)
        #expect(channel.isActive)
    }

    @Test("What waited must be taken, or a real amount; more may wait meanwhile")
    func slowly() throws {
        for _ in 0..<10 {
            send(UnreadAnswers.leastBytes)
            pass(29)
            channel.flush()
            // There is always something that waits.
            send(1)
            pass(1)
            #expect(channel.isActive)
        }
        pass(60)
        #expect(!channel.isActive)
    }
}
