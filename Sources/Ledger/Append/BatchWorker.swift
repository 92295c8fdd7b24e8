import CareEpisode
import CoreMetrics
import Postgres

/// Decides batches and appends them, one at a time, for one ledger.
struct BatchWorker {
    /// How often a request is decided again before it is given up as contended.
    static let attemptLimit = 25
    /// How long a batch in doubt is repeated before its outcome is called unknown.
    static let settleLimit: Duration = .seconds(20)

    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let feed: LiveFeed
    private var cache = EpisodeStateCache(eventLimit: 2_000_000)
    private var clock = LedgerClock()
    private var deferred: [PendingAppend] = []
    private var stale: Set<EpisodeID> = []
    /// Whether the last call waited for the head's lock in vain.
    private var isHeldUp = false
    private let batchEvents: Recorder
    private let batchTime: CoreMetrics.Timer

    init(database: LedgerDatabase, ledger: LedgerDescription, feed: LiveFeed) {
        self.database = database
        self.ledger = ledger
        self.feed = feed
        let dimensions = [("ledger", ledger.name.description)]
        batchEvents = Recorder(
            label: "episode_ledger_append_batch_events",
            dimensions: dimensions,
            aggregate: true
        )
        batchTime = Timer(label: "episode_ledger_append_batch", dimensions: dimensions)
    }

    /// How many events wait to be decided again.
    var deferredEvents: Int { deferred.reduce(0) { $0 + $1.request.events.count } }

    /// Serves a batch, after what was deferred from earlier ones.
    ///
    /// Never throws: what goes wrong is told to the requests it goes wrong for.
    mutating func process(_ tickets: [AppendTicket]) async {
        let requests = deferred + tickets.map { PendingAppend(ticket: $0) }
        deferred = []
        do {
            let (known, unreadable) = try await states(of: requests)
            guard let now = clock.now else { throw AppendError.unavailable }
            for request in requests {
                guard let error = unreadable[request.request.episodeID] else { continue }
                request.ticket.settle(.failure(error))
            }
            let readable = requests.filter { unreadable[$0.request.episodeID] == nil }
            let plan = BatchPlan(readable, known: known, now: now)
            try await settle(plan.declined)
            stale = plan.stale
            if !plan.planned.isEmpty { await append(plan.planned, predicted: plan.predicted) }
            // They came after those of their episodes that were planned.
            deferred += plan.deferred
        } catch {
            // Nothing of this batch has been sent.
            let reason: any Error =
                Task.isCancelled ? AppendError.stopped : (error as? AppendError) ?? .unavailable
            for request in requests { request.ticket.settle(.failure(reason)) }
            deferred = []
        }
    }

    /// Has requests decided again that were not appended since others changed their episode.
    private mutating func decideAgain(_ requests: [PendingAppend]) {
        for var request in requests {
            request.attempts += 1
            if request.attempts > Self.attemptLimit {
                request.ticket.settle(.failure(AppendError.contended))
            } else {
                deferred.append(request)
            }
        }
    }

    // MARK: - States

