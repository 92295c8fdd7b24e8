import Hummingbird
import HummingbirdCore
import Ledger
import Logging
import NIOCore

/// Whether the client at the other end of a connection has gone.
///
/// One that closes its side of the connection has gone, even where it could still read: nothing tells it
/// from one that has ended.
final class Departure: ChannelInboundHandler, Sendable {
    typealias InboundIn = NIOAny

    /// That of the connection whose request is being answered.
    @TaskLocal static var ofClient: Departure?

    private let hasGone = Observed(false)

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { tell() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tell()
        context.fireChannelInactive()
    }

    private func tell() { hasGone.update { $0 = true } }

    /// Does something for the client whose request is being answered; cancels it when the client has
    /// gone.
    ///
    /// - Throws: what `body` throws, or ``Problem/abandoned``.
    static func whileClientWaits<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard let client = ofClient else { return try await body() }
        return try await withThrowingTaskGroup(of: Result.self) { group in
            group.addTask { try await body() }
            group.addTask {
                await client.hasGone.wait { $0 }
                throw Problem.abandoned
            }
            defer { group.cancelAll() }
            guard let result = try await group.next() else { throw Problem.abandoned }
            return result
        }
    }
}

/// Connections of HTTP/1.1 that know whether their clients have gone.
struct WatchedChannel: ServerChildChannel {
    let http: HTTP1Channel

    struct Value: ServerChildChannelValue {
        fileprivate let http: HTTP1Channel.Value
        fileprivate let departure: Departure

        var channel: any Channel { http.channel }
    }

    func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Value> {
        let departure = Departure()
        return channel.eventLoop.makeCompletedFuture {
            // Before TLS: what the connection does counts, not what is read of it.
            try channel.pipeline.syncOperations.addHandler(departure, position: .first)
        }.flatMap {
            http.setup(channel: channel, logger: logger)
        }.map { Value(http: $0, departure: departure) }
    }

    func handle(value: Value, logger: Logger) async {
        await Departure.$ofClient.withValue(value.departure) {
            await http.handle(value: value.http, logger: logger)
        }
    }
}
