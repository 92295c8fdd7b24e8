import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime
import Synchronization

/// Keeps every decision on health information: who asked for what, when and why.
///
/// What is decided while one batch is on its way to the disk goes with the next one: many requests
/// share a flush, and each waits for its own.
final class AccessLog: Sendable {
    /// The most decisions of one batch.
    private static let limit = 1_000

    private let database: LedgerDatabase
    private let batches = Mutex<[LedgerID: (open: Batch?, last: Batch)]>([:])
    /// What was tried last and could not be kept; nil where the last try was good.
    private let failed = Mutex<(entry: AccessDecision, ledger: LedgerDescription)?>(nil)

    /// What is counted in place of being written each time.
    private let repeated: Mutex<RepeatedDecisions>

    private let timeout: Duration

    /// - Parameters:
    ///   - timeout: how long a batch may take.
    ///   - interval: after which repeats are told.
    init(
        _ database: LedgerDatabase,
        timeout: Duration,
        repeatsAfter interval: Duration = RepeatedDecisions.interval
    ) {
        self.database = database
        self.timeout = timeout
        repeated = Mutex(RepeatedDecisions(interval: interval))
    }

    /// What became of a batch.
    private enum Outcome: Equatable {
        /// All but those at some places.
        case written(except: Set<Int>)
        case failed
        /// Whoever wrote it was cancelled: the others have to see to themselves.
        case abandoned
    }

    /// Decisions that are written together.
    private final class Batch: Sendable {
        private let state = Mutex(State())

        private struct State {
            var entries: [AccessDecision] = []
            var waiters: [CheckedContinuation<Outcome, Never>] = []
            var outcome: Outcome?
        }

        var isFinished: Bool { state.withLock { $0.outcome != nil } }
        var count: Int { state.withLock { $0.entries.count } }
        var entries: [AccessDecision] { state.withLock { $0.entries } }

        /// Adds an entry, and says at which place.
        func add(_ entry: AccessDecision) -> Int {
            state.withLock { state in
                state.entries.append(entry)
                return state.entries.count - 1
            }
        }

        func finish(_ outcome: Outcome) {
            let waiters = state.withLock { state in
                state.outcome = outcome
                defer { state.waiters = [] }
                return state.waiters
            }
            for waiter in waiters { waiter.resume(returning: outcome) }
        }

        /// What became of it, once that is decided.
        func outcome() async -> Outcome {
            await withCheckedContinuation { waiter in
                let known = state.withLock { state -> Outcome? in
                    if state.outcome == nil { state.waiters.append(waiter) }
                    return state.outcome
                }
                if let known { waiter.resume(returning: known) }
            }
        }
    }

    /// Records a decision, on disk before anything leaves.
    ///
    /// What the database has against one decision is told to its own request alone, and only where it can
    /// be kept in no form.
    func record(_ entry: AccessDecision, in ledger: LedgerDescription) async throws {
        for _ in 0..<Self.attempts {
            let (batch, before, place) = join(entry, ledger.id)
            let outcome =
                place == 0
                ? try await write(batch, after: before, ledger) : await batch.outcome()
            switch outcome {
            case .written(let unwritten):
                if unwritten.contains(place) { throw Self.refused }
                return
            case .failed: throw Self.unavailable
            case .abandoned: continue
            }
        }
        throw Self.unavailable
    }

    /// Records a decision of a kind that may be repeated without end: the first one at once, of its
    /// repeats the number, once a minute and when the process ends.
    ///
    /// - Parameter failure: the code of what the request was answered with; nil where it was answered well.
    func recordOnce(
        _ entry: AccessDecision,
        _ failure: String? = nil,
        in ledger: LedgerDescription
    ) async throws {
        if repeated.withLock({ $0.counts(entry, failure, in: ledger) }) { return }
        try await record(entry, in: ledger)
        repeated.withLock { $0.wrote(entry, failure, in: ledger, at: .now) }
    }

    /// Tells of repeats when it is time, until it is cancelled.
    func run() async {
        while !Task.isCancelled {
            // Not more often than this, however many there are.
            let due = repeated.withLock { $0.nextDue } ?? .now + RepeatedDecisions.interval
            try? await Task.sleep(until: min(max(due, .now + .seconds(1)), .now + .seconds(5)))
            await tellRepeats()
        }
    }

    /// Writes the entries about repeats that are due; those that cannot be written stay.
    ///
    /// - Parameter all: whether the others are written too, since the process ends.
    /// - Returns: how many decisions could not be told.
    @discardableResult
    func tellRepeats(all: Bool = false) async -> Int {
        let due = repeated.withLock { $0.due(at: .now, all: all) }
        return await withTaskGroup(of: Int.self) { group in
            for entry in due {
                group.addTask {
                    do {
                        try await self.record(entry.decision, in: entry.ledger)
                        self.repeated.withLock { $0.wrote(entry) }
                        return 0
                    } catch {
                        self.repeated.withLock { $0.takeBack(entry, at: .now) }
                        return entry.count
                    }
                }
            }
            return await group.reduce(0, +)
        }
    }

    /// How often somebody else's batch is joined.
    private static let attempts = 3