    /// The state of every episode of the requests: remembered, or read where it is not known or
    /// has turned out to be stale; and of the episodes that cannot be read, why.
    private mutating func states(
        of requests: [PendingAppend]
    ) async throws -> (known: [EpisodeID: KnownState], unreadable: [EpisodeID: any Error]) {
        var known: [EpisodeID: KnownState] = [:]
        var unreadable: [EpisodeID: any Error] = [:]
        var missing: [EpisodeID] = []
        for episode in Set(requests.map(\.request.episodeID)) {
            if !stale.contains(episode), let remembered = cache[episode] {
                known[episode] = remembered
            } else {
                missing.append(episode)
            }
        }
        guard !missing.isEmpty || clock.now == nil else { return (known, [:]) }
        let (wanted, id) = (missing, ledger.id.rawValue)
        let askedAt = ContinuousClock.now
        let results = try await reaching { [database] deadline in
            let statements: [SQL] = [
                "select clock_timestamp() as now",
                """
                select e.*
                from unnest(\(wanted)) as w (episode_id)
                cross join lateral (
                    select \(raw: EventRow.columns(.deciding))
                    from event
                    where ledger_id = \(id) and episode_id = w.episode_id
                    order by version
                ) e
                """,
            ]
            return try await database.writer.pipeline(statements, deadline: deadline)
        }
        clock.saw(try results[0][0].get("now"), askedAt: askedAt)
        for episode in missing { known[episode] = KnownState(state: .init(), verifiedAt: askedAt) }
        for row in results[1] {
            let row = try EventRow(row, .deciding)
            do {
                try known[row.episodeID]?.state.apply(row.historyEvent())
            } catch {
                known[row.episodeID] = nil
                unreadable[row.episodeID] = error
            }
        }
        for episode in missing { cache[episode] = known[episode] }
        return (known, unreadable)
    }

    /// How long the first call of several may take.
    private var callLimit: Duration { min(AppendCall.limit, database.configuration.callTimeout) }

    /// Tries a read again while the database is away, for a while.
    private func reaching<T>(
        _ body: (_ deadline: ContinuousClock.Instant) async throws -> T
    ) async throws -> T {
        var retry = Retry(limit: Self.settleLimit)
        var limit = callLimit
        while true {
            do {
                defer { limit *= 2 }
                return try await body(.now + limit)
            } catch let error as PostgresError
                where error.isTransient && !error.isRefusedForNow
            {
                guard try await retry.pause() else { throw AppendError.unavailable }
            }
        }
    }

    // MARK: - Declined requests

    /// Tells declined requests their outcome, after looking whether they are repeats.
    private func settle(
        _ declined: [(pending: PendingAppend, outcome: AppendOutcome)]
    ) async throws {
        guard !declined.isEmpty else { return }
        let recorded = try await recorded(declined.map(\.pending), waiting: true)
        for (pending, outcome) in declined {
            if case .partlyRecorded = outcome {
                pending.ticket.settle(.success(outcome))
            } else {
                let repeated = Self.outcomeOfRepeat(pending.request, recorded: recorded)
                pending.ticket.settle(repeated.mapError { $0 }.map { $0 ?? outcome })
            }
        }
    }

    /// The recorded events that have an id of these requests, or why they cannot be read.
    ///
    /// - Parameter waiting: whether what is found is certain only after a commit: an event can be seen
    ///   although the commit that recorded it was never confirmed by the standby that it waited for.
    ///   A record of the write-ahead log comes after all that was seen, and its commit waits for as
    ///   much as an append does; where nothing is found, nothing is written.
    private func recorded(
        _ requests: [PendingAppend],
        waiting: Bool = false
    ) async throws -> RecordedEvents {
        let ids = requests.flatMap { $0.request.events.map(\.eventID) }
        let id = ledger.id.rawValue
        let mark: SQL =
            waiting ? ", (select pg_logical_emit_message(true, 'episode-ledger', '')) as mark" : ""
        let rows = try await reaching { [database] deadline in
            try await database.writer.query(
                """
                select \(raw: EventRow.columns(.proving))\(mark)
                from event
                where ledger_id = \(id) and event_id = any (\(ids))
                """,
                deadline: deadline
            )
        }
        return try rows.reduce(into: [:]) { found, row in
            let row = try EventRow(row, .proving)
            found[row.eventID] = Result {
                StoredEvent(event: try row.recordedEvent(), commitment: row.commitment)
            }
        }
    }

