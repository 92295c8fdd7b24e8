public import CareEpisode
import DequeModule
import TransparencyLog

/// What this process knows of a ledger: how far the head is, the events that were committed last, the
/// newest checkpoint, and what there is to be done.
///
/// A hint, never the truth: a follower that finds a hole here reads the table.
public final class LiveFeed: Sendable {
    /// For how long what a look at the table has found is relied on.
    private static let lookLifetime: Duration = .seconds(3)
    /// How often somebody looks for himself, where nobody looks for all.
    private static let ownLook: Duration = .seconds(1)
    /// After how long whoever rests makes sure that somebody still looks.
    private static let doubt: Duration = .seconds(15)
    /// How many events one read of the table brings to all followers.
    private static let sharedPage = 500

    private let state = Observed(State())
    private let limit: Int
    private let pages = SingleFlight<Position, EventPage>()
    private let checkpoints = SingleFlight<LedgerID, PublishedCheckpoint?>()

    /// What can be waited for.
    public struct Seen: Sendable {
        /// The newest position that was heard of.
        public fileprivate(set) var head = Position.zero
        /// The newest position that this process committed.
        public fileprivate(set) var committed = Position.zero
        /// The size of the newest checkpoint that was heard of.
        public fileprivate(set) var sealed = Position.zero
        /// How far the read models are that were heard of, by name.
        public fileprivate(set) var models: [String: Position] = [:]
        /// What the last look at the table found to be done.
        public fileprivate(set) var calls: Set<String> = []
        /// How many looks there have been.
        public fileprivate(set) var looks = 0
        /// Whether somebody looks at the table for all.
        public fileprivate(set) var isLookedAt = false
        /// Whether nothing more will be published.
        public fileprivate(set) var isFinished = false
    }

    /// What was known before the table was looked at.
    struct Before: Sendable {
        fileprivate let seen: Seen
        fileprivate let newest: Position?
    }

    private struct State {
        var seen = Seen()
        /// Contiguous, oldest first.
        var recent: Deque<Kept> = []
        var look: (found: LedgerLook, at: ContinuousClock.Instant)?
        var checkpoint: PublishedCheckpoint?

        var newest: Position? { recent.last?.event.history.position }

        /// Keeps events that follow those that are kept, or replace them where there is a gap.
        mutating func keep(_ events: [RecordedEvent], atMost limit: Int) {
            guard let first = events.first?.history else { return }
            // Another process appended in between, or the database was restored: what is kept has no
            // hole, and no event of an earlier history.
            let isNext = first.position == newest?.next
            let isKept = index(of: first.position).map {
                recent[$0].event.history.eventID == first.eventID
            }
            if !isNext, isKept != true { recent.removeAll() }
            let kept = newest ?? .zero
            let further = events.drop { $0.history.position <= kept }
            recent.append(contentsOf: further.map { Kept(event: $0) })
            if recent.count > limit { recent.removeFirst(recent.count - limit) }
        }

        /// Where an event is kept.
        func index(of position: Position) -> Int? {
            guard let first = recent.first?.event.history.position, position >= first,
                position <= newest ?? .zero
            else { return nil }
            return Int(position.rawValue - first.rawValue)
        }
    }

    private struct Kept: Sendable {
        let event: RecordedEvent
        var served: [UInt8]?
    }

    /// - Parameter limit: how many of the newest events are kept for followers.
    public init(limit: Int = 4_096) {
        self.limit = limit
    }

    /// What is known now.
    public var seen: Seen { state.withLock { $0.seen } }

    /// The newest position that was heard of.
    public var head: Position { state.withLock { $0.seen.head } }

    /// Whether nothing more will be published.
    public var isFinished: Bool { state.withLock { $0.seen.isFinished } }

    // MARK: - Telling

    /// Hands over a batch that was committed by this process.
    func publish(_ events: [RecordedEvent]) {
        guard let last = events.last?.history.position else { return }
        state.update { state in
            state.keep(events, atMost: limit)
            state.seen.committed = max(state.seen.committed, last)
            state.seen.head = max(state.seen.head, last)
        }
    }

