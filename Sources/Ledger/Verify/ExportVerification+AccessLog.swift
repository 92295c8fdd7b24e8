import CareEpisode
import TransparencyLog

extension ExportVerification {
    /// Verifies an export of an access log: every entry and its row, every tile, the root, the signature.
    func verifyAccessLog(
        _ progress: @Sendable (Int64, Int64) -> Void
    ) throws -> VerificationReport {
        let began = ContinuousClock.now
        var report = VerificationReport()
        guard let signed = try signedFiles(&report) else { return report }
        let checkpoint = signed.checkpoint
        let restores = try declaredRestores(signed.keys, checkpoint, &report)
        var due = keptCheckpoints(signed.keys, checkpoint, restores, &report)[...]
        let size = checkpoint.size
        try checkAccessNames(size, &report)
        var audit = TreeAudit()
        var last = Version(0)
        for number in 0..<Self.bundles(size) {
            let tile = TileID(level: 0, number: number, treeSize: size)
            guard let entries = try entries(tile, &report) else {
                // Nothing after it can be told: there is no tree.
                audit.missing(through: Position(size), &report)
                break
            }
            let rows = try rows(tile, &report)
            for index in 0..<tile.width {
                let place = number * Int64(TileID.width) + Int64(index) + 1
                let position = Position(place)
                guard index < entries.count,
                    let entry = LogEntry(entries[index], mark: Evidence.accessMark),
                    entry.eventID.bits == 0
                else {
                    audit.missing(through: position, &report)
                    continue
                }
                if entry.position != position {
                    report.add(.file("its entry says number \(entry.position)"), at: position)
                }
                if entry.version <= last {
                    report.add(.file("it is not an entry after that before it"), at: position)
                }
                last = entry.version
                audit.follow(leaf: TreeHash.leaf(entry.bytes), at: position, &report)
                let row = index < rows.count ? rows[index] : []
                if let fault = AccessLine.fault(row, entry, isOf: checkpoint.origin) {
                    report.add(fault, at: position)
                }
                while let next = due.first, next.size <= place {
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
        report.duration = began.duration(to: .now)
        return report.ofAccessLog(checkpoint)
    }

    /// Nothing lies in the folder that is not of this export.
    private func checkAccessNames(_ size: Int64, _ report: inout VerificationReport) throws {
        let names: Set = [
            ExportFolder.checkpoint, ExportFolder.verifierKeys, ExportFolder.declarations,
        ]
        let limit = 4 * min(Self.bundles(size), 1 << 40) + 1_000
        for name in try folder.names(limit: Int(limit)).sorted()
        where !names.contains(name) && !Self.isOfTree(name, size, lines: ExportFolder.rows) {
            report.add(.file("\(ZipArchive.shown(name)) is not of this export"))
        }
    }

    private func rows(
        _ tile: TileID,
        _ report: inout VerificationReport
    ) throws -> [ArraySlice<UInt8>] {
        let name = ExportFolder.linesPath(ExportFolder.rows, tile)
        let limit = min(tile.width * (AccessLine.lengthLimit + 1), ExportFolder.fileLimit)
        guard let bytes = try folder.read(name, limit: limit) else {
            report.add(EvidenceFault(.file("\(name) is missing"), of: tile))
            return []
        }
        guard let lines = TextLines(bytes[...]), lines.count == tile.width else {
            let kind = EvidenceFault.Kind.file("\(name) has not \(tile.width) rows, a line each")
            report.add(EvidenceFault(kind, of: tile))
            return []
        }
        return Array(lines)
    }
}
