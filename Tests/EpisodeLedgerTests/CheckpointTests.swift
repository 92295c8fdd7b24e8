import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Checkpoints")
struct CheckpointTests {
    @Test("A checkpoint is printed as it is, also into a pipe, and JSON has it as a member")
    func note() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 2, seed: 1)
            let printed = try await fixture.succeed(["checkpoint"])
            #expect(Array(printed.lines.prefix(2)) == [CommandLineFixture.origin, "\(count)"])
            #expect(printed.text.contains("\n\n— \(CommandLineFixture.origin) "))
            // The same bytes again, whatever else asks: nothing new is signed.
            for words in [["--format", "text"], ["--no-seal"], []] {
                let again = try await fixture.succeed(["checkpoint"] + words)
                #expect(again.output == printed.output)
            }
            let asked = try await fixture.run(
                ["checkpoint"],
                environment: ["EPISODE_LEDGER_FORMAT": "json"]
            )
            #expect(asked.output == printed.output)
            let answer = try await fixture.checkpoint()
            #expect(answer.ledger == "default" && answer.origin == CommandLineFixture.origin)
            #expect(answer.size == count && answer.root == printed.lines[2])
            #expect(answer.note == printed.text)
            let key = try await fixture.succeed(["checkpoint", "--verifier-key"])
            #expect(key.lines == answer.verifierKeys)
            let form = #/episode-ledger/default\+[0-9a-f]{8}\+[A-Za-z0-9+/]{44}\n/#
            #expect(key.text.wholeMatch(of: form) != nil)
        }
    }

    @Test(
        "The documents' commands check a signature with openssl alone, word by word",
        arguments: [("docs/tour.md", "kept.checkpoint"), ("docs/audit.md", "checkpoint")]
    )
    func openssl(_ document: String, _ name: String) async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 1, seed: 1)
            _ = try await fixture.keptCheckpoint(name)
            let key = try await fixture.succeed(["checkpoint", "--verifier-key"])
            _ = try fixture.file("key", key.output)
            let text = try String(
                contentsOfFile: "\(CommandLineFixture.tests)/../\(document)",
                encoding: .utf8
            )
            let commands = text.split(separator: "\n")
                .map { $0.hasPrefix("$ ") ? String($0.dropFirst(2)) : String($0) }
                .filter { line in
                    ["sed '/^$/,$d'", "grep '^— '", "(printf ", "openssl pkeyutl "]
                        .contains { line.hasPrefix($0) }
                }
            #expect(commands.count == 4)
            let script = try fixture.file("commands.sh", lines: ["set -e"] + commands)
            let end = try await fixture.launch(["env", "-C", fixture.folder, "sh", script]).end()
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.text == "Signature Verified Successfully\n")
        }
    }

    @Test("With --no-seal nothing is sealed, and what is sealed is printed")
    func noSeal() async throws {
        try await CommandLineFixture.with { fixture in
            let first = try await fixture.importSimulated(episodes: 1, seed: 1)
            for words in [[], ["--verifier-key"], ["--export", "\(fixture.folder)/export"]] {
                let end = try await fixture.run(["checkpoint", "--no-seal"] + words)
                #expect(end.status == 1 && end.output.isEmpty)
                #expect(end.errors.contains("`episode-ledger checkpoint`"), "\(end.errors)")
            }
            #expect(!FileManager.default.fileExists(atPath: "\(fixture.folder)/export"))
            let sealed = try await fixture.checkpoint()
            #expect(sealed.size == first)
            let second = try await fixture.importSimulated(episodes: 1, seed: 2)
            #expect(try await fixture.checkpoint(["--no-seal"]).note == sealed.note)
            let keys = try await fixture.succeed(["checkpoint", "--no-seal", "--verifier-key"])
            #expect(keys.lines == sealed.verifierKeys)
            let status = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(status.seal.size == first && status.seal.unsealed == second)
            #expect(try await fixture.checkpoint().size == first + second)
        }
    }

    @Test("An empty ledger has nothing to seal, which is told with 1")
    func empty() async throws {
        try await CommandLineFixture.with { fixture in
            for words in [
                ["checkpoint"], ["checkpoint", "--verifier-key"],
                ["checkpoint", "--export", "\(fixture.folder)/export"],
                ["packet", "--episode", ExitStatusTests.episode, "-o", "\(fixture.folder)/p.zip"],
            ] {
                let end = try await fixture.run(words)
                #expect(end.status == 1 && end.output.isEmpty)
                #expect(
                    end.errors
                        == "error: the ledger default is empty: there is nothing to seal\n"
                )
            }
            #expect(!FileManager.default.fileExists(atPath: "\(fixture.dataDirectory)/sealing"))
            // Nothing is wrong with it either.
            let report = try await fixture.verify()
            #expect(report.verified && report.events == 0 && report.origin == nil)
        }
    }

    // MARK: - Exports

    @Test("An older export in the folder is added to, and becomes the same as one made anew")
    func incremental() async throws {
        try await CommandLineFixture.with { fixture in
            let (old, new) = ("\(fixture.folder)/old", "\(fixture.folder)/new/deeper")
            var size = 0
            for seed in 1...3 {
                let kept = size
                size += try await fixture.importSimulated(episodes: 7, seed: seed)
                let export = try await fixture.answer(
                    LogExportAnswer.self,
                    ["checkpoint", "--export", old]
                )
                #expect(export.folder == old)
                #expect(export.size == size && export.kept == kept && export.files > 0)
            }
            #expect(size > 512, "there are full tiles and partial ones")
            let again = try await fixture.answer(
                LogExportAnswer.self,
                ["checkpoint", "--export", old]
            )
            #expect(again.kept == size)
            let anew = try await fixture.answer(
                LogExportAnswer.self,
                ["checkpoint", "--export", new, "--no-seal"]
            )
            #expect(anew.kept == 0)
            let files = try fixture.files(old)
            #expect(files == (try fixture.files(new)))
            #expect(files.count == anew.files)
            // Of the partial tiles those of this size alone.
            let partial = files.keys.filter { $0.contains(".p/") }
            let width = size % 256
            #expect(
                partial.sorted() == [
                    "tile/0/00\(size / 256).p/\(width)", "tile/1/000.p/\(size / 256)",
                    "tile/entries/00\(size / 256).p/\(width)",
                ]
            )
            #expect(files["tile/entries/000"]?.count == 256 * 114)
            #expect(files["checkpoint"] == (try await fixture.succeed(["checkpoint"]).output))
            #expect(try await fixture.verify([old]).events == size)
            try await fixture.python(["verify_export.py", old])
            let text = try await fixture.succeed(
                ["checkpoint", "--export", old, "--format", "text"]
            )
            #expect(text.text.hasPrefix("Exported "))
            #expect(text.text.hasSuffix(" of them there already; 5 files written.\n"))
        }
    }

    @Test("A folder with an export of another history is left as it is")
    func otherHistory() async throws {
        try await CommandLineFixture.with { fixture in
            let folder = "\(fixture.folder)/export"
            try await fixture.importSimulated(episodes: 1, seed: 1)
            try await fixture.succeed(["checkpoint", "--export", folder])
            let before = try fixture.files(folder)
            try await fixture.succeed(["ledgers", "create", "other", "--time-zone", "UTC"])
            try await fixture.importSimulated(episodes: 2, seed: 2, ledger: "other")
            let other = try await fixture.run([
                "checkpoint", "--export", folder, "--ledger", "other",
            ])
            #expect(other.status == 1 && other.output.isEmpty)
            #expect(other.errors.contains("another history"), "\(other.errors)")
            #expect(try fixture.files(folder) == before)

            // An event was changed, and everything that follows from it: the same name, another root.
            try await fixture.tamper(
                "update event set leaf_hash = sha256(leaf_hash) where position = 3"
            )
            let changed = try await fixture.run(["checkpoint", "--export", folder, "--no-seal"])
            #expect(changed.status == 1 && changed.output.isEmpty)
            #expect(changed.errors.contains("another history"), "\(changed.errors)")
            #expect(try fixture.files(folder) == before)
        }
    }

    @Test("With events, an export has them and the census, for whoever may see health information")
    func withEvents() async throws {
        try await CommandLineFixture.with { fixture in
            let (folder, plain) = ("\(fixture.folder)/events", "\(fixture.folder)/plain")
            try await fixture.importSimulated(episodes: 7, seed: 1)
            try await fixture.succeed(["checkpoint", "--export", plain])
            try await fixture.succeed(["checkpoint", "--export", folder, "--with-events"])
            let refused = try await fixture.run(["checkpoint", "--export", plain, "--with-events"])
            #expect(refused.status == 1 && refused.errors.contains("without events"))
            let extra = Set(try fixture.files(folder).keys)
                .subtracting(try fixture.files(plain).keys)
            #expect(
                extra.allSatisfy { $0.hasPrefix("events/") || $0.hasPrefix("read-models/") }
            )
            #expect(extra.isSuperset(of: ["read-models/basis.json", "read-models/stays.ndjson"]))
            for bytes in try fixture.files(plain).values {
                let text = String(decoding: bytes, as: UTF8.self)
                #expect(!text.contains("SIM-") && !text.contains("admitted"))
            }
            #expect(try await fixture.verify([folder]).verified)
            let checked = try await fixture.python(["verify_export.py", folder])
            #expect(checked.text.contains("entries and events"))

            // What was begun with events goes on with them, whether that is said again or not.
            try await fixture.importSimulated(episodes: 7, seed: 2)
            try await fixture.succeed(["checkpoint", "--export", folder])
            #expect(try await fixture.verify([folder]).verified)
            try await fixture.python(["verify_export.py", folder])
            try await fixture.succeed(["checkpoint", "--export", folder, "--with-events"])
            try await fixture.python(["verify_export.py", folder])

            // The census in it is held against its events.
            let stays = "\(folder)/read-models/stays.ndjson"
            let text = try String(contentsOfFile: stays, encoding: .utf8)
            try text.replacing("outpatient\"", with: "inpatient\"")
                .write(toFile: stays, atomically: true, encoding: .utf8)
            let found = try await fixture.python(["verify_export.py", folder], status: 1)
            #expect(found.text.contains("the stays of episode"))
        }
    }

    // MARK: - Keys

    @Test("A key is added, signs beside the old one, and the old one is retired by its hash")
    func rotation() async throws {
        try await CommandLineFixture.with { fixture in
            func signatures() async throws -> Int {
                try await fixture.succeed(["checkpoint"]).lines.count { $0.hasPrefix("— ") }
            }
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let old = try #require(try await fixture.checkpoint().verifierKeys.first)
            let hash = old.split(separator: "+")[1]
            let lonely = try await fixture.run(["checkpoint", "--retire-key", "\(hash)"])
            #expect(lonely.status == 1 && lonely.output.isEmpty)
            #expect(lonely.errors.contains("add another one first"), "\(lonely.errors)")

            let new = try #require(
                try await fixture.succeed(["checkpoint", "--add-key"]).lines.first
            )
            let keys = try await fixture.succeed(["checkpoint", "--verifier-key"])
            #expect(keys.lines == [old, new])
            // It signs from the next checkpoint on.
            #expect(try await signatures() == 1)
            try await fixture.importSimulated(episodes: 1, seed: 2)
            #expect(try await signatures() == 2)

            let unknown = try await fixture.run(["checkpoint", "--retire-key", "0a0b0c0d"])
            #expect(unknown.status == 2 && unknown.output.isEmpty)
            #expect(unknown.errors.contains("0a0b0c0d"))
            #expect(
                try await fixture.succeed(["checkpoint", "--retire-key", "\(hash)"]).output.isEmpty
            )
            #expect(try await fixture.checkpoint().verifierKeys == [new])
            try await fixture.importSimulated(episodes: 1, seed: 3)
            #expect(try await signatures() == 1)
            let report = try await fixture.verify(["--verifier-key", new])
            #expect(report.signedBy == [new] && report.checkpoints >= 3)
            let again = try await fixture.run(["checkpoint", "--retire-key", "\(hash)"])
            #expect(again.status == 2)
        }
    }

    @Test("A key that only the database registers is not handed out as one that signs")
    func registeredKey() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let key = try #require(try await fixture.checkpoint().verifierKeys.first)
            let elsewhere = try await fixture.run(
                ["checkpoint", "--no-seal", "--verifier-key"],
                environment: ["EPISODE_LEDGER_DATA_DIR": "\(fixture.folder)/auditor"]
            )
            #expect(elsewhere.status == 0 && elsewhere.lines == [key])
            #expect(elsewhere.errors.contains("these keys are what the database says"))
            let forged =
                "episode-ledger/demo+c05566e5+AcTkqpyVz3a9erpzkGG870Zq95kK3bFAaYysKL2QyRRA"
            _ = try await fixture.pool.query(
                """
                insert into verifier_key (ledger_id, verifier_key, incarnation)
                select ledger_id, \(forged), incarnation from seal_log
                """
            )
            for words in [["--verifier-key"], ["--format", "json"]] {
                let end = try await fixture.run(["checkpoint", "--no-seal"] + words)
                #expect(end.status == 1 && end.output.isEmpty)
                #expect(end.errors.contains("the database registers \(forged)"), "\(end.errors)")
            }
        }
    }

    @Test("An export with health information is its owner's alone, whatever it was before")
    func exportModes() async throws {
        func modes(_ folder: String) throws -> Set<String> {
            let names = try FileManager.default.subpathsOfDirectory(atPath: folder)
            return Set(
                try ([""] + names).map { name in
                    var status = stat()
                    try #require(lstat("\(folder)/\(name)", &status) == 0)
                    let kind = status.st_mode & S_IFMT == S_IFDIR ? "folder" : "file"
                    return "\(kind) \(String(status.st_mode & 0o777, radix: 8))"
                }
            )
        }
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 1, seed: 1)
            try await fixture.checkpoint([])
            let (bare, whole) = ("\(fixture.folder)/bare", "\(fixture.folder)/whole")
            try await fixture.succeed(["checkpoint", "--export", bare])
            #expect(try modes(bare) == ["folder 755", "file 644"])
            try await fixture.succeed(["checkpoint", "--export", whole, "--with-events"])
            #expect(try modes(whole) == ["folder 700", "file 600"])
            let log = "\(fixture.folder)/access"
            try await fixture.succeed(["checkpoint", "--access-log", "--export", log])
            #expect(try modes(log) == ["folder 700", "file 600"])
            // As an older version has left it.
            chmod("\(whole)/events", 0o755)
            try await fixture.importSimulated(episodes: 1, seed: 2)
            try await fixture.succeed(["checkpoint", "--export", whole, "--with-events"])
            #expect(try modes(whole) == ["folder 700", "file 600"])
        }
    }

    @Test("Key and log lie where the options say, and without them nothing is sealed")
    func place() async throws {
        try await CommandLineFixture.with { fixture in
            let folder = "\(fixture.folder)/safe"
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let options = [
                "--signing-key", "\(folder)/keys/", "--checkpoint-log", "\(folder)/kept",
                "--log-name", "ledger.example.org",
            ]
            let sealed = try await fixture.checkpoint(options)
            #expect(sealed.origin == "ledger.example.org/default")
            #expect(try fixture.files(folder).keys.sorted() == ["kept", "keys/default.key"])
            for (name, _) in try fixture.files(folder) {
                var status = stat()
                #expect(stat("\(folder)/\(name)", &status) == 0)
                #expect(status.st_mode & 0o777 == 0o600)
            }
            let key = try String(contentsOfFile: "\(folder)/keys/default.key", encoding: .utf8)
            #expect(key.hasPrefix("PRIVATE+KEY+ledger.example.org/default+"))

            try await fixture.importSimulated(episodes: 1, seed: 2)
            let elsewhere = try await fixture.run(["checkpoint"])
            #expect(elsewhere.status == 1 && elsewhere.output.isEmpty)
            #expect(elsewhere.errors.contains("does not hold the private keys"))
            #expect(!elsewhere.errors.contains("PRIVATE"))
            let logless = try await fixture.run(
                ["checkpoint"] + options.dropLast(4)
                    + ["--checkpoint-log", "\(fixture.folder)/no-log"]
            )
            #expect(logless.status == 1 && logless.errors.contains("checkpoint log"))
            let renamed = try await fixture.run(
                ["checkpoint"] + options.dropLast() + ["ledger.example.net"]
            )
            #expect(renamed.status == 1 && renamed.errors.contains("an origin never changes"))
            #expect(try await fixture.checkpoint(["--no-seal"]).note == sealed.note)
            // The name is remembered; the variables name the files too.
            let end = try await fixture.run(
                ["checkpoint"],
                environment: [
                    "EPISODE_LEDGER_SIGNING_KEY": "\(folder)/keys/default.key",
                    "EPISODE_LEDGER_CHECKPOINT_LOG": "\(folder)/kept",
                ]
            )
            #expect(end.status == 0, "\(end.errors)")
            #expect(end.lines.first == sealed.origin)
        }
    }

    @Test("A restore is not declared where nothing was lost, nor in a text of several lines")
    func nothingLost() async throws {
        try await CommandLineFixture.with { fixture in
            let unsealed = try await fixture.run(["checkpoint", "--declare-restore", "disk"])
            #expect(unsealed.status == 1 && unsealed.errors.contains("nothing was ever sealed"))
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let sealed = try await fixture.checkpoint()
            try await fixture.importSimulated(episodes: 1, seed: 2)
            for (reason, answer) in [
                ("disk failure", "nothing was lost"), ("two\nlines", "one line"), ("", "one line"),
            ] {
                let end = try await fixture.run(["checkpoint", "--declare-restore", reason])
                #expect(end.status == 1 && end.output.isEmpty)
                #expect(end.errors.contains(answer), "\(end.errors)")
            }
            #expect(try await fixture.checkpoint().origin == sealed.origin)
        }
    }
}
