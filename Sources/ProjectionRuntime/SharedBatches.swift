import CareEpisode
public import Ledger

/// The batches of one ledger, read once for all of its read models that are as far as one another.
///
/// Each read model stays on its own: it takes the batch that begins where it is, in a transaction of its
/// own. One that has fallen behind by more than a few batches reads by itself until it is there again.
public actor SharedBatches {
    /// The most events of the batches that are kept for those who come later.
    static let keptLimit: Int64 = 8_192

    /// The times from one batch to the next, once the head is reached.
    private static let shortestRest: Duration = .milliseconds(100)
    private static let longestRest: Duration = .seconds(1)

    /// What a read model does next.
    enum Next: Sendable {
        /// There is nothing after the position.
        case nothing
        /// The ledger ends before the position: the database is another one, as after a restore.
        case wentBack
        /// Fewer, larger batches are cheaper: so long.
        case rest(Duration)
        /// The batch that begins here.
        case batch(EventBatch)
        /// Nobody else is here: it reads by itself, up to there.
        case alone(through: Position)
    }

    private let events: EventReader
    private var reader: BatchReader
    /// How many read models are kept at the head by this process.
    private var members = 0
    /// Those that follow one another up to the front, each with how many have taken it in.
    private var kept: [(batch: EventBatch, done: Int)] = []
    private var front = Position.zero
    private var making: (after: Position, batch: Task<Next, any Error>)?
    /// When the newest was begun.
    private var began = ContinuousClock.now
    private var isFull = false
    private var resets = 0
    private var restUntil = ContinuousClock.now

    /// The batches of a ledger.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) {
        events = EventReader(database.atPrimary, ledger: ledger)
        reader = BatchReader(events)
    }

    /// What comes after a position.
    ///
    /// - Parameter limit: the most events of a batch.
    /// - Throws: `LedgerError` where an event is missing or cannot be read.
    func next(after position: Position, limit: Int64) async throws -> Next {
        if let batch = kept.first(where: { $0.batch.after == position })?.batch,
            batch.through.rawValue - position.rawValue <= limit
        {
            return .batch(batch)
        }
        if position < front {
            return .alone(through: min(front, Position(position.rawValue + limit)))
        }
        if let making, making.after == position { return try await making.batch.value }
        // Further than all others, who follow by themselves.
        guard making == nil else { return .rest(.milliseconds(20)) }
        let rest = ContinuousClock.now.duration(to: restUntil)
        if rest > .zero { return .rest(rest) }
        front = position
        let batch = Task { try await self.make(after: position, limit: limit) }
        making = (position, batch)
        return try await batch.value
    }

    private func make(after position: Position, limit: Int64) async throws -> Next {
        defer { making = nil }
        let began = ContinuousClock.now
        let head = try await events.head()
        if head.position < position, !head.isReplica { return .wentBack }
        guard head.position > position else { return .nothing }
        let through = min(head.position, Position(position.rawValue + limit))
        // Nobody else makes one meanwhile.
        var reader = reader
        self.reader = BatchReader(events)
        let resets = resets
        let batch = try await reader.read(after: position, through: through)
        guard resets == self.resets else { return .batch(batch) }
        self.reader = reader
        if kept.last?.batch.through != position { kept = [] }
        kept.append((batch, 0))
        while let first = kept.first?.batch, kept.count > 1,
            through.rawValue - first.after.rawValue > Self.keptLimit
        {
            kept.removeFirst()
        }
        front = through
        self.began = began
        // While as much as a whole batch is behind, nobody rests.
        isFull = through.rawValue - position.rawValue == limit
        restUntil = isFull ? began : began + Self.shortestRest
        return .batch(batch)
    }

    /// A read model has taken in a batch.
    ///
    /// The next one begins the later the more there was to do: a batch of one event costs nearly as much as
    /// one of a hundred, and an episode is folded once for all that has happened in it.
    func done(_ batch: EventBatch) {
        if let index = kept.firstIndex(where: { $0.batch.through == batch.through }) {
            kept[index].done += 1
            // What all have taken in need not be held.
            if kept[index].done >= members { kept.remove(at: index) }
        }
        guard batch.through == front, !isFull else { return }
        let pause = min(began.duration(to: .now) * 4, Self.longestRest)
        restUntil = max(restUntil, began + pause)
    }

    /// One more read model is kept at the head.
    func join() { members += 1 }

    /// One less is.
    func leave() { members -= 1 }

    /// Forgets everything.
    func reset() {
        resets += 1
        kept = []
        front = .zero
        reader = BatchReader(events)
        restUntil = .now
    }
}
