import CareEpisode
public import TransparencyLog

/// Writes a sealed ledger as a folder that any client of C2SP tlog-tiles can check: `checkpoint`,
/// `tile/<level>/<number>`, `tile/entries/<number>`.
///
/// Entries hold no health information. With the events, which do, the folder also has
/// `events/<number>`: 256 lines of JSON each, one for each entry, with header, payload and nonce.
/// Of the access log, `rows/<number>` has a line for each entry, with its row and nonce. What is
/// written with either is for its owner alone (files 0600, folders 0700).
///
/// What is written is what the database says; whether that is right is for `verify` to tell, here or
/// anywhere else.
public struct LogExport: Sendable {
    /// What was written.
    public struct Report: Sendable {
        /// The events that the export covers.
        public let size: Int64
        /// The events that an older export in the folder covered already.
        public let kept: Int64
        /// The files written.
        public let files: Int
    }

    /// The names of the documents that go along with events: on what the stays of the census rest, and
    /// the stays.
    public static let documentNames = ["read-models/basis.json", "read-models/stays.ndjson"]

    private let database: LedgerDatabase
    private let ledger: LedgerDescription
    private let tree: LedgerTree
    private let folder: ExportFolder
    /// The folder of the lines that go with the entries.
    private let lines: String
    private let includesEvents: Bool
    private let documents: [EpisodePacket.Document]

    /// Prepares an export.
    ///
    /// - Parameters:
    ///   - database: where the ledger is.
    ///   - ledger: what is exported.
    ///   - tree: which of its trees; that of the access log always with its rows.
    ///   - folder: where to; made where it is not there, added to where it holds an older export.
    ///   - includesEvents: whether headers and payloads, health information, go along.
    ///   - documents: files that go along, such as rows of a read model.
    public init(
        _ database: LedgerDatabase,
        ledger: LedgerDescription,
        tree: LedgerTree = .events,
        to folder: String,
        includesEvents: Bool = false,
        documents: [EpisodePacket.Document] = []
    ) {
        self.database = database
        self.ledger = ledger
        self.tree = tree
        let lines = tree == .events ? ExportFolder.events : ExportFolder.rows
        self.lines = lines
        var place = ExportFolder(folder)
        place.isPrivate = includesEvents || tree == .access || place.has(lines)
        self.folder = place
        self.includesEvents = includesEvents || tree == .access
        self.documents = documents
    }

    /// Writes what is missing for a checkpoint, and the checkpoint last.
    ///
    /// - Parameters:
    ///   - signed: usually the newest.
    ///   - progress: told how many events were written.
    /// - Throws: ``SealError/refused(_:)`` where the folder holds something else, or an export of
    ///   another history.
    public func run(
        _ signed: SignedCheckpoint,
        progress: @Sendable (Int64) -> Void = { _ in }
    ) async throws -> Report {
        let size = signed.checkpoint.size
        let last = try await LeafReader(database: database, ledger: ledger, tree: tree).last()
        guard size <= last else {
            throw SealError.damaged(
                .shrunken("the checkpoint covers \(size) \(tree.noun), the ledger has \(last)")
            )
        }
        let old = try await older(than: signed.checkpoint)
        let target = folder
        try await PrivateFile.run {
            target.removeUnfinished()
            if target.isPrivate { try target.hide() }
        }
        var files = try await writeTiles(from: old, to: size)
        files += try await writeBundles(from: old, to: size, progress)
        files += try await writeKeys(signed)
        let (folder, documents) = (folder, documents)
        try await PrivateFile.run {
            for document in documents { try folder.write(document.name, document.bytes) }
            try folder.write(ExportFolder.checkpoint, Array(signed.note.description.utf8))
        }
        return Report(size: size, kept: old, files: files + documents.count + 1)
    }

