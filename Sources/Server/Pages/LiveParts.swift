import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Logging
import Pages
import Postgres
import ProjectionRuntime
import ServiceLifecycle
import Synchronization

/// What changes on a page while it is looked at.
struct PageParts: Sendable {
    /// The HTML within each part, by its id.
    var parts: [String: String]
    /// Which episodes the page lists.
    var episodes: Set<EpisodeID>
    /// Up to where everything takes part.
    var position: Position
    /// The date that the page shows.
    var date: CalendarDate
}

/// Sends the parts of a page that have changed, once a second, for as long as it is open.
enum LiveParts {
    /// So often it is looked whether the reader is still signed in.
    private static let sessionLook: Duration = .seconds(5)

    /// A page that does not change says that it is alive so often.
    private static let heartbeat: Duration = .seconds(15)

    /// Set when a stream is to end.
    private final class End: Sendable {
        private let isSet = Atomic(false)
        let position = Atomic<Int64>(0)

        func set() { isSet.store(true, ordering: .releasing) }
        var isReached: Bool { isSet.load(ordering: .acquiring) }
    }

    static func stream(
        _ call: Call,
        _ parts: @escaping @Sendable () async throws -> PageParts
    ) -> Response {
        let body = ResponseBody { writer in
            let end = End()
            do {
                try await withGracefulShutdownHandler {
                    try await call.request.body.consumeWithInboundCloseHandler { _ in
                        try await send(call, parts, end, &writer)
                    } onInboundClosed: {
                        end.set()
                    }
                } onGracefulShutdown: {
                    end.set()
                }
            } catch {
                await keepEnd(call, end)
                throw error
            }
            await keepEnd(call, end)
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

    /// Keeps how far the page was shown.
    private static func keepEnd(_ call: Call, _ end: End) async {
        var entry = call.decision
        let position = end.position.load(ordering: .relaxed)
        entry.detail = "the page was live up to position \(position)"
        do {
            try await call.service.accessLog.record(entry, in: call.ledger)
        } catch {
            call.context.logger.warning("the end of a live page is not in the access log")
        }
    }

    // Hummingbird's writers are called off any actor.
    @concurrent
    private static func send(
        _ call: Call,
        _ parts: @Sendable () async throws -> PageParts,
        _ end: End,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        let feed = try call.service.sequencer(call.ledger).feed
        try await writer.write(ByteBuffer(string: "retry: 2000\n\n"))
        var shown: PageParts?
        var first: PageParts?
        var quietSince = ContinuousClock.now
        var lookedAt = ContinuousClock.now - .seconds(60)
        var askedAt = ContinuousClock.now
        while !end.isReached, Instant.now < call.principal.expiresAt {
            await feed.wait(beyond: shown?.position ?? .zero, atMost: .seconds(1))
            if askedAt + sessionLook <= .now {
                askedAt = .now
                guard try await isSignedIn(call) else {
                    try await writer.write(
                        ByteBuffer(string: "event: over\ndata: You are signed out.\n\n")
                    )
                    return
                }
            }
            guard lookedAt + .seconds(1) <= .now else {
                try await Task.sleep(for: .milliseconds(100))
                continue
            }
            // Time alone changes a page too.
            let isDue = feed.head > shown?.position ?? .zero || lookedAt + .seconds(60) <= .now
            guard isDue || shown == nil else {
                if quietSince + heartbeat <= .now {
                    quietSince = .now
                    try await writer.write(ByteBuffer(string: ": alive\n\n"))
                }
                continue
            }
            lookedAt = .now
            guard let next = try await present(parts) else { continue }
            if let first, next.date != first.date {
                try await writer.write(
                    ByteBuffer(
                        string: "event: over\ndata: The day has ended: open the page again.\n\n"
                    )
                )
                return
            }
            end.position.store(next.position.rawValue, ordering: .relaxed)
            var changed = next.parts.filter { shown?.parts[$0.key] != $0.value }
            if shown == nil { changed = [:] }
            if let first, let moves = moves(from: first, to: next) { changed["status"] = moves }
            shown = next
            if first == nil { first = next }
            guard !changed.isEmpty else { continue }
            let data = AnswerJSON.object(
                changed.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }
            ).bytes
            var buffer = ByteBuffer(string: "event: parts\ndata: ")
            buffer.writeBytes(data)
            buffer.writeString("\n\n")
            try await writer.write(buffer)
            quietSince = .now
        }
    }

    /// Whether the page's session is still there; what a page asks by itself does not keep it alive.
    private static func isSignedIn(_ call: Call) async throws -> Bool {
        do {
            _ = try await call.service.visitor(of: call.request)
            return true
        } catch is SignInNeeded {
            return false
        } catch let error as PostgresError where error.isTransient {
            return true
        } catch let problem as Problem where problem.status == .serviceUnavailable {
            // Away, not over: nothing is sent meanwhile, since the parts come from there too.
            return true
        }
    }

    /// The parts now; nil while the database is away or the answer is late, which a stream outlives.
    private static func present(
        _ parts: @Sendable () async throws -> PageParts
    ) async throws -> PageParts? {
        do {
            return try await parts()
        } catch is LateAnswer {
            return nil
        } catch let error as PostgresError where error.isTransient {
            try await Task.sleep(for: .seconds(1))
            return nil
        } catch let problem as Problem where problem.status == .serviceUnavailable {
            try await Task.sleep(for: .seconds(1))
            return nil
        }
    }

    /// Who came and went since a page was opened; nil where nobody did.
    private static func moves(from first: PageParts, to next: PageParts) -> String? {
        let (came, went) = (
            next.episodes.subtracting(first.episodes).count,
            first.episodes.subtracting(next.episodes).count
        )
        guard came + went > 0 else { return nil }
        let parts = [
            came > 0 ? "\(came) admitted" : nil, went > 0 ? "\(went) ended or moved" : nil,
        ].compactMap(\.self).joined(separator: ", ")
        return "\(parts) since you opened this page. <a href=\"\">Show</a>"
    }
}
