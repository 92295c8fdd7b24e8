import CareEpisode
import Foundation
import Glibc
import Postgres
import TestSupport
import Testing

/// What a script can rely on: the exit code, and what goes to which of the two outputs.
@Suite("Exit status")
struct ExitStatusTests {
    /// A wrong call, the variables it is made with, and what the message must name.
    struct WrongCall: Sendable, CustomTestStringConvertible {
        let words: String
        let names: [String]
        var environment: [String: String] = [:]

        var testDescription: String {
            environment.map { "\($0.key)=\($0.value) " }.joined() + words
        }
    }

    static let episode = "d3e56141-40c0-5220-a52c-84beacd4bc2a"

    static let wrongCalls: [WrongCall] = [
        WrongCall(words: "censsus", names: ["censsus"]),
        WrongCall(words: "census --dat 2024-01-01", names: ["--dat", "--date"]),
        WrongCall(words: "census --date 2024-02-30", names: ["--date must be a date"]),
        WrongCall(words: "census --from 2024-01-01", names: ["--from", "--to"]),
        WrongCall(
            words: "census --from 2024-01-02 --to 2024-01-01",
            names: ["--from must not be after --to"]
        ),
        WrongCall(words: "census --from 1990-01-01 --to 2024-01-01", names: ["3,660 days"]),
        WrongCall(
            words: "census --date 2024-01-01 --from 2024-01-01 --to 2024-01-02",
            names: ["--date", "--from"]
        ),
        WrongCall(words: "census --known-at yesterday", names: ["--known-at must be a time"]),
        WrongCall(words: "census --known-by him", names: ["--known-by", "source", "ledger"]),
        WrongCall(words: "census --ledger Demo!", names: ["--ledger", "Demo!"]),
        WrongCall(words: "census --format xml", names: ["--format", "json", "text"]),
        WrongCall(
            words: "census",
            names: ["EPISODE_LEDGER_LEDGER"],
            environment: ["EPISODE_LEDGER_LEDGER": "Demo!"]
        ),
        WrongCall(
            words: "census",
            names: ["EPISODE_LEDGER_FORMAT"],
            environment: ["EPISODE_LEDGER_FORMAT": "xml"]
        ),
        WrongCall(words: "status --database postgresql://a:secret@[x", names: ["--database"]),
        WrongCall(
            words: "status",
            names: ["EPISODE_LEDGER_DATABASE_URL"],
            environment: ["EPISODE_LEDGER_DATABASE_URL": "postgresql://a:secret@[x"]
        ),
        WrongCall(words: "append", names: ["--episode"]),
        WrongCall(words: "append --episode 12", names: ["--episode", "12"]),
        WrongCall(
            words: "append --episode \(episode) --expected-version two",
            names: ["--expected-version", "two"]
        ),
        WrongCall(
            words: "append --episode \(episode) --expected-version=-1",
            names: ["--expected-version"]
        ),
        WrongCall(words: "import", names: ["file"]),
        WrongCall(words: "import a b", names: ["b"]),
        WrongCall(words: "export --after=-1", names: ["--after"]),
        WrongCall(words: "export --until 0", names: ["--until"]),
        WrongCall(words: "export --types discharge", names: ["--types", "discharged"]),
        WrongCall(words: "follow --after=-1", names: ["--after"]),
        WrongCall(words: "replay --episode \(episode) --diff 2024-01-01", names: ["--diff"]),
        WrongCall(
            words: "replay --episode \(episode) --diff 2024-01-01 2024-01-02 --known-at 2024-01-01",
            names: ["--known-at", "--diff"]
        ),
        WrongCall(words: "episodes --status closed", names: ["--status", "ended"]),
        WrongCall(words: "ledgers create demo", names: ["--time-zone"]),
        WrongCall(
            words: "ledgers create demo --time-zone Mars/Phobos",
            names: ["--time-zone", "Mars/Phobos"]
        ),
        // Abbreviations and offsets mean one zone here and another one there.
        WrongCall(words: "ledgers create demo --time-zone IST", names: ["--time-zone", "IST"]),
        WrongCall(words: "ledgers create demo --time-zone GMT+5", names: ["--time-zone", "GMT+5"]),
        WrongCall(words: "ledgers create Demo --time-zone UTC", names: ["name", "Demo"]),
        WrongCall(words: "projections rebuild cencus", names: ["cencus", "census"]),
        WrongCall(
            words: "checkpoint --verifier-key --add-key",
            names: ["--verifier-key", "--add-key"]
        ),
        WrongCall(words: "checkpoint --with-events", names: ["--with-events", "--export"]),
        WrongCall(words: "checkpoint --no-seal --add-key", names: ["--no-seal"]),
        WrongCall(words: "checkpoint --no-seal --retire-key 0a0b0c0d", names: ["--no-seal"]),
        WrongCall(words: "checkpoint --declare-restore", names: ["--declare-restore"]),
        WrongCall(words: "checkpoint --log-name clinic+1", names: ["--log-name"]),
        WrongCall(
            words: "checkpoint",
            names: ["EPISODE_LEDGER_LOG_NAME"],
            environment: ["EPISODE_LEDGER_LOG_NAME": "our clinic"]
        ),
        WrongCall(words: "verify one two", names: ["two"]),
        WrongCall(words: "verify --against", names: ["--against"]),
        WrongCall(words: "packet --episode \(episode)", names: ["--output"]),
        WrongCall(words: "packet -o packet.zip", names: ["--episode"]),
        WrongCall(words: "packet --episode 12 -o packet.zip", names: ["--episode", "12"]),
        WrongCall(words: "simulate --episodes 0 --seed 1", names: ["--episodes"]),
        WrongCall(words: "simulate --episodes 1", names: ["--seed"]),
        WrongCall(
            words: "simulate --episodes 1 --seed 1 --until 1970-01-01",
            names: ["--until", "1990-01-01"]
        ),
    ]

