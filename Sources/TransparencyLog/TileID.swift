/// Names a tile of a Merkle tree, as C2SP tlog-tiles does.
///
/// A tile of level L holds up to 256 nodes of height 8 · L, from the left: level 0 the leaves. The
/// last one of a level may be narrower.
public struct TileID: Hashable, Sendable {
    /// The level, from 0.
    public let level: Int
    /// Which of the level, from 0.
    public let number: Int64
    /// How many hashes it has, 1 to 256.
    public let width: Int

    /// The hashes of a full tile.
    public static let width = 256
    /// The heights of a tree that one level of tiles covers.
    public static let height = 8

    /// Names a tile.
    public init(level: Int, number: Int64, width: Int = TileID.width) {
        self.level = level
        self.number = number
        self.width = width
    }

    /// Whether it holds 256 hashes, and so never changes again.
    public var isFull: Bool { width == Self.width }

    /// The tile of this place in a tree, as wide as the tree makes it.
    public init(level: Int, number: Int64, treeSize: Int64) {
        let nodes = treeSize >> Int64(Self.height * level)
        let width = min(max(0, nodes - number * Int64(Self.width)), Int64(Self.width))
        self.init(level: level, number: number, width: Int(width))
    }

    /// The tile's path below the folder of a log, such as `tile/0/x001/234` or `tile/1/000.p/7`.
    public var path: String { "tile/\(level)/\(Self.path(number))\(suffix)" }

    /// The path of the bundle with the entries of a tile of level 0.
    public var entriesPath: String { "tile/entries/\(Self.path(number))\(suffix)" }

    /// What the paths of partial tiles end with.
    public var suffix: String { isFull ? "" : ".p/\(width)" }

    /// Reads a path as ``path`` and ``entriesPath`` write it, without `tile/` in front; nil where it is
    /// none.
    ///
    /// - Returns: the tile, and whether the path is that of its entries.
    public static func parse(_ path: String) -> (tile: TileID, isEntries: Bool)? {
        var parts = path.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        guard parts.count >= 2, parts.count <= 10 else { return nil }
        let isEntries = parts[0] == "entries"
        guard let level = isEntries ? 0 : Int(parts[0]), (0...63).contains(level) else {
            return nil
        }
        var width = Self.width
        if parts.count > 2, parts[parts.count - 2].hasSuffix(".p") {
            guard let partial = Int(parts.removeLast()), (1..<Self.width).contains(partial) else {
                return nil
            }
            width = partial
            parts[parts.count - 1].removeLast(2)
        }
        let digits = parts.dropFirst().joined().filter { $0 != "x" }
        guard digits.utf8.count <= 15, let number = Int64(digits), number >= 0 else { return nil }
        let tile = TileID(level: level, number: number, width: width)
        // There is one way to write each.
        guard (isEntries ? tile.entriesPath : tile.path) == "tile/\(path)" else { return nil }
        return (tile, isEntries)
    }

    /// A number in groups of three digits, all but the last with an `x`: `x001/x234/067`.
    public static func path(_ number: Int64) -> String {
        var rest = number
        var groups: [String] = []
        repeat {
            let digits = String(rest % 1_000)
            let group = String(repeating: "0", count: 3 - digits.count) + digits
            groups.append(groups.isEmpty ? group : "x" + group)
            rest /= 1_000
        } while rest > 0
        return groups.reversed().joined(separator: "/")
    }
}