    /// The size of the export that is in the folder already; 0 where there is none.
    private func older(than checkpoint: TreeCheckpoint) async throws -> Int64 {
        let (folder, includesEvents) = (folder, includesEvents)
        let old = try await PrivateFile.run { () -> SignedCheckpoint? in
            // The checkpoint is written last: an export that was broken off is written again.
            let limit = SignedNote.lengthLimit
            guard let bytes = try folder.read(ExportFolder.checkpoint, limit: limit) else {
                return nil
            }
            return try SignedCheckpoint(parsing: String(decoding: bytes, as: UTF8.self))
        }
        guard let old = old?.checkpoint, old.size > 0 else { return 0 }
        guard old.origin.hasSameBytes(as: checkpoint.origin), old.size <= checkpoint.size,
            try await TileStore(database, ledger: ledger, tree: tree)
                .root(size: old.size) == old.root
        else {
            throw SealError.refused(
                "\(folder.path) holds an export of another history (\(old.origin), \(old.size) "
                    + "\(tree.noun)): this ledger does not lead to it. Keep it, and export elsewhere"
            )
        }
        let lines = lines
        let hasEvents = try await PrivateFile.run { folder.has(lines) }
        guard hasEvents || !includesEvents else {
            throw SealError.refused(
                "\(folder.path) holds an export without events: export with events elsewhere"
            )
        }
        return old.size
    }

    private func writeTiles(from old: Int64, to size: Int64) async throws -> Int {
        let store = TileStore(database, ledger: ledger, tree: tree)
        let folder = folder
        var files = 0
        var level = 0
        while size >> Int64(TileID.height * level) > 0 {
            let nodes = size >> Int64(TileID.height * level)
            let before = old >> Int64(TileID.height * level)
            let width = Int64(TileID.width)
            var number = before / width
            while number * width < nodes {
                try Task.checkCancellation()
                // Full tiles some at a time, the partial one by itself.
                let last = min(number + 64, nodes / width)
                var tiles: [(TileID, [UInt8])] = []
                if number < last {
                    let stored = try await store.full(level: level, numbers: number..<last)
                    for (number, bytes) in stored {
                        tiles.append((TileID(level: level, number: number), bytes))
                    }
                    number = last
                } else {
                    let tile = TileID(level: level, number: number, treeSize: size)
                    tiles.append((tile, TreeHash.bytes(of: try await store.hashes(tile))))
                    number += 1
                }
                let batch = tiles
                try await PrivateFile.run {
                    for (tile, bytes) in batch {
                        try folder.write(tile.path, bytes)
                        folder.removeOthers(than: tile.path)
                    }
                }
                files += batch.count
            }
            level += 1
        }
        return files
    }

    private func writeBundles(
        from old: Int64,
        to size: Int64,
        _ progress: @Sendable (Int64) -> Void
    ) async throws -> Int {
        let width = Int64(TileID.width)
        let leaves = LeafReader(database: database, ledger: ledger, tree: tree)
        let (folder, lines, name) = (folder, lines, ledger.name)
        let hasLines = includesEvents || folder.has(lines)
        var after = old / width * width
        var files = 0
        while after < size {
            try Task.checkCancellation()
            let through = min(size, after + EvidenceReader.pageLimit)
            var bundles: [(tile: TileID, entries: [UInt8], lines: String)] = []
            try await leaves.rows(after: after, through: through) { row in
                let number = (row.place - 1) / width
                if bundles.last?.tile.number != number {
                    let tile = TileID(level: 0, number: number, treeSize: size)
                    bundles.append((tile, [], ""))
                }
                let entry = row.entryBytes
                bundles[bundles.count - 1].entries += [0, UInt8(entry.count)] + entry
                if hasLines { bundles[bundles.count - 1].lines += row.line(in: name) + "\n" }
            }
            let batch = bundles
            try await PrivateFile.run {
                for bundle in batch {
                    try folder.write(bundle.tile.entriesPath, bundle.entries)
                    folder.removeOthers(than: bundle.tile.entriesPath)
                    if hasLines {
                        let name = ExportFolder.linesPath(lines, bundle.tile)
                        try folder.write(name, Array(bundle.lines.utf8))
                        folder.removeOthers(than: name)
                    }
                }
            }
            files += batch.count * (hasLines ? 2 : 1)
            after = through
            progress(after)
        }
        return files
    }

    private func writeKeys(_ signed: SignedCheckpoint) async throws -> Int {
        let registry = SealRegistry(database: database, ledger: ledger, tree: tree)
        guard let identity = try await registry.identity() else { return 0 }
        let folder = folder
        let keys = identity.keys(signersFirst: signed).map { "\($0)\n" }.joined()
        let declarations = identity.declarations.joined(separator: "\n")
        try await PrivateFile.run {
            try folder.write(ExportFolder.verifierKeys, Array(keys.utf8))
            if !declarations.isEmpty {
                try folder.write(ExportFolder.declarations, Array(declarations.utf8))
            }
        }
        return declarations.isEmpty ? 1 : 2
    }
}
