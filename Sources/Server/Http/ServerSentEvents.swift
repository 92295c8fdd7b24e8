import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import ServiceLifecycle
import Synchronization

/// An answer of server-sent events, which goes on until the client leaves or the service shuts down.
enum ServerSentEvents {
    /// Set when a stream is to end, whoever wants it; and how far it came.
    final class End: Sendable {
        private let last: Atomic<Int64>
        private let isSet = Atomic(false)

        init(_ start: Position) { last = Atomic(start.rawValue) }

        func set() { isSet.store(true, ordering: .releasing) }
        var isReached: Bool { isSet.load(ordering: .acquiring) }

        /// The position of what was sent last.
        var position: Position {
            get { Position(rawValue: last.load(ordering: .relaxed)) }
            set { last.store(newValue.rawValue, ordering: .relaxed) }
        }
    }

    /// A stream; its end is kept in the access log, since what is given is not known before.
    ///
    /// - Parameters:
    ///   - start: where it begins.
    ///   - told: what the access log is told of the end.
    ///   - send: sends until the end is reached.
    static func response(
        _ call: Call,
        from start: Position,
        told: @escaping @Sendable (_ last: Position) -> String,
        _ send:
            @escaping @Sendable @concurrent (End, inout any ResponseBodyWriter) async throws -> Void
    ) -> Response {
        let body = ResponseBody { writer in
            let end = End(start)
            do {
                try await withGracefulShutdownHandler {
                    try await call.request.body.consumeWithInboundCloseHandler { _ in
                        try await send(end, &writer)
                    } onInboundClosed: {
                        end.set()
                    }
                } onGracefulShutdown: {
                    end.set()
                }
            } catch {
                await keep(told(end.position), call)
                throw error
            }
            await keep(told(end.position), call)
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [
                .contentType: "text/event-stream", .cacheControl: "no-store",
                .xAccelBuffering: "no",
            ],
            body: body
        )
    }

    private static func keep(_ told: String, _ call: Call) async {
        var entry = call.decision
        entry.detail = told
        do {
            try await call.service.accessLog.record(entry, in: call.ledger)
        } catch {
            call.context.logger.warning("the end of a stream is not in the access log")
        }
    }
}
