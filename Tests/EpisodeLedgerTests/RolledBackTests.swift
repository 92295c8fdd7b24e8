import Foundation
import Glibc
import TestSupport
import Testing

/// What the program does by itself keeps its cluster, its key and its checkpoint log in one folder;
/// here the cluster alone is put back, as from a backup of the database.
@Suite("A database rolled back")
struct RolledBackTests {
    private func shell(_ fixture: CommandLineFixture, _ script: String) async throws {
        let end = try await fixture.launch(["sh", "-c", "set -e; " + script]).end()
        try #require(end.status == 0, "\(end.errors)")
    }

    @Test(
        "Rolled back to a backup and grown again it is not sealed, fails verify, and says so to who kept a checkpoint, until the restore is declared"
    )
    func rolledBack() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            // Whoever runs the server must get to the cluster.
            try #require(chmod(fixture.folder, 0o711) == 0)
            let data = fixture.dataDirectory
            func run(_ words: [String]) async throws -> ProgramEnd {
                try await fixture.run(words, environment: ["EPISODE_LEDGER_DATABASE_URL": ""])
            }
            func succeed(_ words: [String]) async throws -> ProgramEnd {
                let end = try await run(words)
                try #require(end.status == 0, "\(words): \(end.text)\(end.errors)")
                return end
            }
            func imported(seed: Int, episodes: Int) async throws -> Int {
                let lines = try await fixture.succeed([
                    "simulate", "--episodes", "\(episodes)", "--seed", "\(seed)",
                ])
                let file = try fixture.file("events-\(seed)", lines.output)
                return try fixture.decode(
                    ImportAnswer.self,
                    try await succeed(["import", file]).output
                ).head
            }
            func verify(_ words: [String] = [], fails: Bool) async throws -> VerifyAnswer {
                let end = try await run(["verify"] + words)
                try #require(end.status == (fails ? 1 : 0), "\(end.text)\(end.errors)")
                return try fixture.decode(VerifyAnswer.self, end.output)
            }

            let first = try await imported(seed: 1, episodes: 3)
            let old = try fixture.file("old", try await succeed(["checkpoint"]).output)
            let folder = "\(fixture.folder)/export"
            _ = try await succeed(["checkpoint", "--export", folder])

            // A base backup of the cluster, which has stopped with the last command.
            let cluster = "$(readlink -f \(data)/postgresql)"
            let backup = "\(fixture.folder)/backup"
            try await shell(fixture, "cp -a \"\(cluster)\" \(backup)")

            let lost = try await imported(seed: 2, episodes: 3)
            let kept = try fixture.file("kept", try await succeed(["checkpoint"]).output)
            try await shell(
                fixture,
                "place=\"\(cluster)\"; rm -rf \"$place\"; cp -a \(backup) \"$place\""
            )
            let status = try fixture.decode(
                StatusAnswer.self,
                try await succeed(["status"]).output
            )
            #expect(status.head == first && status.seal.size == first)
            // Whoever has read what is lost is told, where that can be seen.
            for command in ["export", "follow"] {
                let ahead = try await run([command, "--after", "\(lost)"])
                #expect(ahead.status == 1 && ahead.output.isEmpty)
                #expect(ahead.errors.contains("ahead of the ledger, whose head is \(first)"))
            }
            // Also where nothing was added yet.
            let idle = try await run(["checkpoint"])
            #expect(idle.status == 1 && idle.output.isEmpty)
            #expect(idle.errors.contains("has a checkpoint of size \(lost)"), "\(idle.errors)")
            #expect(try await run(["checkpoint", "--no-seal"]).lines[1] == "\(first)")
            #expect(try await verify(fails: true).faults.map(\.code) == ["shrunken"])

            // Grown again, beyond what was lost.
            let grown = try await imported(seed: 3, episodes: 6)
            #expect(grown > lost)
            let refused = try await run(["checkpoint"])
            #expect(refused.status == 1 && refused.output.isEmpty)
            #expect(
                refused.errors.contains("\(data)/sealing/default.checkpoints"),
                "\(refused.errors)"
            )
            #expect(refused.errors.contains("docs/audit.md"))
            let report = try await verify(fails: true)
            #expect(report.faults.contains { $0.code == "root" })
            #expect(report.firstBadPosition == first + 1)
            let witness = try await verify(
                ["--against", kept, "--checkpoint-log", "\(fixture.folder)/no-log"],
                fails: true
            )
            #expect(witness.firstBadPosition == first + 1)
            // What was kept before the backup still holds; that the log was not at hand is said.
            let logless = try await verify(
                ["--against", old, "--checkpoint-log", "\(fixture.folder)/no-log"],
                fails: false
            )
            #expect(logless.notices.contains { $0.contains("no checkpoint log") })
            let trouble = try fixture.decode(
                StatusAnswer.self,
                try await succeed(["status"]).output
            ).seal
            #expect(trouble.trouble?.contains("restored from a backup") == true)

            // The operator declares it; the log goes on under another name and key.
            let declared = try await succeed([
                "checkpoint", "--declare-restore", "disk failure of 3 May",
            ])
            #expect(declared.lines.first == "episode-ledger restore declaration 1")
            #expect(declared.text.contains("\nended episode-ledger/default \(lost) "))
            #expect(declared.text.contains("\nkept \(first) "))
            #expect(declared.text.contains("\nreason disk failure of 3 May\n"))
            let sealed = try await succeed(["checkpoint"])
            #expect(
                Array(sealed.lines.prefix(2)) == ["episode-ledger/default/2", "\(grown)"]
            )
            // What was lost is told whatever the head is, and where to go on.
            for command in ["export", "follow"] {
                let before = try await run([command, "--after", "\(lost)"])
                #expect(before.status == 1 && before.output.isEmpty)
                #expect(before.errors.contains("go on after 2.\(first)"), "\(before.errors)")
            }
            let rest = try await succeed(["export", "--after", "2.\(first)"])
            #expect(rest.lines.count == grown - first)
            #expect(try await succeed(["export"]).lines.count == grown)
            let clean = try await verify(fails: false)
            #expect(clean.notices.contains { $0.contains("disk failure of 3 May") })
            _ = try await verify(["--against", old], fails: false)
            // Who kept a checkpoint of what was lost is told which positions it covered.
            let told = try await verify(["--against", kept], fails: true)
            #expect(told.faults.map(\.code) == ["shrunken"])
            #expect(told.firstBadPosition == first + 1 && told.faults.first?.through == lost)

            // The export of the log that ended stays as it is; the new one has the declaration.
            let mixed = try await run(["checkpoint", "--export", folder])
            #expect(mixed.status == 1 && mixed.errors.contains("another history"))
            _ = try await succeed(["checkpoint", "--export", "\(fixture.folder)/next"])
            let files = try fixture.files("\(fixture.folder)/next")
            #expect(files["restore-declarations"] == declared.output)
            _ = try await verify(["\(fixture.folder)/next", "--against", old], fails: false)
            _ = try await verify(["\(fixture.folder)/next", "--against", kept], fails: true)
            let again = try await run(["checkpoint", "--declare-restore", "again"])
            #expect(again.status == 1 && again.errors.contains("nothing was lost"))
        }
    }
}
