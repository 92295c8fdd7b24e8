import ArgumentParser
import Projections

struct ReplayEpisode: QuestionCommand {
    typealias Asked = ReplayQuestion

    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Show an episode's history with both clocks, and the state it leads to.",
        usage: """
            episode-ledger replay --episode <id> [<options>]
            episode-ledger replay --episode <id> --diff <time> <time> [<options>]
            """,
        discussion: """
            Every event is shown with when it happened and when it became known, also those that \
            were corrected or retracted later. --diff compares two knowledge times.
            """
    )

    @Option(help: .parameter("episode", of: Asked.parameters))
    var episode: String?

    @OptionGroup var clocks: ClockOptions

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @Option(help: .parameter("version", of: Asked.parameters))
    var atVersion: String?

    @OptionGroup var disclosure: DisclosureOptions

    @OptionGroup var options: LedgerOptions

    var asking: Asking { Asking(clocks: clocks, disclosure: disclosure, ledger: options) }

    var arguments: [String: [String]] {
        given(["episode": episode, "effective_at": effectiveAt, "version": atVersion])
    }
}
