import Foundation
import Testing

/// The texts that a newcomer reads first.
///
/// After a change on purpose, run these tests once with EPISODE_LEDGER_WRITE_GOLDEN=1 and look at
/// the difference.
@Suite("Help")
struct HelpTests {
    static let commands = [
        "", "import", "append", "simulate", "census", "medication-review", "discharge-summary",
        "attendance", "outcomes", "retention", "statistics", "sessions", "sessions held",
        "sessions list", "sessions end", "episodes", "replay", "export", "follow",
        "checkpoint", "verify", "packet",
        "serve", "sign-in-link", "token", "status", "ledgers", "ledgers list", "ledgers create",
        "ledgers settings",
        "projections", "projections run", "projections status", "projections rebuild",
        "projections retry", "migrate",
    ]

    @Test("The help of each command is what was agreed on", arguments: commands)
    func golden(_ command: String) async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let words = command.split(separator: " ").map(String.init)
            let help = try await fixture.succeed(words + ["--help"])
            let name = (["episode-ledger"] + words).joined(separator: "-") + ".txt"
            let path = "\(CommandLineFixture.tests)/EpisodeLedgerTests/Golden/\(name)"
            if ProcessInfo.processInfo.environment["EPISODE_LEDGER_WRITE_GOLDEN"] == "1" {
                try Data(help.output).write(to: URL(filePath: path))
            }
            let agreed = FileManager.default.contents(atPath: path) ?? Data()
            #expect(help.text == String(decoding: agreed, as: UTF8.self), "see \(path)")
            #expect(help.lines.allSatisfy { $0.count <= 80 }, "it fits on a terminal")
        }
    }

    @Test("No command is without such a file")
    func complete() async throws {
        struct Command: Decodable {
            var commandName: String
            var subcommands: [Command]?

            func paths(_ above: [String]) -> [String] {
                let own = subcommands ?? []
                return [above.joined(separator: " ")]
                    + own.filter { $0.commandName != "help" }
                    .flatMap { $0.paths(above + [$0.commandName]) }
            }
        }
        struct Dump: Decodable { var command: Command }
        try await CommandLineFixture.withoutDatabase { fixture in
            let dump = try await fixture.succeed(["--experimental-dump-help"])
            let program = try JSONDecoder().decode(Dump.self, from: Data(dump.output)).command
            #expect(program.paths([]).sorted() == Self.commands.sorted())
        }
    }

    @Test("Completions are generated for each shell", arguments: ["bash", "zsh", "fish"])
    func completions(_ shell: String) async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let script = try await fixture.succeed(["--generate-completion-script", shell])
            for command in Self.commands.flatMap({ $0.split(separator: " ") }) {
                #expect(script.text.contains(command))
            }
            guard shell == "bash" else { return }
            let path = try fixture.file("completion.bash", script.output)
            let checked = try await fixture.launch(["bash", "-n", path]).end()
            #expect(checked.status == 0 && checked.errors.isEmpty, "\(checked.errors)")
        }
    }

    @Test("Without a command the help is printed")
    func noCommand() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let help = try await fixture.succeed(["--help"])
            #expect(try await fixture.succeed([]).output == help.output)
        }
    }

    @Test("The version is a number")
    func version() async throws {
        try await CommandLineFixture.withoutDatabase { fixture in
            let version = try await fixture.succeed(["--version"]).text
            #expect(version.wholeMatch(of: /[0-9]+\.[0-9]+\.[0-9]+\n/) != nil)
        }
    }
}
