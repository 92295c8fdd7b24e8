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
    var failed: [(episode: EpisodeID, reason: String)] = []
    /// Those of them of which a part could be folded; the rows of the others stay as they are.
    private(set) var foldedInPart: [EpisodeID] = []
    /// Every one that was added.
    private(set) var added: [EpisodeID] = []
    /// Of one generation.
    var rows: EncodedRows

    private let projection: Projection
    private let after: Position

    /// Whether the rows that single events make are here for whole histories, and so replace those that
    /// are there.
    var isWhole: Bool { after == .zero }

    /// A batch of events that come after a position.
    init(
        _ projection: Projection,
        ledger: LedgerID,
        generation: Int32,
        after: Position = .zero
    ) {
        self.projection = projection
        self.after = after
        rows = EncodedRows(projection.tables, ledger: ledger, generation: generation)
    }

    mutating func add(_ episode: EpisodeID, _ history: [HistoryEvent]) {
        addEvents(of: episode, history)
        do {
            let model = try projection.fold(episode, history)
            folded.append(episode)
            if let model { projection.encode(model, into: &rows) }
        } catch {
            failed.append((episode, Self.reason(error)))
            addReadable(episode, history)
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
            if let model { projection.encode(model, into: &rows) }
            return true
        } catch {
            return false
        }
    }

    /// Encodes the rows that single events make.
    private mutating func addEvents(of episode: EpisodeID, _ history: [HistoryEvent]) {
        added.append(episode)
        projection.encode(episode, history, after: after, into: &rows)
    }

    /// Encodes the rows of the longest part of a history, from its beginning, that can be folded.
    private mutating func addReadable(_ episode: EpisodeID, _ history: [HistoryEvent]) {
        var (readable, unreadable) = (0, history.count)
        var model: Projection.Model?
        while unreadable - readable > 1 {
            let middle = (readable + unreadable) / 2
            do {
                model = try projection.fold(episode, Array(history.prefix(middle)))
                readable = middle
            } catch {
                unreadable = middle
            }
        }
        guard readable > 0 else { return }
        foldedInPart.append(episode)
        if let model { projection.encode(model, into: &rows) }
    }

    /// Folds one episode after the other; whoever else waits for a thread has his turn in between.
    mutating func add(_ episodes: [EpisodeID], _ histories: HistoryCache) async {
        for episode in episodes {
            add(episode, histories[episode])
            await Task.yield()
        }
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
