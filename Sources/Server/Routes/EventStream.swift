import CareEpisode
import Hummingbird
import Ledger
import Metrics
import Postgres
import Synchronization
import TransparencyLog

/// Events as long answers: NDJSON up to the head, and server-sent events that go on.
///
/// A client has a position and one page: what it has not taken yet stays in the table, and a client
/// that takes nothing holds up nobody.
enum EventStream {
    /// Positions of one page.
    private static let page = 500
    private static let clients = Atomic(0)

    // MARK: - NDJSON

    static func lines(
        _ call: Call,
        after: Cursor,
        until head: Position,
        types: Set<EventType>?,
        episode: EpisodeID?
    ) -> Response {
        let body = ResponseBody { writer in
            var position = after
            while position.position < head {
                let from = position
                let page = try await LedgerDatabase.sharing(call.ledger.id) {
                    try await Departure.whileClientWaits {
                        try await call.reader.page(
                            after: from,
                            until: head,
                            types: types,
                            episode: episode
                        )
                    }
                }
                var buffer = ByteBuffer()
                for event in page.events {
                    buffer.writeBytes(event.served())
                    buffer.writeInteger(UInt8(ascii: "\n"))
                }
                if buffer.readableBytes > 0 { try await writer.write(buffer) }
                position = page.cursor
            }
            try await writer.finish(nil)
        }
        return Response(
            status: .ok,
            headers: [.contentType: "application/x-ndjson"],
            body: body
        )
    }

    // MARK: - Server-sent events

    static func serverSentEvents(
        _ call: Call,
        after: Cursor,
        types: Set<EventType>?,
        episode: EpisodeID?
    ) -> Response {
        ServerSentEvents.response(
            call,
            from: after.position,
            told: { "the stream after position \(after) ended at \($0)" }
        ) { end, writer in
            let follower = EventFollower(
                call.reader,
                feed: call.feed,
                after: after,
                types: types,
                episode: episode,
                pollInterval: .seconds(5)
            )
            report(clients.wrappingAdd(1, ordering: .relaxed).newValue)
            defer { report(clients.wrappingSubtract(1, ordering: .relaxed).newValue) }
            try await follow(follower, call, end, &writer)
        }
    }

    private static func report(_ number: Int) {
        Gauge(label: "episode_ledger_stream_clients").record(number)
    }

    // Hummingbird's writers are called off any actor.
    @concurrent
    private static func follow(
        _ start: EventFollower,
        _ call: Call,
        _ end: ServerSentEvents.End,
        _ writer: inout any ResponseBodyWriter
    ) async throws {
        var follower = start
        var told: Int64 = -1
        try await writer.write(ByteBuffer(string: "retry: 2000\n"))
        var quietSince = ContinuousClock.now
        var checkedAt: ContinuousClock.Instant?
        let feed = call.feed
        while !end.isReached, Instant.now < call.principal.expiresAt {
            let events: [RecordedEvent]
            do {
                events = try await LedgerDatabase.sharing(call.ledger.id) {
                    try await next(&follower)
                }
            } catch let error as CursorError {
                return try await writer.write(last(error, call))
            }
            var buffer = ByteBuffer()
            for event in events {
                let id = Cursor(event.history.position, incarnation: follower.incarnation)
                buffer.writeString(
                    "id: \(id)\nevent: \(event.history.type.rawValue)\ndata: "
                )
                buffer.writeBytes(call.feed.served(event))
                buffer.writeString("\n\n")
            }
            let heartbeat = call.service.settings.heartbeat
            // No empty line after a comment: some clients take it for an event without data.
            // Each subscriber is a witness of what was signed.
            let isDue =
                feed.isFresh
                ? feed.seen.sealed.rawValue > told
                : checkedAt.map { $0 + .seconds(5) <= .now } ?? true
            if isDue {
                checkedAt = .now
                let signed = try await newest(call)
                if let signed, signed.checkpoint.size > told {
                    told = signed.checkpoint.size
                    for line in signed.note.description.split(
                        separator: "\n",
                        omittingEmptySubsequences: false
                    ) { buffer.writeString(": \(line)\n") }
                }
            }
            if buffer.readableBytes == 0, quietSince + heartbeat <= .now {
                buffer.writeString(": alive at \(follower.cursor)\n")
            }
            if buffer.readableBytes > 0 {
                // Told before it is sent: rather too much than too little.
                end.position = follower.position
                try await writer.write(buffer)
                quietSince = .now
                // Among many, a stream takes what has gathered: waking a thousand for each event
                // leaves writers nothing of the machine.
                if !events.isEmpty, let pause = pause() { try await Task.sleep(for: pause) }
            }
        }
    }

    /// What a stream ends with that cannot go on: the problem as it answers whoever comes back.
    private static func last(_ error: CursorError, _ call: Call) -> ByteBuffer {
        let problem = ProblemAnswer(problem: Problem(error), requestID: call.context.id)
        var buffer = ByteBuffer(string: "event: cursor-conflict\ndata: ")
        buffer.writeBytes(problem.json.bytes)
        buffer.writeString("\n\n")
        return buffer
    }

    /// How long a stream rests after events, by how many there are: 50 ms with a thousand, not at all
    /// with a few.
    private static func pause() -> Duration? {
        let number = clients.load(ordering: .relaxed)
        return number > 20 ? .microseconds(min(50_000, number * 50)) : nil
    }

    /// The next events; none while the database is away, which a stream outlives.
    private static func next(_ follower: inout EventFollower) async throws -> [RecordedEvent] {
        do {
            return try await follower.next(limit: page, within: .seconds(1))
        } catch let error as PostgresError where error.isTransient {
            try await Task.sleep(for: .seconds(1))
            return []
        }
    }

    private static func newest(_ call: Call) async throws -> SignedCheckpoint? {
        do {
            return try await call.feed.checkpoint(call.database, call.ledger)?.signed
        } catch let error as PostgresError where error.isTransient {
            return nil
        }
    }
}
