public import CareEpisode
public import TransparencyLog

/// Verifies an exported log in a folder, without a database: every entry, every tile, the root, the
/// signature, and every event where the export has them.
public struct ExportVerification: Sendable {
    let folder: ExportFolder
    private let pinned: [NoteVerifierKey]
    private let kept: [SignedCheckpoint]

    /// Prepares a verification.
    ///
    /// - Parameters:
    ///   - folder: the export.
    ///   - pinned: the keys that are known to be the ledger's; without any, those in the folder
    ///     count, which proves no more than that the export is whole.
    ///   - kept: checkpoints that somebody kept: the export must lead to them.
    public init(
        _ folder: String,
        pinned: [NoteVerifierKey] = [],
        kept: [SignedCheckpoint] = []
    ) {
        self.folder = ExportFolder(folder)
        self.pinned = pinned
        self.kept = kept
    }

    /// Verifies everything.
    ///
    /// - Parameter progress: told how many events were checked, and how many there are.
    /// - Throws: ``SealError`` where a file cannot be read at all.
    public func run(
        progress: @escaping @Sendable (Int64, Int64) -> Void = { _, _ in }
    ) async throws -> VerificationReport {
        let verification = self
        return try await PrivateFile.run {
            try verification.isOfAccessLog
                ? verification.verifyAccessLog(progress) : verification.verify(progress)
        }
    }

    /// Whether it is an export of an access log, with its rows.
    private var isOfAccessLog: Bool { folder.has(ExportFolder.rows) }

    private func verify(
        _ progress: @Sendable (Int64, Int64) -> Void
    ) throws -> VerificationReport {
        let began = ContinuousClock.now
        var report = VerificationReport()
        guard let signed = try signedFiles(&report) else { return report }
        let checkpoint = signed.checkpoint
        let restores = try declaredRestores(signed.keys, checkpoint, &report)
        var due = keptCheckpoints(signed.keys, checkpoint, restores, &report)[...]
        let size = checkpoint.size
        let hasEvents = folder.has("events")
        try checkNames(size, hasEvents, &report)
        var audit = TreeAudit()
        let width = Int64(TileID.width)
        for number in 0..<Self.bundles(size) {
            let tile = TileID(level: 0, number: number, treeSize: size)
            guard let entries = try entries(tile, &report) else {
                // Nothing after it can be told: there is no tree.
                audit.missing(through: Position(size), &report)
                break
            }
            let events = hasEvents ? try events(tile, &report) : nil
            for index in 0..<tile.width {
                let position = Position(number * width + Int64(index) + 1)
                guard index < entries.count, let entry = LogEntry(entries[index]) else {
                    audit.missing(through: position, &report)
                    continue
                }
                follow(entry, position, &audit, &report)
                if let events { compare(events, index, entry, position, checkpoint, &report) }
                while let next = due.first, next.size <= position.rawValue {
                    audit.compare(next, from: "the checkpoint that was kept", &report)
                    if audit.proven == next.size { report.add(kept: next.size) }
                    due.removeFirst()
                }
            }
            let folder = folder
            try audit.compareTiles(&report) { try folder.read($0.path, limit: $0.length) }
            if number % 16 == 15 { progress(audit.edge.size, size) }
        }
        try comparePartialTiles(audit, &report)
        audit.compare(checkpoint, from: "the checkpoint", &report)
        report.episodes = audit.episodes
        report.proven = audit.proven
        report.duration = began.duration(to: .now)
        return report
    }

    /// How many bundles of entries a tree has.
    static func bundles(_ size: Int64) -> Int64 {
        (size + Int64(TileID.width) - 1) / Int64(TileID.width)
    }

