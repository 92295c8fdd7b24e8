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

/// Which episodes are folded.
public struct EpisodeChoice: Sendable, ExpressibleByArrayLiteral {
    /// Gets what was known, nil for everything, and the position up to which events take part;
    /// returns nil for all episodes.
    let choose: @Sendable (HistoryFold, Knowledge?, Position) async throws -> [EpisodeID]?

    /// Those that can have a part in the answer, as something tells that reads no histories.
    public init(
        _ choose:
            @escaping @Sendable (HistoryFold, Knowledge?, Position) async throws
            -> [EpisodeID]?
    ) {
        self.choose = choose
    }

    /// Every one.
    public static let all = EpisodeChoice { _, _, _ in nil }

    /// These.
    public static func only(_ episodes: [EpisodeID]) -> EpisodeChoice {
        EpisodeChoice { _, _, _ in episodes }
    }

    /// One more.
    public func including(_ episode: EpisodeID) -> EpisodeChoice {
        EpisodeChoice { [choose] fold, knowledge, through in
            try await choose(fold, knowledge, through).map { Set($0 + [episode]).sorted() }
        }
    }

    /// These.
    public init(arrayLiteral episodes: EpisodeID...) { self = .only(episodes) }
}

/// Where folds are carried out, and when it is their turn.
public protocol FoldCarrier: Sendable {
    /// Carries out a fold.
    ///
    /// - Parameters:
    ///   - ledger: whose episodes.
    ///   - isLarge: whether it is of more episodes than one statement reads.
    ///   - body: reads and folds.
    /// - Throws: what `body` throws, or why it is not carried out.
    func carry<Result: Sendable>(
        _ ledger: LedgerID,
        isLarge: Bool,
        _ body: @Sendable () async throws -> Result
    ) async throws -> Result
}

/// Folds the histories of a ledger's episodes, as they were known at any time.
public struct HistoryFold: Sendable {
    /// Where the events are read.
    public let database: LedgerDatabase
    /// Whose episodes.
    public let ledger: LedgerDescription
    /// An event of which ``changes(by:of:beside:fold:items:)`` tells what it would change.
    var assumed: RecordedEvent?

    /// Who carries out the folds of the task; nil where they begin at once, and run where they are.
    @TaskLocal public static var carrier: (any FoldCarrier)?

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
    ///   - episodes: which. Those of which nothing is recorded are left out.
    ///   - knowledge: nil for everything, and so is the time of the newest event or later.
    ///   - through: the position up to which events take part; nil for the head.
    ///   - fold: gets the effective history with all of its times; nil where the episode has no
    ///     part in the answer. An episode for which it throws is told as parked.
    /// - Returns: what the folds returned, by episode id, and what it rests on.
    public func run<Part: Sendable>(
        of episodes: EpisodeChoice = .all,
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
        let chosen = try await episodes.choose(self, knowledge, position)
        let found = try await each(of: chosen, through: position) { episode, events in
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
        guard let carrier = Self.carrier else {
            return try await eachHere(of: episodes, through: through, body)
        }
        let isLarge = episodes.map { $0.count > Self.episodesAtOnce } ?? true
        return try await carrier.carry(ledger.id, isLarge: isLarge) {
            try await eachHere(of: episodes, through: through, body)
        }
    }

    private func eachHere<Part: Sendable>(
        of episodes: [EpisodeID]?,
        through: Position,
        _ body: @escaping @Sendable (EpisodeID, [HistoryEvent]) throws -> Part?
    ) async throws -> (parts: [Part], parked: [EpisodeID]) {
        let found = Mutex(Found<Part>())
        if let episodes {
            let reader = EventReader(database, ledger: ledger)
            let parts = stride(from: 0, to: episodes.count, by: Self.episodesAtOnce).map {
                Array(episodes[$0..<min($0 + Self.episodesAtOnce, episodes.count)])
            }
            try await forEachOf(parts, parallelism: Self.parallelism) { episodes in
                var part = Found<Part>()
                for (episode, events) in try await reader.histories(of: episodes, through: through)
                {
                    try part.add(episode, events, body)
                }
                let folded = part
                found.withLock { $0.add(folded) }
                FoldProgress.current?.add(folded.events)
            }
        } else {
            let scan = EpisodeScan(database, ledger: ledger, through: through)
            try await scan.forEachRange(parallelism: Self.parallelism) { range in
                // Read first, fold then: no statement waits for a fold.
                var histories: [(EpisodeID, [HistoryEvent])] = []
                try await scan.read(range) { histories.append(($0, $1)) }
                var part = Found<Part>()
                for (episode, events) in histories { try part.add(episode, events, body) }
                let folded = part
                found.withLock { $0.add(folded) }
                FoldProgress.current?.add(folded.events)
            }
        }
        // Ranges end in any order; answers are the same every time.
        let result = found.withLock { $0 }
        return (result.parts.sorted { $0.0 < $1.0 }.map(\.1), result.parked.sorted())
    }

    /// How many of the episodes asked for are read in one statement.
    private static let episodesAtOnce = 256
    /// How many parts of a ledger are read and folded at once.
    private static let parallelism = 2

    private struct Found<Part: Sendable>: Sendable {
        var parts: [(EpisodeID, Part)] = []
        var parked: [EpisodeID] = []
        /// How many were read.
        var events = 0

        mutating func add(
            _ episode: EpisodeID,
            _ events: [HistoryEvent],
            _ body: (EpisodeID, [HistoryEvent]) throws -> Part?
        ) throws {
            // Nobody waits for it any more.
            try Task.checkCancellation()
            self.events += events.count
            do {
                if let part = try body(episode, events) { parts.append((episode, part)) }
            } catch let cancelled as CancellationError {
                throw cancelled
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
