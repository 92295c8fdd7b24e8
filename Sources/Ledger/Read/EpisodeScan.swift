public import CareEpisode
import Postgres
import Synchronization

/// Some of a ledger's episodes: those whose ids lie in a range.
public struct EpisodeRange: Sendable {
    /// The first id of the range; nil for the lowest.
    public let from: EpisodeID?
    /// The first id after the range; nil for no end.
    public let to: EpisodeID?

    /// The range as a condition on `episode_id`, without parameters.
    public var condition: String {
        var parts = ["true"]
        if let from { parts.append("episode_id >= '\(from)'::uuid") }
        if let to { parts.append("episode_id < '\(to)'::uuid") }
        return parts.joined(separator: " and ")
    }
}

/// Reads every episode's history up to a position, a range of episodes at a time, by binary COPY.
///
/// No statement runs long and nothing but one range is in memory for each range in work.
public struct EpisodeScan: Sendable {
    private static let samplesPerRange: Int64 = 16

    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let through: Position
    /// About how many events a range has.
    private let rangeEvents: Int64

    /// Scans a ledger up to a position, which must not be beyond its head, by ranges of about so
    /// many events.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        through: Position,
        rangeEvents: Int64 = 8_000
    ) {
        self.database = database
        self.ledger = ledger
        self.through = through
        self.rangeEvents = rangeEvents
    }

    /// Calls the body once for every range, some at a time.
    public func forEachRange(
        parallelism: Int = 2,
        _ body: @escaping @Sendable (EpisodeRange) async throws -> Void
    ) async throws {
        try await forEachOf(try await ranges(), parallelism: parallelism, body)
    }

    /// Ranges of about the same number of events, cut at a sample of the ledger's episodes: every
    /// so many positions, since positions have no gaps.
    private func ranges() async throws -> [EpisodeRange] {
        let wanted = min(max(1, through.rawValue / rangeEvents), 4_096)
        guard wanted > 1 else { return [EpisodeRange(from: nil, to: nil)] }
        let samples = wanted * Self.samplesPerRange
        let positions = (0..<samples).map { 1 + $0 * (through.rawValue - 1) / samples }
        let rows = try await database.reader.query(
            """
            select episode_id from event
            where ledger_id = \(ledger.id.rawValue) and position = any (\(positions))
            order by episode_id
            """
        )
        let sampled = try rows.map { try $0.get("episode_id", as: EpisodeID.self) }
        var cuts: [EpisodeID] = []
        for index in stride(
            from: Int(Self.samplesPerRange),
            to: sampled.count,
            by: Int(Self.samplesPerRange)
        )
        where cuts.last != sampled[index] {
            cuts.append(sampled[index])
        }
        return zip([nil] + cuts, cuts.map { $0 } + [nil]).map { EpisodeRange(from: $0, to: $1) }
    }

    /// Reads a range: the body gets each episode's events by version.
    public func read(
        _ range: EpisodeRange,
        _ body: (EpisodeID, [HistoryEvent]) throws -> Void
    ) async throws {
        var current: EpisodeID?
        var history: [HistoryEvent] = []
        try await database.copyEvents(
            .folding,
            of: ledger,
            where: "\(range.condition) and position <= \(through)",
            by: "episode_id, version"
        ) { row in
            if row.episodeID != current {
                if let current { try body(current, history) }
                current = row.episodeID
                history.removeAll(keepingCapacity: true)
            }
            history.append(try row.historyEvent())
        }
        if let current { try body(current, history) }
    }
}

/// Calls a body once for each of some parts of a ledger, some at a time, until one call throws.
public func forEachOf<Part: Sendable>(
    _ parts: [Part],
    parallelism: Int,
    _ body: @escaping @Sendable (Part) async throws -> Void
) async throws {
    let queue = PartQueue(parts)
    try await withThrowingTaskGroup(of: Void.self) { group in
        for _ in 0..<min(max(parallelism, 1), parts.count) {
            group.addTask {
                while let part = queue.next() {
                    try Task.checkCancellation()
                    try await body(part)
                }
            }
        }
        try await group.waitForAll()
    }
}

/// Parts that wait to be worked on.
private final class PartQueue<Part: Sendable>: Sendable {
    private let parts: Mutex<ArraySlice<Part>>

    init(_ parts: [Part]) { self.parts = Mutex(parts[...]) }

    func next() -> Part? { parts.withLock { $0.popFirst() } }
}
