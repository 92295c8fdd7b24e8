import Hummingbird
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
        /// Cancels what is done for the client.
        var cancels: [Int: @Sendable () -> Void] = [:]
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
        let cancels = state.withLock { state in
            state.hasGone = true
            defer { state.cancels = [:] }
            return state.cancels.values
        }
        for cancel in cancels { cancel() }
    }

    private var hasGone: Bool { state.withLock { $0.hasGone } }

    /// Has something cancelled when the client goes; at once where it has gone.
    private func add(_ cancel: @escaping @Sendable () -> Void) -> Int {
        let (number, hasGone) = state.withLock { state in
            state.next += 1
            if !state.hasGone { state.cancels[state.next] = cancel }
            return (state.next, state.hasGone)
        }
        if hasGone { cancel() }
        return number
    }

    /// Does something for the client whose request is being answered; cancels it when the client has
    /// gone.
    ///
    /// - Throws: what `body` throws, or ``Problem/abandoned``.
    static func whileClientWaits<Result: Sendable>(
        _ body: @escaping @Sendable () async throws -> Result
    ) async throws -> Result {
        guard let client = ofClient else { return try await body() }
        let work = Task { try await body() }
        let number = client.add { work.cancel() }
        defer { client.state.withLock { $0.cancels[number] = nil } }
        return try await withTaskCancellationHandler {
            do {
                return try await work.value
            } catch {
                throw client.hasGone ? Problem.abandoned : error
            }
        } onCancel: {
            work.cancel()
        }
    }
}
