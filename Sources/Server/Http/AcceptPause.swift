import Glibc
import NIOCore

/// Rests for a moment where a connection cannot be accepted for want of files or memory.
///
/// The connection stays where it was, and the system says at once that it is there: without a rest the
/// service would ask for nothing else, over and over. Nor is the failure passed on: what reads the
/// connections would take it for their end, and the service would never accept another one.
final class AcceptPause: ChannelDuplexHandler {
    typealias InboundIn = NIOAny
    typealias OutboundIn = NIOAny

    private static let pause: TimeAmount = .milliseconds(100)

    private var isPaused = false

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard let failure = error as? IOError,
            [EMFILE, ENFILE, ENOBUFS, ENOMEM, ECONNABORTED].contains(failure.errnoCode)
        else { return context.fireErrorCaught(error) }
        guard !isPaused else { return }
        isPaused = true
        let channel = context.channel
        channel.setOption(ChannelOptions.autoRead, value: false).whenComplete { _ in }
        context.eventLoop.assumeIsolated().scheduleTask(in: Self.pause) {
            self.isPaused = false
            channel.setOption(ChannelOptions.autoRead, value: true).whenComplete { _ in }
        }
    }

    func read(context: ChannelHandlerContext) {
        if !isPaused { context.read() }
    }

    /// Has a listening channel pause.
    static func stand(before channel: any Channel) async {
        // Nothing but a channel that is closed already refuses it.
        _ = try? await channel.eventLoop.submit {
            try channel.pipeline.syncOperations.addHandler(AcceptPause(), position: .first)
        }.get()
    }
}
