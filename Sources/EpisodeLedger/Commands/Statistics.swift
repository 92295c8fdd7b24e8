import ArgumentParser
import Projections

struct StatisticsCommand: QuestionCommand {
    typealias Asked = StatisticsQuestion

    static let configuration = CommandConfiguration(
        commandName: "statistics",
        abstract: "Count who came, stayed and went in a period, and how they attended.",
        usage: "episode-ledger statistics --from <date> --to <date> [<options>]",
        discussion: """
            Of stays: carried over + admitted + transferred in = ended + transferred out + \
            remaining. Besides clients, readmissions within 30 days, lengths of stay, service days, \
            attendance and no-shows; for everybody, and by referral source, payer, prior level of \
            care, track and schedule. --format csv prints a line for each period and group.
            """
    )

    @Option(help: .parameter("from", of: Asked.parameters))
    var from: String?

    @Option(help: .parameter("to", of: Asked.parameters))
    var to: String?

    @Option(help: .parameter("by", of: Asked.parameters))
    var by: String?

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @Option(help: .parameter("program", of: Asked.parameters))
    var program: String?

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "from": from, "to": to, "by": by, "effective_at": effectiveAt, "program": program,
        ])
    }
}
