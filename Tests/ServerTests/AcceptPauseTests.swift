import Glibc
import NIOCore
import NIOEmbedded
import Testing

@testable import Server

/// On a clock that the tests move.
@Suite("Connections that cannot be accepted")
struct AcceptPauseTests {
    /// Takes note of the errors that are passed on.
    private final class End: ChannelInboundHandler {
        typealias InboundIn = NIOAny
        var errors = 0
        func errorCaught(context: ChannelHandlerContext, error: any Error) { errors += 1 }
    }

    private let channel = EmbeddedChannel()
    private let end = End()

    init() throws {
        try channel.pipeline.syncOperations.addHandlers(AcceptPause(), end)
        try channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).wait()
    }

    /// Whether the channel reads by itself, as it was told last; nil where it was told nothing.
    private var readsByItself: Bool? {
        let told = channel.options.last { $0.option is ChannelOptions.Types.AutoReadOption }
        return told?.value as? Bool
    }

    private func fail(_ number: CInt) {
        channel.pipeline.fireErrorCaught(IOError(errnoCode: number, reason: "accept"))
    }

    @Test(
        "Where files or memory are short, the service rests and tries again, for as long as it takes",
        arguments: [EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED]
    )
    func short(_ number: CInt) throws {
        for _ in 1...3 {
            fail(number)
            fail(number)
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(99))
            #expect(readsByItself == false)
            channel.embeddedEventLoop.advanceTime(by: .milliseconds(1))
            #expect(readsByItself == true)
        }
        #expect(end.errors == 0)
    }

    @Test("Any other failure is passed on")
    func other() throws {
        fail(EBADF)
        #expect(end.errors == 1 && readsByItself == nil)
    }
}
