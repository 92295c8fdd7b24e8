public import CareEpisode
import Postgres

/// The newest position of a ledger.
public struct LedgerHead: Hashable, Sendable {
    /// `.zero` where nothing is recorded.
    public let position: Position
    /// The database server's clock at the newest append; nil where nothing is recorded.
    public let recordedAt: Instant?
    /// How far that lies ahead of the clock now, in seconds; 0 where it does not.
    ///
    /// Somebody has set the clock back since: until it has got there, all events are recorded at that one
    /// instant.
    public var secondsAhead: Double = 0
    /// Whether the server that was asked is a replica, which may be behind the primary.
    public var isReplica = false
    /// The ledger's incarnation: 1, and one more for each declared restore.
    public var incarnation: Int32 = 1

    /// Where a reader goes on who has read everything.
    public var cursor: Cursor { Cursor(position, incarnation: incarnation) }
}

/// Some events in the order of their positions.
public struct EventPage: Sendable {
    /// Those that match, in order.
    public let events: [RecordedEvent]
    /// Where the next page begins: everything up to here was looked at.
    public let nextAfter: Position
    /// The ledger's head when the page was read.
    public let head: Position
    /// The ledger's incarnation when the page was read.
    public let incarnation: Int32
    /// Whether the server that was asked is a replica, which may be behind the primary.
    public let isReplica: Bool

    /// The head when the page was read, without its time.
    var ledgerHead: LedgerHead {
        LedgerHead(
            position: head,
            recordedAt: nil,
            isReplica: isReplica,
            incarnation: incarnation
        )
    }

    /// Where the next page begins, as readers keep it.
    public var cursor: Cursor { Cursor(nextAfter, incarnation: incarnation) }
}

/// Reads one ledger's events: by position, by episode, by type.
public struct EventReader: Sendable {
    /// The most positions that one page looks at.
    public static let pageLimit = 1_000

    /// The ledger that is read.
    public let ledger: LedgerDescription
    let database: LedgerDatabase
    /// An event that is read as if it were its episode's newest, though nobody has recorded it: what it
    /// would change is shown before it is.
    public var assumed: RecordedEvent?

