import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// Closes connections on which a request does not arrive in time, however busily it trickles in:
/// 10,000 of them would keep everybody else out.
///
/// An answer may last as long as it likes, and so may an import, which is answered while it arrives:
/// whoever does not read is ``UnreadAnswers``' part.
final class RequestDeadline: ChannelDuplexHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPRequestPart
    typealias InboundOut = HTTPRequestPart
    typealias OutboundIn = HTTPResponsePart
    typealias OutboundOut = HTTPResponsePart

    /// For the head of the first request of a connection.
    private static let first: TimeAmount = .seconds(15)
    /// For a body.
    private static let body: TimeAmount = .seconds(60)
    /// For the head of the next request, from when the answer before it was taken.
    private static let next: TimeAmount = .seconds(60)

    /// When the connection is closed, unless it is put off.
    private var deadline: NIODeadline?
    /// One look at the deadline for each connection, not for each request: it looks again where
    /// the deadline was put off meanwhile.
    private var look: Scheduled<Void>?
    /// Requests whose answers were not taken yet.
    private var unanswered = 0
    /// Whether nothing more is answered: what still comes puts nothing off.
    private var isEnding = false

    func handlerAdded(context: ChannelHandlerContext) {
        start(Self.first, context)
    }

    func handlerRemoved(context: ChannelHandlerContext) {
        look?.cancel()
        look = nil
    }

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        switch unwrapInboundIn(data) {
        case _ where isEnding: break
        case .head(let head):
            unanswered += 1
            if Self.isImport(head) {
                deadline = nil
            } else {
                start(Self.body, context)
            }
        case .end: deadline = nil
        case .body: break
        }
        context.fireChannelRead(data)
    }

    func close(context: ChannelHandlerContext, mode: CloseMode, promise: EventLoopPromise<Void>?) {
        if case .output = mode {
            isEnding = true
            start(Self.first, context)
        }
        context.close(mode: mode, promise: promise)
    }

    /// Whether it is `POST /v1/ledgers/LEDGER/events:import`, whatever it asks besides.
    private static func isImport(_ head: HTTPRequest) -> Bool {
        guard head.method == .post, let path = head.path?.prefix(while: { $0 != "?" }) else {
            return false
        }
        let parts = path.split(separator: "/", omittingEmptySubsequences: false)
        return parts.count == 5 && parts[0].isEmpty && parts[1] == "v1" && parts[2] == "ledgers"
            && parts[4] == "events:import"
    }

    func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
        guard case .end = unwrapOutboundIn(data) else {
            return context.write(data, promise: promise)
        }
        let taken = promise ?? context.eventLoop.makePromise()
        taken.futureResult.assumeIsolated().whenComplete { _ in
            self.unanswered = max(0, self.unanswered - 1)
            // Of what is still to be answered, no end is known.
            guard self.unanswered == 0, !self.isEnding, context.channel.isActive else { return }
            self.start(Self.next, context)
        }
        context.write(data, promise: taken)
    }

    /// Sets the deadline; it is never sooner than one before, so that the look at that one is enough.
    private func start(_ limit: TimeAmount, _ context: ChannelHandlerContext) {
        let deadline = context.eventLoop.now + limit
        self.deadline = deadline
        if look == nil { schedule(deadline, context) }
    }

    private func schedule(_ deadline: NIODeadline, _ context: ChannelHandlerContext) {
        look = context.eventLoop.assumeIsolated().scheduleTask(deadline: deadline) {
            self.look = nil
            guard let deadline = self.deadline else { return }
            if deadline <= context.eventLoop.now {
                context.close(promise: nil)
            } else {
                self.schedule(deadline, context)
            }
        }
    }
}
