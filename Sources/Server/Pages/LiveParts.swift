import CareEpisode
import Hummingbird
import Ledger
import Pages
import Postgres
import ProjectionRuntime

/// What changes on a page while it is looked at.
struct PageParts: PageAnswer {
    /// The HTML within each part, by its id.
    let parts: [String: String]
    /// What comes and goes.
    let members: PageMembers
    /// Up to where everything takes part.
    let position: Position
    /// The date that the page shows.
    let date: CalendarDate
}

/// Sends the parts of a page that have changed, once a second, for as long as it is open.
enum LiveParts {
    /// So often it is looked whether the reader is still signed in.
    private static let sessionLook: Duration = .seconds(5)

    /// A page that does not change says that it is alive so often.
    private static let heartbeat: Duration = .seconds(15)

    /// Sends what changes.
    ///
    /// - Parameter parts: the parts as they are now.
    static func stream(
        _ call: Call,
        _ parts: @escaping @Sendable () async throws -> PageParts
    ) -> Response {
        ServerSentEvents.response(
            call,
            from: .zero,
            told: { "the page was live up to position \($0)" }
        ) { end, writer in
            try await send(call, parts, end, &writer)
        }
    }

    // Hummingbird's writers are called off any actor.
    @concurrent
    private static func send(
        _ call: Call,
        _ parts: @Sendable () async throws -> PageParts,
        _ end: ServerSentEvents.End,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        let feed = call.feed
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
                    try await writer.write(over("You are signed out."))
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
                try await writer.write(over("The day has ended: open the page again."))
                return
            }
            end.position = next.position
            var changed = next.parts.filter { shown?.parts[$0.key] != $0.value }
            if shown == nil { changed = [:] }
            if let first, let moves = next.members.moves(since: first.members) {
                changed["status"] = moves
            }
            shown = next
            if first == nil { first = next }
            guard !changed.isEmpty else { continue }
            try await writer.write(event(changed))
            quietSince = .now
        }
    }

    private static func event(_ parts: [String: String]) -> ByteBuffer {
        let data = AnswerJSON.object(
            parts.sorted { $0.key < $1.key }.map { ($0.key, .string($0.value)) }
        ).bytes
        var buffer = ByteBuffer(string: "event: parts\ndata: ")
        buffer.writeBytes(data)
        buffer.writeString("\n\n")
        return buffer
    }

    private static func over(_ why: String) -> ByteBuffer {
        ByteBuffer(string: "event: over\ndata: \(why)\n\n")
    }

    /// Whether the page's session is still there; what a page asks by itself does not keep it alive.
    private static func isSignedIn(_ call: Call) async throws -> Bool {
        do {
            _ = try await call.service.visitor(of: call.request, isActivity: false)
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
}