    /// Reads a ledger.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) {
        self.database = database
        self.ledger = ledger
    }

    /// The ledger's newest position.
    public func head() async throws -> LedgerHead {
        let rows = try await database.reader.query(
            """
            select h.position, h.recorded_at, pg_is_in_recovery() as is_replica,
                greatest(h.recorded_at / 1e6 - extract(epoch from clock_timestamp()), 0)::float8
                    as ahead,
                \(Self.incarnation) as incarnation
            from ledger_head h
            where h.ledger_id = \(ledger.id.rawValue)
            """
        )
        guard let row = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
        let position = Position(rawValue: try row.get("position"))
        return LedgerHead(
            position: position,
            recordedAt: position == .zero ? nil : try row.get("recorded_at"),
            secondsAhead: try row.get("ahead"),
            isReplica: try row.get("is_replica"),
            incarnation: try row.get("incarnation")
        )
    }

    /// The events after a cursor, else as after a position.
    ///
    /// - Throws: ``CursorError``, ``LedgerError/missingEvent(_:)``.
    public func page(
        after cursor: Cursor,
        until: Position? = nil,
        types: Set<EventType>? = nil,
        episode: EpisodeID? = nil,
        limit: Int = 500
    ) async throws -> EventPage {
        let page = try await page(
            after: cursor.position,
            until: until,
            types: types,
            episode: episode,
            limit: limit
        )
        try await check(cursor, page.ledgerHead)
        return page
    }

    /// The events after a position of the ledger as it is now.
    ///
    /// Positions have no gaps and become visible in their order, so that a reader who goes on from
    /// ``EventPage/nextAfter`` misses nothing. A gap is an error, since only tampering makes one.
    ///
    /// - Parameters:
    ///   - after: the position before the first that is wanted.
    ///   - until: the last position that is wanted; nil for the head.
    ///   - types: only these types; nil for all.
    ///   - episode: only this episode's; nil for all.
    ///   - limit: how many positions to look at, at most ``pageLimit``.
    /// - Throws: ``LedgerError/missingEvent(_:)``.
    public func page(
        after: Position,
        until: Position? = nil,
        types: Set<EventType>? = nil,
        episode: EpisodeID? = nil,
        limit: Int = 500
    ) async throws -> EventPage {
        let after = max(after, .zero)
        let window = Int64(min(max(limit, 1), Self.pageLimit))
        let through = min(
            after.rawValue.addingReportingOverflow(window).partialValue,
            until?.rawValue ?? .max
        )
        let isFiltered = types != nil || episode != nil
        let rows = try await database.reader.query(
            pageQuery(after: after.rawValue, through: through, types: types, episode: episode)
        )
        guard let first = rows.first else { throw LedgerError.unknownLedger(ledger.name) }
        var facts: [Int64]?
        for row in rows where facts == nil { facts = try row.get("facts") }
        guard let facts, facts.count == 4 else {
            throw LedgerError.missingEvent(try await firstMissing(after: after.rawValue))
        }
        let reached = max(after.rawValue, facts[1])
        var events: [RecordedEvent] = []
        events.reserveCapacity(rows.count)
        // Where nothing is after the position there is one row without an event.
        for row in rows where try row.get(0, as: Int64?.self) != nil {
            events.append(try EventRow(row, .serving).recordedEvent())
        }
        // Positions are unique: as many as there should be are all of them.
        let present = isFiltered ? try first.get("present") : Int64(events.count)
        if present != reached - after.rawValue {
            throw LedgerError.missingEvent(try await firstMissing(after: after.rawValue))
        }
        // They come as the index has them, which SQL does not promise.
        let positions = events.map(\.history.position)
        if zip(positions, positions.dropFirst()).contains(where: >) {
            events.sort { $0.history.position < $1.history.position }
        }
        return EventPage(
            events: events,
            nextAfter: Position(rawValue: reached),
            head: Position(rawValue: facts[0]),
            incarnation: Int32(facts[2]),
            isReplica: facts[3] == 1
        )
    }

    /// One statement, one snapshot: what is up to the head it sees, it sees.
    ///
    /// With a filter it also counts what is there, once, since what it returns does not tell. Without one
    /// the facts of the ledger come with the first event alone, or with the row that has none.
    ///
    /// The events are asked for in order and with a limit, so that one index fits best, that of the
    /// positions, even to a planner who thinks that the ledger is empty: a plan made then is kept.
    /// Sorting once more, outside, what comes in order already would take a third of the time.
    private func pageQuery(
        after: Int64,
        through: Int64,
        types: Set<EventType>?,
        episode: EpisodeID?
    ) -> SQL {
        let id = ledger.id.rawValue
        let most = Int64(Self.pageLimit)
        let bound: SQL = """
            with bound as materialized (
                select least(h.position, \(through)) as through,
                    array[
                        h.position, least(h.position, \(through)), \(Self.incarnation),
                        pg_is_in_recovery()::integer
                    ]::bigint[] as facts
                from ledger_head h
                where h.ledger_id = \(id)
            )
            """
        func window(_ columns: SQL, _ filter: SQL = "") -> SQL {
            """
            left join lateral (
                select \(columns)
                from event e
                where e.ledger_id = \(id) and e.position > \(after) and e.position <= b.through
                \(filter)
                order by e.position
                limit \(most)
            ) e on true
            """
        }
        let columns: SQL = "\(raw: EventRow.columns(.serving))"
        guard types != nil || episode != nil else {
            return """
                \(bound)
                select e.*,
                    case when coalesce(e.position, 0) - 1 <= \(after) then b.facts end as facts
                from bound b
                \(window(columns))
                """
        }
        let typeNames = types.map { $0.map(\.rawValue).sorted() }
        let filter: SQL = """
            and (\(typeNames)::text[] is null or e.type = any (\(typeNames)::text[]))
            and (\(episode)::uuid is null or e.episode_id = \(episode)::uuid)
            """
        return """
            \(bound),
            counted as materialized (
                select count(e.position) as present
                from bound b
                \(window("e.position"))
            )
            select e.*, b.facts, c.present
            from bound b
            cross join counted c
            \(window(columns, filter))
            """
    }

    private func firstMissing(after: Int64) async throws -> Position {
        let id = ledger.id.rawValue
        let rows = try await database.reader.query(
            """
            select min(p.position) as position
            from generate_series(\(after)::bigint + 1, \(after)::bigint + \(Int64(Self.pageLimit)))
                as p (position)
            where not exists (
                select from event e where e.ledger_id = \(id) and e.position = p.position
            )
            """
        )
        return Position(rawValue: try rows.first?.get("position", as: Int64?.self) ?? after + 1)
    }

    /// An episode's events by version; empty where none is recorded.
    ///
    /// - Parameters:
    ///   - episode: whose events.
    ///   - through: only up to this position; nil for all.
    public func events(
        of episode: EpisodeID,
        through: Position? = nil
    ) async throws -> [RecordedEvent] {
        var events: [RecordedEvent] = []
        let (id, last) = (ledger.id.rawValue, through?.rawValue ?? .max)
        while true {
            let after = events.last?.history.version.rawValue ?? 0
            let rows = try await database.reader.query(
                """
                select \(raw: EventRow.columns(.serving))
                from event
                where ledger_id = \(id) and episode_id = \(episode) and version > \(after)
                and position <= \(last)
                order by version
                limit \(Int64(Self.pageLimit))
                """
            )
            for row in rows { events.append(try EventRow(row, .serving).recordedEvent()) }
            if rows.count < Self.pageLimit { break }
        }
        if let assumed, assumed.episodeID == episode { events.append(assumed) }
        return events
    }

    /// The histories of some episodes up to a position, for folds.
    ///
    /// - Parameters:
    ///   - episodes: whose; those of which nothing is recorded are left out.
    ///   - through: the position up to which events take part.
    public func histories(
        of episodes: [EpisodeID],
        through: Position
    ) async throws -> [EpisodeID: [HistoryEvent]] {
        var histories: [EpisodeID: [HistoryEvent]] = [:]
        let id = ledger.id.rawValue
        for chunk in stride(from: 0, to: episodes.count, by: 256) {
            let wanted = Array(episodes[chunk..<min(chunk + 256, episodes.count)])
            let rows = try await database.reader.query(
                """
                select e.*
                from unnest(\(wanted)) as w (episode_id)
                cross join lateral (
                    select \(raw: EventRow.columns(.folding))
                    from event
                    where ledger_id = \(id) and episode_id = w.episode_id
                    and position <= \(through.rawValue)
                    order by version
                ) e
                """
            )
            for row in rows {
                let row = try EventRow(row, .folding)
                histories[row.episodeID, default: []].append(try row.historyEvent())
            }
        }
        if let assumed { histories[assumed.episodeID]?.append(assumed.history) }
        return histories
    }
}

