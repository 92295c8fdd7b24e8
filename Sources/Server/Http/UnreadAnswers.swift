import NIOCore

/// Closes connections whose clients do not take what is sent to them, streams too.
///
/// A client must take all that waited for it within the time, or a real amount of it: a byte now and then
/// would hold the connection, and what waits, for ever. At the least pace, 32 KiB in 30 s, a line of
/// 9 kbit/s is fast enough.
final class UnreadAnswers: ChannelOutboundHandler, RemovableChannelHandler {
    typealias OutboundIn = IOData
    typealias OutboundOut = IOData

    /// How long a client may take for the least amount.
    static let timeout: TimeAmount = .seconds(30)
    /// The least that must be taken in that time, unless it is everything that waited.
    static let leastBytes = 32_768

    private let time: TimeAmount
    /// What was written, ever.
    private var written = 0
    /// How much was written and taken when it was looked last.
    private var mark = (written: 0, taken: 0)
    /// One look for each connection that is written to, not for each answer.
    private var look: Scheduled<Void>?

    init(time: TimeAmount = UnreadAnswers.timeout) { self.time = time }

    func handlerRemoved(context: ChannelHandlerContext) {
        look?.cancel()
        look = nil
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        written += unwrapOutboundIn(data).readableBytes
        context.write(data, promise: promise)
        guard look == nil else { return }
        mark = (written, written - waiting(context))
        schedule(context)
    }

    /// How many bytes the system has not taken.
    private func waiting(_ context: ChannelHandlerContext) -> Int {
        let bytes = try? context.channel.syncOptions?.getOption(.bufferedWritableBytes)
        return bytes ?? 0
    }

    private func schedule(_ context: ChannelHandlerContext) {
        look = context.eventLoop.assumeIsolated().scheduleTask(in: time) {
            self.look = nil
            let waiting = self.waiting(context)
            guard waiting > 0 else { return }
            let taken = self.written - waiting
            guard taken >= self.mark.written || taken - self.mark.taken >= Self.leastBytes else {
                return context.close(promise: nil)
            }
            self.mark = (self.written, taken)
            self.schedule(context)
        }
    }
}
