import ArgumentParser
import Projections

struct Outcomes: QuestionCommand {
    typealias Asked = OutcomesQuestion

    static let configuration = CommandConfiguration(
        commandName: "outcomes",
        abstract: "Show how episodes ended in a period, their length of stay, and the census.",
        usage: "episode-ledger outcomes --from <date> --to <date> [<options>]",
        discussion: """
            Ends by reason, the length of stay of the episodes that ended (average, median, \
            quartiles), the average daily census at midnight, and the average number of episodes a \
            day. An episode counts for the program it ended in. --by service counts as TEDS does: a \
            record for each unbroken time at one level of care.
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

    @Option(help: .parameter("by", of: Asked.parameters))
    var by: String?

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "from": from, "to": to, "effective_at": effectiveAt, "program": program, "by": by,
        ])
    }
}
