public import CareEpisode
import Glibc
public import TransparencyLog

/// Verifies the packet of an episode, an archive or a folder, without a database: everything that a
/// reader of it sees, and that nothing else is in it.
public struct PacketVerification: Sendable {
    private let files: [String: ArraySlice<UInt8>]
    private let pinned: [NoteVerifierKey]
    private let kept: [SignedCheckpoint]

    /// The most events of a packet whose read models are folded again.
    public static let eventLimit = 16_384

    /// Whether a folder holds a packet, not an export of a whole log.
    public static func isPacket(folder: String) -> Bool {
        ExportFolder(folder).has(EpisodePacket.events)
    }

    /// Reads a packet.
    ///
    /// - Parameters:
    ///   - path: the archive, or the folder that it was unpacked into.
    ///   - pinned: the keys that are known to be the ledger's; without any, those in the packet count.
    ///   - kept: checkpoints that somebody kept. A packet can prove nothing about those of another
    ///     size than its own.
    /// - Throws: ``SealError`` where it cannot be read.
    public init(
        _ path: String,
        pinned: [NoteVerifierKey] = [],
        kept: [SignedCheckpoint] = []
    ) async throws {
        self.pinned = pinned
        self.kept = kept
        files = try await PrivateFile.run { try Self.read(path) }
    }

