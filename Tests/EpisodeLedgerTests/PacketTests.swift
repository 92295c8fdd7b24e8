import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

@Suite("Packets")
struct PacketTests {
    /// A packet, unpacked too, and the key that an auditor has from elsewhere.
    private struct Taken {
        let episode: String
        let file: String
        let folder: String
        let key: String
        let count: Int
    }

    /// What is in every packet; attendance and summary depend on the episode.
    private static let files = [
        "VERIFY.md", "checkpoint", "events.ndjson", "newest-entry.json", "read-models/basis.json",
        "read-models/replay-by-ledger-clock.json", "read-models/replay-by-source-clock.json",
        "readable-events.ndjson", "verifier-keys", "verify.py",
    ]

    private func take(_ fixture: CommandLineFixture) async throws -> Taken {
        try await fixture.importSimulated(episodes: 7, seed: 1)
        let episodes = try await fixture.answer(
            EpisodesAnswer.self,
            ["episodes", "--status", "ended"]
        )
        let episode = try #require(episodes.episodes.first?.episodeId)
        let (file, folder) = ("\(fixture.folder)/packet.zip", "\(fixture.folder)/unpacked")
        let packet = try await fixture.answer(
            PacketAnswer.self,
            ["packet", "--episode", episode, "-o", file]
        )
        #expect(packet.file == file && packet.episodeId == episode && packet.events > 1)
        let bytes = try Data(contentsOf: URL(filePath: file))
        #expect(packet.bytes == bytes.count)
        let checkpoint = try await fixture.checkpoint()
        #expect(packet.size == checkpoint.size)
        try await python(fixture, ["-m", "zipfile", "-e", file, folder])
        return Taken(
            episode: episode,
            file: file,
            folder: folder,
            key: try #require(checkpoint.verifierKeys.first),
            count: packet.events
        )
    }

    @discardableResult
    private func python(
        _ fixture: CommandLineFixture,
        _ words: [String],
        status: Int32 = 0
    ) async throws -> ProgramEnd {
        let end = try await fixture.launch(["python3"] + words).end()
        #expect(end.status == status, "\(words): \(end.text)\(end.errors)")
        return end
    }

    @Test("The same state and checkpoint give the same bytes, which nobody else can read")
    func sameBytes() async throws {
        try await CommandLineFixture.with { fixture in
            let taken = try await take(fixture)
            let bytes = try Data(contentsOf: URL(filePath: taken.file))
            let again = "\(fixture.folder)/again.zip"
            try await fixture.succeed(["packet", "--episode", taken.episode, "-o", again])
            #expect(try Data(contentsOf: URL(filePath: again)) == bytes)
            var status = stat()
            #expect(stat(again, &status) == 0 && status.st_mode & 0o777 == 0o600)
            let names = Set(try fixture.files(taken.folder).keys)
            #expect(names.isSuperset(of: Self.files))
            #expect(names.contains("read-models/discharge-summary.json"))

            // Later events of others change nothing of it but the checkpoint, unless that is the old.
            let more = try await fixture.importSimulated(episodes: 1, seed: 2)
            let old = ["packet", "--episode", taken.episode, "-o", again, "--no-seal"]
            try await fixture.succeed(old)
            #expect(try Data(contentsOf: URL(filePath: again)) == bytes)
            let text = try await fixture.succeed(Array(old.dropLast()) + ["--format", "text"])
            #expect(text.text.hasPrefix("Wrote \(taken.count) events of episode \(taken.episode)"))
            #expect(try Data(contentsOf: URL(filePath: again)) != bytes)
            #expect(more > 0)
            #expect(try await fixture.verify([again]).verified)
            #expect(try fixture.files(fixture.folder).keys.allSatisfy { !$0.hasSuffix(".new") })
        }
    }

