public import CareEpisode
import Postgres
public import TransparencyLog

/// Reads a tree of a ledger: full tiles as they are stored, what lies to the right of them as the
/// events, or the entries of the access log, make it.
public struct TileStore: Sendable {
    let database: LedgerDatabase
    let ledger: LedgerDescription
    let tree: LedgerTree

    /// A tree of a ledger.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        tree: LedgerTree = .events
    ) {
        self.database = database
        self.ledger = ledger
        self.tree = tree
    }

    /// The hashes of a tile.
    ///
    /// - Throws: ``SealError/damaged(_:)`` where the database does not hold them.
    public func hashes(_ tile: TileID) async throws -> [TreeHash] {
        if tile.isFull, let stored = try await full(tile) { return stored }
        return tile.level == 0 ? try await leaves(tile) : try await above(tile)
    }

    /// The entries of a tile of level 0, each with its length in two bytes before it (C2SP tlog-tiles).
    ///
    /// - Throws: ``SealError/damaged(_:)`` where the database does not hold them.
    public func entries(_ tile: TileID) async throws -> [UInt8] {
        let first = tile.number * Int64(TileID.width)
        var (bytes, count): ([UInt8], Int) = ([], 0)
        try await LeafReader(database: database, ledger: ledger, tree: tree).rows(
            after: first,
            through: first + Int64(tile.width)
        ) { row in
            let entry = row.entryBytes
            guard entry.count == Evidence.entryLength else {
                throw SealError.damaged(.content, at: Position(row.place))
            }
            bytes += [UInt8(entry.count >> 8), UInt8(entry.count & 0xFF)] + entry
            count += 1
        }
        guard count == tile.width else {
            throw SealError.damaged(.missing, at: Position(first + 1))
        }
        return bytes
    }

    /// How many bytes a full tile has.
    private static let tileLength = TreeHash.length * TileID.width

    /// Full tiles of one level, those of them that are stored; of one that is too long, one byte too many.
    func full(level: Int, numbers: Range<Int64>) async throws -> [Int64: [UInt8]] {
        let rows = try await database.reader.query(
            """
            select number, substring(hashes for \(Int32(Self.tileLength + 1))) as hashes
            from \(tree.tiles)
            where ledger_id = \(ledger.id.rawValue) and level = \(Int32(level))
            and number >= \(numbers.lowerBound) and number < \(numbers.upperBound)
            """
        )
        return try rows.reduce(into: [:]) { tiles, row in
            tiles[try row.get("number", as: Int64.self)] = try row.get("hashes", as: [UInt8].self)
        }
    }

    private func full(_ tile: TileID) async throws -> [TreeHash]? {
        try await full(level: tile.level, numbers: tile.number..<tile.number + 1)[tile.number]
            .flatMap { Self.hashes($0) }
    }

    /// The hashes of a full tile; nil where the bytes are not as many as they must be.
    private static func hashes(_ bytes: [UInt8]) -> [TreeHash]? {
        bytes.count == tileLength ? TreeHash.list(bytes) : nil
    }

    private func leaves(_ tile: TileID) async throws -> [TreeHash] {
        let first = tile.number * Int64(TileID.width)
        let rows = try await database.reader.query(
            """
            select leaf_hash from \(tree.leaves)
            where ledger_id = \(ledger.id.rawValue)
            and \(tree.place) > \(first) and \(tree.place) <= \(first + Int64(tile.width))
            order by \(tree.place)
            """
        )
        guard rows.count == tile.width else {
            throw SealError.damaged(.missing, at: Position(first + 1))
        }
        return try rows.map { row in
            guard let hash = TreeHash(try row.get("leaf_hash", as: [UInt8].self)) else {
                throw SealError.damaged(.leaf, at: Position(first + 1))
            }
            return hash
        }
    }

    /// The roots of the full tiles below a tile that is not stored.
    private func above(_ tile: TileID) async throws -> [TreeHash] {
        let first = tile.number * Int64(TileID.width)
        let numbers = first..<first + Int64(tile.width)
        let below = try await full(level: tile.level - 1, numbers: numbers)
        return try numbers.map { number in
            guard let hashes = below[number].flatMap({ Self.hashes($0) }) else {
                let id = TileID(level: tile.level - 1, number: number)
                throw SealError.damaged(
                    .tile("the stored \(id.path) is missing"),
                    at: id.firstPosition
                )
            }
            return TreeEdge.perfectRoot(hashes)
        }
    }

    /// The right edge of the tree of a size, to go on from there.
    ///
    /// - Throws: ``SealError/damaged(_:)`` where the database does not hold what it takes.
    func edge(size: Int64) async throws -> TreeEdge {
        var partial: [[TreeHash]] = []
        var level = 0
        while size >> Int64(TileID.height * level) > 0 {
            let nodes = size >> Int64(TileID.height * level)
            let tile = TileID(level: level, number: nodes / Int64(TileID.width), treeSize: size)
            partial.append(tile.width == 0 ? [] : try await hashes(tile))
            level += 1
        }
        guard let edge = TreeEdge(size: size, partial: partial) else {
            throw SealError.damaged(.tile("the stored tiles do not make a tree"))
        }
        return edge
    }

    // MARK: - Proofs

    /// Proves that an event is in the tree of a size.
    ///
    /// - Parameters:
    ///   - position: the event's.
    ///   - size: the number of events of the tree; at least the position.
    /// - Returns: the hashes of RFC 6962, section 2.1.1, the lowest first.
    /// - Throws: ``SealError/damaged(_:)`` where the database does not hold them, and for a position that
    ///   the tree does not have.
    public func inclusionProof(of position: Position, size: Int64) async throws -> [TreeHash] {
        guard position > .zero, position.rawValue <= size else {
            throw SealError.damaged(.unexpected, at: position)
        }
        return try await proof(TreeProof.inclusion(of: position.rawValue - 1, in: size), size)
    }

    /// Proves that the tree of one size begins with that of another.
    ///
    /// - Returns: the hashes of RFC 6962, section 2.1.2, the lowest first.
    public func consistencyProof(from first: Int64, to second: Int64) async throws -> [TreeHash] {
        try await proof(TreeProof.consistency(from: first, to: second), second)
    }

    /// The root of the tree of a size.
    public func root(size: Int64) async throws -> TreeHash {
        guard size > 0 else { return .ofEmptyTree }
        return try await proof([0..<size], size)[0]
    }

    private func proof(_ subtrees: [Range<Int64>], _ size: Int64) async throws -> [TreeHash] {
        var tiles: [TileID: [TreeHash]] = [:]
        for tile in TreeProof.tiles(for: subtrees, treeSize: size) {
            tiles[tile] = try await hashes(tile)
        }
        return subtrees.map { TreeProof.root(of: $0, treeSize: size, tiles: tiles) }
    }
}

extension TileID {
    /// The position of the leftmost event below the tile.
    var firstPosition: Position {
        Position((number * Int64(TileID.width)) << Int64(TileID.height * level) + 1)
    }
}
