import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Lets the requests of a connection through, at most two ahead of what its client has taken.
///
/// Whoever sends requests and reads no answers would otherwise have the service work out, and hold, as
/// many answers as requests fit into a packet. What was read already waits here, and ``RequestPortions``
/// reads no more.
final class AnswerGate: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// The most requests whose answers the system has not taken whole.
    static let aheadLimit = 2

    /// What waits, in the order in which it came.
    private enum Held {
        case part(HTTPRequestPart)
        case event(Any)
        case error(any Error)
    }

    private var held = CircularBuffer<Held>()
    private var unanswered = 0
    /// Requests that were let through and whose answers are not written yet.
    private var underWay = 0
    /// Whether nothing more is answered.
    private var isEnding = false
    /// Whether the end of the last request that was let through is still to come.
    private(set) var isInRequest = false
    /// Told when more may be read.
    var onOpen: (() -> Void)?
    /// Where it is known what the connection is doing; nil where nobody wants to know.
    var place: Connections.Place?

    /// Whether more may be read: the rest of a request always.
    var isOpen: Bool { held.isEmpty && mayPass }

    private var mayPass: Bool { isInRequest || unanswered < Self.aheadLimit }

    func handlerRemoved(context: ChannelHandlerContext) {
        held.removeAll()
        onOpen = nil
    }

    // MARK: - Requests

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        let part = unwrapInboundIn(data)
        guard !isEnding else { return }
        guard isOpen else { return held.append(.part(part)) }
        pass(part, context)
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        // A client that has sent everything gets what it has sent before its end.
        guard held.isEmpty || !(event is ChannelEvent) else { return held.append(.event(event)) }
        context.fireUserInboundEventTriggered(event)
    }

    func errorCaught(context: ChannelHandlerContext, error: any Error) {
        guard held.isEmpty else { return held.append(.error(error)) }
        context.fireErrorCaught(error)
    }

    func channelInactive(context: ChannelHandlerContext) {
        held.removeAll()
        context.fireChannelInactive()
    }

    /// Of what comes behind the last answer nothing is taken, and its place is one to give way.
    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .output = mode {
            isEnding = true
            held.removeAll()
            place?.endsWork()
        }
        context.close(mode: mode, promise: promise)
    }

    func channelWritabilityChanged(context: ChannelHandlerContext) {
        place?.isWritable(context.channel.isWritable)
        context.fireChannelWritabilityChanged()
    }

    private func pass(_ part: HTTPRequestPart, _ context: ChannelHandlerContext) {
        switch part {
        case .head(let head):
            // Whoever asks before sending a body is told to send it (RFC 9110, 10.1.1); not between the
            // parts of an answer that is under way: then the body comes unasked.
            if unanswered == 0, head.headerFields[.expect]?.lowercased() == "100-continue" {
                let goOn = HTTPResponsePart.head(HTTPResponse(status: .continue))
                context.writeAndFlush(wrapOutboundOut(goOn), promise: nil)
            }
            unanswered += 1
            underWay += 1
            isInRequest = true
            place?.beginsWork()
        case .body: break
        case .end: isInRequest = false
        }
        context.fireChannelRead(wrapInboundOut(part))
    }

    // MARK: - Answers

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            return context.write(data, promise: promise)
        }
        underWay = max(0, underWay - 1)
        if underWay == 0 { place?.endsWork() }
        let taken = promise ?? context.eventLoop.makePromise()
        taken.futureResult.assumeIsolated().whenComplete { _ in self.answerTaken(context) }
        context.write(data, promise: taken)
    }

    /// The system has taken an answer, or the connection is closed.
    private func answerTaken(_ context: ChannelHandlerContext) {
        unanswered = max(0, unanswered - 1)
        guard context.channel.isActive else { return held.removeAll() }
        if underWay == 0, unanswered == 0, !isInRequest, held.isEmpty { place?.answered() }
        guard !held.isEmpty else {
            onOpen?()
            return
        }
        while let first = held.first {
            guard case .part(let part) = first else {
                held.removeFirst()
                switch first {
                case .event(let event): context.fireUserInboundEventTriggered(event)
                case .error(let error): context.fireErrorCaught(error)
                case .part: break
                }
                continue
            }
            guard mayPass else { break }
            held.removeFirst()
            pass(part, context)
        }
        context.fireChannelReadComplete()
        if isOpen { onOpen?() }
    }
}