extension EventReader {
    /// The most positions of ``episodes(after:through:)``: an episode is folded once for all its events
    /// among them, so that many are cheaper than few.
    public static let foldLimit = 4_096

    /// The events between two positions as folds see them, and the episodes they belong to.
    ///
    /// - Parameters:
    ///   - after: the position before the first.
    ///   - through: the last; at most ``foldLimit`` further, and not beyond the head.
    /// - Throws: ``LedgerError/missingEvent(_:)``.
    public func episodes(
        after: Position,
        through: Position
    ) async throws -> (
        episodes: [EpisodeID], events: [(episode: EpisodeID, event: HistoryEvent)]
    ) {
        precondition(through.rawValue - after.rawValue <= Int64(Self.foldLimit))
        guard through > after else { return ([], []) }
        let id = ledger.id.rawValue
        let rows = try await database.reader.query(
            """
            select \(raw: EventRow.columns(.folding))
            from event
            where ledger_id = \(id)
            and position > \(after.rawValue) and position <= \(through.rawValue)
            order by position
            """
        )
        var events: [(episode: EpisodeID, event: HistoryEvent)] = []
        var episodes: [EpisodeID] = []
        var seen: Set<EpisodeID> = []
        var next = after.next
        for row in rows {
            let row = try EventRow(row, .folding)
            let event = try row.historyEvent()
            guard event.position == next else { throw LedgerError.missingEvent(next) }
            next = next.next
            events.append((row.episodeID, event))
            if seen.insert(row.episodeID).inserted { episodes.append(row.episodeID) }
        }
        guard next == through.next else { throw LedgerError.missingEvent(next) }
        return (episodes, events)
    }
}