    /// The first one of a batch writes it, when the batch before is done; not after one that failed,
    /// which has taken its time.
    private func write(_ batch: Batch, after before: Batch?, _ ledger: LedgerDescription)
        async throws -> Outcome
    {
        let last = await before?.outcome()
        batches.withLock { all in
            if all[ledger.id]?.open === batch { all[ledger.id]?.open = nil }
        }
        let outcome: Outcome
        do {
            if last == .failed { throw Self.unavailable }
            outcome = .written(except: try await write(batch.entries, ledger))
            failed.withLock { $0 = nil }
        } catch {
            let isAboutValues = (error as? PostgresError)?.isAboutValues ?? false
            if !Task.isCancelled, !isAboutValues {
                failed.withLock { $0 = batch.entries.first.map { ($0, ledger) } }
            }
            batch.finish(Task.isCancelled ? .abandoned : .failed)
            throw error
        }
        batch.finish(outcome)
        return outcome
    }

    private static let refused = Problem.unavailable(
        "the access log cannot hold this request's entry, so that it is not answered"
    )

    private static let unavailable = Problem.unavailable(
        "the access log cannot be written: try again"
    )

    /// How many decisions wait for the next batch.
    func waiting(_ ledger: LedgerID) -> Int {
        batches.withLock { $0[ledger]?.open?.count ?? 0 }
    }

    private func join(
        _ entry: AccessDecision,
        _ ledger: LedgerID
    ) -> (batch: Batch, before: Batch?, place: Int) {
        batches.withLock { all in
            if let open = all[ledger]?.open, open.count < Self.limit {
                return (open, nil, open.add(entry))
            }
            let batch = Batch()
            let place = batch.add(entry)
            let last = all[ledger]?.last
            let before = last.flatMap { $0.isFinished ? nil : $0 }
            all[ledger] = (batch, batch)
            return (batch, before, place)
        }
    }

    /// Writes decisions together; where the database takes exception to one of them, each by itself.
    ///
    /// - Returns: the places of those that could not be written.
    private func write(
        _ entries: [AccessDecision],
        _ ledger: LedgerDescription
    ) async throws -> Set<Int> {
        try await AccessDecision.write(
            entries,
            to: ledger,
            on: database.writer,
            deadline: .now + timeout
        )
    }

    /// Notes a decision that could not be kept where it goes with what it is about.
    func couldNotKeep(_ entry: AccessDecision, in ledger: LedgerDescription) {
        failed.withLock { $0 = (entry, ledger) }
    }

    /// Whether decisions cannot be kept: the last one was not, and still it cannot be.
    func isBroken() async throws -> Bool {
        guard let (entry, ledger) = failed.withLock({ $0 }) else { return false }
        do {
            // Tried and taken back: whoever asked has been told that it was not kept.
            return try await database.writer.withTransaction { connection -> Bool in
                _ = try await connection.query(
                    AccessDecision.statement(writing: [entry], to: ledger)
                )
                throw TakenBack()
            }
        } catch is TakenBack {
            failed.withLock { $0 = nil }
            return false
        } catch let error as PostgresError where error.sqlState != nil {
            return true
        }
    }

    private struct TakenBack: Error {}

    /// The last decisions about an episode, the newest first.
    func latest(
        _ ledger: LedgerDescription,
        _ episode: EpisodeID,
        limit: Int
    ) async throws -> [AccessEntry] {
        try await AccessDecision.latest(
            of: ledger,
            episode: episode,
            limit: limit,
            on: database.reader
        ).map { try AccessEntry($0) }
    }

    /// Numbered decisions after a number, in order, of one episode or all.
    ///
    /// - Throws: ``CursorError``.
    func page(
        _ ledger: LedgerDescription,
        after: Cursor,
        limit: Int,
        episode: EpisodeID?
    ) async throws -> AccessPage {
        let head = try await AccessDecision.check(after, of: ledger, database)
        let rows = try await AccessDecision.page(
            of: ledger,
            after: after.position.rawValue,
            limit: limit,
            episode: episode,
            on: database.reader
        )
        let entries = try rows.map { try AccessEntry($0, number: $0.get("number")) }
        return AccessPage(
            entries: entries,
            nextAfter: entries.last?.number.map {
                Cursor(Position($0), incarnation: head.incarnation)
            } ?? after,
            // Counted afterwards: none is left out of both.
            unsealed: try await AccessDecision.unnumbered(ledger, on: database.reader)
        )
    }
}

/// Decisions of the access log, and where the next ones begin.
struct AccessPage: JSONObject {
    let entries: [AccessEntry]
    let nextAfter: Cursor
    /// How many decisions have no number yet, and so are not shown.
    let unsealed: Int64

    static let fields: [JSONField<Self>] = [
        .init("entries", \.entries),
        .init("next_after", \.nextAfter),
        .init("unsealed", \.unsealed),
    ]
}

/// One decision of the access log.
struct AccessEntry: JSONObject {
    /// Where it stands in the access log's tree; nil where it was not asked for.
    let number: Int64?
    let entry: Int64
    let at: Instant
    let decision: AccessDecision

    init(_ row: PostgresRow, number: Int64? = nil) throws {
        self.number = number
        entry = try row.get("entry")
        at = try row.get("at")
        decision = try AccessDecision(row)
    }

    static let fields: [JSONField<Self>] = [
        .init("number", schema: Int64.schema) { .integer($0.number ?? 0) },
        .init("entry", \.entry),
        .init("at", \.at),
        .init("subject", \.decision.subject),
        .init("roles", \.decision.roles),
        .init("operation", \.decision.operation),
        .init("allowed", \.decision.isAllowed),
        .init("episode_id", \.decision.episodeID),
        .init("detail", \.decision.detail),
        .init("purpose", \.decision.purpose),
        .init("request_id", \.decision.requestID),
    ]
}
