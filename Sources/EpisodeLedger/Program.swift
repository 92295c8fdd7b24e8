import ArgumentParser

/// `episode-ledger`: the command line.
@main
struct Program: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "episode-ledger",
        abstract: "An append-only, auditable record of care episodes.",
        discussion: """
            Events of care episodes (admitted, session attended, medication adjusted, …) are \
            appended to a ledger and never changed; read models are folded from them, for now or \
            for any time in the past.

            Without --database a private PostgreSQL cluster is started in .episode-ledger/ and \
            stopped again. Try:
              episode-ledger ledgers create demo --time-zone America/New_York
              episode-ledger simulate --episodes 20 --seed 1 > demo.ndjson
              episode-ledger import demo.ndjson --ledger demo
              episode-ledger census --ledger demo --date 2025-12-31

            Results go to standard output, everything else to standard error. Exit status: 0 done, \
            1 the operation failed, 2 input was refused (also when only some lines were), 3 a replica \
            has not got to what `verify` looks for, 64 wrong usage. Completions for your shell: --generate-completion-script bash|zsh|fish.
            """,
        version: "0.1.0",
        groupedSubcommands: [
            CommandGroup(
                name: "Record",
                subcommands: [Import.self, Append.self, Simulate.self]
            ),
            CommandGroup(
                name: "Read",
                subcommands: [
                    Census.self, MedicationReviewCommand.self, DischargeSummaryCommand.self,
                    Attendance.self, Outcomes.self, RetentionCommand.self, StatisticsCommand.self,
                    SessionsCommand.self, Episodes.self, ReplayEpisode.self, Export.self,
                    Follow.self,
                ]
            ),
            CommandGroup(
                name: "Prove",
                subcommands: [Checkpoint.self, Verify.self, Packet.self]
            ),
            CommandGroup(
                name: "Operate",
                subcommands: [
                    Serve.self, SignInLink.self, Token.self, Status.self, Ledgers.self,
                    Projections.self, Migrate.self,
                ]
            ),
        ]
    )

    /// Reads the configuration file, and then the arguments.
    static func main() async {
        do {
            try await Setting.load(Array(CommandLine.arguments.dropFirst()))
        } catch {
            Console.note("error: \(error)")
            Self.exit(withError: ExitCode.validationFailure)
        }
        await main(nil)
    }
}