    /// Tells that this process has committed up to a position, without the events.
    func committed(to position: Position) {
        state.update { state in
            state.seen.committed = max(state.seen.committed, position)
            state.seen.head = max(state.seen.head, position)
        }
    }

    /// Tells that the head has moved, by whatever way that was learned.
    public func headMoved(to position: Position) {
        state.update { $0.seen.head = max($0.seen.head, position) }
    }

    /// Tells that a checkpoint of this size was published, by whatever way that was learned.
    public func sealed(to size: Position) {
        state.update { $0.seen.sealed = max($0.seen.sealed, size) }
    }

    /// Tells how far a read model is.
    public func modelMoved(_ name: String, to position: Position) {
        state.update { $0.seen.models[name] = position }
    }

    /// Nothing more will be published: wakes those who wait for events alone.
    func finish() { state.update { $0.seen.isFinished = true } }

    /// Has everybody who waits look again whether he has to.
    func wake() { state.update { _ in } }

    // MARK: - Looks at the table

    /// Whether a look at the table, which somebody takes for all, is not older than a few seconds.
    public var isFresh: Bool { state.withLock { Self.isFresh($0) } }

    private static func isFresh(_ state: State) -> Bool {
        state.look.map { $0.at + lookLifetime > .now } ?? false
    }

    /// What is known; taken before a look begins.
    func beforeLook() -> Before {
        state.withLock { Before(seen: $0.seen, newest: $0.newest) }
    }

    /// Takes in what a look has found.
    ///
    /// What was learned since it began is newer than it.
    func take(_ look: LedgerLook, since before: Before) {
        state.update { state in
            if let last = state.look?.found, last.incarnation != look.incarnation {
                // Of another history.
                state.recent.removeAll()
                state.checkpoint = nil
            }
            if look.sealed.rawValue < state.checkpoint?.signed.checkpoint.size ?? 0,
                state.seen.sealed == before.seen.sealed
            {
                state.checkpoint = nil
            }
            if !look.isReplica, let newest = before.newest, look.head < newest {
                // The database has gone back behind what was read and committed, as after a restore.
                state.recent.removeAll()
                state.seen.head = look.head
            } else if state.seen.head == before.seen.head {
                // Also back, where what was heard of is not there.
                state.seen.head = max(look.head, state.newest ?? .zero)
            }
            if state.seen.sealed == before.seen.sealed { state.seen.sealed = look.sealed }
            for (name, position) in look.models
            where state.seen.models[name] == before.seen.models[name] {
                state.seen.models[name] = position
            }
            state.seen.calls = look.calls
            state.seen.isLookedAt = true
            state.seen.looks += 1
            state.look = (look, .now)
        }
    }

    /// Nobody looks for all any more: everybody looks for himself.
    func loseLook() {
        state.update { state in
            state.seen.isLookedAt = false
            state.seen.calls = []
            state.look = nil
            state.checkpoint = nil
        }
    }

    /// The database turned out to be behind what was committed, as after a restore: forgets what it has
    /// no more.
    func goBack(to head: Position) {
        state.update { state in
            state.recent.removeAll()
            state.checkpoint = nil
            state.seen.head = head
        }
    }

    /// Whether a look shows that a cursor is of the history that there is, and not ahead of it.
    func vouches(for cursor: Cursor) -> Bool {
        state.withLock { state in
            guard Self.isFresh(state), let look = state.look?.found else { return false }
            return cursor.incarnation == look.incarnation
                && cursor.position <= max(look.head, state.newest ?? .zero)
        }
    }

    // MARK: - Events

    /// The newest position of those that are kept.
    var newest: Position? { state.withLock { $0.newest } }

    /// The events directly after a position, where they are still kept here.
    func events(after position: Position, limit: Int) -> [RecordedEvent] {
        state.withLock { state in
            guard position < state.newest ?? .zero, let start = state.index(of: position.next)
            else { return [] }
            return state.recent[start..<min(state.recent.count, start + limit)].map(\.event)
        }
    }