    /// Nothing lies in the folder that is not of this export.
    private func checkNames(
        _ size: Int64,
        _ hasEvents: Bool,
        _ report: inout VerificationReport
    ) throws {
        var names: Set = [
            ExportFolder.checkpoint, ExportFolder.verifierKeys, ExportFolder.declarations,
        ]
        if hasEvents { names.formUnion(LogExport.documentNames) }
        let limit = 4 * min(Self.bundles(size), 1 << 40) + 1_000
        for name in try folder.names(limit: Int(limit)).sorted()
        where !names.contains(name)
            && !Self.isOfTree(name, size, lines: hasEvents ? ExportFolder.events : nil)
        {
            report.add(.file("\(ZipArchive.shown(name)) is not of this export"))
        }
    }

    /// Whether a file is a tile of the tree, a bundle of its entries, or of the lines that go with them.
    ///
    /// - Parameter lines: the folder of those lines, where there are any.
    static func isOfTree(_ name: String, _ size: Int64, lines: String?) -> Bool {
        let tiles = "tile/"
        var path: String?
        if name.hasPrefix(tiles) { path = String(name.dropFirst(tiles.count)) }
        if let lines, name.hasPrefix(lines + "/") {
            path = "entries/" + name.dropFirst(lines.count + 1)
        }
        guard let tile = path.flatMap({ TileID.parse($0) })?.tile, tile.level < 8 else {
            return false
        }
        let own = TileID(level: tile.level, number: tile.number, treeSize: size)
        return own.width > 0 && own == tile
    }

    // MARK: - What was signed

    func signedFiles(_ report: inout VerificationReport) throws -> SignedFiles? {
        let limit = SignedNote.lengthLimit
        guard let note = try folder.read(ExportFolder.checkpoint, limit: limit) else {
            throw SealError.file("\(folder.path)/checkpoint", reason: "there is none")
        }
        return SignedFiles(
            checkpoint: note,
            verifierKeys: try folder.read(ExportFolder.verifierKeys, limit: limit) ?? [],
            in: "folder",
            pinned: pinned,
            &report
        )
    }

    /// The declared restores, which a key of the log that ended must have signed that counts.
    func declaredRestores(
        _ keys: [NoteVerifierKey],
        _ newest: TreeCheckpoint,
        _ report: inout VerificationReport
    ) throws -> DeclaredRestores {
        var notes: [String] = []
        let limit = ExportFolder.declarationsLimit
        if let bytes = try folder.read(ExportFolder.declarations, limit: limit) {
            // One after the other, an empty line in between.
            let log = bytes + [0x0A]
            let records = CheckpointLog.records(log)
            notes = records.map { String(decoding: log[$0], as: UTF8.self) }
            if notes.isEmpty || bytes.count > limit
                || !notes.joined(separator: "\n").utf8.elementsEqual(bytes)
            {
                report.add(.file("\(ExportFolder.declarations) holds more than signed notes"))
            }
        }
        let first = notes.first.flatMap { try? SignedNote(parsing: $0) }
            .flatMap { RestoreDeclaration(text: $0.text) }?.last.origin
        let restores = DeclaredRestores(
            notes,
            signedBy: keys,
            isOwn: { origin in first.map { LogOrigin.isContinued($0, by: origin) } ?? false },
            &report
        )
        if let last = restores.declarations.last,
            !last.key.name.hasSameBytes(as: newest.origin)
        {
            report.add(.checkpoint("the last declared restore does not lead to \(newest.origin)"))
        }
        return restores
    }

    func keptCheckpoints(
        _ keys: [NoteVerifierKey],
        _ newest: TreeCheckpoint,
        _ restores: DeclaredRestores,
        _ report: inout VerificationReport
    ) -> [TreeCheckpoint] {
        var checkpoints: [TreeCheckpoint] = []
        for signed in kept.sorted(by: { $0.checkpoint.size < $1.checkpoint.size }) {
            let checkpoint = signed.checkpoint
            report.checkpoints += 1
            do {
                try signed.verified(by: keys)
            } catch {
                report.add(.checkpoint("the checkpoint that was kept: \(error)"))
                continue
            }
            if let loss = restores.loss(of: checkpoint) {
                report.add(loss)
            } else if checkpoint.size > newest.size {
                report.add(
                    .shrunken(
                        "the checkpoint that was kept covers \(checkpoint.size) events, the "
                            + "export \(newest.size)"
                    ),
                    at: Position(newest.size + 1),
                    through: Position(checkpoint.size)
                )
            } else {
                checkpoints.append(checkpoint)
            }
        }
        return checkpoints
    }