    /// What to tell a request of which events are recorded; nil where none is.
    ///
    /// - Parameter ours: the commitments of the events as this process sent them: what is recorded
    ///   with those was recorded by this very request, whose first answer was lost.
    private static func outcomeOfRepeat(
        _ request: AppendRequest,
        recorded: RecordedEvents,
        ours: [EventID: [UInt8]] = [:]
    ) -> Result<AppendOutcome?, any Error> {
        let stored = request.events.map { recorded[$0.eventID] }
        guard stored.contains(where: { $0 != nil }) else { return .success(nil) }
        var receipts: [AppendReceipt] = []
        var isOurs = true
        for (draft, stored) in zip(request.events, stored) {
            guard let result = stored else { return .success(.partlyRecorded) }
            let stored: StoredEvent
            switch result {
            case .success(let event): stored = event
            case .failure(let error): return .failure(error)
            }
            do {
                guard try draft.hasSameContent(as: stored.event, in: request.episodeID) else {
                    return .success(.eventIDReused(draft.eventID))
                }
            } catch {
                return .failure(LedgerError.unreadableEvent(stored.event.history.position))
            }
            let isThis = ours[draft.eventID] == stored.commitment
            isOurs = isOurs && isThis
            receipts.append(
                AppendReceipt(
                    eventID: draft.eventID,
                    version: stored.event.history.version,
                    position: stored.event.history.position,
                    recordedAt: stored.event.history.recordedAt,
                    leafHash: stored.event.leafHash,
                    duplicate: !isThis
                )
            )
        }
        return .success(isOurs ? .appended(receipts) : .duplicate(receipts))
    }

    private typealias RecordedEvents = [EventID: Result<StoredEvent, any Error>]

    private struct StoredEvent {
        let event: RecordedEvent
        let commitment: [UInt8]
    }

    // MARK: - Appending

    /// Appends what was planned, and tells each request its outcome or has it decided again.
    ///
    /// - Returns: the episodes of which a request was not appended.
    @discardableResult
    private mutating func append(
        _ planned: [PlannedAppend],
        predicted: [EpisodeID: EpisodeState]
    ) async -> Set<EpisodeID> {
        let call = AppendCall(planned, ledger: ledger)
        let began = ContinuousClock.now
        let result = await send(call)
        let taken = began.duration(to: .now).components
        batchTime.recordNanoseconds(
            taken.seconds * 1_000_000_000 + taken.attoseconds / 1_000_000_000
        )
        batchEvents.record(planned.reduce(0) { $0 + $1.pending.request.events.count })
        switch result {
        case .success(let outcome):
            clock.recorded(at: outcome.recordedAt, askedAt: outcome.sentAt)
            return await tell(outcome, of: call, planned: planned, predicted: predicted)
        case .failure(.database(let state)) where planned.count > 1 && Self.isAboutValues(state):
            // The database takes exception to one of the requests: the others must not suffer.
            let half = planned.count / 2
            var broken = await append(Array(planned[..<half]), predicted: [:])
            // What was decided on an append that failed must not meet its version by chance.
            let rest = planned[half...]
            decideAgain(
                rest.map(\.pending).filter { broken.contains($0.request.episodeID) }
            )
            let sound = rest.filter { !broken.contains($0.pending.request.episodeID) }
            if !sound.isEmpty { broken.formUnion(await append(sound, predicted: [:])) }
            return broken
        case .failure(let error):
            for request in planned {
                cache[request.pending.request.episodeID] = nil
                request.pending.ticket.settle(.failure(error))
            }
            return Set(planned.map(\.pending.request.episodeID))
        }
    }

    /// Whether the database took exception to a row, and not to the whole batch (no permission, no
    /// space): classes 22, 23 and 54, and what triggers raise.
    private static func isAboutValues(_ sqlState: String) -> Bool {
        ["22", "23", "54", "P0", "EL"].contains { sqlState.hasPrefix($0) }
    }

