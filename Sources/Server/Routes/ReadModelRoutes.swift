import CareEpisode
import Hummingbird
import Ledger
import ProjectionRuntime
import Projections

/// What clinicians read, for any two clocks.
struct ReadModelRoutes {
    /// What a question to a read model says of its clocks.
    private let call: Call
    private let calendar: LocalCalendar
    private let knowledge: Knowledge?
    private let clock: KnowledgeClock

    /// The parameters that every read model knows.
    static let clocks: Set<String> = ["known_at", "known_by", "at_least"]

    /// Reads the clocks, and waits for the position that the answer must reflect.
    private init(_ call: Call, _ model: String?) async throws {
        self.call = call
        calendar = try LocalCalendar(timeZone: call.ledger.timeZone)
        clock = try call.query.clock()
        let head = try await call.reader.head()
        let knownAt = try call.query.instant("known_at", calendar)
        if let knownAt, let newest = head.recordedAt, knownAt < newest {
            knowledge = Knowledge(at: knownAt, by: clock)
        } else {
            knowledge = nil
        }
        let least = try call.query.integer("at_least", in: 0...Position.most, default: 0)
        guard least <= head.position.rawValue else {
            throw Problem.badRequest("at_least", "is beyond the head, \(head.position)")
        }
        guard let model, knowledge == nil else { return }
        try await wait(for: model, Position(least))
    }

    /// Waits until the tables have got to a position, for a bounded time.
    private func wait(for model: String, _ position: Position) async throws {
        let end = ContinuousClock.now + .seconds(4)
        while true {
            let all = try await ProjectionStatus.all(call.database, ledger: call.ledger)
            if let status = all.first(where: { $0.name == model }) {
                // Of tables that another version of the fold has filled, the query says what to do.
                if status.position >= position || ReadModels.isRebuildNeeded(status) { return }
            }
            guard .now < end else {
                throw Problem.unavailable(
                    "the read model \(model) has not got to position \(position) in time"
                )
            }
            try await Task.sleep(for: .milliseconds(20))
        }
    }

    private var today: CalendarDate { calendar.date(of: .now) }

    private func effectiveAt(_ date: CalendarDate) -> Instant {
        let end = calendar.startOfDay(date.adding(days: 1))
        return min(Instant(microseconds: end.microseconds - 1), .now)
    }

    private func refuse(_ name: String, after date: CalendarDate) throws {
        guard date > today else { return }
        throw Problem.badRequest(
            name,
            "must not lie ahead: today is \(today) in \(call.ledger.timeZone)"
        )
    }

    private func past(_ name: String) throws -> Instant {
        let now = Instant.now
        guard let text = call.query.string(name) else { return now }
        if let date = CalendarDate(iso8601: text) { try refuse(name, after: date) }
        guard let instant = try call.query.instant(name, calendar) else { return now }
        guard instant <= now || CalendarDate(iso8601: text) != nil else {
            throw Problem.badRequest(name, "must not lie ahead")
        }
        return min(instant, now)
    }

    /// The first and the last date of a period.
    private func period() throws -> (from: CalendarDate, to: CalendarDate) {
        guard let from = try call.query.date("from"), let to = try call.query.date("to") else {
            throw Problem.badRequest("from", "and to are required")
        }
        guard from <= to else { throw Problem.badRequest("from", "must not be after to") }
        guard to.dayNumber - from.dayNumber < 3_660 else {
            throw Problem.badRequest("from", "and to must not be more than ten years apart")
        }
        try refuse("to", after: to)
        return (from, to)
    }

    /// Says in the access log what an answer rests on.
    @discardableResult
    private func told(_ basis: ReadModelBasis) -> ReadModelBasis {
        call.returned("as of position \(basis.position)")
        return basis
    }

    // MARK: - Requests

