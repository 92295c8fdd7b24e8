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
            /// An export of an access log.
            case accesses
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

    init(folder: String, zone: String = "UTC") {
        self.folder = folder
        self.zone = zone
    }

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

    /// Forges an export in every way in turn, and asks both about each, also about the untouched one.
    ///
    /// - Parameters:
    ///   - count: how many forgeries.
    ///   - kind: what it is an export of.
    ///   - genuine: its folder.
    ///   - key: the key that signs, as an auditor has it from elsewhere.
    ///   - kept: a checkpoint that an auditor has kept, to which the export leads.
    func refuse(
        _ count: Int,
        _ kinds: [ExportForgery],
        of kind: Task.Kind,
        _ genuine: String,
        _ key: NoteVerifierKey,
        _ kept: SignedCheckpoint,
        seed: UInt64
    ) async throws -> Campaign.Result {
        var random = SeededRandom(seed: seed)
        var result = Campaign.Result()
        let files = ExportForgery.Files(byName: try ForgedFolder.files(genuine))
        let untouched = [[key], []].map { keys in
            Task(
                kind: kind,
                path: genuine,
                keys: keys,
                kept: [kept],
                what: "untouched",
                isGenuine: true
            )
        }
        result.failures += try await judge(untouched)
        result.made["untouched exports", default: 0] += untouched.count
        for start in stride(from: 0, to: count, by: 50) {
            var tasks: [Task] = []
            for number in start..<min(start + 50, count) {
                let forgery = kinds[number % kinds.count]
                var links: Set<String> = []
                guard let forged = forgery.forge(files, links: &links, &random) else { continue }
                let path = "\(folder)/forged-\(number)"
                try ForgedFolder.write(forged.byName, links: links, to: path)
                let what = "seed \(seed), \(kind.rawValue) \(number), \(forgery.rawValue)"
                tasks.append(
                    Task(kind: kind, path: path, keys: [key], what: what, isGenuine: false)
                )
                result.made[forgery.rawValue, default: 0] += 1
            }
            result.failures += try await judge(tasks)
            for task in tasks { try? FileManager.default.removeItem(atPath: task.path) }
        }
        return result
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
            case .export, .accesses:
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
        let accesses: String?
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
                    accesses: task.kind == .accesses ? task.path : nil,
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
