import CareEpisode
import Foundation
import Ledger
import Projections
import TestSupport
import TransparencyLog

/// The two verifiers, asked about many files.
struct Verifiers: Sendable {
    /// Something to verify.
    struct Task: Sendable {
        enum Kind: String, Sendable {
            case packet, export
        }

        let kind: Kind
        let path: String
        let keys: [NoteVerifierKey]
        var kept: [SignedCheckpoint] = []
        /// What it is, for a failure's message.
        let what: String
        /// Whether it must pass.
        let isGenuine: Bool
        /// Whether the verifier in Python looks at what is forged.
        var isSeenByScript = true
    }

    /// A folder for what is verified, whose checkpoints lie there too.
    let folder: String
    /// The zone of the ledger's days, which whoever verifies knows.
    let zone: String

    /// Asks both about each, and tells what is wrong about their answers.
    func judge(_ tasks: [Task]) async throws -> [String] {
        let told = try await independently(tasks)
        guard told.count == tasks.count else {
            return [
                "the verifier in Python answered \(told.count) of \(tasks.count): \(told.last ?? "")"
            ]
        }
        var failures: [String] = []
        for (task, answer) in zip(tasks, told) {
            let (passes, detail) = await verify(task)
            if passes != task.isGenuine {
                failures.append("\(task.what): verify \(passes ? "passes" : "fails: \(detail)")")
            }
            guard task.isSeenByScript else { continue }
            if (answer == "pass") != task.isGenuine {
                failures.append("\(task.what): in Python: \(answer)")
            }
        }
        return failures
    }

    /// What `verify` says: the same as the command.
    func verify(_ task: Task) async -> (passes: Bool, detail: String) {
        do {
            var report: VerificationReport
            switch task.kind {
            case .packet:
                let packet = try await PacketVerification(
                    task.path,
                    pinned: task.keys,
                    kept: task.kept
                )
                report = packet.run()
                if report.isClean { PacketReadModels.compare(packet, &report) }
            case .export:
                let export = ExportVerification(task.path, pinned: task.keys, kept: task.kept)
                report = try await export.run()
                if report.isClean && export.hasDocuments {
                    try await CensusStays.compare(export, &report)
                }
            }
            let isOwnZone = report.timeZone == nil || report.timeZone == zone
            let fault = report.faults.first.map { "\($0)" } ?? (isOwnZone ? "" : "another zone")
            return (report.isVerified && isOwnZone, fault)
        } catch {
            return (false, "\(error)")
        }
    }

    private struct Question: Encodable {
        let packet: String?
        let export: String?
        let keys: [String]
        let against: [String]
    }

    private func independently(_ tasks: [Task]) async throws -> [String] {
        var lines = Data()
        for (number, task) in tasks.enumerated() {
            var against: [String] = []
            for (index, kept) in task.kept.enumerated() {
                let path = "\(folder)/kept-\(number)-\(index)"
                try Data(kept.note.description.utf8).write(to: URL(filePath: path))
                against.append(path)
            }
            lines += try JSONEncoder().encode(
                Question(
                    packet: task.kind == .packet ? task.path : nil,
                    export: task.kind == .export ? task.path : nil,
                    keys: task.keys.map(\.description),
                    against: against
                )
            )
            lines.append(0x0A)
        }
        let input = "\(folder)/questions"
        try lines.write(to: URL(filePath: input))
        let script = "\(SealedLedger.tests)/Independent/verify_many.py"
        let end = await runningProgram(["sh", "-c", "python3 -B \"$0\" < \"$1\"", script, input])
        return end.output.split(separator: "\n").map(String.init)
    }
}
