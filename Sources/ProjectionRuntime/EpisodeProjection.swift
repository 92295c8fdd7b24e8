public import CareEpisode

/// A read model: a pure fold over one episode's effective history that returns the episode's rows.
///
/// The same fold serves the worker, a rebuild and an answer for any two clocks. Rows hold nothing
/// that depends on when one asks.
public protocol EpisodeProjection: Sendable {
    /// What the fold says of one episode.
    associatedtype Model: Sendable

    /// The read model's name, for commands and for the registry.
    var name: String { get }

    /// Raised by every change of what the fold returns: a worker of another version takes no lease.
    var foldVersion: Int { get }

    /// Where the rows go.
    var tables: [ProjectionTable] { get }

    /// Folds one episode.
    ///
    /// - Parameters:
    ///   - episode: whose history.
    ///   - history: its effective history.
    /// - Returns: nil where the episode is not in this read model.
    /// - Throws: whatever makes the history unreadable; the episode is parked.
    func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> Model?

    /// Folds all that is known of one episode, now, with what other read models have worked out of the
    /// same history; the result is that of ``fold(_:_:)``.
    func fold(_ episode: EpisodeID, sharing history: EpisodeHistory) throws -> Model?

    /// Adds a model's rows, each of one of ``tables``.
    func encode(_ model: Model, into rows: inout EncodedRows)

    /// Adds rows that single events make, whether or not the episode can be folded, each of a table
    /// whose rows are only added to.
    ///
    /// - Parameters:
    ///   - episode: whose events.
    ///   - history: all of its events, by version.
    ///   - after: those up to this position have rows already.
    ///   - rows: where the rows go.
    func encode(
        _ episode: EpisodeID,
        _ history: [HistoryEvent],
        after: Position,
        into rows: inout EncodedRows
    )
}

extension EpisodeProjection {
    /// Shares the effective history alone.
    public func fold(_ episode: EpisodeID, sharing history: EpisodeHistory) throws -> Model? {
        try fold(episode, try history.effective())
    }

    /// Adds nothing.
    public func encode(
        _ episode: EpisodeID,
        _ history: [HistoryEvent],
        after: Position,
        into rows: inout EncodedRows
    ) {}

    /// Folds all that is known of an episode, now.
    public func fold(_ episode: EpisodeID, _ events: [HistoryEvent]) throws -> Model? {
        try fold(episode, sharing: EpisodeHistory(events))
    }

    /// Folds the longest part of a history, from its beginning, that can be folded: what the rows of a
    /// parked episode are made of.
    ///
    /// - Parameters:
    ///   - episode: whose.
    ///   - events: all of its events, by version, which cannot be folded as a whole.
    /// - Returns: how many events it has, 0 where there is none, and what the fold makes of them.
    public func foldLongestPart(
        _ episode: EpisodeID,
        _ events: [HistoryEvent]
    ) -> (count: Int, model: Model?) {
        var (readable, unreadable) = (0, events.count)
        var model: Model?
        while unreadable - readable > 1 {
            let middle = (readable + unreadable) / 2
            do {
                model = try fold(episode, Array(events.prefix(middle)))
                readable = middle
            } catch {
                unreadable = middle
            }
        }
        return (readable, model)
    }
}
