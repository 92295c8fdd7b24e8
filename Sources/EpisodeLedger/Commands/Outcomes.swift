import ArgumentParser
import Projections

struct Outcomes: QuestionCommand {
    typealias Asked = OutcomesQuestion

    static let configuration = CommandConfiguration(
        commandName: "outcomes",
        abstract: "Show how episodes ended in a period, their length of stay, and the census.",
        usage: "episode-ledger outcomes --from <date> --to <date> [<options>]",
        discussion: """
            Ends by the reasons of TEDS, the average length of stay of the episodes that ended, \
            and the average daily census. An episode counts for the program it ended in.
            """
    )

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
        given(["from": from, "to": to, "effective_at": effectiveAt, "program": program])
    }
}
