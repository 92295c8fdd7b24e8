import CareEpisode
import Ledger

/// The rows of the episodes of one batch, encoded, and those whose fold failed.
///
/// An episode whose fold fails has the rows of its history up to where it fails: its last good rows,
/// the same ones after a rebuild as in tables that were kept up to date.
struct FoldedBatch<Projection: EpisodeProjection>: Sendable {
    /// Episodes that were folded; also those that have no rows any more.
    var folded: [EpisodeID] = []
    /// Episodes to be parked.
    private(set) var failed: [(episode: EpisodeID, reason: String)] = []
    /// Those of them of which a part could be folded; the rows of the others stay as they are.
    private(set) var foldedInPart: [EpisodeID] = []
    /// Every one that was added.
    private(set) var added: [EpisodeID] = []
    /// Of one generation: what is not there yet.
    var rows: EncodedRows
    /// Episodes whose rows in a table give way to ``rows``, by the table's index.
    private(set) var replaced: [[EpisodeID]]
    /// The digests of the rows of ``folded``, table by table.
    private(set) var digests: [EpisodeID: [[UInt128]]] = [:]

    private let projection: Projection
    private let ledger: LedgerID
    private let generation: Int32
    private let after: Position
    private let written: WrittenRows?

    /// A batch of events that come after a position.
    ///
    /// - Parameter written: what is known of the rows that are there; nil where nothing is, and nothing
    ///   needs to be remembered.
    init(
        _ projection: Projection,
        ledger: LedgerID,
        generation: Int32,
        after: Position = .zero,
        written: WrittenRows? = nil
    ) {
        self.projection = projection
        self.ledger = ledger
        self.generation = generation
        self.after = after
        self.written = written
        rows = EncodedRows(projection.tables, ledger: ledger, generation: generation)
        replaced = projection.tables.map { _ in [] }
    }

    mutating func add(_ episode: EpisodeID, _ history: EpisodeHistory) {
        addEvents(of: episode, history.events)
        do {
            let model = try projection.fold(episode, sharing: history)
            folded.append(episode)
            put(model, of: episode)
        } catch {
            failed.append((episode, Self.reason(error)))
            addReadable(episode, history.events)
        }
    }

    /// Adds an episode of whose history only so many events are folded; of none, the rows that it has
    /// stay.
    ///
    /// - Returns: whether they can be folded.
    @discardableResult
    mutating func add(
        _ episode: EpisodeID,
        _ history: [HistoryEvent],
        foldingFirst count: Int
    ) -> Bool {
        addEvents(of: episode, history)
        guard count > 0 else { return true }
        do {
            let model = try projection.fold(episode, Array(history.prefix(count)))
            foldedInPart.append(episode)
            replace(with: model, episode)
            return true
        } catch {
            return false
        }
    }

    /// Encodes the rows that single events make: for whole histories they replace those that are there.
    private mutating func addEvents(of episode: EpisodeID, _ history: [HistoryEvent]) {
        added.append(episode)
        projection.encode(episode, history, after: after, into: &rows)
        guard after == .zero else { return }
        for (index, table) in projection.tables.enumerated() where table.isInsertOnly {
            replaced[index].append(episode)
        }
    }

    /// Encodes the rows of the longest part of a history, from its beginning, that can be folded.
    private mutating func addReadable(_ episode: EpisodeID, _ history: [HistoryEvent]) {
        let (readable, model) = projection.foldLongestPart(episode, history)
        guard readable > 0 else { return }
        foldedInPart.append(episode)
        replace(with: model, episode)
    }

    /// Folds one episode after the other; whoever else waits for a thread has his turn in between.
    mutating func add(_ episodes: [EpisodeID], of batch: EventBatch) async {
        for episode in episodes {
            add(episode, batch[episode])
            await Task.yield()
        }
    }

    // MARK: - Rows

    /// Replaces all rows of an episode.
    private mutating func replace(with model: Projection.Model?, _ episode: EpisodeID) {
        for (index, table) in projection.tables.enumerated() where !table.isInsertOnly {
            replaced[index].append(episode)
        }
        if let model { projection.encode(model, into: &rows) }
    }

    /// Adds what the rows of an episode lack; of a table in which some are wrong, all are replaced.
    private mutating func put(_ model: Projection.Model?, of episode: EpisodeID) {
        guard let written else { return replace(with: model, episode) }
        var all = EncodedRows(projection.tables, ledger: ledger, generation: generation)
        if let model { projection.encode(model, into: &all) }
        let known = written[episode]
        var digests: [[UInt128]] = []
        for (index, table) in projection.tables.enumerated() {
            let encoded = all.rows(index)
            let now = encoded.map(WrittenRows.digest)
            digests.append(now)
            if table.isInsertOnly { continue }
            if let before = known?[index],
                case .further(let further) = RowDifference(now, from: before)
            {
                rows.append(further.map { encoded[$0] }, to: index)
            } else {
                replaced[index].append(episode)
                rows.append(encoded, to: index)
            }
        }
        self.digests[episode] = digests
    }

    /// The error's type and, where it has one, its stable code: a fold's message could hold health
    /// information.
    private static func reason(_ error: any Error) -> String {
        switch error {
        case let refusal as Refusal:
            "unreadable: "
                + refusal.errors.map { "\($0.pointer) \($0.code)" }.joined(separator: ", ")
        case let error as any ParkingReason:
            error.parkingReason
        default:
            String(describing: type(of: error))
        }
    }
}

/// An error of a fold that may say why, without health information.
public protocol ParkingReason: Error {
    /// Kept with the parked episode and shown by `projections status`.
    var parkingReason: String { get }
}
