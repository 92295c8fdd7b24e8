public import CareEpisode
public import Ledger
public import Postgres

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

    /// Where the rows go. Each table begins with `ledger_id, episode_id`.
    var tables: [ProjectionTable] { get }

    /// Folds one episode.
    ///
    /// - Parameters:
    ///   - episode: whose history.
    ///   - history: its effective history.
    /// - Returns: nil where the episode is not in this read model.
    /// - Throws: whatever makes the history unreadable; the episode is parked.
    func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> Model?

    /// Writes a model's rows: one encoder for each of ``tables``, in their order.
    func encode(_ model: Model, ledger: LedgerID, into encoders: inout [BinaryCopyEncoder])
}

/// One table of a read model, of which there is one for each generation.
public struct ProjectionTable: Sendable {
    /// The table's name without its generation.
    public let name: String
    /// All columns, in the order in which rows are encoded.
    public let columns: [String]
    /// Creates the table; `{table}` stands for its full name.
    ///
    /// No keys: they come after a rebuild has filled it.
    public let definition: String
    /// Adds keys and indexes; `{table}` as above, `{name}` for the name without the schema.
    public let keys: String

    /// Describes a table.
    public init(name: String, columns: [String], definition: String, keys: String) {
        precondition(columns.starts(with: ["ledger_id", "episode_id"]))
        self.name = name
        self.columns = columns
        self.definition = definition
        self.keys = keys
    }

    /// The table of one generation, with its schema.
    public func qualifiedName(_ generation: Int32) -> String {
        "read_model.\(name)_\(generation)"
    }

    func script(_ template: String, generation: Int32) -> String {
        Self.replacing(
            "{name}",
            in: template,
            with: "\(name)_\(generation)",
            then: "{table}",
            qualifiedName(generation)
        )
    }

    private static func replacing(
        _ first: String,
        in template: String,
        with one: String,
        then second: String,
        _ two: String
    ) -> String {
        template.split(separator: first, omittingEmptySubsequences: false).joined(separator: one)
            .split(separator: second, omittingEmptySubsequences: false).joined(separator: two)
    }
}

extension EpisodeProjection {
    /// Folds all that is known of an episode, now.
    func fold(_ episode: EpisodeID, _ events: [HistoryEvent]) throws -> Model? {
        try fold(episode, try EffectiveHistory(events))
    }

    func makeEncoders() -> [BinaryCopyEncoder] { tables.map { _ in BinaryCopyEncoder() } }
}