    // MARK: - Entries

    func entries(
        _ tile: TileID,
        _ report: inout VerificationReport
    ) throws -> [ArraySlice<UInt8>]? {
        let limit = tile.width * (Evidence.entryLength + 2)
        guard let bytes = try folder.read(tile.entriesPath, limit: limit) else {
            report.add(EvidenceFault(.file("\(tile.entriesPath) is missing"), of: tile))
            return nil
        }
        var entries: [ArraySlice<UInt8>] = []
        entries.reserveCapacity(tile.width)
        var rest = bytes[...]
        while rest.count >= 2, entries.count < tile.width {
            let length = Int(rest[rest.startIndex]) << 8 | Int(rest[rest.startIndex + 1])
            guard rest.count >= 2 + length else { break }
            entries.append(rest.dropFirst(2).prefix(length))
            rest = rest.dropFirst(2 + length)
        }
        if !rest.isEmpty || entries.count != tile.width {
            let kind = EvidenceFault.Kind.file(
                "\(tile.entriesPath) has not \(tile.width) whole entries"
            )
            report.add(EvidenceFault(kind, of: tile))
        }
        return entries
    }

    private func follow(
        _ entry: LogEntry,
        _ position: Position,
        _ audit: inout TreeAudit,
        _ report: inout VerificationReport
    ) {
        if entry.position != position {
            report.add(.file("its entry says position \(entry.position)"), at: position)
        }
        audit.follow(entry, at: position, leaf: TreeHash.leaf(entry.bytes), &report)
    }

    func comparePartialTiles(
        _ audit: TreeAudit,
        _ report: inout VerificationReport
    ) throws {
        guard audit.isWhole else { return }
        for (tile, hashes) in audit.edge.partialTiles {
            report.tiles += 1
            let stored = try folder.read(tile.path, limit: tile.length)
            if let fault = TreeAudit.fault(tile, stored, hashes) { report.add(fault) }
        }
    }

    // MARK: - Events

    private func events(
        _ tile: TileID,
        _ report: inout VerificationReport
    ) throws -> [EventRow?] {
        let name = ExportFolder.eventsPath(tile)
        guard let bytes = try folder.read(name, limit: Self.longestEvents(tile)) else {
            report.add(EvidenceFault(.file("\(name) is missing"), of: tile))
            return []
        }
        guard let lines = TextLines(bytes[...]), lines.count == tile.width else {
            let kind = EvidenceFault.Kind.file("\(name) has not \(tile.width) events, a line each")
            report.add(EvidenceFault(kind, of: tile))
            return []
        }
        return lines.map { EvidenceLine.read($0) }
    }

    /// How many bytes the events of a tile have at most.
    private static func longestEvents(_ tile: TileID) -> Int {
        min(tile.width * (EvidenceLine.lengthLimit + 1), ExportFolder.fileLimit)
    }

    private func compare(
        _ events: [EventRow?],
        _ index: Int,
        _ entry: LogEntry,
        _ position: Position,
        _ checkpoint: TreeCheckpoint,
        _ report: inout VerificationReport
    ) {
        guard index < events.count, let row = events[index] else {
            report.add(.file("its event is missing or unreadable"), at: position)
            return
        }
        guard row.entry.elementsEqual(entry.bytes) else {
            report.add(.file("its event is not that of its entry"), at: position)
            return
        }
        let name = CanonicalObject(row.header).string("ledger").flatMap { LedgerName($0) }
        guard let name, LogOrigin.of(name, is: checkpoint.origin) else {
            report.add(.column("ledger_id"), at: position)
            return
        }
        if let fault = row.check(ledger: name).fault {
            report.add(fault, at: position)
        }
    }

