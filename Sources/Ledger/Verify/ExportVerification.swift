import CareEpisode
public import TransparencyLog

/// Verifies an exported log in a folder, without a database: every entry, every tile, the root, the
/// signature, and every event where the export has them.
public struct ExportVerification: Sendable {
    private let folder: ExportFolder
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
        return try await PrivateFile.run { try verification.verify(progress) }
    }

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
        var audit = TreeAudit()
        let width = Int64(TileID.width)
        for number in 0..<(size + width - 1) / width {
            let tile = TileID(level: 0, number: number, treeSize: size)
            let entries = try entries(tile, &report)
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
            try audit.compareTiles(&report) { try folder.read($0.path) }
            if number % 16 == 15 { progress(audit.edge.size, size) }
        }
        try comparePartialTiles(audit, &report)
        audit.compare(checkpoint, from: "the checkpoint", &report)
        report.episodes = audit.episodes
        report.duration = began.duration(to: .now)
        return report
    }

    // MARK: - What was signed

    private func signedFiles(_ report: inout VerificationReport) throws -> SignedFiles? {
        guard let note = try folder.read(ExportFolder.checkpoint) else {
            throw SealError.file("\(folder.path)/checkpoint", reason: "there is none")
        }
        return SignedFiles(
            checkpoint: note,
            verifierKeys: try folder.read(ExportFolder.verifierKeys) ?? [],
            in: "folder",
            pinned: pinned,
            &report
        )
    }

    /// The declared restores, which a key of the log that ended must have signed that counts.
    private func declaredRestores(
        _ keys: [NoteVerifierKey],
        _ newest: TreeCheckpoint,
        _ report: inout VerificationReport
    ) throws -> DeclaredRestores {
        var notes: [String] = []
        if let bytes = try folder.read(ExportFolder.declarations) {
            // One after the other, an empty line in between.
            let log = bytes + [0x0A]
            let records = CheckpointLog.records(log)
            notes = records.map { String(decoding: log[$0], as: UTF8.self) }
            if !notes.joined(separator: "\n").utf8.elementsEqual(bytes) {
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
        if let last = restores.declarations.last, last.key.name != newest.origin {
            report.add(.checkpoint("the last declared restore does not lead to \(newest.origin)"))
        }
        return restores
    }

    private func keptCheckpoints(
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

    private func entries(
        _ tile: TileID,
        _ report: inout VerificationReport
    ) throws -> [ArraySlice<UInt8>] {
        guard let bytes = try folder.read(tile.entriesPath) else {
            report.add(EvidenceFault(.file("\(tile.entriesPath) is missing"), of: tile))
            return []
        }
        var entries: [ArraySlice<UInt8>] = []
        entries.reserveCapacity(tile.width)
        var rest = bytes[...]
        while rest.count >= 2 {
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

    private func comparePartialTiles(
        _ audit: TreeAudit,
        _ report: inout VerificationReport
    ) throws {
        guard audit.isWhole else { return }
        for (tile, hashes) in audit.edge.partialTiles {
            report.tiles += 1
            if let fault = TreeAudit.fault(tile, try folder.read(tile.path), hashes) {
                report.add(fault)
            }
        }
    }

    // MARK: - Events

    private func events(
        _ tile: TileID,
        _ report: inout VerificationReport
    ) throws -> [EventRow?] {
        let name = ExportFolder.eventsPath(tile)
        guard let bytes = try folder.read(name) else {
            report.add(EvidenceFault(.file("\(name) is missing"), of: tile))
            return []
        }
        return bytes.split(separator: 0x0A).map { EvidenceLine.read($0) }
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
}
