import CareEpisode
import Ledger
import ProjectionRuntime
import Synchronization

/// That an answer takes longer than a page may: it goes on being worked out.
struct LateAnswer: Error {
    /// How long it has been worked on, in seconds.
    let seconds: Int
}

/// What a page is made of, up to a position of its ledger.
protocol PageAnswer: Sendable {
    /// Everything up to here takes part.
    var position: Position { get }
}

/// What pages are made of, worked out once for all who ask the same.
///
/// What is shown of now is kept for a moment: whoever looks again within a second sees the same, and
/// within a few gets it at once while it is worked out anew. What was known in the past is kept for ten
/// minutes. A task that nobody waits for any more ends.
final class PageWork: Sendable {
    /// What is asked.
    struct Key: Hashable {
        let ledger: LedgerName
        let page: String
        let values: [String: [String]]
    }

    /// The most tasks of a ledger at a time.
    static let taskLimit = 4
    /// So long a page waits for its answer.
    static let timeout: Duration = .milliseconds(1_500)
    /// The most answers that are kept.
    private static let answerLimit = 16
    /// So long an answer about now is as good as new.
    private static let freshness: Duration = .seconds(1)
    /// So long it is shown while a newer one is worked out.
    private static let staleness: Duration = .seconds(5)
    /// So long an answer about the past is kept, and one about now while nothing is recorded.
    private static let keeping: Duration = .seconds(600)
    private static let keepingNow: Duration = .seconds(60)
    /// After so long without anybody who asks a task ends.
    private static let patience: Duration = .seconds(30)

    private struct Answer: Sendable {
        let value: any PageAnswer
        let at: ContinuousClock.Instant
    }

    private struct Entry: Sendable {
        var answer: Answer?
        var task: Task<Answer, any Error>?
        var startedAt = ContinuousClock.now
        var askedAt = ContinuousClock.now
    }

    private let entries = Mutex<[Key: Entry]>([:])

    /// The answer to what is asked.
    ///
    /// - Parameters:
    ///   - key: what is asked.
    ///   - isLive: whether it is about now and all that is known.
    ///   - head: the ledger's newest position.
    ///   - work: works it out.
    /// - Throws: ``LateAnswer`` where it is not there in time; ask again.
    func value<Value: PageAnswer>(
        _ key: Key,
        isLive: Bool,
        head: Position,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let answer: Answer
        switch try entries.withLock({ try look(&$0, key, isLive, head, work) }) {
        case .kept(let kept): answer = kept
        case .running(let task): answer = try await outcome(of: task, key)
        }
        guard let value = answer.value as? Value else {
            preconditionFailure("one key has one kind of answer")
        }
        return value
    }

    private enum Found {
        case kept(Answer)
        case running(Task<Answer, any Error>)
    }

    /// What is kept and still good, or the task that works it out, which is begun where there is none.
    private func look<Value: PageAnswer>(
        _ entries: inout [Key: Entry],
        _ key: Key,
        _ isLive: Bool,
        _ head: Position,
        _ work: @escaping @Sendable () async throws -> Value
    ) throws -> Found {
        let now = ContinuousClock.now
        var entry = entries[key] ?? Entry()
        entry.askedAt = now
        if let answer = entry.answer, Self.isFresh(answer, isLive, head, now) {
            entries[key] = entry
            return .kept(answer)
        }
        let task: Task<Answer, any Error>
        if let running = entry.task {
            task = running
        } else {
            let count = entries.count { $0.key.ledger == key.ledger && $0.value.task != nil }
            guard count < Self.taskLimit else {
                throw Problem.unavailable(
                    "too many pages are being worked out for this ledger: try again",
                    retryAfter: 2
                )
            }
            entry.startedAt = now
            task = start(key, work)
            entry.task = task
        }
        entries[key] = entry
        if isLive, let answer = entry.answer, answer.at + Self.staleness > now {
            return .kept(answer)
        }
        return .running(task)
    }

    private static func isFresh(
        _ answer: Answer,
        _ isLive: Bool,
        _ head: Position,
        _ now: ContinuousClock.Instant
    ) -> Bool {
        guard isLive else { return answer.at + keeping > now }
        // What read models had not got to is looked at again soon.
        let limit = answer.value.position >= head ? keepingNow : freshness
        return answer.at + limit > now
    }

    private func start<Value: PageAnswer>(
        _ key: Key,
        _ work: @escaping @Sendable () async throws -> Value
    ) -> Task<Answer, any Error> {
        Task {
            do {
                let answer = Answer(value: try await work(), at: .now)
                entries.withLock { entries in
                    entries[key]?.answer = answer
                    entries[key]?.task = nil
                    Self.forget(&entries)
                }
                return answer
            } catch {
                entries.withLock { $0[key] = nil }
                throw error
            }
        }
    }

    /// Forgets the answers that nobody has asked for the longest.
    private static func forget(_ entries: inout [Key: Entry]) {
        guard entries.count > answerLimit else { return }
        let idle = entries.filter { $0.value.task == nil }.sorted {
            $0.value.askedAt < $1.value.askedAt
        }
        for (key, _) in idle.prefix(entries.count - answerLimit) { entries[key] = nil }
    }

    /// Waits for a task, for a bounded time.
    private func outcome(of task: Task<Answer, any Error>, _ key: Key) async throws -> Answer {
        let late = LateAnswer(
            seconds: entries.withLock { entries in
                let started = entries[key]?.startedAt ?? .now
                return Int(started.duration(to: .now + Self.timeout).components.seconds)
            }
        )
        return try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask {
                // The task goes on where this one is cancelled.
                let (answers, told) = AsyncThrowingStream.makeStream(of: Answer.self)
                let watcher = Task {
                    do {
                        told.yield(try await task.value)
                        told.finish()
                    } catch {
                        told.finish(throwing: error)
                    }
                }
                defer { watcher.cancel() }
                for try await answer in answers { return answer }
                throw CancellationError()
            }
            group.addTask {
                try await Task.sleep(for: Self.timeout)
                throw late
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw late }
            return answer
        }
    }

    /// Ends tasks that nobody waits for, until the task is cancelled; then all of them.
    func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: .seconds(5))
            let now = ContinuousClock.now
            let abandoned = entries.withLock { entries in
                entries = entries.filter { _, entry in
                    entry.task != nil || entry.answer.map { $0.at + Self.keeping > now } ?? false
                }
                return entries.values.filter { $0.askedAt + Self.patience < now }
                    .compactMap(\.task)
            }
            for task in abandoned { task.cancel() }
        }
        for task in entries.withLock({ $0.values.compactMap(\.task) }) { task.cancel() }
    }
}
