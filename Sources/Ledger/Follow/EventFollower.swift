public import CareEpisode

/// Follows a ledger: every event after a position, in order, none missed, as it is committed.
///
/// Owns one position and one bounded page; what has not been read yet stays in the table. Use by
/// one task at a time. Where a restore is declared meanwhile, or the ledger turns out not to have got to
/// the position, it throws a ``CursorError``; on a replica, which may be behind, it waits.
public struct EventFollower {
    /// Everything up to here has been returned, or did not match.
    public private(set) var position: Position
    /// The incarnation of the ledger that the position is of.
    public private(set) var incarnation: Int32

    /// Where to go on later.
    public var cursor: Cursor { Cursor(position, incarnation: incarnation) }

    private let reader: EventReader
    private let feed: LiveFeed
    private let types: Set<EventType>?
    private let episode: EpisodeID?
    private let pollInterval: Duration
    /// When nothing was left in the table after the position; nil while that is not known.
    private var lookedAt: ContinuousClock.Instant?
    /// When the position was held against the table: what was heard of is no proof.
    private var checkedAt: ContinuousClock.Instant?

    /// Begins after a cursor.
    ///
    /// - Parameters:
    ///   - reader: of the ledger.
    ///   - feed: of a sequencer of this process, or kept up to date by ``HeadListener``.
    ///   - after: up to where events are not wanted.
    ///   - types: only these; nil for all.
    ///   - episode: only this one's; nil for all.
    ///   - pollInterval: how long a missed announcement can delay an event.
    public init(
        _ reader: EventReader,
        feed: LiveFeed,
        after: Cursor,
        types: Set<EventType>? = nil,
        episode: EpisodeID? = nil,
        pollInterval: Duration = .seconds(1)
    ) {
        self.reader = reader
        self.feed = feed
        self.types = types
        self.episode = episode
        self.pollInterval = pollInterval
        position = after.position
        incarnation = after.incarnation
    }

    /// The next events that match, at least one; waits for them.
    ///
    /// - Throws: `CancellationError`, ``CursorError``, ``LedgerError/missingEvent(_:)``, and what the
    ///   database says.
    public mutating func next(limit: Int = 500) async throws -> [RecordedEvent] {
        while true {
            let events = try await next(limit: limit, within: pollInterval)
            if !events.isEmpty { return events }
        }
    }

    /// The next events that match, or none where none come in time.
    ///
    /// For readers that have something else to do now and then, such as a heartbeat. The table is
    /// looked at when something was heard of, and every poll interval, unless somebody does that for
    /// all.
    ///
    /// - Parameters:
    ///   - limit: how many positions are looked at.
    ///   - duration: how long to wait.
    /// - Throws: as ``next(limit:)``.
    public mutating func next(
        limit: Int = 500,
        within duration: Duration
    ) async throws -> [RecordedEvent] {
        let end = ContinuousClock.now + duration
        while true {
            try Task.checkCancellation()
            let isLookedAt = checkedAt != nil && feed.vouches(for: cursor)
            let isChecked = isLookedAt || checkedAt.map { $0 + pollInterval > .now } ?? false
            let live = isChecked ? feed.events(after: position, limit: limit) : []
            if let last = live.last?.history.position {
                position = last
                let matching = live.filter(matches)
                if !matching.isEmpty { return matching }
                continue
            }
            let heard = feed.head
            let isDue = lookedAt.map { !isLookedAt && $0 + pollInterval <= .now } ?? true
            if heard > position || !isChecked || isDue {
                if let page = try await sharedPage() {
                    lookedAt = page.nextAfter >= page.head ? .now : nil
                    if !page.events.isEmpty { continue }
                } else {
                    let newest = feed.newest
                    let page = try await reader.page(
                        after: cursor,
                        types: types,
                        episode: episode,
                        limit: limit
                    )
                    take(page, newest)
                    position = page.nextAfter
                    // What is left in the table is looked at without waiting.
                    let isAtHead = page.nextAfter >= page.head
                    lookedAt = isAtHead ? .now : nil
                    if !page.events.isEmpty { return page.events }
                    if !isAtHead { continue }
                }
            }
            // What was heard of and is not there yet (a replica that lags, a false notification) is
            // looked for again soon, but not at once.
            let rest = ContinuousClock.now.duration(to: end)
            guard rest > .zero else { return [] }
            let pause = isLookedAt ? rest : min(rest, pollInterval)
            let known = max(position, heard)
            await feed.wait(atMost: heard > position ? min(rest, .milliseconds(100)) : pause) {
                $0.head > known || isLookedAt && !$0.isLookedAt
            }
        }
    }

    /// Has the next page read for all who are as far as this one, into the feed.
    ///
    /// - Returns: nil where it is nobody else's.
    private mutating func sharedPage() async throws -> EventPage? {
        let newest = feed.newest
        let shared: EventPage?
        do {
            shared = try await feed.page(after: position, reader)
        } catch LedgerError.missingEvent {
            // What lies before the hole is given all the same.
            return nil
        }
        guard let page = shared else { return nil }
        try await reader.check(cursor, page.ledgerHead)
        take(page, newest)
        return page
    }

    /// Learns from a page, which was read when the feed had events up to `newest`.
    private mutating func take(_ page: EventPage, _ newest: Position?) {
        checkedAt = .now
        // A replica may not have got to the incarnation yet.
        incarnation = max(incarnation, page.incarnation)
        // The database has gone back behind what was read before.
        if let newest, page.head < newest, !page.isReplica { feed.goBack(to: page.head) }
    }

    private func matches(_ event: RecordedEvent) -> Bool {
        (types?.contains(event.history.type) ?? true)
            && (episode.map { $0 == event.episodeID } ?? true)
    }
}
