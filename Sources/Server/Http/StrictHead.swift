import NIOCore
import NIOHTTP1
import NIOHTTPTypes

/// Refuses requests of which a proxy and this service could disagree where they end or whom they are
/// for (RFC 9112, 3.2 and 6.1), as those that cannot be parsed: 400, and the connection is closed.
///
/// It stands where a head is still as it was sent. What follows on the connection is not looked at, as
/// it may be the body; answers to requests before it are given first.
final class StrictHead: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = HTTPServerRequestPart
    typealias InboundOut = HTTPServerRequestPart

    /// Puts a new one into the pipeline when it is added itself: handlers that can be given to the
    /// server see heads that are translated already.
    final class Placing: ChannelInboundHandler, RemovableChannelHandler {
        typealias InboundIn = HTTPRequestPart

        func handlerAdded(context: ChannelHandlerContext) {
            let pipeline = context.pipeline.syncOperations
            do {
                let decoder = try pipeline.handler(
                    type: ByteToMessageHandler<HTTPRequestDecoder>.self
                )
                try pipeline.addHandler(StrictHead(), position: .after(decoder))
            } catch {
                // A connection that nobody watches is none.
                context.close(promise: nil)
            }
        }
    }

    /// Whether a head was refused: nothing more is taken.
    private var isRefused = false

    func channelRead(context: ChannelHandlerContext, data: NIOAny) {
        guard !isRefused else { return }
        guard case .head(var head) = unwrapInboundIn(data) else {
            return context.fireChannelRead(data)
        }
        guard Self.isSound(head) else {
            isRefused = true
            return context.fireErrorCaught(HTTPParserError.invalidHeaderToken)
        }
        // Who speaks HTTP/1.0 is not told to go on (RFC 9110, 10.1.1).
        if head.version.minor == 0 { head.headers.remove(name: "expect") }
        context.fireChannelRead(wrapInboundOut(.head(head)))
    }

    /// Whether it is for one host, and its body ends where everybody says it does.
    static func isSound(_ head: HTTPRequestHead) -> Bool {
        let hosts = head.headers["host"]
        let codings = head.headers["transfer-encoding"]
        let version = (head.version.major, head.version.minor)
        guard version >= (1, 1) else { return hosts.count <= 1 && codings.isEmpty }
        // Of other codings nothing is known, neither whether there is a body.
        let isKnown = codings.isEmpty || codings.count == 1 && codings[0].lowercased() == "chunked"
        return hosts.count == 1 && isHost(hosts[0], of: head.uri) && isKnown
    }

    /// Whether it is one host, with a port or without, and the one that the target names where it names one
    /// (RFC 9112, 3.2).
    private static func isHost(_ host: String, of target: String) -> Bool {
        guard !host.isEmpty, host.utf8.allSatisfy(isOfHost) else { return false }
        guard !target.hasPrefix("/"), let start = target.firstRange(of: "://")?.upperBound else {
            return true
        }
        let authority = target[start...].prefix { !"/?#".contains($0) }
        return authority.lowercased() == host.lowercased()
    }

    /// Letters, digits, what stands in names and ports, and in IPv6 addresses.
    private static func isOfHost(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~:[]%".utf8.contains(byte)
        }
    }
}
