import CareEpisode
import TestSupport
import Testing

@testable import Ledger

@Suite("Batch plan")
struct BatchPlanTests {
    private static let now = SampleEvent.admissionTime.advanced(bySeconds: 365 * 86_400)

    private func pending(_ request: AppendRequest) -> PendingAppend {
        PendingAppend(ticket: AppendTicket(request))
    }

    private func state(_ drafts: EventDraft...) -> EpisodeState {
        drafts.reduce(into: EpisodeState()) { $0.apply($1) }
    }

    /// A state read after every request of the test had come.
    private func fresh(_ state: EpisodeState) -> KnownState {
        KnownState(state: state, verifiedAt: .now)
    }

    @Test("Requests of one episode are decided in order, each on the state its predecessor leaves")
    func chains() {
        let episode = EpisodeID.fresh
        let requests = [
            pending(request(episode, SampleEvent.admitted(), SampleEvent.session())),
            pending(request(episode, SampleEvent.session(), expected: Version(2))),
            pending(request(episode, SampleEvent.completed())),
        ]
        let plan = BatchPlan(requests, known: [episode: fresh(EpisodeState())], now: Self.now)
        #expect(plan.planned.map(\.base) == [Version(0), Version(2), Version(3)])
        #expect(plan.declined.isEmpty && plan.deferred.isEmpty && plan.stale.isEmpty)
        #expect(plan.predicted[episode]?.version == Version(4))
    }

    @Test("A refusal on the newest state is final, and the next request is decided all the same")
    func finalRefusal() throws {
        let episode = EpisodeID.fresh
        let requests = [
            pending(request(episode, SampleEvent.session())),
            pending(request(episode, SampleEvent.admitted())),
        ]
        let plan = BatchPlan(requests, known: [episode: fresh(EpisodeState())], now: Self.now)
        #expect(plan.planned.count == 1)
        #expect(plan.declined.count == 1)
        let refusal = try #require(plan.declined.first?.outcome.refusal)
        #expect(refusal == ["/type must be admitted: it is the first event of the episode"])
    }

    @Test("A refusal on a state older than the request is not final: the state is read again")
    func staleRefusal() {
        let episode = EpisodeID.fresh
        let known = fresh(EpisodeState())
        let late = pending(request(episode, SampleEvent.session()))
        let plan = BatchPlan([late], known: [episode: known], now: Self.now)
        #expect(plan.declined.isEmpty && plan.planned.isEmpty)
        #expect(plan.deferred.count == 1)
        #expect(plan.stale == [episode])
    }

    @Test("A conflict on a state older than the request is not final either")
    func staleConflict() {
        let episode = EpisodeID.fresh
        let known = fresh(state(SampleEvent.admitted()))
        let late = pending(request(episode, SampleEvent.session(), expected: Version(2)))
        let plan = BatchPlan([late], known: [episode: known], now: Self.now)
        #expect(plan.declined.isEmpty && plan.deferred.count == 1)
        #expect(plan.stale == [episode])
    }

    @Test("An acceptable request is planned on an old state too: the append is conditional on it")
    func stalePlanned() {
        let episode = EpisodeID.fresh
        let known = fresh(state(SampleEvent.admitted()))
        let late = pending(request(episode, SampleEvent.session()))
        let plan = BatchPlan([late], known: [episode: known], now: Self.now)
        #expect(plan.planned.map(\.base) == [Version(1)])
    }

