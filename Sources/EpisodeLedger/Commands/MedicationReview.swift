import ArgumentParser
import Projections

struct MedicationReviewCommand: QuestionCommand {
    typealias Asked = MedicationReviewQuestion

    static let configuration = CommandConfiguration(
        commandName: "medication-review",
        abstract: "Show what is taken, held and scheduled, with what is doubtful about it.",
        usage: """
            episode-ledger medication-review [--program <program>] [<options>]
            episode-ledger medication-review --episode <id> [<options>]
            episode-ledger medication-review --client <id> [<options>]
            episode-ledger medication-review --episode <id> --diff <time> <time>
            """,
        discussion: """
            The medications of every episode with a stay in force, the most serious flags first, \
            of one episode, or of all open episodes of one client. Two names are the same \
            medication where they have the same active ingredients. What no list knows is said \
            to be not assessed. Flags help a reviewer and decide nothing. --format csv prints a \
            line for each flag.
            """
    )

    @Option(help: .parameter("episode", of: Asked.parameters))
    var episode: String?

    @Option(help: .parameter("program", of: Asked.parameters))
    var program: String?

    @Option(help: .parameter("client_id", of: Asked.parameters))
    var client: String?

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @Option(help: .parameter("version", of: Asked.parameters))
    var atVersion: String?

    @Option(help: .parameter("not_reviewed_days", of: Asked.parameters))
    var notReviewedDays: String?

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "episode": episode, "program": program, "client_id": client,
            "effective_at": effectiveAt, "not_reviewed_days": notReviewedDays,
            "version": atVersion,
        ])
    }
}