    /// An event as it is served; written once for all who follow.
    public func served(_ event: RecordedEvent) -> [UInt8] {
        state.withLock { state in
            guard let index = state.index(of: event.history.position),
                state.recent[index].event.history.eventID == event.history.eventID
            else { return event.served() }
            if let served = state.recent[index].served { return served }
            let served = event.served()
            state.recent[index].served = served
            return served
        }
    }

    /// The page after a position that is as new as what is kept: read once for all who want it, and kept.
    ///
    /// - Returns: nil where the position is older: then the page is nobody else's.
    func page(after position: Position, _ reader: EventReader) async throws -> EventPage? {
        let isNew = state.withLock { state in
            position >= state.newest ?? .zero
                && state.seen.head.rawValue - position.rawValue <= Int64(Self.sharedPage)
        }
        guard isNew else { return nil }
        return try await pages.value(position) {
            let page = try await reader.page(after: position, limit: Self.sharedPage)
            self.state.update { state in
                state.keep(page.events, atMost: self.limit)
                state.seen.head = max(state.seen.head, page.head)
            }
            return page
        }
    }

    // MARK: - The newest checkpoint

    /// Hands over a checkpoint that was published by this process.
    func publish(_ checkpoint: PublishedCheckpoint) {
        state.update { state in
            state.checkpoint = checkpoint
            state.seen.sealed = Position(checkpoint.signed.checkpoint.size)
        }
    }

    /// The newest checkpoint of the ledger; read once for all who ask, and not at all where a look has
    /// seen none that is newer.
    public func checkpoint(
        _ database: LedgerDatabase,
        _ ledger: LedgerDescription
    ) async throws -> PublishedCheckpoint? {
        let kept = state.withLock { state in
            let size = state.checkpoint?.signed.checkpoint.size ?? 0
            let isNewest = Self.isFresh(state) && state.seen.sealed.rawValue == size
            return (isNewest: isNewest, checkpoint: state.checkpoint)
        }
        if kept.isNewest { return kept.checkpoint }
        return try await checkpoints.value(ledger.id) {
            let newest = try await PublishedCheckpoint.newest(database, ledger)
            self.state.update { state in
                // One that was published meanwhile is newer.
                let size = newest?.signed.checkpoint.size ?? 0
                guard size >= state.checkpoint?.signed.checkpoint.size ?? 0 else { return }
                state.checkpoint = newest
                state.seen.sealed = Position(size)
            }
            return newest
        }
    }

    // MARK: - Waiting

    /// Waits until something holds, or the task is cancelled.
    func wait(until isOver: @escaping @Sendable (Seen) -> Bool) async {
        await state.wait { isOver($0.seen) }
    }

    /// Waits until something holds, for a time, or until the task is cancelled.
    public func wait(
        atMost limit: Duration,
        until isOver: @escaping @Sendable (Seen) -> Bool
    ) async {
        await state.wait(atMost: limit) { isOver($0.seen) }
    }

    /// Waits until something holds that a look at the table shows, or for a time.
    ///
    /// Where nobody looks for all, it ends after a second, so that the caller looks for himself.
    ///
    /// - Parameter limit: the longest wait; nil for as long as somebody looks.
    public func rest(
        atMost limit: Duration? = nil,
        until isOver: @escaping @Sendable (Seen) -> Bool
    ) async {
        guard isFresh else {
            return await wait(atMost: min(limit ?? Self.ownLook, Self.ownLook), until: isOver)
        }
        repeat {
            await wait(atMost: limit ?? Self.doubt) { isOver($0) || !$0.isLookedAt }
        } while limit == nil && isFresh && !isOver(seen) && !Task.isCancelled
    }

    /// Waits until the head is beyond a position, or it is time to look anyway.
    public func wait(beyond position: Position, atMost limit: Duration) async {
        await wait(atMost: limit) { $0.head > position }
    }
}
