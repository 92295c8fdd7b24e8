import CareEpisode
import Ledger
import ProjectionRuntime
import Synchronization

/// A read model that counts entries, and cannot fold what it is told to choke on.
struct EntryCount: EpisodeProjection {
    struct Model: Sendable, Equatable {
        var episode: EpisodeID
        var entries: Int
    }

    /// Episodes whose fold fails, and how.
    final class Poison: Sendable {
        private let errors = Mutex<[EpisodeID: any Error]>([:])

        subscript(episode: EpisodeID) -> (any Error)? {
            get { errors.withLock { $0[episode] } }
            set { errors.withLock { $0[episode] = newValue } }
        }
    }

    /// Says why itself.
    struct Poisoned: ParkingReason {
        var parkingReason: String
    }

    /// Its text must reach nobody.
    struct Telltale: Error, CustomStringConvertible {
        var description: String { "takes disulfiram" }
    }

    let poison: Poison
    var foldVersion = 1
    /// What an entry counts: another number is another fold under the same version.
    var weight = 1
    /// Histories of more entries than this cannot be folded.
    var most = Int.max
    /// An episode of which more entries than this cannot be folded.
    var failing: (episode: EpisodeID, entries: Int)?
    /// Called before an episode is folded.
    var onFold: @Sendable () -> Void = {}

    init(_ poison: Poison = Poison(), foldVersion: Int = 1, weight: Int = 1) {
        self.poison = poison
        self.foldVersion = foldVersion
        self.weight = weight
    }

    var name: String { "entries" }

    var tables: [ProjectionTable] { [EntryCountRow.table] }

    func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> Model? {
        onFold()
        if let error = poison[episode] { throw error }
        let most = failing?.episode == episode ? failing?.entries ?? most : most
        guard history.entries.count <= most else { throw Poisoned(parkingReason: "too long") }
        guard !history.entries.isEmpty else { return nil }
        return Model(episode: episode, entries: history.entries.count * weight)
    }

    func encode(_ model: Model, into rows: inout EncodedRows) {
        rows.append(EntryCountRow(episodeID: model.episode, entries: Int64(model.entries)))
    }
}

struct EntryCountRow: ProjectionRow {
    static let table = ProjectionTable("entry_count", of: Self.self)

    var episodeID = EpisodeID(bits: 0)
    var entries: Int64 = 0

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column("entries", &entries)
    }
}