    // MARK: - Read models

    /// Whether there are rows of read models in the export.
    public var hasDocuments: Bool { folder.has("read-models") }

    /// One of ``LogExport/documentNames``; nil where it is not there.
    public func file(_ name: String) async throws -> [UInt8]? {
        let folder = folder
        let limit = ExportFolder.fileLimit
        let bytes = try await PrivateFile.run { try folder.read(name, limit: limit) }
        return bytes.flatMap { $0.count <= limit ? $0 : nil }
    }

    /// How many events are held at once, unless one episode has more.
    private static let groupLimit = 131_072

    /// Calls the body with the events of each episode, by id, up to the first that cannot be read, and
    /// whether these are all.
    ///
    /// Reads the export several times where it is large, so that the memory stays within limits.
    ///
    /// - Parameters:
    ///   - checkpoint: what covers the export, which was found to be in order.
    ///   - position: the last event that counts.
    public func forEachEpisode(
        in checkpoint: TreeCheckpoint,
        through position: Position,
        _ body: (EpisodeID, [RecordedEvent], _ isWhole: Bool) throws -> Void
    ) async throws {
        let export = self
        let counts = try await PrivateFile.run {
            var counts: [EpisodeID: Int] = [:]
            try export.forEachEntry(checkpoint, position) { entry, _ in
                counts[entry.episodeID, default: 0] += 1
            }
            return counts
        }
        var rest = counts.keys.sorted()[...]
        while !rest.isEmpty {
            var group: Set<EpisodeID> = []
            var count = 0
            while let next = rest.first, count < Self.groupLimit {
                group.insert(next)
                count += counts[next] ?? 0
                rest.removeFirst()
            }
            let episodes = group
            let (events, unreadable) = try await PrivateFile.run {
                try export.events(of: episodes, checkpoint, position)
            }
            for episode in episodes.sorted() {
                try body(episode, events[episode] ?? [], !unreadable.contains(episode))
            }
        }
    }

    /// The events of some episodes, up to the first that cannot be read, and which have such a one.
    private func events(
        of episodes: Set<EpisodeID>,
        _ checkpoint: TreeCheckpoint,
        _ position: Position
    ) throws -> (events: [EpisodeID: [RecordedEvent]], unreadable: Set<EpisodeID>) {
        var events: [EpisodeID: [RecordedEvent]] = [:]
        var unreadable: Set<EpisodeID> = []
        try forEachEntry(checkpoint, position) { entry, line in
            let episode = entry.episodeID
            guard episodes.contains(episode), !unreadable.contains(episode) else { return }
            if let event = try? EvidenceLine.read(try line())?.recordedEvent() {
                events[episode, default: []].append(event)
            } else {
                unreadable.insert(episode)
            }
        }
        return (events, unreadable)
    }

    /// Calls the body with each entry and, where it asks for it, the line of its event.
    private func forEachEntry(
        _ checkpoint: TreeCheckpoint,
        _ position: Position,
        _ body: (LogEntry, _ line: () throws -> ArraySlice<UInt8>) throws -> Void
    ) throws {
        var unread = VerificationReport()
        for number in 0..<Self.bundles(position.rawValue) {
            let tile = TileID(level: 0, number: number, treeSize: checkpoint.size)
            var lines: [ArraySlice<UInt8>]?
            for (index, bytes) in (try entries(tile, &unread) ?? []).enumerated() {
                guard let entry = LogEntry(bytes), entry.position <= position else { continue }
                try body(entry) {
                    if lines == nil {
                        let name = ExportFolder.eventsPath(tile)
                        let bytes = try folder.read(name, limit: Self.longestEvents(tile)) ?? []
                        lines = TextLines(bytes[...]).map { Array($0.prefix(tile.width)) }
                    }
                    return index < lines?.count ?? 0 ? lines?[index] ?? [] : []
                }
            }
        }
    }
}
