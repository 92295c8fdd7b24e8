import NIOCore

/// Hands what was read to the parser a little at a time, and reads no more while ``AnswerGate`` is
/// closed: a kilobyte may hold fifty requests, each of which takes more memory than its bytes.
final class RequestPortions: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = ByteBuffer
    typealias InboundOut = ByteBuffer
    typealias OutboundIn = NIOAny

    /// Between requests, and in the middle of one.
    private static let between = 1_024
    private static let within = 16_384
    /// The most bytes that wait.
    ///
    /// Nothing is read while some do, but where a client closes its side the system hands over all that
    /// it has.
    private static let waitingLimit = 1 << 20

    private var waiting = ByteBuffer()
    private var wantsRead = false
    private var isHanding = false
    /// What came after the bytes that wait.
    private var events: [Any] = []
    private var context: ChannelHandlerContext?
    private var gate: AnswerGate?

    /// Stands before a gate.
    func stand(before gate: AnswerGate) {
        self.gate = gate
        gate.onOpen = { [weak self] in self?.goOn() }
    }

    func handlerAdded(context: ChannelHandlerContext) { self.context = context }

    func handlerRemoved(context: ChannelHandlerContext) {
        self.context = nil
        gate?.onOpen = nil
    }

    private var isOpen: Bool { gate?.isOpen ?? true }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        var bytes = unwrapInboundIn(data)
        if waiting.readableBytes == 0 {
            waiting = bytes
        } else {
            waiting.writeBuffer(&bytes)
        }
        guard waiting.readableBytes <= Self.waitingLimit else { return context.close(promise: nil) }
        hand(context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        guard waiting.readableBytes == 0 || !(event is ChannelEvent) else {
            return events.append(event)
        }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        waiting = ByteBuffer()
        events = []
        context.fireChannelInactive()
    }

    func read(context: ChannelHandlerContext) {
        guard waiting.readableBytes == 0, isOpen else {
            wantsRead = true
            return
        }
        context.read()
    }

    private func hand(_ context: ChannelHandlerContext) {
        // Handing over may have answers written, and these open the gate.
        guard !isHanding else { return }
        isHanding = true
        defer { isHanding = false }
        while isOpen, waiting.readableBytes > 0 {
            let most = gate?.isInRequest == true ? Self.within : Self.between
            guard let portion = waiting.readSlice(length: min(most, waiting.readableBytes))
            else { break }
            context.fireChannelRead(wrapInboundOut(portion))
        }
        guard waiting.readableBytes == 0 else { return }
        waiting = ByteBuffer()
        let late = events
        events = []
        for event in late { context.fireUserInboundEventTriggered(event) }
    }

    private func goOn() {
        guard let context, !isHanding else { return }
        if waiting.readableBytes > 0 {
            hand(context)
            context.fireChannelReadComplete()
        }
        if wantsRead, waiting.readableBytes == 0, isOpen {
            wantsRead = false
            context.read()
        }
    }
}
