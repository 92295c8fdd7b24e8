import CareEpisode
import TransparencyLog

/// Follows a ledger's events from the first: places, times, and the tree that they make.
///
/// Pure: what is stored is handed in, what is wrong comes out in the report.
struct TreeAudit {
    /// The tree of what has been followed.
    private(set) var edge = TreeEdge()
    /// Whether every event so far was there: without one, there is no tree to compare.
    private(set) var isWhole = true
    /// The next position.
    private(set) var expected = Position(1)
    /// The size of the newest checkpoint that the events led to.
    private(set) var proven: Int64 = 0
    private var versions: [EpisodeID: Version] = [:]
    private var eventIDs: Set<EventID> = []
    private var lastRecorded = Instant(microseconds: .min)

    /// How many episodes there were.
    var episodes: Int { versions.count }

    /// Follows one event.
    ///
    /// - Parameters:
    ///   - entry: its version, ids and time.
    ///   - position: where it stands.
    ///   - leaf: its leaf as recomputed.
    mutating func follow(
        _ entry: some LedgerEntry,
        at position: Position,
        leaf: TreeHash,
        _ report: inout VerificationReport
    ) {
        guard reach(position, &report) else { return }
        if entry.recordedAt < lastRecorded
            || !LogEntry.times.contains(entry.recordedAt.microseconds)
        {
            report.add(.recordedTime, at: position)
        }
        lastRecorded = entry.recordedAt
        if entry.version != (versions[entry.episodeID] ?? .zero).next {
            report.add(.version, at: position)
        }
        versions[entry.episodeID] = entry.version
        if !eventIDs.insert(entry.eventID).inserted { report.add(.duplicate, at: position) }
        edge.append(leaf)
    }

    /// Follows one leaf of which nothing else is compared with the others.
    mutating func follow(
        leaf: TreeHash,
        at position: Position,
        _ report: inout VerificationReport
    ) {
        if reach(position, &report) { edge.append(leaf) }
    }

    /// Whether the next leaf may stand at a position.
    private mutating func reach(
        _ position: Position,
        _ report: inout VerificationReport
    ) -> Bool {
        report.events += 1
        guard position >= expected, LogEntry.numbers.contains(position.rawValue) else {
            // A second one at the same position, or beyond all that there may be.
            report.add(.unexpected, at: position)
            isWhole = false
            return false
        }
        if position > expected { missing(through: Position(position.rawValue - 1), &report) }
        expected = position.next
        return true
    }

    /// Tells that there are no events up to a position.
    mutating func missing(through position: Position, _ report: inout VerificationReport) {
        guard position >= expected else { return }
        report.add(.missing, at: expected, through: position)
        isWhole = false
        expected = position.next
    }

    /// Compares the tiles that became full with what is stored.
    ///
    /// - Parameters:
    ///   - isSealed: whether a tile must be stored by now.
    ///   - stored: the bytes of a stored tile; nil where it is missing.
    mutating func compareTiles(
        _ report: inout VerificationReport,
        isSealed: (TileID) -> Bool = { _ in true },
        stored: (TileID) throws -> [UInt8]?
    ) rethrows {
        let full = edge.takeFullTiles()
        guard isWhole else { return }
        for tile in full where isSealed(tile.id) {
            let bytes = try stored(tile.id)
            report.tiles += 1
            if let fault = Self.fault(tile.id, bytes, tile.hashes) { report.add(fault) }
        }
    }

    /// What is wrong about the bytes of a tile.
    static func fault(
        _ tile: TileID,
        _ bytes: [UInt8]?,
        _ hashes: [TreeHash]
    ) -> EvidenceFault? {
        guard let bytes else {
            return EvidenceFault(.tile("\(tile.path) is missing"), of: tile)
        }
        guard let stored = TreeHash.list(bytes), stored.count == hashes.count else {
            return EvidenceFault(.tile("\(tile.path) has not \(tile.width) hashes"), of: tile)
        }
        guard let index = stored.indices.first(where: { stored[$0] != hashes[$0] }) else {
            return nil
        }
        let node = Int64(index) + tile.number * Int64(TileID.width)
        let height = Int64(TileID.height * tile.level)
        return EvidenceFault(
            .tile("\(tile.path) is not what the events lead to"),
            at: Position(node << height + 1),
            through: Position((node + 1) << height)
        )
    }

    /// Compares the root with what a checkpoint of this size says.
    ///
    /// - Parameter isVouched: whether a key that counts has signed it, so that it proves anything.
    mutating func compare(
        _ checkpoint: TreeCheckpoint,
        from source: String,
        isVouched: Bool = true,
        _ report: inout VerificationReport
    ) {
        guard isWhole, checkpoint.size == edge.size else { return }
        if edge.root == checkpoint.root {
            if isVouched { proven = edge.size }
        } else {
            report.add(
                .root("the events do not lead to the root of \(source) of size \(checkpoint.size)"),
                at: Position(proven + 1),
                through: Position(checkpoint.size)
            )
        }
    }
}

extension TileID {
    /// How many bytes its hashes are.
    var length: Int { width * TreeHash.length }

    /// The position of the rightmost event below the tile.
    var lastPosition: Position {
        Position(
            (number * Int64(TileID.width) + Int64(width)) << Int64(TileID.height * level)
        )
    }
}

extension EvidenceFault {
    /// What is wrong with a tile, or with what is stored of the positions below it.
    init(_ kind: Kind, of tile: TileID) {
        self.init(kind, at: tile.firstPosition, through: tile.lastPosition)
    }
}

/// What an audit follows of an event, whether a row of the ledger or an entry of an export.
protocol LedgerEntry {
    var version: Version { get }
    var eventID: EventID { get }
    var episodeID: EpisodeID { get }
    var recordedAt: Instant { get }
}

extension EventRow: LedgerEntry {}
extension LogEntry: LedgerEntry {}
