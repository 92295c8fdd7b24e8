import Foundation
import Ledger
import TestSupport

/// Exports that nobody forged, though they are not of every day.
extension Campaign {
    /// Parks an episode of the census; see ``SealedLedger/park()``.
    public func park() async throws { try await sealed.park() }

    /// Exports to a folder in which an export was broken off, and asks both verifiers.
    ///
    /// - Returns: false alarms.
    public func exportedAgain() async throws -> [String] {
        guard let folder = try await sealed.export(to: "\(sealed.folder)/again") else {
            return ["not exported"]
        }
        // As a process leaves it that is killed: files half written, of another width, no checkpoint.
        for (name, other) in [
            ("checkpoint", "checkpoint.4321.new"), ("tile/0/000", "tile/0/000.4321.new"),
            ("events/000", "events/000.17.new"), ("tile/entries/000", "tile/entries/001.p/1"),
            ("tile/0/000", "tile/0/001.p/3.99.new"), ("verifier-keys", "verifier-keys.1.new"),
            ("read-models/stays.ndjson", "read-models/stays.ndjson.1.new"),
        ] {
            let bytes = try Data(contentsOf: URL(filePath: "\(folder)/\(name)"))
            try bytes.dropLast(7).write(to: URL(filePath: "\(folder)/\(other)"))
        }
        for name in ["checkpoint", "tile/entries/000"] {
            try FileManager.default.removeItem(atPath: "\(folder)/\(name)")
        }
        guard try await sealed.export(to: folder, isNew: false) != nil else {
            return ["not exported again"]
        }
        return try await Verifiers(folder: sealed.folder, zone: sealed.ledger.timeZone).judge([
            Verifiers.Task(
                kind: .export,
                path: folder,
                keys: [sealed.key],
                kept: [sealed.kept],
                what: "an export that was begun again",
                isGenuine: true
            )
        ])
    }

    /// Asks both verifiers about exports of a log with an event that cannot be read.
    ///
    /// - Returns: what they answer wrongly.
    public static func unreadableExports() async throws -> [String] {
        let folder = NSTemporaryDirectory() + "unreadable-" + UUID().uuidString
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let script = "\(SealedLedger.tests)/Independent/made_log.py"
        let end = await runningProgram(["python3", "-B", script, folder])
        guard end.status == 0 else { return [end.output] }
        return try await Verifiers(folder: folder, zone: "UTC").judge(
            ["honest", "hidden", "untold"].map { kind in
                Verifiers.Task(
                    kind: .export,
                    path: "\(folder)/\(kind)",
                    keys: [],
                    what: kind,
                    isGenuine: kind == "honest"
                )
            }
        )
    }
}
