import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Verification")
struct VerifyTests {
    @Test("An untouched ledger is in order: events, checkpoints, read models, and the unsealed end")
    func clean() async throws {
        try await CommandLineFixture.with { fixture in
            // Of nothing, nothing can be proven; that is no fault.
            let nothing = "Nothing is sealed yet: there is nothing to prove."
            let empty = try await fixture.succeed(["verify", "--format", "text"])
            #expect(empty.lines.last == nothing)
            let first = try await fixture.importSimulated(episodes: 7, seed: 1)
            let unsealed = try await fixture.verify()
            let told = try await fixture.succeed(["verify", "--format", "text"])
            #expect(told.lines.last == nothing)
            #expect(unsealed.verified && unsealed.unsealed == first && unsealed.sealed == 0)
            let checkpoint = try await fixture.checkpoint()
            try await fixture.succeed(["projections", "run", "--until-caught-up"])
            let report = try await fixture.verify()
            #expect(report.verified && report.faults.isEmpty && report.firstBadPosition == nil)
            #expect(report.subject == "default" && report.events == first && report.episodes == 7)
            #expect(report.origin == checkpoint.origin && report.root == checkpoint.root)
            #expect(report.sealed == first && report.unsealed == 0 && report.unsealedSince == nil)
            #expect(report.signedBy == checkpoint.verifierKeys)
            #expect(
                report.readModels.sorted() == [
                    "census", "discharge_summary", "medication_review", "sessions",
                ]
            )
            #expect(report.checkpoints > 0 && report.tiles > 0 && report.notices.isEmpty)

            let second = try await fixture.importSimulated(episodes: 1, seed: 2)
            let more = try await fixture.verify(["--no-read-models"])
            #expect(more.events == first + second && more.unsealed == second)
            #expect(more.unsealedSince?.hasSuffix("Z") == true && more.readModels.isEmpty)
            let text = try await fixture.succeed(["verify", "--format", "text"])
            #expect(text.lines.first?.hasPrefix("Checked ") == true)
            #expect(text.text.contains("Not sealed   \(second) events at the end, the oldest"))
            #expect(text.text.contains("Read models  "))
            #expect(
                text.lines.last
                    == "OK: nothing was changed up to position \(first), where the newest "
                    + "checkpoint ends; of the events after it nothing is proven yet."
            )
            try await fixture.checkpoint()
            let whole = try await fixture.succeed(["verify", "--format", "text"])
            #expect(whole.lines.last == "OK: nothing was changed.")
        }
    }

    @Test("A file of many megabytes takes no more memory than it has bytes, whatever is in it")
    func largeFiles() async throws {
        try await CommandLineFixture.with { fixture in
            let folder = "\(fixture.folder)/export"
            let packet = "\(fixture.folder)/packet"
            try await fixture.importSimulated(episodes: 1, seed: 1)
            try await fixture.succeed(["checkpoint", "--export", folder, "--with-events"])
            let episode = try #require(
                try await fixture.answer(EpisodesAnswer.self, ["episodes"]).episodes.first
            ).episodeId
            try await fixture.succeed(["packet", "--episode", episode, "-o", "\(packet).zip"])
            let unzip = ["python3", "-m", "zipfile", "-e", "\(packet).zip", packet]
            try #require(try await fixture.launch(unzip).end().status == 0)
            let (exported, packed) = (try fixture.files(folder), try fixture.files(packet))
            let files = exported.keys.map { (folder, $0) } + packed.keys.map { (packet, $0) }
            for (place, name) in files where !name.hasSuffix("verify.py") {
                let path = "\(place)/\(name)"
                let kept = try Data(contentsOf: URL(filePath: path))
                let isText = name.hasSuffix("json") || name.hasPrefix("events/")
                // Of text, newlines; of the rest a hole.
                try Data(repeating: 0x0A, count: isText ? 60 << 20 : 0)
                    .write(to: URL(filePath: path))
                if !isText { try #require(truncate(path, 250 << 20) == 0) }
                let end = try await fixture.launch([
                    "sh", "-c", "ulimit -v 900000; exec \"$0\" verify \"$1\"",
                    CommandLineFixture.program, place,
                ]).end()
                #expect(end.status == 1, "\(path): \(end.text)\(end.errors)")
                try kept.write(to: URL(filePath: path))
            }
        }
    }

    @Test("Reading is enough to verify, and to take exports and packets; sealing takes more")
    func reader() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 3, seed: 1)
            try await fixture.succeed(["projections", "run", "--until-caught-up"])
            try await fixture.checkpoint()
            let episode = try #require(
                try await fixture.answer(EpisodesAnswer.self, ["episodes"]).episodes.first
            ).episodeId
            let auditor = "auditor_\(getpid())"
            _ = try await fixture.pool.query(
                "create role \(raw: auditor) login in role ledger_reader"
            )
            let url = fixture.url.replacing("user=postgres", with: "user=\(auditor)")
            // An auditor's own machine, on which neither key nor log is.
            let environment = [
                "EPISODE_LEDGER_DATABASE_URL": url,
                "EPISODE_LEDGER_DATA_DIR": "\(fixture.folder)/auditor",
            ]
            let verified = try await fixture.run(["verify"], environment: environment)
            #expect(verified.status == 0, "\(verified.text)\(verified.errors)")
            let report = try fixture.decode(VerifyAnswer.self, verified.output)
            #expect(report.sealed == count && report.readModels.count == 4)
            #expect(report.notices.contains { $0.contains("no checkpoint log") })
            for words in [
                ["checkpoint"], ["checkpoint", "--verifier-key"],
                ["checkpoint", "--export", "\(fixture.folder)/export"],
                [
                    "packet", "--episode", episode, "-o", "\(fixture.folder)/packet.zip",
                    "--unlogged",
                ],
            ] {
                let end = try await fixture.run(words, environment: environment)
                #expect(end.status == 0, "\(words): \(end.errors)")
            }
            try await fixture.importSimulated(episodes: 1, seed: 2)
            let unsealed = try await fixture.run(["checkpoint"], environment: environment)
            #expect(unsealed.status == 1 && unsealed.errors.contains("--no-seal"))
            let old = try await fixture.run(["checkpoint", "--no-seal"], environment: environment)
            #expect(old.status == 0 && old.lines.dropFirst().first == "\(count)")
            _ = try await fixture.pool.query("drop role \(raw: auditor)")
        }
    }

    @Test("A payload that was changed is told with 1, and the first bad position named")
    func payload() async throws {
        try await CommandLineFixture.with { fixture in
            let count = try await fixture.importSimulated(episodes: 2, seed: 1)
            try await fixture.checkpoint()
            try await fixture.tamper(
                """
                update event set payload = set_byte(payload, 9, get_byte(payload, 9) # 1)
                where position in (5, 17)
                """
            )
            let report = try await fixture.verify(["--no-read-models"], fails: true)
            #expect(!report.verified && report.firstBadPosition == 5 && report.events == count)
            #expect(report.faults.map(\.position) == [5, 17] && report.faultCount == 2)
            #expect(report.faults.allSatisfy { $0.code == "content" && !$0.detail.isEmpty })
            let text = try await fixture.run([
                "verify", "--no-read-models", "--format", "text",
            ])
            #expect(text.status == 1 && text.errors.isEmpty)
            #expect(
                text.lines.suffix(3) == [
                    "WRONG: position 5: header, payload or nonce are not what was committed to",
                    "WRONG: position 17: header, payload or nonce are not what was committed to",
                    "FAILED: 2 faults. First bad position: 5.",
                ]
            )
        }
    }

    @Test("A read model's row that was changed is found, unless read models are left out")
    func readModel() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 3, seed: 1)
            try await fixture.succeed(["projections", "run", "--until-caught-up"])
            try await fixture.checkpoint()
            _ = try await fixture.pool.query(
                """
                update read_model.census_stay set program = 'iop-elsewhere'
                where ctid in (select min(ctid) from read_model.census_stay)
                """
            )
            let report = try await fixture.verify(fails: true)
            #expect(report.faults.map(\.code) == ["read_model"])
            #expect(report.faults.first?.detail.hasPrefix("census: the rows of episode ") == true)
            #expect(report.firstBadPosition != nil)
            #expect(try await fixture.verify(["--no-read-models"]).verified)
        }
    }

    @Test("An export that was changed anywhere is told with 1, and where")
    func export() async throws {
        try await CommandLineFixture.with { fixture in
            let folder = "\(fixture.folder)/export"
            let count = try await fixture.importSimulated(episodes: 7, seed: 1)
            try await fixture.succeed(["checkpoint", "--export", folder, "--with-events"])
            let report = try await fixture.verify([folder])
            #expect(report.verified && report.events == count && report.episodes == 7)
            #expect(report.subject == folder && report.sealed == count)
            for (name, bytes) in try fixture.files(folder)
            where !name.hasPrefix("read-models/") {
                let path = URL(filePath: "\(folder)/\(name)")
                var changed = bytes
                changed[bytes.count / 2] ^= 1
                try Data(changed).write(to: path)
                let found = try await fixture.verify([folder], fails: true)
                #expect(found.faultCount > 0, "\(name)")
                let isBundle = name.hasPrefix("tile/") || name.hasPrefix("events/")
                #expect((found.firstBadPosition != nil) == isBundle, "\(name)")
                try Data(bytes).write(to: path)
            }
            for name in ["tile/entries/000", "tile/0/000", "events/000"] {
                let path = "\(folder)/\(name)"
                try FileManager.default.moveItem(atPath: path, toPath: "\(fixture.folder)/away")
                let found = try await fixture.verify([folder], fails: true)
                #expect(found.firstBadPosition == 1, "\(name)")
                try FileManager.default.moveItem(atPath: "\(fixture.folder)/away", toPath: path)
            }
            #expect(try await fixture.verify([folder]).verified)
            let key = try #require(try await fixture.checkpoint(["--no-seal"]).verifierKeys.first)
            let text = try await fixture.succeed(
                ["verify", folder, "--format", "text", "--verifier-key", key]
            )
            #expect(text.lines.last == "OK: nothing was changed.")
            // Its own key shows that it is whole, and that is what is said.
            let alone = try await fixture.succeed(["verify", folder, "--format", "text"])
            #expect(alone.lines.last?.hasPrefix("OK as far as it goes: ") == true)

            try FileManager.default.removeItem(atPath: "\(folder)/checkpoint")
            let nothing = try await fixture.run(["verify", folder])
            #expect(nothing.status == 1 && nothing.output.isEmpty)
            #expect(nothing.errors.contains("\(folder)/checkpoint: there is none"))
            let nowhere = try await fixture.run(["verify", "\(fixture.folder)/nowhere"])
            #expect(nowhere.status == 1 && nowhere.errors.contains("No such file"))
        }
    }

    @Test("A ledger or an export is held against checkpoints that were kept, in either form")
    func against() async throws {
        try await CommandLineFixture.with { fixture in
            let folder = "\(fixture.folder)/export"
            var kept: [String] = []
            for seed in 1...3 {
                try await fixture.importSimulated(episodes: 3, seed: seed)
                kept += ["--against", try await fixture.keptCheckpoint("kept-\(seed)")]
            }
            let json = try await fixture.succeed(["checkpoint", "--format", "json"])
            kept += ["--against", try fixture.file("kept.json", json.output)]
            try await fixture.succeed(["checkpoint", "--export", folder])
            #expect(try await fixture.verify(kept).verified)
            let export = try await fixture.verify([folder] + kept)
            #expect(export.verified && export.checkpoints == 5)
            try await fixture.python(["verify_export.py", folder] + kept.prefix(6))

            // Another history with the same key: all that follows from a changed event is adapted.
            try await fixture.tamper(
                """
                with changed as (
                    select position, set_byte(payload, 9, get_byte(payload, 9) # 1) as payload
                    from event where position = 20
                ), committed as (
                    select c.*, sha256(
                        sha256(substring(e.nonce for 16) || e.header)
                        || sha256(substring(e.nonce from 17) || c.payload)
                    ) as commitment
                    from changed c join event e using (position)
                )
                update event e
                set payload = c.payload, commitment = c.commitment, leaf_hash = sha256(
                    '\\x00'::bytea || convert_to(E'episode-ledger1\\n', 'UTF8')
                    || uuid_send(e.event_id) || uuid_send(e.episode_id) || int8send(e.version)
                    || int8send(e.position) || int8send(e.recorded_at) || int8send(0)
                    || c.commitment
                )
                from committed c where e.position = c.position
                """
            )
            let forged = try await fixture.verify(["--no-read-models"] + kept, fails: true)
            #expect(forged.firstBadPosition != nil && (forged.firstBadPosition ?? 0) <= 20)
            #expect(forged.faults.allSatisfy { ["root", "tile"].contains($0.code) })
        }
    }

    @Test("A checkpoint of another ledger, or a file that is none, is not taken for one kept")
    func againstOthers() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 1, seed: 1)
            try await fixture.checkpoint()
            try await fixture.succeed(["ledgers", "create", "other", "--time-zone", "UTC"])
            try await fixture.importSimulated(episodes: 1, seed: 2, ledger: "other")
            let other = try fixture.file(
                "other",
                try await fixture.succeed(["checkpoint", "--ledger", "other"]).output
            )
            let report = try await fixture.verify(["--against", other], fails: true)
            #expect(report.faults.map(\.code) == ["checkpoint"])
            for (name, answer) in [
                (try fixture.file("none", lines: ["nothing"]), "not a signed note"),
                (try fixture.file("none.json", lines: ["{}"]), "not a signed note"),
                ("\(fixture.folder)/nowhere", "No such file"),
            ] {
                let end = try await fixture.run(["verify", "--against", name])
                #expect(end.status == 2 && end.output.isEmpty)
                #expect(end.errors.contains(answer), "\(end.errors)")
            }
        }
    }

    @Test("A verifier key counts, given as text or in a file; another one does not")
    func keys() async throws {
        try await CommandLineFixture.with { fixture in
            let folder = "\(fixture.folder)/export"
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let key = try #require(try await fixture.checkpoint().verifierKeys.first)
            try await fixture.succeed(["checkpoint", "--export", folder])
            // The same name, made by somebody else.
            let forger = ["--signing-key", "\(fixture.folder)/forged", "--checkpoint-log"]
            try await fixture.succeed(["ledgers", "create", "other", "--time-zone", "UTC"])
            try await fixture.importSimulated(episodes: 1, seed: 2, ledger: "other")
            let foreign = try #require(
                try await fixture.checkpoint(
                    forger + ["\(fixture.folder)/forged-log", "--ledger", "other"]
                ).verifierKeys.first
            )
            let both = try fixture.file("keys", lines: [foreign, key])
            for path in [[], [folder]] {
                for given in [key, both] {
                    let report = try await fixture.verify(path + ["--verifier-key", given])
                    #expect(report.signedBy == [key])
                    #expect(!report.notices.contains { $0.contains("--verifier-key") })
                }
                let wrong = try await fixture.verify(
                    path + ["--verifier-key", foreign],
                    fails: true
                )
                #expect(wrong.faults.contains { $0.code == "checkpoint" })
                let garbled = key.replacing("+", with: "+0", maxReplacements: 1)
                for (given, answer) in [
                    (garbled, "not a key"), (try fixture.file("empty", lines: []), "is empty"),
                    ("\(fixture.folder)/nowhere", "No such file"),
                ] {
                    let end = try await fixture.run(["verify"] + path + ["--verifier-key", given])
                    #expect(end.status == 2 && end.output.isEmpty)
                    #expect(end.errors.contains(answer), "\(end.errors)")
                }
            }
            // Without one, that is said.
            let trusting = try await fixture.verify([folder])
            #expect(trusting.notices.contains { $0.contains("--verifier-key") })
        }
    }
}
