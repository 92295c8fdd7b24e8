import ArgumentParser
import Projections

struct Census: QuestionCommand {
    typealias Asked = CensusQuestion

    static let configuration = CommandConfiguration(
        abstract: "Show who is enrolled at midnight, by program and level of care.",
        usage: """
            episode-ledger census [--date <date>] [<options>]
            episode-ledger census --from <date> --to <date> [<options>]
            """,
        discussion: """
            The midnight census of a date with the episodes in it, or with --from and --to the \
            numbers of every day of a period. What happens at 24:00 belongs to the next day.
            """
    )

    @Option(help: .parameter("date", of: Asked.parameters))
    var date: String?

    @Option(help: .parameter("from", of: Asked.parameters))
    var from: String?

    @Option(help: .parameter("to", of: Asked.parameters))
    var to: String?

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @Option(help: .parameter("program", of: Asked.parameters))
    var program: String?

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "date": date, "from": from, "to": to, "effective_at": effectiveAt,
            "program": program,
        ])
    }
}
