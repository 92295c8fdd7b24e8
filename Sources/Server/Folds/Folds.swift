import CareEpisode
import HTTPTypes
import Ledger
import Postgres
import ProjectionRuntime
import Synchronization

/// What is folded for answers: on threads of its own, and of whole ledgers only a few at a time.
final class Folds: Sendable {
    /// The most folds of whole ledgers at a time: each reads over two connections, so that others are
    /// left for whoever asks the tables.
    static let limit = 3
    /// The most of one ledger.
    static let ledgerLimit = 2
    /// The most of a ledger that wait.
    static let waitingLimit = 16

    private struct State {
        var running: [LedgerID: Int] = [:]
        var waiting: [Waiter] = []
        var next = 0

        var total: Int { running.values.reduce(0, +) }

        func hasPlace(_ ledger: LedgerID) -> Bool {
            total < Folds.limit && running[ledger] ?? 0 < Folds.ledgerLimit
        }

        /// Who may begin now, in the order in which they came.
        mutating func beginning() -> [Waiter] {
            var begun: [Waiter] = []
            while let index = waiting.firstIndex(where: { hasPlace($0.ledger) }) {
                let waiter = waiting.remove(at: index)
                running[waiter.ledger, default: 0] += 1
                begun.append(waiter)
            }
            return begun
        }
    }

    private struct Waiter: Sendable {
        let number: Int
        let ledger: LedgerID
        let turn: AsyncStream<Void>.Continuation
    }

    private let state = Mutex(State())

    /// How many run and wait.
    var counts: (running: Int, waiting: Int) {
        state.withLock { ($0.total, $0.waiting.count) }
    }

    /// Does something where folds run.
    static func apart<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        try await withTaskExecutorPreference(FoldThreads.shared) { try await there(body) }
    }

    /// Goes where the task prefers to be; without a pause it would stay where it is until its first one.
    @concurrent
    private static func there<Result: Sendable>(
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result {
        await Task.yield()
        return try await body()
    }

    /// Has everything that is folded within `body` take its turn.
    ///
    /// - Parameters:
    ///   - patience: how long it may wait; nil for as long as the task is not cancelled.
    ///   - body: what folds.
    func takingTurns<Result>(
        patience: Duration?,
        _ body: () async throws -> Result
    ) async throws -> Result {
        try await HistoryFold.$carrier.withValue(Turns(folds: self, patience: patience)) {
            try await body()
        }
    }

    private struct Turns: FoldCarrier {
        let folds: Folds
        let patience: Duration?

        func carry<Result: Sendable>(
            _ ledger: LedgerID,
            isLarge: Bool,
            _ body: @Sendable () async throws -> Result
        ) async throws -> Result {
            guard isLarge else { return try await Folds.apart(body) }
            try await folds.begin(ledger, patience)
            defer { folds.end(ledger) }
            return try await Folds.apart(body)
        }
    }

    private func begin(_ ledger: LedgerID, _ patience: Duration?) async throws {
        let (turns, turn) = AsyncStream.makeStream(of: Void.self)
        let number = try state.withLock { state -> Int? in
            if state.hasPlace(ledger) {
                state.running[ledger, default: 0] += 1
                return nil
            }
            guard state.waiting.count(where: { $0.ledger == ledger }) < Self.waitingLimit else {
                throw Problem.foldsAreBusy
            }
            state.next += 1
            state.waiting.append(Waiter(number: state.next, ledger: ledger, turn: turn))
            return state.next
        }
        guard let number else { return }
        let alarm = patience.map { Alarm(at: .now + $0) { turn.finish() } }
        for await _ in turns { break }
        alarm?.callOff()
        let hasBegun = state.withLock { state in
            guard let index = state.waiting.firstIndex(where: { $0.number == number }) else {
                return true
            }
            state.waiting.remove(at: index)
            return false
        }
        guard hasBegun else {
            try Task.checkCancellation()
            throw Problem.foldsAreBusy
        }
        // Begun and cancelled at once.
        guard !Task.isCancelled else {
            end(ledger)
            throw CancellationError()
        }
    }

    private func end(_ ledger: LedgerID) {
        let begun = state.withLock { state in
            let left = (state.running[ledger] ?? 1) - 1
            state.running[ledger] = left > 0 ? left : nil
            return state.beginning()
        }
        for waiter in begun { waiter.turn.yield() }
    }
}

extension Problem {
    /// As many folds as there may be.
    fileprivate static let foldsAreBusy = Problem(
        status: .serviceUnavailable,
        code: "busy",
        detail: "as many answers about the past are being worked out as the service takes at a "
            + "time: try again",
        headers: [.retryAfter: "2"]
    )
}
