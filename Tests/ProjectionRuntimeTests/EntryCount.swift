import CareEpisode
import Ledger
import Postgres
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
    /// Called before an episode is folded.
    var onFold: @Sendable () -> Void = {}

    init(_ poison: Poison = Poison(), foldVersion: Int = 1, weight: Int = 1) {
        self.poison = poison
        self.foldVersion = foldVersion
        self.weight = weight
    }

    var name: String { "entries" }

    var tables: [ProjectionTable] {
        [
            ProjectionTable(
                name: "entry_count",
                columns: ["ledger_id", "episode_id", "entries"],
                definition: """
                    create table {table} (
                        ledger_id integer not null,
                        episode_id uuid not null,
                        entries bigint not null
                    );
                    """,
                keys: """
                    alter table {table}
                    add constraint {name}_key primary key (ledger_id, episode_id);
                    """
            )
        ]
    }

    func fold(_ episode: EpisodeID, _ history: EffectiveHistory) throws -> Model? {
        onFold()
        if let error = poison[episode] { throw error }
        guard history.entries.count <= most else { throw Poisoned(parkingReason: "too long") }
        guard !history.entries.isEmpty else { return nil }
        return Model(episode: episode, entries: history.entries.count * weight)
    }

    func encode(_ model: Model, ledger: LedgerID, into encoders: inout [BinaryCopyEncoder]) {
        encoders[0].row(columns: 3)
        encoders[0].append(ledger.rawValue)
        encoders[0].append(model.episode)
        encoders[0].append(Int64(model.entries))
    }
}
