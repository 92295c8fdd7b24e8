package import CareEpisode
import HTTPTypes
import Hummingbird
package import Ledger
import Metrics
import ProjectionRuntime
import TransparencyLog

/// Recording events, and reading them as they were recorded.
enum EventRoutes {
    // MARK: - Appending

    static func append(_ call: Call) async throws -> Reply {
        let episode = try call.episode()
        let expected = try expectedVersion(call.request)
        let bytes = call.body
        // Nobody backdates knowledge by hand; systems that record for others may say when those did.
        let isTrusted = !call.principal.roles.isDisjoint(with: [.service, .administrator])
        let events = try EventParser.parseRequest(bytes, from: isTrusted ? .trusted : .writer)
        let request = AppendRequest(
            episodeID: episode,
            events: events,
            expectedVersion: expected,
            recordedBy: call.principal.subject,
            isList: bytes.first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) } == UInt8(ascii: "["),
            decision: call.decision
        )
        let ticket: AppendTicket
        let outcome: AppendOutcome
        do {
            ticket = try call.service.sequencer(call.ledger).submit(request)
            outcome = try await ticket.outcome()
        } catch {
            // Nothing was done, or nobody knows whether; then the decision went with the events.
            return Reply(.failure(error), decision: .handler)
        }
        // Also of an append that is refused, the decision was that it may be tried.
        let decision: Reply.DecisionWriter = ticket.keepsDecision ? .handler : .door
        do {
            return Reply(.success(try await response(outcome, call)), decision: decision)
        } catch {
            return Reply(.failure(error), decision: decision)
        }
    }

    private static func response(_ outcome: AppendOutcome, _ call: Call) async throws -> Response {
        switch outcome {
        case .appended(let receipts):
            count("appended", receipts.count, call)
            return try await recorded(receipts, .created, call)
        case .duplicate(let receipts):
            count("duplicate", receipts.count, call)
            return try await recorded(receipts, .ok, call)
        case .refused(let refusal):
            count("refused", 1, call)
            throw refusal
        case .conflict(let current):
            count("conflict", 1, call)
            throw Problem(
                status: .conflict,
                code: "version-conflict",
                detail: "the episode is not at the expected version; nothing was written",
                members: [("current_version", .integer(current.rawValue))],
                headers: [.eTag: "\"\(current)\""]
            )
        case .eventIDReused(let id):
            count("conflict", 1, call)
            throw Problem(
                status: .conflict,
                code: "event-id-reused",
                detail: "event id \(id) is recorded with other content; nothing was written"
            )
        case .partlyRecorded:
            count("refused", 1, call)
            throw Problem(
                status: .unprocessableContent,
                code: "partly-recorded",
                detail: "some of the events are recorded already and some are not, or an id is "
                    + "named twice; nothing was written"
            )
        }
    }

    private static func count(_ outcome: String, _ number: Int, _ call: Call) {
        Counter(
            label: "episode_ledger_append_events",
            dimensions: [("ledger", call.ledger.name.description), ("outcome", outcome)]
        ).increment(by: number)
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
            guard text.count > 2, text.hasPrefix("\""), text.hasSuffix("\""),
                let number = Int64(text.dropFirst().dropLast()), number >= 0
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
        var members: [(name: String, value: AnswerJSON)] = [
            ("events", .array(receipts.map(\.json)))
        ]
        if call.request.headers[.prefer]?.contains("wait=sealed") == true,
            let position = receipts.last?.position,
            let note = try? await inTime(
                call.service.settings.sealLimit,
                { try await sealed(position, call) }
            )
        {
            headers[.preferenceApplied] = "wait=sealed"
            members.append(("checkpoint", .string(note)))
        }
        return .json(.object(members), status: status, headers: headers)
    }

    /// The checkpoint that covers a position; nil where none comes in time.
    private static func sealed(_ position: Position, _ call: Call) async throws -> String? {
        let end = ContinuousClock.now + call.service.settings.sealLimit
        while .now < end {
            let newest = try await PublishedCheckpoint.newest(call.database, call.ledger)
            if let signed = newest?.signed, signed.checkpoint.size >= position.rawValue {
                return signed.note.description
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        return nil
    }

    // MARK: - Reading

    static func list(_ call: Call) async throws -> Reply {
        let (start, types, episode, limit) = try call.read { reader in
            (
                reader.integer("after"), reader.types("types"), reader.episode("episode"),
                Int(reader.integer("limit"))
            )
        }
        var after = start
        if call.accepts("text/event-stream") {
            if let last = call.request.headers[.lastEventID] {
                guard let position = Int64(last), (0...Position.most).contains(position) else {
                    throw Problem.badRequest("Last-Event-ID", "must be a position")
                }
                after = position
            }
            return Reply(
                EventStream.serverSentEvents(
                    call,
                    after: Position(after),
                    types: types,
                    episode: episode
                ),
                disclosed: "a stream after position \(after)"
            )
        }
        if call.accepts("application/x-ndjson") {
            let head = try await call.reader.head().position
            return Reply(
                EventStream.lines(
                    call,
                    after: Position(after),
                    until: head,
                    types: types,
                    episode: episode
                ),
                disclosed: "events up to position \(head)"
            )
        }
        let page = try await call.reader.page(
            after: Position(after),
            types: types,
            episode: episode,
            limit: limit
        )
        return .json(
            [
                "events": .array(page.events.map { .raw($0.served()) }),
                "next_after": .integer(page.nextAfter.rawValue),
                "head": .integer(page.head.rawValue),
            ],
            disclosed: "\(page.events.count) events up to position \(page.nextAfter)"
        )
    }

    /// The events of one episode, by version.
    static func ofEpisode(_ call: Call) async throws -> Reply {
        let episode = try call.episode()
        let events = try await call.reader.events(of: episode)
        guard let last = events.last else { throw LedgerError.unknownEpisode(episode) }
        let version = last.history.version.rawValue
        return .json(
            [
                "events": .array(events.map { .raw($0.served()) }),
                "version": .integer(version),
            ],
            headers: [.eTag: "\"\(version)\""],
            disclosed: "versions 1 to \(version)"
        )
    }
}

extension AppendReceipt {
    /// What the ledger added to an event.
    package var json: AnswerJSON {
        [
            "event_id": .string(eventID.description),
            "version": .integer(version.rawValue),
            "position": .integer(position.rawValue),
            "recorded_at": .instant(recordedAt),
            "leaf_hash": .string(hexadecimal(leafHash)),
            "duplicate": .bool(duplicate),
        ]
    }
}

/// Lower-case hex.
package func hexadecimal(_ bytes: [UInt8]) -> String {
    let digits = Array("0123456789abcdef".utf8)
    return String(unsafeUninitializedCapacity: 2 * bytes.count) { text in
        for (index, byte) in bytes.enumerated() {
            text[2 * index] = digits[Int(byte >> 4)]
            text[2 * index + 1] = digits[Int(byte & 15)]
        }
        return 2 * bytes.count
    }
}