    @Test("Wrong usage exits with 64 and names what is wrong", arguments: wrongCalls)
    func usage(_ call: WrongCall) async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let end = try await fixture.run(
                call.words.split(separator: " ").map(String.init),
                environment: call.environment
            )
            #expect(end.status == 64, "\(end.errors)")
            #expect(end.output.isEmpty)
            for name in call.names {
                #expect(end.errors.contains(name), "\(end.errors)")
            }
            #expect(!end.errors.contains("secret"))
        }
    }

    @Test("An unknown ledger exits with 1 and names the command that creates it")
    func unknownLedger() async throws {
        try await CommandLineFixture.with { fixture in
            for words in [
                ["census"], ["episodes"], ["status"], ["export"], ["follow"], ["import", "-"],
                ["projections", "status"], ["replay", "--episode", Self.episode],
                ["checkpoint"], ["verify"],
                ["packet", "--episode", Self.episode, "-o", "none.zip"],
            ] {
                let end = try await fixture.run(words + ["--ledger", "elsewhere"])
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errorLines.count == 1)
                #expect(end.errors.contains("`episode-ledger ledgers create elsewhere"))
            }
        }
    }

    @Test("Times that are in the wrong order only by the ledger's clock are wrong usage too")
    func order() async throws {
        try await CommandLineFixture.with { fixture in
            let admission = try fixture.file("event", lines: [EventText.admitted()])
            try await fixture.succeed(["append", "--episode", Self.episode], input: admission)
            let end = try await fixture.run([
                "replay", "--episode", Self.episode, "--diff", "2024-01-02", "2024-01-01",
            ])
            #expect(end.status == 64)
            #expect(end.output.isEmpty)
            #expect(end.errors.contains("--diff"))
        }
    }

    @Test("A date that is not over is refused with 2")
    func tomorrow() async throws {
        try await CommandLineFixture.with { fixture in
            for words in [
                ["--date", "2999-01-01"], ["--effective-at", "2999-01-01"],
                ["--effective-at", "2999-01-01T00:00:00Z"],
                ["--from", "2998-12-31", "--to", "2999-01-01"],
            ] {
                let end = try await fixture.run(["census"] + words)
                #expect(end.status == 2)
                #expect(end.output.isEmpty)
                #expect(end.errorLines.count == 1)
            }
        }
    }

    // MARK: - The database

    @Test(
        "A database that is away exits with 1, in time, and says which and why",
        arguments: [
            ("postgresql://nurse:secret@127.0.0.1:1/ledger", "127.0.0.1"),
            ("postgresql://nurse:secret@no-such-host.invalid/ledger", "no-such-host.invalid"),
            (
                "postgresql:///ledger?host=/tmp/no-such-folder&password=secret",
                "/tmp/no-such-folder"
            ),
        ]
    )
    func away(_ url: String, _ named: String) async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            for words in [["status"], ["census"], ["follow"], ["migrate"]] {
                let end = try await fixture.run(words + ["--database", url])
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains(named))
                #expect(end.errorLines.count <= 2, "no stack trace: \(end.errors)")
                #expect(!end.errors.contains("secret"))
            }
        }
    }

    @Test("A server that takes the connection and says nothing exits with 1, in time")
    func silent() async throws {
        // The kernel takes connections of a listening socket that nobody accepts.
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        defer { close(listener) }
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let port = withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                #expect(bind(listener, address, length) == 0 && listen(listener, 16) == 0)
                getsockname(listener, address, &length)
            }
            return UInt16(bigEndian: pointer.pointee.sin_port)
        }
        try await CommandLineFixture.withoutDatabase { fixture in
            let began = ContinuousClock.now
            let end = try await fixture.run([
                "status", "--database", "postgresql://127.0.0.1:\(port)/x?connect_timeout=1",
            ])
            #expect(end.status == 1)
            #expect(end.output.isEmpty)
            #expect(end.errors.contains("127.0.0.1"))
            #expect(began.duration(to: .now) < .seconds(30))
        }
    }

    @Test("An older schema is refused with 1, naming migrate, and migrate helps")
    func older() async throws {
        try await CommandLineFixture.with { fixture in
            _ = try await fixture.pool.query(
                """
                delete from schema_migration
                where number = (select max(number) from schema_migration)
                """
            )
            for words in [["status"], ["census"], ["import", "-"], ["ledgers"]] {
                let end = try await fixture.run(words)
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("`episode-ledger migrate`"))
            }
        }
        try await CommandLineFixture.withEmptyDatabase { fixture in
            let first = try await fixture.answer(MigrateAnswer.self, ["migrate"])
            #expect(first.applied.map(\.number) == Array(1...first.schemaVersion))
            #expect(first.putInPlace.map(\.name).contains("append_batch"))
            let second = try await fixture.answer(MigrateAnswer.self, ["migrate"])
            #expect(second.applied.isEmpty && second.putInPlace.isEmpty)
            #expect(second.schemaVersion == first.schemaVersion)
        }
    }

    @Test("A function of a lower revision is refused with 1, and migrate puts it in place")
    func olderFunction() async throws {
        try await CommandLineFixture.with { fixture in
            _ = try await fixture.pool.query(
                "delete from schema_object where name = 'append_batch'"
            )
            for words in [["status"], ["import", "-"]] {
                let end = try await fixture.run(words)
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("append_batch: run `episode-ledger migrate`"))
            }
            let migrated = try await fixture.succeed(["migrate", "--format", "text"])
            #expect(migrated.lines.first?.hasPrefix("put in place append_batch, revision ") == true)
            #expect(migrated.lines.count == 2)
            try await fixture.succeed(["status"])
        }
    }

    @Test("A function of a higher revision is refused with 1, naming the revision that is needed")
    func newerFunction() async throws {
        try await CommandLineFixture.with { fixture in
            _ = try await fixture.pool.query(
                "update schema_object set revision = 7 where name = 'append_batch'"
            )
            for words in [["status"], ["census"], ["import", "-"], ["migrate"]] {
                let end = try await fixture.run(words)
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("revision 7 of append_batch or later"))
            }
        }
    }

    @Test("A newer schema is refused with 1, naming the version that is needed")
    func newer() async throws {
        try await CommandLineFixture.with { fixture in
            _ = try await fixture.pool.query(
                """
                insert into schema_migration (number, name, checksum)
                select max(number) + 1, 'later', 'x' from schema_migration
                """
            )
            let status = try await fixture.pool.query(
                "select max(number) as n from schema_migration"
            )
            let version = try #require(try status.first?.get("n", as: Int32.self))
            for words in [["status"], ["census"], ["import", "-"], ["migrate"]] {
                let end = try await fixture.run(words)
                #expect(end.status == 1)
                #expect(end.output.isEmpty)
                #expect(end.errors.contains("version \(version)"))
            }
        }
    }

    @Test("An empty database of somebody's own is brought to the schema by any command")
    func empty() async throws {
        try await CommandLineFixture.withEmptyDatabase { fixture in
            let status = try await fixture.answer(StatusAnswer.self, ["status"])
            #expect(status.head == 0)
            #expect(status.ledger == "default" && status.timeZone == "UTC")
            #expect(!status.database.embedded)
        }
    }

    // MARK: - The outputs

    @Test("A reader that goes away ends the program quietly")
    func brokenPipe() async throws {
        try await CommandLineFixture.with { fixture in
            let simulated = try await fixture.succeed([
                "simulate", "--episodes", "20", "--seed", "1",
            ])
            let file = try fixture.file("events.ndjson", simulated.output)
            try await fixture.succeed(["import", file])
            let program = CommandLineFixture.program
            for words in [
                "export", "follow --after 0", "simulate --episodes 2000 --seed 1",
            ] {
                let script = "\(program) \(words) | head -1; echo ${PIPESTATUS[0]}"
                let end = try await fixture.launch(
                    ["bash", "-c", script],
                    environment: ["EPISODE_LEDGER_DATABASE_URL": fixture.url]
                ).end()
                #expect(end.errors.isEmpty, "\(words): \(end.errors)")
                #expect(end.lines.count == 2)
                #expect(["0", "141"].contains(end.lines.last), "\(words): \(end.text)")
            }
        }
    }

    @Test("An output that takes no more for another reason is told, with 1")
    func fullDisk() async throws {
        try await CommandLineFixture.with { fixture in
            let file = try fixture.file(
                "line.ndjson",
                lines: [EventText.line(.fresh, EventText.admitted())]
            )
            for words in ["simulate --episodes 2 --seed 1", "import \(file)", "export"] {
                let end = try await fixture.launch(
                    ["bash", "-c", "\(CommandLineFixture.program) \(words) > /dev/full"],
                    environment: ["EPISODE_LEDGER_DATABASE_URL": fixture.url]
                ).end()
                #expect(end.status == 1, "\(words)")
                #expect(end.errors.contains("No space left on device"), "\(words): \(end.errors)")
                #expect(end.errorLines.count == 1)
            }
        }
    }

    @Test("A private cluster is stopped also when the reader has gone")
    func embedded() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let program = CommandLineFixture.program
            let folder = "\(fixture.folder)/cluster"
            // Where the server's user may go, so that the cluster lies in this very folder.
            chmod(fixture.folder, 0o755)
            let script = """
                \(program) simulate --episodes 20 --seed 1 | \(program) import - --data-dir \(folder)
                \(program) export --data-dir \(folder) | head -1 | wc -l
                """
            let end = try await fixture.launch(["bash", "-c", script]).end()
            #expect(end.lines.last == "1", "\(end.errors)")
            #expect(FileManager.default.fileExists(atPath: "\(folder)/postgresql/PG_VERSION"))
            let servers = ListedProcess.all.filter { $0.folder?.hasPrefix(folder) ?? false }
            #expect(servers.isEmpty, "a server is left: \(servers)")
        }
    }

    @Test(
        "What the database says that an operator can do something about comes with what to do",
        arguments: [
            ("40001", ["max_standby_streaming_delay", "hot_standby_feedback"]),
            ("58P01", ["file", "log", "backup"]),
            ("42501", ["pg_dumpall", "grant ledger_owner, ledger_writer"]),
            ("22P05", ["encoding"]),
        ]
    )
    func advice(_ state: String, _ words: [String]) async throws {
        try await CommandLineFixture.with { fixture in
            try await fixture.pool.withConnection { connection in
                try await connection.execute(
                    script: """
                        create function fails() returns boolean language plpgsql as $$
                        begin
                            raise exception 'secret' using errcode = '\(state)';
                        end
                        $$;
                        alter table ledger rename to hidden_ledger;
                        create view ledger as select * from hidden_ledger where fails();
                        grant select on ledger to public;
                        """
                )
            }
            let end = try await fixture.run(["status"])
            #expect(end.status == 1 && end.output.isEmpty && end.errors.hasPrefix("error: "))
            for word in words { #expect(end.errors.contains(word), "\(end.errors)") }
            #expect(!end.errors.contains("secret"))
        }
    }
}