    /// Tells each request of an answered batch its outcome, and remembers what follows from it.
    ///
    /// - Returns: the episodes of which a request was not appended.
    private mutating func tell(
        _ outcome: AppendCall.Outcome,
        of call: AppendCall,
        planned: [PlannedAppend],
        predicted: [EpisodeID: EpisodeState]
    ) async -> Set<EpisodeID> {
        feed.publish(call.recordedEvents(outcome))
        let receipts = call.receipts(outcome)
        var present: [PendingAppend] = []
        var again: [PendingAppend] = []
        var broken: Set<EpisodeID> = []
        for (index, request) in planned.enumerated() {
            let pending = request.pending
            if let receipts = receipts[index] {
                pending.ticket.settle(.success(.appended(receipts)))
                continue
            }
            broken.insert(pending.request.episodeID)
            switch outcome.refused[index] {
            case "present": present.append(pending)
            case "partial": pending.ticket.settle(.success(.partlyRecorded))
            default: again.append(pending)
            }
        }
        for request in planned {
            let episode = request.pending.request.episodeID
            cache[episode] =
                broken.contains(episode)
                ? nil : predicted[episode].map { KnownState(state: $0, verifiedAt: outcome.sentAt) }
        }
        stale.formUnion(broken)
        await settle(present: present, call)
        decideAgain(again)
        return broken
    }

    private func settle(present: [PendingAppend], _ call: AppendCall) async {
        guard !present.isEmpty else { return }
        do {
            let recorded = try await recorded(present)
            // Among them may be what this process appended, without hearing of it.
            let positions = recorded.values.compactMap { try? $0.get().event.history.position }
            if let last = positions.max() { feed.committed(to: last) }
            for pending in present {
                let outcome = Self.outcomeOfRepeat(
                    pending.request,
                    recorded: recorded,
                    ours: call.commitments
                )
                pending.ticket.settle(outcome.map { $0 ?? .partlyRecorded })
            }
        } catch {
            for pending in present {
                pending.ticket.settle(.failure(AppendError.outcomeUnknown))
            }
        }
    }

    /// Sends a batch until its outcome is certain.
    ///
    /// After a lost connection the same events are sent again under the same ids, and only that
    /// second result counts. A look-up would settle nothing, since the first statement may still be
    /// waiting for the lock.
    private mutating func send(
        _ call: AppendCall
    ) async -> Result<AppendCall.Outcome, AppendError> {
        var retry = Retry(limit: Self.settleLimit)
        var inDoubt = false
        var wasRefused = false
        // Each try has longer than the one before: what is merely slow gets there in the end.
        var limit = callLimit
        while true {
            do {
                defer { limit *= 2 }
                // Those whose heads somebody has locked leave some connections to the others.
                let holder = isHeldUp ? 0 : Int64(ledger.id.rawValue)
                let outcome = try await PostgresPool.$shareholder.withValue(holder) {
                    try await call.run(on: database.appender, limit: limit)
                }
                isHeldUp = false
                return .success(outcome)
            } catch let error as PostgresError where error.sqlState == .lockNotAvailable {
                isHeldUp = true
                inDoubt = inDoubt || error.mayHaveCommitted
            } catch let error as PostgresError
                where error.sqlState == .readOnlyTransaction && !wasRefused
            {
                // The session is given up, and the next one may lead to the server that takes writes.
                wasRefused = true
                continue
            } catch let error as PostgresError
                where error.isTransient && (inDoubt || !error.isRefusedForNow)
            {
                inDoubt = inDoubt || error.mayHaveCommitted
            } catch let error as PostgresError where error.sqlState != nil && !inDoubt {
                return .failure(.database(sqlState: error.sqlState?.rawValue ?? ""))
            } catch let error as PostgresError
                where error.code != .decoding && !error.mayHaveCommitted && !inDoubt
            {
                return .failure(Task.isCancelled ? .stopped : .unavailable)
            } catch {
                return .failure(.outcomeUnknown)
            }
            if (try? await retry.pause()) != true {
                return .failure(
                    inDoubt ? .outcomeUnknown : Task.isCancelled ? .stopped : .unavailable
                )
            }
        }
    }
}