    /// The bytes of the files by their names; of those that are none of a packet's, the names.
    private static func read(_ path: String) throws -> [String: ArraySlice<UInt8>] {
        var status = stat()
        guard stat(path, &status) == 0 else { throw PrivateFile.failure(path) }
        var files: [String: ArraySlice<UInt8>] = [:]
        if status.st_mode & S_IFMT == S_IFDIR {
            let folder = ExportFolder(path)
            var room = ZipArchive.limit
            for name in try folder.names(limit: ZipArchive.fileLimit) {
                let limit = EpisodePacket.longest(name).map { Swift.min($0, room) } ?? 0
                let bytes = limit > 0 ? try folder.read(name, limit: limit) ?? [] : []
                room -= bytes.count
                guard room >= 0 else { throw SealError.file(path, reason: "it is too large") }
                files[name] = bytes[...]
            }
            return files
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= ZipArchive.limit,
            let bytes = try PrivateFile.read(path, limit: Int(status.st_size))
        else { throw SealError.file(path, reason: "not a file, or too large") }
        for file in try ZipArchive.unpack(bytes) { files[file.name] = file.bytes }
        return files
    }

    /// Verifies everything but what is in the documents, which `verify` folds again.
    public func run() -> VerificationReport {
        let began = ContinuousClock.now
        var report = VerificationReport()
        checkFiles(&report)
        if let signed = signedFiles(&report) {
            if newestEntry(signed.checkpoint) == nil {
                report.add(
                    .file(
                        "\(EpisodePacket.newestEntry) is not the entry that the checkpoint ends with"
                    )
                )
            }
            checkEvents(signed.checkpoint, &report)
        }
        report.duration = began.duration(to: .now)
        return report
    }

    /// Every file is there that a packet has, none that it has not, and what is the same in every
    /// packet is the same in this one.
    private func checkFiles(_ report: inout VerificationReport) {
        for name in EpisodePacket.fileNames where files[name] == nil {
            report.add(.file("\(name) is missing"))
        }
        for name in files.keys.sorted() {
            guard let longest = EpisodePacket.longest(name) else {
                report.add(.file("\(ZipArchive.shown(name)) is not part of a packet"))
                continue
            }
            if files[name]?.count ?? 0 > longest { report.add(.file("\(name) is too long")) }
        }
        for (name, text) in [
            (EpisodePacket.instructionsName, EpisodePacket.instructions),
            (EpisodePacket.scriptName, EpisodePacket.script),
        ] where files[name].map({ !$0.elementsEqual(text.utf8) }) ?? false {
            report.add(
                .file(
                    "\(name) is not the one of this program: it was changed, or the packet is of "
                        + "another version"
                )
            )
        }
    }

    private func checkEvents(_ checkpoint: TreeCheckpoint, _ report: inout VerificationReport) {
        guard let lines = lines(EpisodePacket.events),
            let readable = self.lines(EpisodePacket.readable),
            lines.count > 0, lines.count == readable.count
        else {
            report.add(.file("it has not one readable copy of each event, a line each"))
            return
        }
        var last: EventRow?
        var version = Version.zero
        for (line, copy) in zip(lines, readable) {
            version = version.next
            check(line, copy, version, checkpoint, &last, &report)
            // Nobody reads more, and all of them would be counted for a long time.
            if report.faultCount > VerificationReport.faultLimit { break }
        }
        report.episodes = 1
        report.proven = checkpoint.size
    }

    /// The lines of a file, each of which must end; nil where one does not.
    private func lines(_ name: String) -> TextLines? { files[name].flatMap { TextLines($0) } }

    /// When the newest event was recorded that the checkpoint covers; nil where that is not proven.
    public func newestRecordedAt(_ checkpoint: TreeCheckpoint) -> Instant? {
        newestEntry(checkpoint)?.recordedAt
    }

    private func newestEntry(_ checkpoint: TreeCheckpoint) -> LogEntry? {
        guard let bytes = files[EpisodePacket.newestEntry], bytes.count <= EvidenceLine.lengthLimit,
            let entry = Base64.decode(CanonicalObject(bytes).string("entry") ?? "")
                .flatMap({ LogEntry($0[...]) }),
            let proof = Self.proof(CanonicalObject(bytes)),
            (EpisodePacket.line(entry: Array(entry.bytes), proof) + "\n").utf8.elementsEqual(bytes),
            entry.position.rawValue == checkpoint.size,
            checkpoint.includes(TreeHash.leaf(entry.bytes), at: entry.position, by: proof)
        else { return nil }
        return entry
    }

    /// The events; nil where one cannot be read as this program records them, or there are too many.
    public var events: [RecordedEvent]? {
        guard let lines = lines(EpisodePacket.events), lines.count <= Self.eventLimit else {
            return nil
        }
        var events: [RecordedEvent] = []
        for line in lines {
            guard let event = try? row(line)?.row.recordedEvent(), let draft = try? event.draft(),
                draft.payload() == event.history.payload
            else { return nil }
            events.append(event)
        }
        return events
    }

    /// The documents: the files that go along.
    public var documents: [String: ArraySlice<UInt8>] {
        files.filter { EpisodePacket.documentNames.contains($0.key) }
    }

    private func signedFiles(_ report: inout VerificationReport) -> SignedFiles? {
        let signed = SignedFiles(
            checkpoint: Array(files[EpisodePacket.checkpoint] ?? []),
            verifierKeys: Array(files[EpisodePacket.verifierKeys] ?? []),
            in: "packet",
            pinned: pinned,
            &report
        )
        guard let signed else { return nil }
        for other in kept {
            report.checkpoints += 1
            compare(other, signed, &report)
        }
        return signed
    }

    private func compare(
        _ other: SignedCheckpoint,
        _ own: SignedFiles,
        _ report: inout VerificationReport
    ) {
        do {
            try other.verified(by: own.keys)
        } catch {
            report.add(.checkpoint("the checkpoint that was kept: \(error)"))
            return
        }
        if other.checkpoint == own.checkpoint {
            report.add(kept: other.checkpoint.size)
        } else if other.checkpoint.size == own.checkpoint.size {
            report.add(
                .root("the checkpoint that was kept has the same size and another root"),
                at: Position(1),
                through: Position(own.checkpoint.size)
            )
        } else {
            report.add(
                notice: "a packet cannot prove that it goes on from a checkpoint of "
                    + "\(other.checkpoint.size) events: verify an export or the ledger against it"
            )
        }
    }

    private static func proof(_ object: CanonicalObject) -> [TreeHash]? {
        guard let list = object.rawValue("proof"), list.count >= 2 else { return nil }
        var proof: [TreeHash] = []
        for item in list.dropFirst().dropLast().split(separator: UInt8(ascii: ",")) {
            // A tree of 2^53 events is 53 levels high.
            guard proof.count < 64,
                let hash = Base64.decode(utf8: item.dropFirst().dropLast())
                    .flatMap({ TreeHash($0) })
            else { return nil }
            proof.append(hash)
        }
        return proof
    }

    /// Reads a line of the packet: an event as far as its entry and header say it.
    private func row(
        _ line: ArraySlice<UInt8>
    ) -> (row: EventRow, proof: [TreeHash])? {
        guard line.count <= EvidenceLine.lengthLimit else { return nil }
        let object = CanonicalObject(line)
        func bytes(_ name: StaticString) -> [UInt8]? {
            object.string(name).flatMap { Base64.decode($0) }
        }
        guard let entry = bytes("entry").flatMap({ LogEntry($0[...]) }),
            let header = bytes("header"), let payload = bytes("payload"),
            let nonce = bytes("nonce"), let proof = Self.proof(object)
        else { return nil }
        let members = CanonicalObject(header)
        guard let type = members.string("type"), let occurredAt = members.instant("occurred_at")
        else { return nil }
        let row = EventRow(
            position: entry.position,
            version: entry.version,
            eventID: entry.eventID,
            episodeID: entry.episodeID,
            type: RecordedType(type),
            occurredAt: occurredAt,
            recordedAt: entry.recordedAt,
            knownAt: members.instant("source_recorded_at") ?? entry.recordedAt,
            payload: payload,
            header: header,
            leafHash: TreeHash.leaf(entry.bytes).bytes,
            commitment: Array(entry.bytes.suffix(TreeHash.length)),
            nonce: nonce
        )
        // There is one way to write a line: no member twice, none that nobody reads.
        guard EpisodePacket.line(row, proof).utf8.elementsEqual(line) else { return nil }
        return (row, proof)
    }

    private func check(
        _ line: ArraySlice<UInt8>,
        _ readable: ArraySlice<UInt8>,
        _ version: Version,
        _ checkpoint: TreeCheckpoint,
        _ last: inout EventRow?,
        _ report: inout VerificationReport
    ) {
        guard let (row, proof) = row(line) else {
            report.add(.file("the event of version \(version) cannot be read"))
            return
        }
        report.events += 1
        if row.version != version || last.map({ $0.episodeID != row.episodeID }) ?? false {
            report.add(.version, at: row.position)
        }
        if let last, row.recordedAt < last.recordedAt || row.position <= last.position {
            report.add(.recordedTime, at: row.position)
        }
        last = row
        guard let name = CanonicalObject(row.header).string("ledger").flatMap({ LedgerName($0) }),
            LogOrigin.of(name, is: checkpoint.origin)
        else {
            report.add(.column("ledger_id"), at: row.position)
            return
        }
        let (leaf, fault) = row.check(ledger: name)
        if let fault { report.add(fault, at: row.position) }
        if !checkpoint.includes(leaf, at: row.position, by: proof) {
            report.add(.root("its proof does not lead to the signed root"), at: row.position)
        }
        guard let event = try? row.recordedEvent() else {
            report.add(
                .file("its type is none of this program: is it a newer one's?"),
                at: row.position
            )
            return
        }
        if !event.served().elementsEqual(readable) {
            report.add(.file("its readable copy is not what was recorded"), at: row.position)
        }
    }
}
