import CareEpisode
import Ledger
import ProjectionRuntime
import Synchronization

/// That an answer takes longer than a page may: it goes on being worked out.
struct LateAnswer: Error {
    /// How long it has been worked on, in seconds; nil where it waits for others.
    let seconds: Int?
    /// How many events were folded for it so far.
    let events: Int
}

/// What a page is made of, up to a position of its ledger.
protocol PageAnswer: Sendable {
    /// Everything up to here takes part.
    var position: Position { get }
}

extension Answer: PageAnswer {
    var position: Position { basis.position }
}

/// What pages are made of, worked out once for all who ask the same.
///
/// What is shown of now is kept for a moment: whoever looks again at once sees the same. What
/// was known in the past is kept for ten minutes. Work that nobody waits for any more ends.
final class PageWork: Sendable {
    /// What is asked.
    struct Key: Hashable {
        let ledger: LedgerName
        let page: String
        let values: [String: [String]]
    }

    /// How old an answer may be.
    enum Age: Sendable {
        /// Of a knowledge time: the same for ten minutes.
        case past
        /// Of now, with everything that is recorded: as good as new until something is.
        case exact(head: Position)
        /// Of now, as it is worked out twice a second at most.
        case now(head: Position)
        /// Of now; within a few seconds an older one is shown at once while a newer one is worked out.
        case about(now: Position)

        fileprivate var isPast: Bool {
            if case .past = self { true } else { false }
        }
    }

    /// So long a page waits for its answers.
    static let timeout: Duration = .milliseconds(1_500)
    /// The most answers about the past of a ledger that are worked out at a time, and about now.
    private static let pastLimit = 4
    private static let nowLimit = 32
    /// The most answers that are kept.
    private static let answerLimit = 64
    /// So long an answer about now is as good as new.
    private static let freshness: Duration = .milliseconds(500)
    /// So long it is shown while a newer one is worked out.
    private static let staleness: Duration = .seconds(5)
    /// So long an answer about the past is kept, and one about now while nothing is recorded.
    private static let keeping: Duration = .seconds(600)
    private static let keepingNow: Duration = .seconds(60)
    /// After so long without anybody who asks, work ends.
    private let patience: Duration

    private struct Answer: Sendable {
        let value: any PageAnswer
        let at: ContinuousClock.Instant
    }

    /// An answer that is being worked out, and who waits for it.
    private struct Work {
        let startedAt = ContinuousClock.now
        let isPast: Bool
        let progress = FoldProgress()
        var waiters: [AsyncStream<Result<Answer, any Error>>.Continuation] = []
    }

    private struct Entry {
        var answer: Answer?
        var work: Work?
        var askedAt = ContinuousClock.now
    }

    private let entries = Mutex<[Key: Entry]>([:])
    private let (jobs, queue) = AsyncStream.makeStream(of: (@Sendable () async -> Void).self)

    init(patience: Duration = .seconds(30)) { self.patience = patience }

    /// The answer to what is asked.
    ///
    /// - Parameters:
    ///   - key: what is asked.
    ///   - age: how old the answer may be.
    ///   - end: how long to wait.
    ///   - work: works it out.
    /// - Throws: ``LateAnswer`` where it is not there in time: ask again.
    func value<Value: PageAnswer>(
        _ key: Key,
        _ age: Age,
        by end: ContinuousClock.Instant,
        _ work: @escaping @Sendable () async throws -> Value
    ) async throws -> Value {
        let answer: Answer
        switch try entries.withLock({ try look(&$0, key, age, work) }) {
        case .kept(let kept): answer = kept
        case .coming(let coming): answer = try await outcome(coming, of: key, by: end)
        }
        guard let value = answer.value as? Value else {
            preconditionFailure("one key has one kind of answer")
        }
        return value
    }

    private enum Found {
        case kept(Answer)
        case coming(AsyncStream<Result<Answer, any Error>>)
    }

