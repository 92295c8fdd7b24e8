import CareEpisode
import Crypto

/// What one writer has written of some episodes, so that rows that are there already are not written
/// again.
///
/// Sound for as long as the writer has the lease: nobody else writes these rows, and each of its
/// transactions makes sure of that.
struct WrittenRows: Sendable {
    /// The most rows that are remembered; beyond that all are forgotten, and written again.
    static let rowLimit = 500_000

    private var episodes: [EpisodeID: [[UInt128]]] = [:]
    private var count = 0

    /// The digests of an episode's rows, table by table; nil where they are not known.
    subscript(episode: EpisodeID) -> [[UInt128]]? { episodes[episode] }

    /// Remembers what a transaction has written.
    mutating func add(_ written: [EpisodeID: [[UInt128]]]) {
        if count > Self.rowLimit {
            episodes = [:]
            count = 0
        }
        for (episode, tables) in written {
            let before = episodes.updateValue(tables, forKey: episode)
            count += Self.size(tables) - (before.map(Self.size) ?? 0)
        }
    }

    /// Forgets an episode of which it is not certain what is there.
    mutating func forget(_ episode: EpisodeID) {
        count -= episodes.removeValue(forKey: episode).map(Self.size) ?? 0
    }

    /// What an episode counts for; one without rows takes room too.
    private static func size(_ tables: [[UInt128]]) -> Int { tables.reduce(1) { $0 + $1.count } }

    /// The first half of an encoded row's SHA-256.
    static func digest(_ row: ArraySlice<UInt8>) -> UInt128 {
        var hash = SHA256()
        row.withUnsafeBytes { hash.update(bufferPointer: $0) }
        return hash.finalize().prefix(16).reduce(0) { $0 << 8 | UInt128($1) }
    }
}

/// How the rows of one table differ from those that are there.
enum RowDifference {
    /// These are there already, but for some new ones, by index.
    case further([Int])
    /// Some that are there are no more.
    case other

    /// - Parameters:
    ///   - rows: the digests of the rows as they are to be.
    ///   - before: of those that are there, in the same order.
    init(_ rows: [UInt128], from before: [UInt128]) {
        var further: [Int] = []
        var known = before[...]
        for (index, row) in rows.enumerated() {
            if row == known.first { known.removeFirst() } else { further.append(index) }
        }
        self = known.isEmpty ? .further(further) : .other
    }
}
