public import CareEpisode
public import Ledger
import Synchronization

/// What was known when.
public struct Knowledge: Hashable, Sendable {
    /// Only what was known then takes part.
    public var at: Instant
    /// Which clock that is on.
    public var by: KnowledgeClock

    /// Knowledge at a time.
    public init(at: Instant, by: KnowledgeClock = .source) {
        self.at = at
        self.by = by
    }
}

/// Folds the histories of a ledger's episodes, as they were known at any time.
public struct HistoryFold: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription

    /// The histories of one ledger.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) {
        self.database = database
        self.ledger = ledger
    }

    /// Folds every episode, or some.
    ///
    /// Of a whole ledger every event is read, and nothing is held but what the folds return.
    ///
    /// - Parameters:
    ///   - episodes: which; nil for all. Those of which nothing is recorded are left out.
    ///   - knowledge: nil for everything, and so is the time of the newest event or later.
    ///   - through: the position up to which events take part; nil for the head.
    ///   - fold: gets the effective history with all of its times; nil where the episode has no
    ///     part in the answer. An episode for which it throws is told as parked.
    /// - Returns: what the folds returned, by episode id, and what it rests on.
    public func run<Part: Sendable>(
        of episodes: [EpisodeID]? = nil,
        known knowledge: Knowledge? = nil,
        through: Position? = nil,
        _ fold: @escaping @Sendable (EpisodeID, EffectiveHistory) throws -> Part?
    ) async throws -> (parts: [Part], basis: ReadModelBasis) {
        let newest = try await EventReader(database, ledger: ledger).head()
        // At or after the head's recorded time everything is known, whatever a source's clock said.
        let clock = knowledge?.by ?? .source
        let knowledge = knowledge.flatMap { knowledge in
            newest.recordedAt.map { knowledge.at >= $0 } ?? true ? nil : knowledge
        }
        let position = through ?? newest.position
        let found = try await each(of: episodes, through: position) { episode, events in
            try fold(
                episode,
                EffectiveHistory(
                    events,
                    knownAt: knowledge?.at,
                    // Of what everybody knows by now the tables go by the source's clock, and so
                    // does a fold.
                    knownBy: knowledge?.by ?? .source
                )
            )
        }
        var basis = ReadModelBasis(
            position: position,
            head: newest.position,
            knownAt: knowledge?.at,
            knownBy: clock,
            parked: found.parked
        )
        basis.calendar = try LocalCalendar(timeZone: ledger.timeZone)
        return (found.parts, basis)
    }

    /// Calls the body for the events of every episode, or of some.
    func each<Part: Sendable>(
        of episodes: [EpisodeID]?,
        through: Position,
        _ body: @escaping @Sendable (EpisodeID, [HistoryEvent]) throws -> Part?
    ) async throws -> (parts: [Part], parked: [EpisodeID]) {
        let found = Mutex(Found<Part>())
        if let episodes {
            let reader = EventReader(database, ledger: ledger)
            for (episode, events) in try await reader.histories(of: episodes, through: through) {
                found.withLock { $0.add(episode, events, body) }
            }
        } else {
            let scan = EpisodeScan(database, ledger: ledger, through: through)
            try await scan.forEachRange { range in
                // Read first, fold then: no statement waits for a fold.
                var histories: [(EpisodeID, [HistoryEvent])] = []
                try await scan.read(range) { histories.append(($0, $1)) }
                var part = Found<Part>()
                for (episode, events) in histories { part.add(episode, events, body) }
                let folded = part
                found.withLock { $0.add(folded) }
            }
        }
        // Ranges end in any order; answers are the same every time.
        let result = found.withLock { $0 }
        return (result.parts.sorted { $0.0 < $1.0 }.map(\.1), result.parked.sorted())
    }

    private struct Found<Part: Sendable>: Sendable {
        var parts: [(EpisodeID, Part)] = []
        var parked: [EpisodeID] = []

        mutating func add(
            _ episode: EpisodeID,
            _ events: [HistoryEvent],
            _ body: (EpisodeID, [HistoryEvent]) throws -> Part?
        ) {
            do {
                if let part = try body(episode, events) { parts.append((episode, part)) }
            } catch {
                parked.append(episode)
            }
        }

        mutating func add(_ other: Found) {
            parts += other.parts
            parked += other.parked
        }
    }
}
