import Foundation
import TestSupport
import Testing
import TransparencyLog

@Suite("Merkle trees")
struct TreeTests {
    private static let tests = URL(filePath: #filePath)
        .deletingLastPathComponent().deletingLastPathComponent().path

    private func leaf(_ number: Int64) -> TreeHash { TreeHash.leaf(Array("\(number)".utf8)) }

    /// A tree with all of its tiles.
    private struct Tree {
        var edge = TreeEdge()
        var full: [TileID: [TreeHash]] = [:]

        mutating func append(_ leaf: TreeHash) {
            edge.append(leaf)
            for tile in edge.takeFullTiles() { full[tile.id] = tile.hashes }
        }

        func hashes(_ tile: TileID) -> [TreeHash] {
            if let hashes = full[tile] { return hashes }
            return edge.partialTiles.first { $0.id == tile }?.hashes ?? []
        }

        func roots(_ subtrees: [Range<Int64>]) -> [TreeHash] {
            let tiles = TreeProof.tiles(for: subtrees, treeSize: edge.size)
            let found = Dictionary(uniqueKeysWithValues: tiles.map { ($0, hashes($0)) })
            return subtrees.map { TreeProof.root(of: $0, treeSize: edge.size, tiles: found) }
        }
    }

    @Test("Roots and proofs of 1 to 130 leaves agree with an independent implementation")
    func independent() async throws {
        let result = await runningProgram([
            "python3", "\(Self.tests)/Independent/tree_vectors.py", "130",
        ])
        try #require(result.status == 0, "\(result.output)")
        var tree = Tree()
        var compared = 0
        for line in result.output.split(separator: "\n") {
            let words = line.split(separator: " ")
            let hashes = (words.count > (words[0] == "root" ? 2 : 3) ? words[words.count - 1] : "")
                .split(separator: ",").compactMap { Base64.decode($0).flatMap { TreeHash($0) } }
            let numbers = words.dropFirst().compactMap { Int64($0) }
            switch words[0] {
            case "root":
                while tree.edge.size < numbers[0] { tree.append(leaf(tree.edge.size)) }
                #expect([tree.edge.root] == hashes)
            case "inclusion":
                let proof = tree.roots(TreeProof.inclusion(of: numbers[0], in: numbers[1]))
                #expect(proof == hashes, "\(line)")
                #expect(
                    TreeProof.verifyInclusion(
                        leaf: leaf(numbers[0]),
                        index: numbers[0],
                        size: numbers[1],
                        root: tree.edge.root,
                        proof: proof
                    )
                )
            default:
                let proof = tree.roots(TreeProof.consistency(from: numbers[0], to: numbers[1]))
                #expect(proof == hashes, "\(line)")
                let first = tree.roots([0..<numbers[0]])[0]
                #expect(
                    TreeProof.verifyConsistency(
                        from: numbers[0],
                        first,
                        to: numbers[1],
                        tree.edge.root,
                        proof: proof
                    )
                )
            }
            compared += 1
        }
        #expect(compared == 130 + 2 * (130 * 131 / 2))
    }

    @Test("A proof with any hash or number changed proves nothing")
    func mutated() {
        var tree = Tree()
        for number in 0..<Int64(77) { tree.append(leaf(number)) }
        var random = SeededRandom(seed: 1)
        for _ in 0..<2_000 {
            let index = Int64.random(in: 0..<77, using: &random)
            var proof = tree.roots(TreeProof.inclusion(of: index, in: 77))
            var place = index
            switch Int.random(in: 0...3, using: &random) {
            case 0: proof[Int.random(in: proof.indices, using: &random)] = leaf(1_000)
            case 1: proof.remove(at: Int.random(in: proof.indices, using: &random))
            case 2: proof.insert(leaf(5), at: Int.random(in: 0...proof.count, using: &random))
            default: place = (index + Int64.random(in: 1..<77, using: &random)) % 77
            }
            #expect(
                !TreeProof.verifyInclusion(
                    leaf: leaf(index),
                    index: place,
                    size: 77,
                    root: tree.edge.root,
                    proof: proof
                )
            )
        }
    }

    @Test(
        "An edge goes on from any size as if it had never stopped",
        arguments: [0, 1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 65_793, 70_000]
    )
    func resumed(size: Int64) throws {
        var whole = Tree()
        while whole.edge.size < size { whole.append(leaf(whole.edge.size)) }
        var partial: [[TreeHash]] = []
        for (tile, hashes) in whole.edge.partialTiles {
            while partial.count <= tile.level { partial.append([]) }
            partial[tile.level] = hashes
        }
        var resumed = Tree(
            edge: try #require(TreeEdge(size: size, partial: partial)),
            full: whole.full
        )
        #expect(resumed.edge.root == whole.edge.root)
        for number in size..<size + 600 {
            whole.append(leaf(number))
            resumed.append(leaf(number))
            #expect(resumed.edge.root == whole.edge.root)
        }
        #expect(resumed.full == whole.full)
        // Every tile that the size names is there, and as wide as it says.
        for tile in TileID.all(treeSize: size + 600) {
            #expect(whole.hashes(tile).count == tile.width, "\(tile.path)")
        }
        // Proofs reach through the levels of tiles.
        for index in [0, size / 2, size + 599] {
            let proof = whole.roots(TreeProof.inclusion(of: index, in: size + 600))
            #expect(
                TreeProof.verifyInclusion(
                    leaf: leaf(index),
                    index: index,
                    size: size + 600,
                    root: whole.edge.root,
                    proof: proof
                )
            )
        }
    }

    @Test("An edge is not made from hashes that do not fit the size")
    func unfit() throws {
        #expect(TreeEdge(size: 3, partial: [[leaf(0), leaf(1)]]) == nil)
        #expect(TreeEdge(size: 256, partial: [[], []]) == nil)
        #expect(TreeEdge(size: 1, partial: [[leaf(0)], [leaf(0)]]) == nil)
        #expect(TreeEdge(size: -1, partial: []) == nil)
    }

    @Test("Paths of tiles are those of C2SP tlog-tiles")
    func paths() {
        #expect(TileID(level: 0, number: 0).path == "tile/0/000")
        #expect(TileID(level: 1, number: 67, width: 3).path == "tile/1/067.p/3")
        #expect(TileID(level: 0, number: 1_234_067).path == "tile/0/x001/x234/067")
        #expect(
            TileID(level: 0, number: 1_000, width: 8).entriesPath == "tile/entries/x001/000.p/8"
        )
        let tiles = TileID.all(treeSize: 70_000).map(\.path)
        #expect(tiles.count == 274 + 2 + 1)
        #expect(tiles.last == "tile/2/000.p/1")
        #expect(tiles.contains("tile/0/273.p/112"))
        #expect(tiles.contains("tile/1/001.p/17"))
    }
}

extension TileID {
    /// Every tile of a tree, level by level, from the left.
    ///
    /// - Parameter size: the number of leaves.
    fileprivate static func all(treeSize size: Int64) -> [TileID] {
        var tiles: [TileID] = []
        var (level, nodes) = (0, size)
        while nodes > 0 {
            for number in 0..<(nodes + Int64(width) - 1) / Int64(width) {
                tiles.append(TileID(level: level, number: number, treeSize: size))
            }
            nodes /= Int64(width)
            level += 1
        }
        return tiles
    }
}
