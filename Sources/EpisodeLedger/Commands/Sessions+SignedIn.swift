import ArgumentParser
import CareEpisode
import Documents
import Ledger
import ProjectionRuntime

extension SessionsCommand {
    struct List: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "List who is signed in to the pages.",
            usage: "episode-ledger sessions list [<options>]"
        )

        @OptionGroup var options: LedgerOptions

        func run() async throws {
            try await Session.run(options) { session in
                let signedIn = try await SignIns(session.database).sessions()
                switch session.format {
                case .json:
                    let answer: AnswerJSON = ["sessions": .array(signedIn.map(\.json))]
                    Console.print(answer.bytes)
                case .text:
                    let rows = signedIn.map { one in
                        [
                            String(one.id), one.subject, one.roles.joined(separator: ", "),
                            one.ledgers?.joined(separator: ", ") ?? "all",
                            one.issuer ?? "a link", one.createdAt.description,
                            one.seenAt.description,
                        ]
                    }
                    let table = Document.Table.wide(
                        "",
                        [
                            .number("Number"), "Who", "Roles", "Ledgers", "Signed in by",
                            "Since (UTC)", "Last seen (UTC)",
                        ],
                        rows
                    )
                    Console.print(Document("Signed in", isTitleShown: false, [.table(table)]))
                }
            }
        }
    }

    struct End: AsyncParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Sign somebody out of the pages.",
            usage: """
                episode-ledger sessions end <number> [<options>]
                episode-ledger sessions end --subject <name> [<options>]
                """
        )

        @Argument(help: "The session's number, as `sessions list` shows it.")
        var number: Int64?

        @Option(help: ArgumentHelp("End all sessions of this person.", valueName: "name"))
        var subject: String?

        @OptionGroup var options: LedgerOptions

        func validate() throws {
            guard (number == nil) != (subject == nil) else {
                throw ValidationError("give a session's number or --subject")
            }
        }

        func run() async throws {
            let (number, subject) = (number, subject)
            try await Session.run(options) { session in
                let signIns = SignIns(session.database)
                let ended: Int
                if let subject {
                    ended = try await signIns.endSessions(of: subject)
                } else {
                    ended = try await signIns.end(session: number ?? 0) ? 1 : 0
                }
                guard ended > 0 else { throw Failure.failed("nobody is signed in like that") }
                switch session.format {
                case .json:
                    let answer: AnswerJSON = ["ended": .integer(Int64(ended))]
                    Console.print(answer.bytes)
                case .text: Console.print("Ended \(Words.count(ended, "session")).")
                }
            }
        }
    }
}
