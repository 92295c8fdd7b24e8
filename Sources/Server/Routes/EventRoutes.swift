public import CareEpisode
import HTTPTypes
import Hummingbird
public import Ledger
import Metrics
import Postgres
import ProjectionRuntime
import TransparencyLog

/// Recording events, and reading them as they were recorded.
enum EventRoutes {
    // MARK: - Appending

    static func append(_ call: Call) async throws -> Reply {
        let episode = try call.episode()
        let expected = try expectedVersion(call.request)
        // Nobody backdates knowledge by hand; systems that record for others may say when those did.
        let isTrusted = !call.principal.roles.isDisjoint(with: [.service, .administrator])
        let sent = try EventParser.parseRequest(call.body, from: isTrusted ? .trusted : .writer)
        let request = AppendRequest(
            episodeID: episode,
            events: sent.events,
            expectedVersion: expected,
            recordedBy: call.principal.subject,
            isList: sent.isList,
            decision: call.decision
        )
        let (result, decision) = await submit(request, call)
        do {
            return Reply(.success(try await response(result.get(), call)), decision: decision)
        } catch {
            return Reply(.failure(error), decision: decision)
        }
    }

    /// Records events, and says who writes the decision that they may be.
    static func submit(
        _ request: AppendRequest,
        _ call: Call
    ) async -> (result: Result<AppendOutcome, any Error>, decision: Reply.DecisionWriter) {
        do {
            let ticket = try call.service.sequencer(call.ledger).submit(request, isTimed: true)
            let outcome = try await ticket.outcome()
            count(outcome, call)
            // Also of an append that is refused, the decision was that it may be tried.
            return (.success(outcome), ticket.keepsDecision ? .handler : .door)
        } catch {
            // Nothing was done for now, or nobody knows whether; then the decision went with the events.
            // Of what failed for good there is an entry.
            if case .database = error as? AppendError {
                call.service.accessLog.couldNotKeep(call.decision, in: call.ledger)
            }
            let isForNow =
                error is AppendError || error is CancellationError
                || (error as? PostgresError)?.isTransient == true
            return (.failure(error), isForNow ? .handler : .door)
        }
    }

    private static func response(_ outcome: AppendOutcome, _ call: Call) async throws -> Response {
        if let decline = outcome.decline { throw Problem(decline, of: outcome) }
        let isNew = if case .appended = outcome { true } else { false }
        return try await recorded(outcome.receipts, isNew ? .created : .ok, call)
    }

    private static func count(_ outcome: AppendOutcome, _ call: Call) {
        var name = "appended"
        if let decline = outcome.decline {
            name = decline.isConflict ? "conflict" : "refused"
        } else if case .duplicate = outcome {
            name = "duplicate"
        }
        Counter(
            label: "episode_ledger_append_events",
            dimensions: [("ledger", call.ledger.name.description), ("outcome", name)]
        ).increment(by: max(outcome.receipts.count, 1))
    }

    /// `If-Match: "n"`, or `If-None-Match: *` for a new episode.
    private static func expectedVersion(_ request: Request) throws -> Version? {
        let match = request.headers[.ifMatch]
        let none = request.headers[.ifNoneMatch]
        if match != nil && none != nil {
            throw Problem.badRequest("If-Match", "does not go with If-None-Match")
        }
        if let none {
            guard none == "*" else { throw Problem.badRequest("If-None-Match", "must be *") }
            return .zero
        }
        return try match.map { text in
            // By bytes: what looks like a quote may be one with marks on it.
            let quote = UInt8(ascii: "\"")
            let digits = Substring(text.utf8.dropFirst().dropLast())
            guard text.utf8.count > 2, text.utf8.first == quote, text.utf8.last == quote,
                let number = Int64(digits), number >= 0, String(number) == digits
            else {
                throw Problem.badRequest("If-Match", "must be a version in quotes, such as \"3\"")
            }
            return Version(number)
        }
    }

    /// The receipts, sealed first where that is preferred and comes in time.
    private static func recorded(
        _ receipts: [AppendReceipt],
        _ status: HTTPResponse.Status,
        _ call: Call
    ) async throws -> Response {
        var headers: HTTPFields = [:]
        if let version = receipts.last?.version { headers[.eTag] = "\"\(version)\"" }
        var answer = RecordedAnswer(receipts: receipts)
        if call.request.headers[.prefer]?.contains("wait=sealed") == true,
            let position = receipts.last?.position,
            let note = try? await withTimeout(
                call.service.settings.sealLimit,
                { try await sealed(position, call) }
            )
        {
            headers[.preferenceApplied] = "wait=sealed"
            answer.checkpoint = note
        }
        return .json(answer.json, status: status, headers: headers)
    }