    static func census(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, CensusProjection.name)
        let query = try CensusQuery(call.database, ledger: call.ledger)
        if call.query.string("from") != nil || call.query.string("to") != nil {
            if call.query.string("date") != nil {
                throw Problem.badRequest("date", "does not go with from and to")
            }
            let (from, to) = try asked.period()
            let (tally, basis) = try await query.period(
                from: from,
                to: to,
                effectiveAt: asked.effectiveAt(to),
                program: call.query.string("program"),
                knowledge: asked.knowledge
            )
            return .json(tally.json(call.ledger, asked.told(basis)))
        }
        let date = try call.query.date("date") ?? asked.today
        try asked.refuse("date", after: date)
        let (answer, basis) = try await query.date(
            date,
            effectiveAt: asked.effectiveAt(date),
            program: call.query.string("program"),
            knowledge: asked.knowledge
        )
        return .json(answer.json(call.ledger, asked.told(basis)))
    }

    static func outcomes(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, CensusProjection.name)
        let (from, to) = try asked.period()
        let query = try CensusQuery(call.database, ledger: call.ledger)
        let (outcomes, basis) = try await query.outcomes(
            from: from,
            to: to,
            effectiveAt: asked.effectiveAt(to),
            program: call.query.string("program"),
            knowledge: asked.knowledge
        )
        return .json(outcomes.json(call.ledger, basis))
    }

    static func episodes(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, CensusProjection.name)
        let status = call.query.string("status")
        guard ["open", "ended", nil].contains(status) else {
            throw Problem.badRequest("status", "must be open or ended")
        }
        let query = try CensusQuery(call.database, ledger: call.ledger)
        let (list, basis) = try await query.episodes(
            CensusQuery.EpisodeFilter(
                clientID: call.query.string("client_id"),
                isOpen: status.map { $0 == "open" },
                program: call.query.string("program")
            ),
            effectiveAt: try asked.past("effective_at"),
            knowledge: asked.knowledge
        )
        return .json(list.json(call.ledger, asked.told(basis)))
    }

    static func attendance(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, nil)
        guard let episode = try call.query.episode("episode") else {
            throw Problem.badRequest("episode", "is required")
        }
        let effectiveAt = try asked.past("effective_at")
        let query = try AttendanceQuery(call.database, ledger: call.ledger)
        let (attendance, basis) = try await query.episode(
            episode,
            effectiveAt: effectiveAt,
            knowledge: asked.knowledge
        )
        return .json(
            attendance.json(episode, call.ledger, effectiveAt: effectiveAt, asked.told(basis))
        )
    }

    static func medicationReview(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, MedicationReviewProjection.name)
        let effectiveAt = try call.query.instant("effective_at", asked.calendar) ?? .now
        let query = try MedicationReviewQuery(call.database, ledger: call.ledger)
        let episode = try call.query.episode("episode")
        let program = call.query.string("program")
        guard (episode == nil) != (program == nil) else {
            throw Problem.badRequest("episode", "or program is required, not both")
        }
        if let episode {
            let answer = try await query.episode(
                episode,
                effectiveAt: effectiveAt,
                knowledge: asked.knowledge
            )
            asked.told(answer.basis)
            return .json(answer.json(call.ledger))
        }
        let answer = try await query.program(
            program ?? "",
            effectiveAt: effectiveAt,
            knowledge: asked.knowledge
        )
        asked.told(answer.basis)
        return .json(answer.json(call.ledger))
    }

    static func dischargeSummaries(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, DischargeSummaryProjection.name)
        let from = try call.query.date("from")
        let to = try call.query.date("to")
        if let from, let to, from > to { throw Problem.badRequest("from", "must not be after to") }
        let query = try DischargeSummaryQuery(call.database, ledger: call.ledger)
        let list = try await query.list(
            DischargeSummaryQuery.Selection(
                program: call.query.string("program"),
                from: from,
                to: to
            ),
            effectiveAt: try asked.past("effective_at"),
            knowledge: asked.knowledge
        )
        asked.told(list.basis)
        return .json(list.json(call.ledger))
    }

    static func dischargeSummary(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, nil)
        let query = try DischargeSummaryQuery(call.database, ledger: call.ledger)
        let interim = call.query.string("interim")
        guard ["true", "false", nil].contains(interim) else {
            throw Problem.badRequest("interim", "must be true or false")
        }
        let answer = try await query.episode(
            try call.episode(),
            effectiveAt: try asked.past("effective_at"),
            knowledge: asked.knowledge,
            clock: asked.clock,
            since: try call.query.instant("since", asked.calendar),
            interim: interim == "true"
        )
        asked.told(answer.basis)
        return .json(answer.json(call.ledger))
    }

    /// The state of one episode, by replay.
    static func episode(_ call: Call) async throws -> Response {
        let asked = try await ReadModelRoutes(call, nil)
        let episode = try call.episode()
        let events = try await call.reader.events(of: episode)
        guard !events.isEmpty else { throw LedgerError.unknownEpisode(episode) }
        let effectiveAt = try call.query.instant("effective_at", asked.calendar)
        let knownAt = try call.query.instant("known_at", asked.calendar)
        let replay = try Replay(
            events,
            knownAt: knownAt,
            knownBy: asked.clock,
            effectiveAt: effectiveAt
        )
        let state = try CensusProjection(call.ledger).fold(episode, replay.history)
        call.returned("\(events.count) events")
        return .json(
            replay.json(
                episode,
                call.ledger,
                knownAt: knownAt,
                knownBy: asked.clock,
                effectiveAt: effectiveAt,
                state: state
            )
        )
    }
}
