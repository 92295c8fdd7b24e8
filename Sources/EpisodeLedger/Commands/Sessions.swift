import ArgumentParser
import Projections

/// Two things are called sessions: those that clients attend, and those of who is signed in.
struct SessionsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "sessions",
        abstract: "Show the sessions that clients attend; list and end those of the pages' users.",
        usage: """
            episode-ledger sessions --date <date> [<options>]
            episode-ledger sessions list [<options>]
            episode-ledger sessions end <number> [<options>]
            """,
        subcommands: [Held.self, List.self, End.self],
        defaultSubcommand: Held.self
    )

    struct Held: QuestionCommand {
        typealias Asked = SessionsQuestion

        static let configuration = CommandConfiguration(
            commandName: "held",
            abstract: "Show sessions: a roster, a day, a clinician's caseload, a program's month.",
            usage: """
                episode-ledger sessions --date <date> [<options>]
                episode-ledger sessions --session-id <id> [<options>]
                episode-ledger sessions --facilitator <id> [<options>]
                """,
            discussion: """
                Each session with who came, who did not and, of those enrolled in the program at its \
                start, who is unmarked; and the clients of these sessions. --format csv prints a line \
                for each entry.
                """
        )

        @Option(help: .parameter("date", of: Asked.parameters))
        var date: String?

        @Option(
            name: .customLong("session-id"),
            help: .parameter("session_id", of: Asked.parameters)
        )
        var sessionID: String?

        @Option(help: .parameter("facilitator", of: Asked.parameters))
        var facilitator: String?

        @Option(help: .parameter("author", of: Asked.parameters))
        var author: String?

        @Option(help: .parameter("program", of: Asked.parameters))
        var program: String?

        @Option(help: .parameter("episode", of: Asked.parameters))
        var episode: String?

        @Option(help: .parameter("from", of: Asked.parameters))
        var from: String?

        @Option(help: .parameter("to", of: Asked.parameters))
        var to: String?

        @Option(help: .parameter("effective_at", of: Asked.parameters))
        var effectiveAt: String?

        @OptionGroup var options: ReadModelOptions

        var asking: Asking { options.asking }

        var arguments: [String: [String]] {
            given([
                "date": date, "session_id": sessionID, "facilitator": facilitator, "author": author,
                "program": program, "episode": episode, "from": from, "to": to,
                "effective_at": effectiveAt,
            ])
        }
    }
}
