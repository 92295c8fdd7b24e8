import Glibc
import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import NIOHTTPTypes

/// Connections of HTTP/1.1 that hold up nobody: they give way where places run short, are no more than
/// two answers ahead of their clients, are closed where these do not read, and know when they have gone.
struct WatchedChannel: ServerChildChannel {
    private let http: HTTP1Channel
    /// Tells that there are too many connections, whatever is asked.
    private let refusing: HTTP1Channel
    private let connections: Connections

    /// So many bytes the system holds that it has not sent.
    ///
    /// With its usual megabytes nobody could tell a client that reads slowly from one that does not.
    private static let unsent: ChannelOptions.Types.SocketOption.Value = 131_072

    init(
        _ responder: @escaping HTTPChannelHandler.Responder,
        _ connections: Connections
    ) {
        func channel(_ responder: @escaping HTTPChannelHandler.Responder) -> HTTP1Channel {
            HTTP1Channel(
                responder: responder,
                configuration: .init(
                    additionalChannelHandlers: [
                        StrictHead.Placing(), AnswerGate(), RequestDeadline(),
                    ],
                    // RequestDeadline closes what is idle: it knows what was read of an answer.
                    idleTimeout: nil,
                    httpDecoderConfiguration: .init(
                        maxHeaderFieldSize: 16_384,
                        maxHeaderListSize: 32_768,
                        maxHeaderFieldCount: 100
                    )
                )
            )
        }
        http = channel(responder)
        refusing = channel(Self.refuse)
        self.connections = connections
    }

    struct Value: ServerChildChannelValue {
        fileprivate let http: HTTP1Channel.Value
        fileprivate let departure: Departure
        fileprivate let isRefused: Bool

        var channel: any Channel { http.channel }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let departure = Departure()
        let admission = connections.opened(channel)
        return channel.eventLoop.makeCompletedFuture {
            let pipeline = channel.pipeline.syncOperations
            // Before TLS: what the connection does counts, not what is read of it.
            try pipeline.addHandler(departure, position: .first)
            try pipeline.addHandler(UnreadAnswers(), position: .first)
            try pipeline.addHandler(RequestPortions())
            // Where the system does not know it, slow clients have less time.
            try? channel.syncOptions?.setOption(
                ChannelOptions.Types.SocketOption(
                    level: .tcp,
                    name: NIOBSDSocket.Option(rawValue: TCP_NOTSENT_LOWAT)
                ),
                value: Self.unsent
            )
        }.flatMap {
            http.setup(channel: channel, logger: logger)
        }.flatMapThrowing { value in
            let pipeline = channel.pipeline.syncOperations
            let gate = try pipeline.handler(type: AnswerGate.self)
            gate.place = admission.place
            try pipeline.handler(type: RequestPortions.self).stand(before: gate)
            return Value(http: value, departure: departure, isRefused: admission.isRefused)
        }
    }

    func handle(value: Value, logger: Logger) async {
        await Departure.$ofClient.withValue(value.departure) {
            await (value.isRefused ? refusing : http).handle(value: value.http, logger: logger)
        }
    }

    @concurrent @Sendable
    private static func refuse(
        _ request: Request,
        _ writer: consuming ResponseWriter,
        _ channel: any Channel
    ) async throws {
        var response = Problem.tooManyConnections.response(requestID: RequestID().description)
        response.headers[.connection] = "close"
        try await writer.write(response: response.head, body: response.body)
    }
}