    /// The checkpoint that covers a position; nil where none comes in time.
    private static func sealed(_ position: Position, _ call: Call) async throws -> String? {
        let end = ContinuousClock.now + call.service.settings.sealLimit
        let feed = call.feed
        while .now < end {
            let newest = try await feed.checkpoint(call.database, call.ledger)
            if let signed = newest?.signed, signed.checkpoint.size >= position.rawValue {
                return signed.note.description
            }
            let rest = ContinuousClock.now.duration(to: end)
            await feed.wait(atMost: feed.isFresh ? rest : .milliseconds(50)) {
                $0.sealed >= position
            }
            try Task.checkCancellation()
        }
        return nil
    }

    // MARK: - Reading

    static func list(_ call: Call) async throws -> Reply {
        let (start, types, episode, limit) = try call.read { reader in
            (
                reader.cursor("after"), reader.types("types"), reader.episode("episode"),
                Int(reader.integer("limit"))
            )
        }
        var after = start
        if call.accepts("text/event-stream") {
            if let last = call.request.headers[.lastEventID] {
                guard let cursor = Cursor(last), cursor.position.rawValue <= Cursor.highest else {
                    throw Problem.badRequest(
                        "Last-Event-ID",
                        "must be the id of an event of the stream"
                    )
                }
                after = cursor
            }
            try await call.reader.check(after)
            return Reply(
                EventStream.serverSentEvents(
                    call,
                    after: after,
                    types: types,
                    episode: episode
                ),
                disclosed: "a stream after position \(after)"
            )
        }
        if call.accepts("application/x-ndjson") {
            let head = try await call.reader.check(after)
            return Reply(
                EventStream.lines(
                    call,
                    after: after,
                    until: head.position,
                    types: types,
                    episode: episode
                ),
                disclosed: "events up to position \(head.cursor)"
            )
        }
        let page = try await call.reader.page(
            after: after,
            types: types,
            episode: episode,
            limit: limit
        )
        return .json(
            page.json,
            disclosed: "\(page.events.count) events up to position \(page.cursor)"
        )
    }

    /// The events of one episode, by version.
    static func ofEpisode(_ call: Call) async throws -> Reply {
        let episode = try call.episode()
        let events = try await call.reader.events(of: episode)
        guard let last = events.last else { throw LedgerError.unknownEpisode(episode) }
        let version = last.history.version
        return .json(
            EpisodeEvents(events: events, version: version).json,
            headers: [.eTag: "\"\(version)\""],
            disclosed: "versions 1 to \(version)"
        )
    }
}

/// The answer to who records events.
struct RecordedAnswer: JSONObject {
    let receipts: [AppendReceipt]
    /// The signed checkpoint that covers them, where it was waited for.
    var checkpoint: String?

    static let fields: [JSONField<Self>] = [
        .init("events", \.receipts),
        .optional("checkpoint", \.checkpoint),
    ]
}

extension EventPage: JSONObject {
    /// A page of events, and where the next one begins.
    public static let fields: [JSONField<Self>] = [
        .init("events", schema: [RecordedEvent].schema) { RecordedEvent.served($0.events) },
        .init("next_after", \.cursor),
        .init("head", \.head),
    ]
}

/// The events of one episode, by version.
struct EpisodeEvents: JSONObject {
    let events: [RecordedEvent]
    /// The last one's.
    let version: Version

    static let fields: [JSONField<Self>] = [
        .init("events", schema: [RecordedEvent].schema) { RecordedEvent.served($0.events) },
        .init("version", \.version),
    ]
}

extension Problem {
    /// Why nothing of a request was written.
    fileprivate init(_ decline: AppendDecline, of outcome: AppendOutcome) {
        self.init(
            status: decline.isConflict ? .conflict : .unprocessableContent,
            code: decline.code.replacing("_", with: "-"),
            detail: decline.detail
        )
        if case .refused(let refusal) = outcome { errors = refusal.errors }
        if case .conflict(let current) = outcome {
            currentVersion = current
            headers = [.eTag: "\"\(current)\""]
        }
    }
}
