import CareEpisode
import HTTPTypes
import Hummingbird
import Ledger
import Markup
import ProjectionRuntime
import Projections

/// Questions to read models: one route for all of them.
enum QuestionRoutes {
    /// The position that the answer must reflect.
    static let atLeast = Parameter(
        "at_least",
        .integer(0...Position.most),
        "Answer once the read model has got to this position, or 503 where that takes too long.",
        standard: "0"
    )

    /// How long whoever waits for a read model rests before he asks the table, where nothing is heard.
    private static let firstPause: Duration = .milliseconds(20)
    private static let longestPause: Duration = .milliseconds(500)

    static func answer<Asked: Question>(_ call: Call, _ question: Asked.Type) async throws -> Reply
    {
        let context = try await LedgerContext(
            call.database,
            call.ledger,
            now: call.service.settings.now()
        )
        let (asked, position) = try read(call, question, context)
        let tables = try asked.readsTables(of: call.ledger)
        if let tables { try await wait(for: tables, position, call) }
        // Half of the time to wait, half to fold.
        let patience = call.service.settings.requestTimeout / 2
        return try await call.service.folds.takingTurns(patience: patience) {
            // What is folded from events is worked out, and written, where that keeps nobody waiting.
            guard tables == nil else { return try await answer(asked, context, call) }
            return try await Folds.apart { try await answer(asked, context, call) }
        }
    }

    private static func answer(
        _ asked: some Question,
        _ context: LedgerContext,
        _ call: Call
    ) async throws -> Reply {
        let answer = try await asked.written(context)
        var reply = try await reply(answer, call)
        reply.disclosed = "as of position \(answer.basis.position)"
        reply.found = answer.found
        return reply
    }

    /// An answer in the form that is asked for.
    private static func reply(_ answer: WrittenAnswer, _ call: Call) async throws -> Reply {
        if call.accepts("text/csv"), let list = answer.list {
            return .bytes(list().bytes, "text/csv; charset=utf-8")
        }
        guard call.accepts("text/html") else { return .json(answer.json) }
        return .bytes(
            Array("\(try await answer.document().html)\n".utf8),
            "text/html; charset=utf-8",
            headers: [.contentSecurityPolicy: "default-src 'none'; style-src 'unsafe-inline'"]
        )
    }

    /// What is asked, and the position that the answer must reflect; everything that is wrong with
    /// the query is told at once.
    private static func read<Asked: Question>(
        _ call: Call,
        _ question: Asked.Type,
        _ context: LedgerContext
    ) throws -> (Asked, Position) {
        var values = call.arguments.values
        var reasons: [QuestionRefusal.Reason] = []
        let known = Set(call.parameters.map(\.name))
        if !known.isSuperset(of: values.keys) {
            reasons.append(.unknown(call.parameters))
            values = values.filter { known.contains($0.key) }
        }
        let least = Arguments([atLeast.name: values.removeValue(forKey: atLeast.name) ?? []])
        if let episode = call.context.parameters.get("episode") { values["episode"] = [episode] }
        var reader = ArgumentReader(least, [atLeast], at: context.moment)
        let position = Position(reader.integer(atLeast.name))
        if position > context.head {
            reader.refuse(atLeast.name, .invalid, "is beyond the head, \(context.head)")
        }
        var asked: Asked?
        do {
            asked = try Asked.read(Arguments(values), at: context.moment)
        } catch {
            reasons += error.reasons
        }
        do {
            try reader.finish()
        } catch {
            reasons += error.reasons
        }
        guard let asked, reasons.isEmpty else {
            throw QuestionRefusal(reasons, Asked.parameters + [atLeast])
        }
        return (asked, position)
    }

    /// Waits until the tables have got to a position, for a bounded time.
    static func wait(
        for projection: any EpisodeProjection,
        _ position: Position,
        _ call: Call,
        atMost limit: Duration = .seconds(4)
    ) async throws {
        let end = ContinuousClock.now + limit
        var pause = firstPause
        let feed = call.feed
        while true {
            let all = try await call.service.statuses.value(call.ledger.id) {
                try await ProjectionStatus.all(call.database, ledger: call.ledger)
            }
            if let status = all.first(where: { $0.name == projection.name }) {
                // Of tables that another version of the fold has filled, the query says what to do.
                if status.position >= position || ReadModels.isRebuildNeeded(status) { return }
            }
            guard .now < end else {
                throw Problem.unavailable(
                    "the read model \(projection.name) has not got to position \(position) in time"
                )
            }
            // A worker of this process says when it has got there, and a look at the table, once a
            // second, of another one's. Where nobody looks, all who wait ask together, less and less
            // often.
            await feed.wait(atMost: feed.isFresh ? longestPause : pause) {
                $0.models[projection.name] ?? .zero >= position
            }
            pause = min(pause * 2, longestPause)
            try Task.checkCancellation()
        }
    }
}
