/// Proofs of RFC 6962 over the tiles of a tree: which nodes they are made of, and the hashes.
public enum TreeProof {
    /// The subtrees whose roots prove that a leaf is in a tree, the lowest first (section 2.1.1).
    ///
    /// - Parameters:
    ///   - index: the leaf, from 0.
    ///   - size: the number of leaves; greater than `index`.
    public static func inclusion(of index: Int64, in size: Int64) -> [Range<Int64>] {
        precondition(index >= 0 && index < size)
        var path: [Range<Int64>] = []
        var tree = 0..<size
        while tree.count > 1 {
            let middle = tree.lowerBound + split(Int64(tree.count))
            if index < middle {
                path.append(middle..<tree.upperBound)
                tree = tree.lowerBound..<middle
            } else {
                path.append(tree.lowerBound..<middle)
                tree = middle..<tree.upperBound
            }
        }
        return path.reversed()
    }

    /// The subtrees whose roots prove that one tree begins with another (section 2.1.2).
    ///
    /// - Parameters:
    ///   - first: the number of leaves of the smaller tree; 0 proves nothing and takes nothing.
    ///   - second: the number of leaves of the larger tree.
    public static func consistency(from first: Int64, to second: Int64) -> [Range<Int64>] {
        precondition(first >= 0 && first <= second)
        guard first > 0, first < second else { return [] }
        var path: [Range<Int64>] = []
        var tree = 0..<second
        // Whether the root of the smaller tree is known to who verifies, being the node itself.
        var isKnown = true
        while first != tree.upperBound {
            let middle = tree.lowerBound + split(Int64(tree.count))
            if first <= middle {
                path.append(middle..<tree.upperBound)
                tree = tree.lowerBound..<middle
            } else {
                path.append(tree.lowerBound..<middle)
                tree = middle..<tree.upperBound
                isKnown = false
            }
        }
        if !isKnown { path.append(tree) }
        return path.reversed()
    }

    /// The largest power of two below a number, which is at least 2.
    private static func split(_ count: Int64) -> Int64 {
        1 << Int64(63 - (count - 1).leadingZeroBitCount)
    }

    // MARK: - Hashes

    /// The tiles that the roots of some subtrees take.
    public static func tiles(for subtrees: [Range<Int64>], treeSize: Int64) -> Set<TileID> {
        var tiles: Set<TileID> = []
        for subtree in subtrees {
            for node in perfect(subtree) { tiles.insert(node.tile(treeSize)) }
        }
        return tiles
    }

    /// The root of a subtree.
    ///
    /// - Parameters:
    ///   - subtree: its leaves; it begins at a multiple of the power of two that holds it.
    ///   - treeSize: the number of leaves of the tree that the tiles are of.
    ///   - tiles: at least those of ``tiles(for:treeSize:)``, each as wide as its name says.
    public static func root(
        of subtree: Range<Int64>,
        treeSize: Int64,
        tiles: [TileID: [TreeHash]]
    ) -> TreeHash {
        var hashes = perfect(subtree).map { node -> TreeHash in
            let tile = node.tile(treeSize)
            guard let row = tiles[tile], row.count == tile.width else {
                preconditionFailure("the tile \(tile.path) was not given")
            }
            return TreeEdge.perfectRoot(row[node.rangeInTile])
        }
        guard var root = hashes.popLast() else { return .ofEmptyTree }
        while let left = hashes.popLast() { root = TreeHash.node(left, root) }
        return root
    }

    /// A node at the top of a perfect subtree.
    private struct Node {
        let height: Int
        let index: Int64

        /// The leftmost node of the tile's level below this one.
        private var first: Int64 { index << Int64(height % TileID.height) }

        func tile(_ treeSize: Int64) -> TileID {
            TileID(
                level: height / TileID.height,
                number: first / Int64(TileID.width),
                treeSize: treeSize
            )
        }

        var rangeInTile: Range<Int> {
            let start = Int(first % Int64(TileID.width))
            return start..<start + 1 << (height % TileID.height)
        }
    }

    /// The perfect subtrees that a subtree consists of, the largest first.
    private static func perfect(_ subtree: Range<Int64>) -> [Node] {
        var nodes: [Node] = []
        var start = subtree.lowerBound
        while start < subtree.upperBound {
            let height = 63 - (subtree.upperBound - start).leadingZeroBitCount
            nodes.append(Node(height: height, index: start >> Int64(height)))
            start += 1 << Int64(height)
        }
        return nodes
    }

    // MARK: - Verification

    /// Whether a proof shows that a leaf is at its place in the tree with this root (RFC 9162,
    /// section 2.1.3.2, which verifies the proofs of RFC 6962).
    public static func verifyInclusion(
        leaf: TreeHash,
        index: Int64,
        size: Int64,
        root: TreeHash,
        proof: [TreeHash]
    ) -> Bool {
        guard index >= 0, index < size else { return false }
        var hash = leaf
        let endsAtRoot = climb(from: index, last: size - 1, proof[...]) { sibling, isLeft in
            hash = isLeft ? TreeHash.node(sibling, hash) : TreeHash.node(hash, sibling)
        }
        return endsAtRoot && hash == root
    }

    /// Whether a proof shows that the tree with the second root begins with the one with the first
    /// (RFC 9162, section 2.1.4.2).
    ///
    /// Of an empty first tree there is nothing to prove: its root is that of the empty tree and the
    /// proof is empty.
    public static func verifyConsistency(
        from first: Int64,
        _ firstRoot: TreeHash,
        to second: Int64,
        _ secondRoot: TreeHash,
        proof: [TreeHash]
    ) -> Bool {
        guard first >= 0, first <= second else { return false }
        if first == second { return proof.isEmpty && firstRoot == secondRoot }
        if first == 0 { return proof.isEmpty && firstRoot == .ofEmptyTree }
        var rest = proof[...]
        if first & (first - 1) == 0 { rest = [firstRoot] + rest }
        guard let seed = rest.popFirst() else { return false }
        var (node, last) = (first - 1, second - 1)
        while node & 1 == 1 {
            node >>= 1
            last >>= 1
        }
        var (old, new) = (seed, seed)
        let endsAtRoot = climb(from: node, last: last, rest) { sibling, isLeft in
            if isLeft { old = TreeHash.node(sibling, old) }
            new = isLeft ? TreeHash.node(sibling, new) : TreeHash.node(new, sibling)
        }
        return endsAtRoot && old == firstRoot && new == secondRoot
    }

    /// Goes from a node of the lowest level up to the root, a sibling of the proof a step.
    ///
    /// - Parameters:
    ///   - node: its index.
    ///   - last: the index of the level's last node.
    ///   - step: told each sibling, and whether it stands to the left.
    /// - Returns: whether the proof ends at the root.
    private static func climb(
        from node: Int64,
        last: Int64,
        _ proof: ArraySlice<TreeHash>,
        _ step: (_ sibling: TreeHash, _ isLeft: Bool) -> Void
    ) -> Bool {
        var (node, last) = (node, last)
        for sibling in proof {
            guard last != 0 else { return false }
            let isLeft = node & 1 == 1 || node == last
            step(sibling, isLeft)
            while isLeft && node & 1 == 0 && node != 0 {
                node >>= 1
                last >>= 1
            }
            node >>= 1
            last >>= 1
        }
        return last == 0
    }
}
