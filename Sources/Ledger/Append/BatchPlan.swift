import CareEpisode

/// A request with what this process knows about its way so far.
struct PendingAppend {
    let ticket: AppendTicket
    /// How often it was decided and not appended, because others had changed the episode.
    var attempts = 0

    var request: AppendRequest { ticket.request }
}

/// An episode's state as of some version, and since when that is known to be the newest.
struct KnownState {
    var state: EpisodeState
    /// The state was the newest one in the database at this moment or later.
    var verifiedAt: ContinuousClock.Instant
}

/// One request that was decided and is to be appended on the version it was decided on.
struct PlannedAppend {
    let pending: PendingAppend
    /// The version of the episode before it.
    let base: Version

    var events: [EventDraft] { pending.request.events }
}

/// What to do with one batch of requests: decided in order, each on the state that the requests
/// before it would leave.
///
/// Pure: a function of the requests, the states and the time.
struct BatchPlan {
    /// To be appended in one call, in this order.
    private(set) var planned: [PlannedAppend] = []
    /// Will not be appended, unless their ids turn out to be recorded already.
    private(set) var declined: [(pending: PendingAppend, outcome: AppendOutcome)] = []
    /// To be decided in the next batch, in this order.
    private(set) var deferred: [PendingAppend] = []
    /// Episodes whose state must be read again before they are decided.
    private(set) var stale: Set<EpisodeID> = []
    /// The state of each episode after everything planned.
    private(set) var predicted: [EpisodeID: EpisodeState] = [:]

    private let known: [EpisodeID: KnownState]
    private let now: Instant
    private var blocked: Set<EpisodeID> = []
    private var eventIDs: Set<EventID> = []

    /// Decides a batch.
    ///
    /// - Parameters:
    ///   - requests: in the order of arrival.
    ///   - known: the state of every episode that the requests name.
    ///   - now: the ledger's clock.
    init(_ requests: [PendingAppend], known: [EpisodeID: KnownState], now: Instant) {
        self.known = known
        self.now = now
        for request in requests { place(request) }
    }

    private mutating func place(_ pending: PendingAppend) {
        let request = pending.request
        let episode = request.episodeID
        guard let base = known[episode], !blocked.contains(episode) else {
            return wait(pending)
        }
        let ids = request.events.map(\.eventID)
        guard Set(ids).count == ids.count else {
            declined.append((pending, .partlyRecorded))
            return
        }
        // The first request with an id is told its outcome first; this one then finds it recorded.
        guard eventIDs.isDisjoint(with: ids) else { return wait(pending) }

        let before = predicted[episode] ?? base.state
        switch Self.decide(request, on: before, now: now) {
        case .success(let after):
            eventIDs.formUnion(ids)
            planned.append(PlannedAppend(pending: pending, base: before.version))
            predicted[episode] = after
        case .failure(let declined):
            // Final only on a state that was the newest one after the request had come, and that
            // does not hang on an append that may still fail.
            let isFresh = base.verifiedAt >= pending.ticket.submittedAt
            if isFresh && predicted[episode] == nil {
                self.declined.append((pending, declined.outcome))
            } else {
                if !isFresh { stale.insert(episode) }
                wait(pending)
            }
        }
    }

    private mutating func wait(_ pending: PendingAppend) {
        blocked.insert(pending.request.episodeID)
        deferred.append(pending)
    }

    private struct Declined: Error { let outcome: AppendOutcome }

    /// The checks of the event catalog in their order, but for idempotency, which is the
    /// database's: an id that the episode has already is declined here and looked up there.
    private static func decide(
        _ request: AppendRequest,
        on state: EpisodeState,
        now: Instant
    ) -> Result<EpisodeState, Declined> {
        var state = state
        var errors: [FieldError] = []
        let before = state.version
        for (index, draft) in request.events.enumerated() {
            func located(_ error: FieldError) -> FieldError {
                guard request.isList else { return error }
                var error = error
                error.pointer = "/\(index)" + error.pointer
                return error
            }
            if state.contains(draft.eventID) {
                return .failure(Declined(outcome: .eventIDReused(draft.eventID)))
            }
            errors += draft.timeErrors(now: now).map(located)
            let refused = state.decide(draft)
            errors += refused.map(located)
            // What follows would be decided on a state that will never be.
            guard refused.isEmpty else { break }
            state.apply(draft)
        }
        guard errors.isEmpty else {
            return .failure(Declined(outcome: .refused(Refusal(errors: errors))))
        }
        if let expected = request.expectedVersion, expected != before {
            return .failure(Declined(outcome: .conflict(current: before)))
        }
        return .success(state)
    }
}
