import ArgumentParser
import Projections

struct RetentionCommand: QuestionCommand {
    typealias Asked = RetentionQuestion

    static let configuration = CommandConfiguration(
        commandName: "retention",
        abstract: "Show how long clients stay in a service, and how services ended.",
        usage: "episode-ledger retention --from <date> --to <date> [<options>]",
        discussion: """
            Of the services that began in the period, the share that is still in care after 7, 14, \
            30, 60 and 90 days, and the shares that ended before, by reason; who is still in care \
            counts up to now. Of those that ended in the period, the share that was completed with \
            its 95 % interval, and the lengths of stay. A service is an unbroken time at one level \
            of care, as TEDS counts. --format csv prints a line for each day.
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

    @Option(help: .parameter("level_of_care", of: Asked.parameters))
    var levelOfCare: String?

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "from": from, "to": to, "effective_at": effectiveAt, "program": program,
            "level_of_care": levelOfCare,
        ])
    }
}