    @Test("What is refused on a state that an append may still miss is decided in the next batch")
    func refusedOnPrediction() {
        let (episode, other) = (EpisodeID.fresh, EpisodeID.fresh)
        let requests = [
            pending(request(episode, SampleEvent.admitted())),
            pending(request(episode, SampleEvent.admitted())),
            pending(request(episode, SampleEvent.session())),
            pending(request(other, SampleEvent.admitted())),
        ]
        let known = [episode: fresh(EpisodeState()), other: fresh(EpisodeState())]
        let plan = BatchPlan(requests, known: known, now: Self.now)
        #expect(plan.planned.map(\.pending.request.episodeID) == [episode, other])
        // The third waits behind the second, to keep the order of the episode.
        #expect(
            plan.deferred.map(\.request.events[0].eventID)
                == requests[1...2].map(\.request.events[0].eventID)
        )
        #expect(plan.stale.isEmpty)
    }

    @Test("A request with an id of an earlier one in the batch waits for its outcome")
    func sameIDs() {
        let (first, second) = (EpisodeID.fresh, EpisodeID.fresh)
        let admission = SampleEvent.admitted()
        let requests = [
            pending(request(first, admission)), pending(request(second, admission)),
        ]
        let known = [first: fresh(EpisodeState()), second: fresh(EpisodeState())]
        let plan = BatchPlan(requests, known: known, now: Self.now)
        #expect(plan.planned.count == 1 && plan.deferred.count == 1 && plan.declined.isEmpty)
    }

    @Test("A request that names an id twice is declined as partly recorded")
    func idTwice() throws {
        let episode = EpisodeID.fresh
        let session = SampleEvent.session()
        let request = pending(request(episode, SampleEvent.admitted(), session, session))
        let plan = BatchPlan([request], known: [episode: fresh(EpisodeState())], now: Self.now)
        #expect(try #require(plan.declined.first).outcome.isPartlyRecorded)
    }

    @Test("Errors of a list point into it, and end with the first event the life cycle refuses")
    func listErrors() throws {
        let episode = EpisodeID.fresh
        let late = SampleEvent.session(day: 1_000)
        let list = pending(
            request(episode, late, SampleEvent.session(), SampleEvent.session(day: 1_000))
        )
        let admitted = state(SampleEvent.admitted())
        let plan = BatchPlan([list], known: [episode: fresh(admitted)], now: Self.now)
        let future = "must be at most 5 minutes after the ledger's clock"
        #expect(
            try #require(plan.declined.first?.outcome.refusal)
                == ["/0/occurred_at \(future)", "/2/occurred_at \(future)"]
        )
        let begun = BatchPlan([list], known: [episode: fresh(EpisodeState())], now: Self.now)
        #expect(
            try #require(begun.declined.first?.outcome.refusal)
                == [
                    "/0/occurred_at \(future)",
                    "/0/type must be admitted: it is the first event of the episode",
                ]
        )
    }

    @Test("Idempotency comes before time and life cycle, and those before the expected version")
    func order() throws {
        let episode = EpisodeID.fresh
        let end = SampleEvent.completed()
        let known = state(SampleEvent.admitted(), end)
        let requests = [
            pending(request(episode, end, expected: .zero)),
            pending(request(episode, SampleEvent.programChanged(day: 61), expected: .zero)),
            pending(request(episode, SampleEvent.session(), expected: .zero)),
        ]
        let plan = BatchPlan(requests, known: [episode: fresh(known)], now: Self.now)
        #expect(plan.declined.count == 3)
        #expect(plan.declined[0].outcome.reused == end.eventID)
        #expect(plan.declined[1].outcome.refusal?.count == 1)
        #expect(plan.declined[2].outcome.conflict == Version(2))
    }

    // MARK: - Against a model

    @Test("Any stream of requests ends as if each had been served alone", arguments: 0..<40)
    func matchesModel(_ seed: UInt64) throws {
        var random = SeededRandom(seed: seed)
        let episodes = (0..<6).map { _ in EpisodeID.random(using: &random) }
        // What is recorded before, and what this process still believes of it.
        var recorded: [EpisodeID: EpisodeState] = [:]
        var believed: [EpisodeID: KnownState] = [:]
        for episode in episodes {
            var state = EpisodeState()
            if random.happens(0.5) { believed[episode] = fresh(state) }
            if random.happens(0.5) { state.apply(SampleEvent.admitted(.random(using: &random))) }
            if random.happens(0.3) { believed[episode] = fresh(state) }
            if state.version > .zero, random.happens(0.5) {
                state.apply(SampleEvent.completed(.random(using: &random)))
            }
            recorded[episode] = state
        }
        let requests = Self.stream(of: 60, episodes, &random)
        let expected = Self.serveAlone(requests, recorded)
        let actual = try Self.serveInBatches(
            requests.map { pending($0) },
            recorded: recorded,
            believed: believed,
            &random
        )
        #expect(actual == expected, "seed \(seed)")
    }

    private static func stream(
        of count: Int,
        _ episodes: [EpisodeID],
        _ random: inout SeededRandom
    ) -> [AppendRequest] {
        var sent: [EpisodeID: [EventDraft]] = [:]
        return (0..<count).map { _ in
            let episode = episodes.randomElement(using: &random)!
            let events = (0..<Int.random(in: 1...3, using: &random)).map { _ in
                let id = EventID.random(using: &random)
                let before = sent[episode]?.randomElement(using: &random)
                let draft: EventDraft
                switch Int.random(in: 0..<10, using: &random) {
                case 0...1: draft = SampleEvent.admitted(id)
                case 2: draft = SampleEvent.completed(id)
                case 3: draft = SampleEvent.retracted(id, target: before?.eventID ?? id)
                case 4: draft = before ?? SampleEvent.session(id)
                default:
                    draft = SampleEvent.session(id, day: Int64.random(in: 0..<80, using: &random))
                }
                sent[episode, default: []].append(draft)
                return draft
            }
            let version = Version(Int64.random(in: 0..<8, using: &random))
            return AppendRequest(
                episodeID: episode,
                events: events,
                expectedVersion: random.happens(0.3) ? version : nil,
                recordedBy: "cli:test"
            )
        }
    }

    /// The catalog's checks, one request at a time.
    private static func serveAlone(
        _ requests: [AppendRequest],
        _ recorded: [EpisodeID: EpisodeState]
    ) -> [String] {
        var recorded = recorded
        return requests.map { request in
            var state = recorded[request.episodeID]!
            let ids = request.events.map(\.eventID)
            if Set(ids).count < ids.count { return "an id twice" }
            for draft in request.events {
                if state.contains(draft.eventID) { return "repeat" }
                if !draft.timeErrors(now: now).isEmpty { return "refused" }
                if !state.decide(draft).isEmpty { return "refused" }
                state.apply(draft)
            }
            let before = recorded[request.episodeID]!.version
            if let expected = request.expectedVersion, expected != before {
                return "conflict with \(before)"
            }
            recorded[request.episodeID] = state
            return "appended at \(state.version)"
        }
    }

    /// What the sequencer does, with a database that is a dictionary.
    private static func serveInBatches(
        _ requests: [PendingAppend],
        recorded: [EpisodeID: EpisodeState],
        believed: [EpisodeID: KnownState],
        _ random: inout SeededRandom
    ) throws -> [String] {
        var (recorded, known) = (recorded, believed)
        var outcomes: [ObjectIdentifier: String] = [:]
        var waiting = requests[...]
        var deferred: [PendingAppend] = []
        var stale: Set<EpisodeID> = []
        for _ in 0..<10_000 where !(waiting.isEmpty && deferred.isEmpty) {
            let taken = waiting.prefix(Int.random(in: 1...20, using: &random))
            waiting = waiting.dropFirst(taken.count)
            let batch = deferred + taken
            for episode in Set(batch.map(\.request.episodeID))
            where known[episode] == nil || stale.contains(episode) {
                known[episode] = KnownState(state: recorded[episode]!, verifiedAt: .now)
            }
            let plan = BatchPlan(batch, known: known, now: now)
            for (pending, outcome) in plan.declined {
                #expect(outcomes[ObjectIdentifier(pending.ticket)] == nil)
                outcomes[ObjectIdentifier(pending.ticket)] = name(outcome)
            }
            stale = plan.stale
            deferred = []
            let sentAt = ContinuousClock.now
            var broken: Set<EpisodeID> = []
            for planned in plan.planned {
                let episode = planned.pending.request.episodeID
                guard recorded[episode]!.version == planned.base, !broken.contains(episode) else {
                    broken.insert(episode)
                    deferred.append(planned.pending)
                    continue
                }
                for draft in planned.events { recorded[episode]!.apply(draft) }
                #expect(outcomes[ObjectIdentifier(planned.pending.ticket)] == nil)
                outcomes[ObjectIdentifier(planned.pending.ticket)] =
                    "appended at \(recorded[episode]!.version)"
            }
            for (episode, state) in plan.predicted {
                known[episode] =
                    broken.contains(episode)
                    ? nil : KnownState(state: state, verifiedAt: sentAt)
            }
            deferred += plan.deferred
        }
        #expect(deferred.isEmpty && waiting.isEmpty)
        return requests.map { outcomes[ObjectIdentifier($0.ticket)] ?? "never told" }
    }

    private static func name(_ outcome: AppendOutcome) -> String {
        switch outcome {
        case .appended, .duplicate: "a plan does not append"
        case .refused: "refused"
        case .conflict(let current): "conflict with \(current)"
        case .eventIDReused: "repeat"
        case .partlyRecorded: "an id twice"
        }
    }
}
