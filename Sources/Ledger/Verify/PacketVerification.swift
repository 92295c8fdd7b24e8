public import CareEpisode
import Glibc
public import TransparencyLog

/// Verifies the packet of an episode, an archive or a folder, without a database.
public struct PacketVerification: Sendable {
    private let files: [String: [UInt8]]
    private let folder: ExportFolder?
    private let pinned: [NoteVerifierKey]
    private let kept: [SignedCheckpoint]

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
        (files, folder) = try await PrivateFile.run { try Self.read(path) }
    }

    private static func read(_ path: String) throws -> ([String: [UInt8]], ExportFolder?) {
        var status = stat()
        guard stat(path, &status) == 0 else { throw PrivateFile.failure(path) }
        if status.st_mode & S_IFMT == S_IFDIR {
            let folder = ExportFolder(path)
            let names = [
                EpisodePacket.events, EpisodePacket.readable, EpisodePacket.checkpoint,
                EpisodePacket.verifierKeys,
            ]
            let files = try names.reduce(into: [:]) { $0[$1] = try folder.read($1) }
            return (files, folder)
        }
        guard status.st_mode & S_IFMT == S_IFREG, status.st_size <= ZipArchive.limit,
            let bytes = try PrivateFile.read(path, limit: Int(status.st_size))
        else { throw SealError.file(path, reason: "not a file, or too large") }
        let files = try ZipArchive.unpack(bytes).map { ($0.name, $0.bytes) }
        return (Dictionary(files, uniquingKeysWith: { first, _ in first }), nil)
    }

    /// Verifies everything but the read models in it, which `verify` folds again.
    public func run() -> VerificationReport {
        let began = ContinuousClock.now
        var report = VerificationReport()
        if let checkpoint = signedFiles(&report)?.checkpoint {
            var last: EventRow?
            let lines = (files[EpisodePacket.events] ?? []).split(separator: 0x0A)
            let readable = (files[EpisodePacket.readable] ?? []).split(separator: 0x0A)
            for (index, line) in lines.enumerated() {
                let readable = index < readable.count ? readable[index] : []
                check(line, readable, Version(Int64(index + 1)), checkpoint, &last, &report)
            }
            if lines.isEmpty || readable.count != lines.count {
                report.add(.file("it has not one readable copy of each event"))
            }
            report.episodes = lines.isEmpty ? 0 : 1
        }
        report.duration = began.duration(to: .now)
        return report
    }

    /// The events, where they can be read.
    public var events: [RecordedEvent] {
        (files[EpisodePacket.events] ?? []).split(separator: 0x0A)
            .compactMap { try? row($0)?.row.recordedEvent() }
    }

    /// Any other file of the packet, of a folder only a small one.
    public func file(_ name: String) async throws -> [UInt8]? {
        if let bytes = files[name] { return bytes }
        guard let folder else { return nil }
        return try await PrivateFile.run { try folder.read(name) }
    }

    private func signedFiles(_ report: inout VerificationReport) -> SignedFiles? {
        let signed = SignedFiles(
            checkpoint: files[EpisodePacket.checkpoint] ?? [],
            verifierKeys: files[EpisodePacket.verifierKeys] ?? [],
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

    /// Reads a line of the packet: an event as far as its entry and header say it.
    private func row(
        _ line: ArraySlice<UInt8>
    ) -> (row: EventRow, proof: [TreeHash])? {
        let object = CanonicalObject(line)
        func bytes(_ name: StaticString) -> [UInt8]? {
            object.string(name).flatMap { Base64.decode($0) }
        }
        guard let entry = bytes("entry").flatMap({ LogEntry($0[...]) }),
            let header = bytes("header"), let payload = bytes("payload"),
            let nonce = bytes("nonce"),
            let list = object.rawValue("proof"), list.count >= 2
        else { return nil }
        var proof: [TreeHash] = []
        for item in list.dropFirst().dropLast().split(separator: UInt8(ascii: ",")) {
            let text = String(decoding: item.dropFirst().dropLast(), as: UTF8.self)
            guard let hash = Base64.decode(text).flatMap({ TreeHash($0) }) else { return nil }
            proof.append(hash)
        }
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
        let name = CanonicalObject(row.header).string("ledger").flatMap { LedgerName($0) }
        if let name, LogOrigin.of(name, is: checkpoint.origin) {
            let (leaf, fault) = row.check(ledger: name)
            if let fault { report.add(fault, at: row.position) }
            if !checkpoint.includes(leaf, at: row.position, by: proof) {
                report.add(.root("its proof does not lead to the signed root"), at: row.position)
            }
        } else {
            report.add(.column("ledger_id"), at: row.position)
        }
        if let event = try? row.recordedEvent(), !event.served().elementsEqual(readable) {
            report.add(.file("its readable copy is not what was recorded"), at: row.position)
        }
    }
}
