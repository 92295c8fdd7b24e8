import CareEpisode
import Ledger
import Postgres

/// The rows of the episodes of one batch, encoded, and those whose fold failed.
struct FoldedBatch<Projection: EpisodeProjection>: Sendable {
    /// Episodes whose rows are to be replaced; also those that have none any more.
    var folded: [EpisodeID] = []
    /// Episodes to be parked.
    var failed: [(episode: EpisodeID, reason: String)] = []
    /// One for each table.
    var encoders: [BinaryCopyEncoder]

    private let projection: Projection
    private let ledger: LedgerID

    init(_ projection: Projection, ledger: LedgerID) {
        self.projection = projection
        self.ledger = ledger
        encoders = projection.makeEncoders()
    }

    mutating func add(_ episode: EpisodeID, _ history: [HistoryEvent]) {
        do {
            let model = try projection.fold(episode, history)
            folded.append(episode)
            if let model { projection.encode(model, ledger: ledger, into: &encoders) }
        } catch {
            failed.append((episode, Self.reason(error)))
        }
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