    @Test("A packet that cannot be made leaves no file, and says why")
    func refused() async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.importSimulated(episodes: 1, seed: 1)
            let file = "\(fixture.folder)/packet.zip"
            let unknown = try await fixture.run([
                "packet", "--episode", ExitStatusTests.episode, "-o", file,
            ])
            #expect(unknown.status == 1 && unknown.errors.contains(ExitStatusTests.episode))
            let episode = try #require(
                try await fixture.answer(EpisodesAnswer.self, ["episodes"]).episodes.first
            ).episodeId
            let nowhere = try await fixture.run([
                "packet", "--episode", episode, "-o", "\(fixture.folder)/none/packet.zip",
            ])
            #expect(nowhere.status == 1 && nowhere.errors.contains("No such file"))
            try await fixture.tamper(
                "update event set header = set_byte(header, 9, get_byte(header, 9) # 1)"
            )
            let damaged = try await fixture.run([
                "packet", "--episode", episode, "-o", file, "--no-seal",
            ])
            #expect(damaged.status == 1 && damaged.errors.contains("position 1"))
            #expect(!FileManager.default.fileExists(atPath: file))
        }
    }

    @Test("The verifier that comes along needs Python and openssl alone, and finds each change")
    func script() async throws {
        try await CommandLineFixture.with { fixture in
            let taken = try await take(fixture)
            let verify = "\(taken.folder)/verify.py"
            let trusting = try await python(fixture, [verify])
            #expect(trusting.text.hasPrefix("OK: \(taken.count) events, each in the tree of "))
            #expect(trusting.text.contains("(by the key in this packet)"))
            let known = try await python(fixture, [verify, taken.key])
            #expect(known.text.hasPrefix("OK: ") && !known.text.contains("in this packet"))
            let other = taken.key.replacing("+A", with: "+B", maxReplacements: 1)
            try await python(fixture, [verify, other], status: 1)
            try await python(fixture, [verify, "nothing"], status: 1)

            for name in ["checkpoint", "verifier-keys", "events.ndjson", "readable-events.ndjson"] {
                let path = URL(filePath: "\(taken.folder)/\(name)")
                let bytes = try Data(contentsOf: path)
                var random = SeededRandom(seed: UInt64(bytes.count))
                for _ in 0..<4 {
                    var changed = bytes
                    // Not the last characters of a line: the bits of base64 that mean nothing.
                    let index = Int.random(in: 0..<bytes.count - 8, using: &random)
                    changed[index] ^= bytes[index] == UInt8(ascii: "\n") ? 0 : 1
                    guard changed != bytes else { continue }
                    try changed.write(to: path)
                    let words = name == "verifier-keys" ? [verify] : [verify, taken.key]
                    let end = try await python(fixture, words, status: 1)
                    #expect(!end.text.contains("OK"), "\(name) at \(index)")
                }
                try bytes.write(to: path)
            }
            // An event less, also at the end of both copies, is seen where something vouches for it.
            for name in ["events.ndjson", "readable-events.ndjson"] {
                let path = URL(filePath: "\(taken.folder)/\(name)")
                let bytes = try Data(contentsOf: path)
                let first = try #require(bytes.firstIndex(of: 0x0A))
                try bytes[(first + 1)...].write(to: path)
                try await python(fixture, [verify, taken.key], status: 1)
                try bytes.write(to: path)
            }
            try await python(fixture, [verify, taken.key])
        }
    }

    @Test("verify finds each change of a packet, unpacked or not, in its read models too")
    func verified() async throws {
        try await CommandLineFixture.with { fixture in
            let taken = try await take(fixture)
            for path in [taken.file, taken.folder] {
                let report = try await fixture.verify([path, "--verifier-key", taken.key])
                #expect(report.verified && report.events == taken.count && report.episodes == 1)
                #expect(report.readModels == ["those of the packet"] && report.notices.isEmpty)
                let trusting = try await fixture.verify([path, "--no-read-models"])
                #expect(trusting.readModels.isEmpty)
                #expect(trusting.notices.contains { $0.contains("--verifier-key") })
            }
            let archive = try Data(contentsOf: URL(filePath: taken.file))
            for (name, bytes) in try fixture.files(taken.folder) {
                var changed = archive
                let place = try #require(archive.range(of: Data(bytes)), "it is not compressed")
                changed[place.lowerBound + bytes.count / 2] ^= 1
                let file = try fixture.file("changed.zip", Array(changed))
                let end = try await fixture.run(["verify", file])
                #expect(end.status == 1 && end.output.isEmpty)
                #expect(end.errors.contains("\(name) is damaged"), "\(end.errors)")
            }
            for (name, bytes) in try fixture.files(taken.folder) {
                let path = URL(filePath: "\(taken.folder)/\(name)")
                var changed = bytes
                changed[bytes.count / 2] ^= 1
                try Data(changed).write(to: path)
                let report = try await fixture.verify([taken.folder], fails: true)
                #expect(report.faultCount > 0, "\(name)")
                try Data(bytes).write(to: path)
            }
            // Against its own checkpoint; of another size it can prove nothing, which is said.
            let kept = "\(taken.folder)/checkpoint"
            #expect(try await fixture.verify([taken.file, "--against", kept]).notices.count == 1)
            try await fixture.importSimulated(episodes: 1, seed: 2)
            let newer = try await fixture.keptCheckpoint("newer")
            let report = try await fixture.verify([taken.file, "--against", newer])
            #expect(report.notices.contains { $0.contains("a packet cannot prove") })
        }
    }

    @Test("The commands in VERIFY.md check the signature, word by word, and fail on another text")
    func instructions() async throws {
        try await CommandLineFixture.with { fixture in
            let taken = try await take(fixture)
            let text = try String(contentsOfFile: "\(taken.folder)/VERIFY.md", encoding: .utf8)
            #expect(text.contains("# How to verify this packet"))
            let byHand = try #require(text.split(separator: "## Check the signature by hand").last)
            let commands = byHand.split(separator: "\n", omittingEmptySubsequences: false)
                .drop { !$0.hasPrefix("    ") }.prefix { $0.hasPrefix("    ") }
                .map { String($0.dropFirst(4)) }
            #expect(commands.count == 4 && commands.last?.hasPrefix("openssl pkeyutl") == true)
            let script = try fixture.file("commands.sh", lines: ["set -e"] + commands)
            func check() async throws -> ProgramEnd {
                try await fixture.launch(["env", "-C", taken.folder, "sh", script]).end()
            }
            // Whatever keys there were before, also where the newest checkpoint has the old one's.
            let hash = try #require(taken.key.split(separator: "+").dropFirst().first)
            let changes = [
                [], ["checkpoint", "--add-key"], ["checkpoint", "--retire-key", "\(hash)"],
                ["simulate"],
            ]
            for change in changes {
                if change == ["simulate"] {
                    try await fixture.importSimulated(episodes: 1, seed: 2)
                } else if !change.isEmpty {
                    try await fixture.succeed(change)
                }
                try await fixture.succeed(["packet", "--episode", taken.episode, "-o", taken.file])
                try await python(fixture, ["-m", "zipfile", "-e", taken.file, taken.folder])
                let end = try await check()
                #expect(end.status == 0, "\(change): \(end.errors)")
                #expect(end.text == "Signature Verified Successfully\n")
                try await python(fixture, ["\(taken.folder)/verify.py"])
            }

            let path = "\(taken.folder)/checkpoint"
            let note = try String(contentsOfFile: path, encoding: .utf8)
            let size = try #require(note.split(separator: "\n").dropFirst().first)
            try note.replacing("\n\(size)\n", with: "\n1\(size)\n")
                .write(toFile: path, atomically: true, encoding: .utf8)
            let changed = try await check()
            #expect(changed.status != 0)
            #expect(!changed.text.contains("Successfully"))

            // So does the other command that stands in it.
            #expect(text.contains("\n    python3 verify.py PACKET KEY\n"))
        }
    }
}
