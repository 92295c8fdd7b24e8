import Foundation
import Postgres

extension CommandLineFixture {
    /// The name of the default ledger's log.
    static let origin = "episode-ledger/default"

    /// Seals up to the head, and returns the checkpoint.
    @discardableResult
    func checkpoint(_ options: [String] = []) async throws -> CheckpointAnswer {
        try await answer(CheckpointAnswer.self, ["checkpoint", "--format", "json"] + options)
    }

    /// Seals up to the head, and keeps the checkpoint in a file as an auditor does.
    ///
    /// - Returns: the file's path.
    func keptCheckpoint(_ name: String) async throws -> String {
        try file(name, try await succeed(["checkpoint"]).output)
    }

    /// Verifies, and expects what `verify` says together with its exit status.
    func verify(_ words: [String] = [], fails: Bool = false) async throws -> VerifyAnswer {
        let end = try await run(["verify"] + words)
        guard end.status == (fails ? 1 : 0), end.errors.isEmpty else {
            throw ProgramFailure(
                description: "verify \(words.joined(separator: " ")): exit \(end.status)\n"
                    + end.text + end.errors
            )
        }
        return try decode(VerifyAnswer.self, end.output)
    }

    /// Changes rows as the superuser with triggers disabled.
    func tamper(_ statement: SQL) async throws {
        for table in ["event", "tile", "checkpoint"] {
            _ = try await pool.query("alter table \(raw: table) disable trigger all")
        }
        _ = try await pool.query(statement)
    }

    /// The files of a folder and their bytes, by their paths below it.
    func files(_ folder: String) throws -> [String: [UInt8]] {
        let names = FileManager.default.enumerator(atPath: folder)?.compactMap { $0 as? String }
        return try (names ?? []).reduce(into: [:]) { files, name in
            let path = "\(folder)/\(name)"
            var isFolder: ObjCBool = false
            let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
            if exists && !isFolder.boolValue {
                files[name] = Array(try Data(contentsOf: URL(filePath: path)))
            }
        }
    }
}
