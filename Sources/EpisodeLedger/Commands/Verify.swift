import ArgumentParser
import CareEpisode
import Documents
import Glibc
import Ledger
import ProjectionRuntime
import Projections
import TransparencyLog

struct Verify: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Verify that nothing was changed: the ledger, an export, or a packet.",
        usage: """
            episode-ledger verify [<options>]
            episode-ledger verify <folder> | <file.zip> [<options>]
            """,
        discussion: """
            Without a path, the ledger in its database: every event from its columns and bytes, the \
            tree, every signed checkpoint in the database and in the checkpoint log, the read \
            models. With a path, an export or a packet, offline. Everything is recomputed. Exit \
            status 1 if anything is wrong, 3 if nothing is and a replica has not got to all that was \
            signed.
            """
    )

    @Argument(
        help: "A folder with an export or an unpacked packet, or a packet's file.",
        completion: .file()
    )
    var path: String?

    @OptionGroup var trust: TrustOptions

    @Flag(help: "Leave the read models out.")
    var noReadModels = false

    @OptionGroup var sealing: SealingOptions

    @OptionGroup var options: LedgerOptions

    func run() async throws {
        let command = self
        if let path {
            try await Session.runOffline(options) { format in
                let (keys, kept) = (try command.trust.keys(), try command.trust.checkpoints())
                var report = try await command.verify(path, keys, kept)
                command.compareZone(&report)
                try command.tell(report, path, format)
            }
        } else {
            try await Session.run(options) { session in
                var report = try await command.verify(session)
                command.compareZone(&report)
                try command.tell(report, session.ledgerName.description, session.format)
            }
        }
    }

    // MARK: - The three kinds

    private func verify(_ session: Session) async throws -> VerificationReport {
        let ledger = try await session.ledger()
        let place = sealing.place(ledger.name, dataDirectory: options.dataDirectory)
        let verification = LedgerVerification(
            session.database,
            ledger: ledger,
            log: place.log,
            pinned: try trust.keys(),
            kept: try trust.checkpoints()
        )
        let progress = ProgressBar("Verifying", unit: "events")
        var report = try await verification.run { progress.update($0, of: $1) }
        if !noReadModels && !report.isClean {
            report.add(
                notice: "the read models were not compared with events that are not in order"
            )
        } else if !noReadModels {
            let head = try await EventReader(session.database, ledger: ledger).head().position
            for projection in try ReadModels.all(ledger) {
                try await Self.compare(projection, session, ledger, head, &report)
            }
            report.add(timeZone: ledger.timeZone)
        }
        progress.finish()
        return report
    }

    /// The zone is in no tree: it counts as whoever asks knows it.
    private func compareZone(_ report: inout VerificationReport) {
        guard let zone = trust.timeZone, let own = report.timeZone, !own.hasSameBytes(as: zone)
        else { return }
        report.add(.readModel("its days are those of \(own), not of \(zone)"))
    }

    private static func compare<Projection: EpisodeProjection>(
        _ projection: Projection,
        _ session: Session,
        _ ledger: LedgerDescription,
        _ head: Position,
        _ report: inout VerificationReport
    ) async throws {
        let comparison = ProjectionVerification(projection, session.database, ledger: ledger)
        try await comparison.run(through: head, &report)
    }

    private func verify(
        _ path: String,
        _ keys: [NoteVerifierKey],
        _ kept: [SignedCheckpoint]
    ) async throws -> VerificationReport {
        var status = stat()
        guard stat(path, &status) == 0 else {
            throw Failure.failed("\(path): \(String(cString: strerror(errno)))")
        }
        let isFolder = status.st_mode & S_IFMT == S_IFDIR
        if isFolder && !PacketVerification.isPacket(folder: path) {
            let progress = ProgressBar("Verifying", unit: "events")
            let verification = ExportVerification(path, pinned: keys, kept: kept)
            var report = try await verification.run { progress.update($0, of: $1) }
            progress.finish()
            if !noReadModels && report.isClean && verification.hasDocuments {
                try await CensusStays.compare(verification, &report)
            }
            return report
        }
        let packet = try await PacketVerification(path, pinned: keys, kept: kept)
        var report = packet.run()
        if !noReadModels && report.isClean { PacketReadModels.compare(packet, &report) }
        return report
    }

    // MARK: - The report

    private func tell(
        _ report: VerificationReport,
        _ subject: String,
        _ format: OutputFormat
    ) throws {
        format.print(report.json(subject)) { report.lines(subject) }
        if !report.isClean { throw Failure.verificationFailed }
        if let shortfall = report.shortfall { throw Failure.notThereYet(shortfall) }
    }
}

