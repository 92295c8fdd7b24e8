import CareEpisode
import Glibc
import HTTPTypes
import Ledger
import ProjectionRuntime
import Synchronization
import TestSupport
import Testing

@testable import Server

@Suite("Folds for answers")
struct FoldsTests {
    private let folds = Folds()
    private let one = LedgerID(rawValue: 1)
    private let two = LedgerID(rawValue: 2)
    private let three = LedgerID(rawValue: 3)

    /// A fold that goes on until it is told to end.
    private func hold(
        _ ledger: LedgerID,
        patience: Duration? = nil,
        until end: AsyncStream<Void>
    ) async throws {
        try await folds.takingTurns(patience: patience) {
            try await HistoryFold.carrier?.carry(ledger, isLarge: true) {
                for await _ in end {}
                try Task.checkCancellation()
            }
        }
    }

    private func eventually(running: Int, waiting: Int) async throws {
        try await TestSupport.eventually("\(running) run and \(waiting) wait") {
            folds.counts == (running, waiting)
        }
    }

    @Test("A ledger has two folds at a time, all have three, and whoever waits comes in his turn")
    func turns() async throws {
        let ends = (0..<5).map { _ in AsyncStream.makeStream(of: Void.self) }
        try await withThrowingTaskGroup(of: Void.self) { group in
            for index in 0..<3 { group.addTask { try await hold(one, until: ends[index].stream) } }
            try await eventually(running: 2, waiting: 1)
            // Another ledger's does not wait behind it.
            group.addTask { try await hold(two, until: ends[3].stream) }
            try await eventually(running: 3, waiting: 1)
            group.addTask { try await hold(three, until: ends[4].stream) }
            try await eventually(running: 3, waiting: 2)
            for end in ends { end.continuation.finish() }
            try await group.waitForAll()
        }
        #expect(folds.counts == (0, 0))
    }

    @Test("Beyond that, and beyond its patience, a fold is answered with 503 and Retry-After")
    func busy() async throws {
        let (stream, end) = AsyncStream.makeStream(of: Void.self)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<2 { group.addTask { try await hold(one, until: stream) } }
            try await eventually(running: 2, waiting: 0)
            do {
                try await hold(one, patience: .milliseconds(1), until: stream)
                Issue.record("there is a place")
            } catch let problem as Problem {
                #expect(problem.status == .serviceUnavailable && problem.code == "busy")
                #expect(problem.headers[.retryAfter] != nil)
            }
            let waiting = Folds.waitingLimit
            for _ in 0..<waiting { group.addTask { try await hold(one, until: stream) } }
            try await eventually(running: 2, waiting: waiting)
            await #expect(throws: Problem.self) { try await hold(one, until: stream) }
            group.cancelAll()
            end.finish()
            while let result = await group.nextResult() { _ = result }
        }
        #expect(folds.counts == (0, 0))
    }

    @Test("Whoever gives up while he waits leaves his place to others")
    func cancelled() async throws {
        let (stream, end) = AsyncStream.makeStream(of: Void.self)
        let running = (0..<2).map { _ in Task { try await hold(one, until: stream) } }
        try await eventually(running: 2, waiting: 0)
        let waiting = Task { try await hold(one, until: stream) }
        try await eventually(running: 2, waiting: 1)
        waiting.cancel()
        await #expect(throws: CancellationError.self) { try await waiting.value }
        #expect(folds.counts == (2, 0))
        end.finish()
        for task in running { try await task.value }
        #expect(folds.counts == (0, 0))
    }

    /// The name of the thread that runs this.
    private static func thread() -> String {
        var bytes = [UInt8](repeating: 0, count: 32)
        let file = open("/proc/thread-self/comm", O_RDONLY)
        defer { close(file) }
        let count = read(file, &bytes, bytes.count)
        return String(decoding: bytes.prefix(max(count, 0)).filter { $0 != 0x0A }, as: UTF8.self)
    }

    @Test("They run on threads of their own, of a lower priority, before and after they wait")
    func threads() async throws {
        let (own, priority) = try await Folds.apart {
            var names = [Self.thread()]
            try await Task.sleep(for: .milliseconds(1))
            names.append(Self.thread())
            try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<8 { group.addTask { Self.thread() } }
                for try await name in group { names.append(name) }
            }
            return (names, getpriority(__priority_which_t(PRIO_PROCESS.rawValue), 0))
        }
        #expect(own == [String](repeating: FoldThreads.name, count: own.count))
        #expect(priority >= 10)
        #expect(Self.thread() != FoldThreads.name)
    }

    @Test("A census of the past is folded there, and cancelled in the middle of it")
    func census() async throws {
        try await ClinicStory.with { fixture, _ in
            let names = Mutex<Set<String>>([])
            let folds = fixture.service.folds
            let histories = HistoryFold(fixture.database, ledger: fixture.ledger)
            let known = Knowledge(at: try #require(Instant(rfc3339: "2025-02-12T00:00:00Z")))
            func fold(_ body: @escaping @Sendable () -> Void) async throws {
                _ = try await folds.takingTurns(patience: nil) {
                    try await histories.run(known: known) { _, _ -> Int? in
                        body()
                        names.withLock { _ = $0.insert(Self.thread()) }
                        return 1
                    }
                }
            }
            try await fold {}
            #expect(names.withLock { $0 } == [FoldThreads.name])
            let seen = Atomic(0)
            let work = Task {
                try await fold {
                    seen.wrappingAdd(1, ordering: .relaxed)
                    withUnsafeCurrentTask { $0?.cancel() }
                }
            }
            await #expect(throws: CancellationError.self) { try await work.value }
            #expect(seen.load(ordering: .relaxed) <= 2, "one for each of the two that read")
        }
    }
}
