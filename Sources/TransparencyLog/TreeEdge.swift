/// The right edge of a growing Merkle tree: what it takes to append leaves, to tell the root at any
/// size, and to cut the tree into tiles.
///
/// Each inner node is computed once, when its right child is complete. The memory is that of at most
/// 255 hashes for each level of tiles, whatever the size of the tree.
///
/// Roots are those of RFC 6962, section 2.1; tiles those of C2SP tlog-tiles, 256 hashes wide.
public struct TreeEdge: Sendable {
    /// The number of leaves.
    public private(set) var size: Int64 = 0
    /// The roots of the perfect subtrees, the largest first: one for each set bit of the size.
    private var peaks: [(hash: TreeHash, height: Int)] = []
    /// For each level of tiles, the hashes of the tile that is not full yet.
    private var pending: [[TreeHash]] = [[]]
    /// The tiles that became full and have not been taken.
    private var full: [FullTile] = []

    /// A tile of 256 hashes, which never changes again.
    public struct FullTile: Sendable {
        /// Which.
        public let id: TileID
        /// Its hashes, from the left.
        public let hashes: [TreeHash]
    }

    /// The edge of a tree without leaves.
    public init() {}

    /// The edge of a tree of a given size.
    ///
    /// - Parameters:
    ///   - size: the number of leaves.
    ///   - partial: for each level of tiles from 0, the hashes of the tile that is not full; levels
    ///     above the last are empty.
    /// - Returns: nil where the hashes do not fit the size.
    public init?(size: Int64, partial: [[TreeHash]]) {
        guard size >= 0 else { return nil }
        self.size = size
        var level = 0
        var rest = size
        pending = []
        while rest > 0 || level == 0 {
            let hashes = level < partial.count ? partial[level] : []
            guard Int64(hashes.count) == rest % Int64(TileID.width) else { return nil }
            pending.append(hashes)
            rest /= Int64(TileID.width)
            level += 1
        }
        guard partial.dropFirst(pending.count).allSatisfy(\.isEmpty) else { return nil }
        for level in pending.indices.reversed() {
            var start = 0
            for bit in stride(from: TileID.height - 1, through: 0, by: -1)
            where pending[level].count & (1 << bit) != 0 {
                let hashes = pending[level][start..<start + (1 << bit)]
                peaks.append((Self.perfectRoot(hashes), level * TileID.height + bit))
                start += 1 << bit
            }
        }
    }

    /// The root of a perfect subtree; the number of hashes is a power of two.
    public static func perfectRoot(_ hashes: some Collection<TreeHash>) -> TreeHash {
        var row = Array(hashes)
        precondition(!row.isEmpty && row.count & (row.count - 1) == 0)
        while row.count > 1 {
            row = stride(from: 0, to: row.count, by: 2).map { TreeHash.node(row[$0], row[$0 + 1]) }
        }
        return row[0]
    }

    /// Appends a leaf.
    public mutating func append(_ leaf: TreeHash) {
        size += 1
        record(leaf, level: 0)
        var node = (hash: leaf, height: 0)
        while let left = peaks.last, left.height == node.height {
            peaks.removeLast()
            node = (TreeHash.node(left.hash, node.hash), node.height + 1)
            if node.height.isMultiple(of: TileID.height) {
                record(node.hash, level: node.height / TileID.height)
            }
        }
        peaks.append(node)
    }

    private mutating func record(_ hash: TreeHash, level: Int) {
        if level == pending.count { pending.append([]) }
        pending[level].append(hash)
        guard pending[level].count == TileID.width else { return }
        let number = (size >> Int64(TileID.height * (level + 1))) - 1
        full.append(FullTile(id: TileID(level: level, number: number), hashes: pending[level]))
        pending[level].removeAll(keepingCapacity: true)
    }

    /// Takes the tiles that have become full since the last call, each before those above it.
    public mutating func takeFullTiles() -> [FullTile] {
        defer { full.removeAll(keepingCapacity: true) }
        return full
    }

    /// The tiles that are not full, level by level; a level without one is left out.
    public var partialTiles: [(id: TileID, hashes: [TreeHash])] {
        pending.indices.filter { !pending[$0].isEmpty }.map { level in
            let nodes = size >> Int64(TileID.height * level)
            let id = TileID(level: level, number: nodes / Int64(TileID.width), treeSize: size)
            return (id, pending[level])
        }
    }

    /// The root of the tree at this size.
    public var root: TreeHash {
        guard var root = peaks.last?.hash else { return .ofEmptyTree }
        for peak in peaks.dropLast().reversed() { root = TreeHash.node(peak.hash, root) }
        return root
    }
}