extension VerificationReport {
    /// What `verify` says.
    fileprivate func json(_ subject: String) -> AnswerJSON {
        guard let shortfall, case .object(let members) = whole(subject) else {
            return whole(subject)
        }
        let replica: AnswerJSON = [
            "events": .integer(shortfall.events), "expected": .integer(shortfall.expected),
            "detail": .string("\(shortfall)"),
        ]
        return .object(members + [(name: "replica", value: replica)])
    }

    private func whole(_ subject: String) -> AnswerJSON {
        [
            "verified": .bool(isVerified),
            "subject": .string(subject),
            "events": .integer(events),
            "episodes": .integer(Int64(episodes)),
            "seconds": .number((seconds * 1_000).rounded() / 1_000),
            "events_per_second": .number(eventsPerSecond.rounded()),
            "checkpoints": .integer(Int64(checkpoints)),
            "tiles": .integer(Int64(tiles)),
            "origin": .text(newest?.origin),
            "sealed": .integer(newest?.size ?? 0),
            "root": .text(newest?.root.description),
            "signed_by": .array(signers.map { .string("\($0)") }),
            "vouched_by": .array(vouchers.map { .string($0.rawValue) }),
            "unsealed": .integer(unsealed),
            "unsealed_since": .instant(unsealedSince),
            "access_log": accessLog?.json ?? .null,
            "read_models": .array(readModels.map { .string($0) }),
            "read_models_as_of": .text(readModelBasis),
            "time_zone": .text(timeZone),
            "first_bad_position": first?.position.map { .integer($0.rawValue) } ?? .null,
            "fault_count": .integer(Int64(faultCount)),
            "faults": .array(
                ordered.map {
                    [
                        "position": $0.position.map { .integer($0.rawValue) } ?? .null,
                        "number": $0.number.map { .integer($0) } ?? .null,
                        "through": $0.through.map { .integer($0.rawValue) } ?? .null,
                        "code": .string($0.kind.code),
                        "detail": .string($0.kind.detail),
                    ]
                }
            ),
            "notices": .array(notices.map { .string($0) }),
        ]
    }

    /// The same for people.
    fileprivate func lines(_ subject: String) -> [String] {
        let looked = "\(Words.count(checkpoints, "checkpoint")), \(Words.count(tiles, "tile"))."
        var lines: [String]
        if isOfAccessLogAlone {
            let entries = Words.grouped(accessLog?.entries ?? 0)
            lines = ["Checked \(entries) entries of an access log in \(subject); \(looked)"]
        } else {
            lines = [
                "Checked \(Words.grouped(events)) events of \(Words.count(episodes, "episode")) in "
                    + "\(subject), \(Words.grouped(Int64(eventsPerSecond))) a second; \(looked)"
            ]
        }
        let noun = isOfAccessLogAlone ? "entries" : "events"
        if let newest = isOfAccessLogAlone ? accessLog?.newest : newest {
            lines.append("Sealed       \(Words.grouped(newest.size)) \(noun) as \(newest.origin)")
            lines.append("Root         \(newest.root)")
        } else {
            lines.append("Sealed       nothing: there is no checkpoint")
        }
        for key in signers { lines.append("Signed by    \(key)") }
        if unsealed > 0 {
            let since = unsealedSince.map { ", the oldest recorded \($0)" } ?? ""
            lines.append("Not sealed   \(Words.grouped(unsealed)) events at the end\(since)")
        }
        if let accessLog, !isOfAccessLogAlone { lines += accessLog.lines }
        if !readModels.isEmpty {
            let basis = readModelBasis.map { ", \($0), in days of \(timeZone ?? "no zone")" }
            lines.append("Read models  \(readModels.joined(separator: ", "))\(basis ?? "")")
        }
        for notice in notices { lines.append("Note         \(notice)") }
        guard let first else {
            guard let shortfall else { return lines + [verdict] }
            return lines + [
                "What is here is in order.", "NOT VERIFIED: \(shortfall).",
            ]
        }
        lines.append("")
        for fault in ordered { lines.append("WRONG: \(fault)") }
        if faultCount > faults.count {
            lines.append("… and \(Words.grouped(Int64(faultCount - faults.count))) more")
        }
        let place = first.position.map { " First bad position: \($0)." } ?? ""
        return lines + ["FAILED: \(Words.count(faultCount, "fault")).\(place)"]
    }