    /// What is kept and still good, or what comes of the work on it, which is begun where there is none.
    private func look<Value: PageAnswer>(
        _ entries: inout [Key: Entry],
        _ key: Key,
        _ age: Age,
        _ body: @escaping @Sendable () async throws -> Value
    ) throws -> Found {
        let now = ContinuousClock.now
        var entry = entries[key] ?? Entry()
        entry.askedAt = now
        defer { entries[key] = entry }
        if let answer = entry.answer, Self.isFresh(answer, age, now) { return .kept(answer) }
        var work: Work
        if let running = entry.work {
            work = running
        } else {
            let others = entries.count {
                $0.key.ledger == key.ledger && $0.value.work?.isPast == age.isPast
            }
            guard others < (age.isPast ? Self.pastLimit : Self.nowLimit) else {
                throw LateAnswer(seconds: nil, events: 0)
            }
            work = Work(isPast: age.isPast)
            let progress = work.progress
            queue.yield {
                await self.carryOut(key) {
                    try await FoldProgress.$current.withValue(progress) { try await body() }
                }
            }
        }
        defer { entry.work = work }
        if case .about = age, let answer = entry.answer, answer.at + Self.staleness > now {
            return .kept(answer)
        }
        let (coming, waiter) = AsyncStream.makeStream(of: Result<Answer, any Error>.self)
        work.waiters.append(waiter)
        return .coming(coming)
    }

    private static func isFresh(
        _ answer: Answer,
        _ age: Age,
        _ now: ContinuousClock.Instant
    ) -> Bool {
        switch age {
        case .past: return answer.at + keeping > now
        case .exact(let head):
            return answer.value.position >= head && answer.at + keepingNow > now
        case .now(let head), .about(let head):
            // What read models had not got to is looked at again soon.
            let limit = answer.value.position >= head ? keepingNow : freshness
            return answer.at + limit > now
        }
    }

    /// Works an answer out, unless nobody waits for it any more, and tells all who wait.
    private func carryOut(
        _ key: Key,
        _ body: @escaping @Sendable () async throws -> any PageAnswer
    ) async {
        let result: Result<Answer, any Error>
        do {
            let value = try await withThrowingTaskGroup(of: (any PageAnswer).self) { group in
                group.addTask { try await body() }
                group.addTask { throw try await self.abandonment(of: key) }
                defer { group.cancelAll() }
                guard let value = try await group.next() else { throw CancellationError() }
                return value
            }
            result = .success(Answer(value: value, at: .now))
        } catch {
            result = .failure(error)
        }
        let waiters = entries.withLock { entries in
            let waiters = entries[key]?.work?.waiters ?? []
            switch result {
            case .success(let answer):
                entries[key]?.answer = answer
                entries[key]?.work = nil
                Self.forget(&entries)
            case .failure: entries[key] = nil
            }
            return waiters
        }
        for waiter in waiters {
            waiter.yield(result)
            waiter.finish()
        }
    }

    /// Returns when nobody has asked for an answer for long.
    private func abandonment(of key: Key) async throws -> CancellationError {
        while let askedAt = entries.withLock({ $0[key]?.askedAt }) {
            let rest = ContinuousClock.now.duration(to: askedAt + patience)
            guard rest > .zero else { break }
            try await Task.sleep(for: rest)
        }
        return CancellationError()
    }

    /// Forgets what is too old, and of the rest what nobody has asked for the longest.
    private static func forget(_ entries: inout [Key: Entry]) {
        let now = ContinuousClock.now
        entries = entries.filter { _, entry in
            entry.work != nil || entry.answer.map { $0.at + keeping > now } ?? false
        }
        guard entries.count > answerLimit else { return }
        let idle = entries.filter { $0.value.work == nil }.sorted {
            $0.value.askedAt < $1.value.askedAt
        }
        for (key, _) in idle.prefix(entries.count - answerLimit) { entries[key] = nil }
    }

    /// Waits for what comes, for a bounded time.
    private func outcome(
        _ coming: AsyncStream<Result<Answer, any Error>>,
        of key: Key,
        by end: ContinuousClock.Instant
    ) async throws -> Answer {
        try await withThrowingTaskGroup(of: Answer.self) { group in
            group.addTask {
                for await result in coming { return try result.get() }
                throw CancellationError()
            }
            group.addTask {
                try await Task.sleep(until: end)
                throw self.late(key)
            }
            defer { group.cancelAll() }
            guard let answer = try await group.next() else { throw self.late(key) }
            return answer
        }
    }

    private func late(_ key: Key) -> LateAnswer {
        entries.withLock { entries in
            let work = entries[key]?.work
            let seconds = work.map { $0.startedAt.duration(to: .now).components.seconds }
            return LateAnswer(seconds: Int(seconds ?? 0), events: work?.progress.events ?? 0)
        }
    }

    /// Works out what is asked for, until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            group.addTask {
                while !Task.isCancelled {
                    try? await Task.sleep(for: .seconds(30))
                    self.entries.withLock { Self.forget(&$0) }
                }
            }
            for await job in jobs { group.addTask { await job() } }
        }
    }
}
