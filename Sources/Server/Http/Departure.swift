import Hummingbird
import HummingbirdCore
import Logging
import NIOCore
import Synchronization

/// Whether the client at the other end of a connection has gone.
///
/// One that closes its side of the connection has gone, even where it could still read: nothing tells it
/// from one that has ended.
final class Departure: ChannelInboundHandler, Sendable {
    typealias InboundIn = NIOAny

    /// That of the connection whose request is being answered.
    @TaskLocal static var ofClient: Departure?

    private let state = Mutex(State())

    private struct State {
        var hasGone = false
        var waiters: [Int: CheckedContinuation<Void, Never>] = [:]
        var next = 0
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case ChannelEvent.inputClosed? = event as? ChannelEvent { tell() }
        context.fireUserInboundEventTriggered(event)
    }

    func channelInactive(context: ChannelHandlerContext) {
        tell()
        context.fireChannelInactive()
    }

    private func tell() {
        let waiters = state.withLock { state in
            state.hasGone = true
            defer { state.waiters = [:] }
            return state.waiters
        }
        for waiter in waiters.values { waiter.resume() }
    }

    /// Returns once the client has gone, or the task is cancelled.
    private func wait() async {
        let number = state.withLock { state in
            state.next += 1
            return state.next
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { waiter in
                let isOver = state.withLock { state in
                    // A task's cancelled flag is set before its handlers run: it is seen here, or the
                    // handler finds the waiter.
                    guard !state.hasGone, !Task.isCancelled else { return true }
                    state.waiters[number] = waiter
                    return false
                }
                if isOver { waiter.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume()
        }
    }

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
                await client.wait()
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