    /// The last line where nothing is wrong: only what lies outside can tell that nothing was changed.
    private var verdict: String {
        if isOfAccessLogAlone {
            return accessLog?.isVouched == true
                ? "OK: nothing was changed." : verdictWithoutVoucher(upTo: "number")
        }
        guard proven > 0 else { return "Nothing is sealed yet: there is nothing to prove.\(doubt)" }
        guard isVouched else { return verdictWithoutVoucher(upTo: "position") + doubt }
        guard proven < events else { return "OK: nothing was changed.\(doubt)" }
        return
            "OK: nothing was changed up to position \(proven), where the newest checkpoint ends; "
            + "of the events after it nothing is proven yet.\(doubt)"
    }

    /// At most what somebody kept vouches.
    private func verdictWithoutVoucher(upTo place: String) -> String {
        keptThrough > 0
            ? "OK: nothing was changed up to \(place) \(keptThrough), which a kept checkpoint covers."
            : "OK as far as it goes: it agrees with itself, and nothing outside vouches for it."
    }

    /// What nothing outside vouches for of the access log, which somebody could have emptied, where
    /// something does for the events.
    private var doubt: String {
        guard let accessLog, !accessLog.isVouched, isVouched || keptThrough > 0,
            accessLog.entries > 0 || proven > 0 && !vouchers.contains(.checkpointLog)
        else { return "" }
        return accessLog.entries > 0
            ? " Nothing outside vouches for all of the access log, which agrees with itself."
            : " Nothing outside vouches for the access log, which is empty."
    }

    /// The faults by position, those without one last, by number.
    private var ordered: [EvidenceFault] {
        faults.sorted { $0.order < $1.order }
    }
}

extension EvidenceFault {
    fileprivate var order: (Int64, Int64) { (position?.rawValue ?? .max, number ?? .max) }
}

extension AccessLogFindings {
    /// What `verify` says of the access log.
    fileprivate var json: AnswerJSON {
        [
            "entries": .integer(entries),
            "origin": .text(newest?.origin),
            "sealed": .integer(newest?.size ?? 0),
            "root": .text(newest?.root.description),
            "vouched_by": .array(vouchers.map { .string($0.rawValue) }),
            "unsealed": .integer(unsealed),
            "unsealed_since": .instant(unsealedSince),
        ]
    }

    /// The same for people; nothing where the access log is empty.
    fileprivate var lines: [String] {
        guard entries > 0 || newest != nil || unsealed > 0 else { return [] }
        var line = "Access log   \(Words.grouped(entries)) entries checked"
        if let newest { line += ", \(Words.grouped(newest.size)) sealed as \(newest.origin)" }
        if unsealed > 0 {
            let since = unsealedSince.map { ", the oldest written \($0)" } ?? ""
            line += "; \(Words.grouped(unsealed)) not sealed\(since)"
        }
        return [line]
    }
}
