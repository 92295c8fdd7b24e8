import ArgumentParser
import Projections

struct Episodes: QuestionCommand {
    typealias Asked = EpisodesQuestion

    static let configuration = CommandConfiguration(
        abstract: "List episodes: client, program, status, length of stay.",
        usage: "episode-ledger episodes [<options>]",
        discussion: """
            One line each, by admission. An episode is marked where its client has another one at \
            the same time.
            """
    )

    @Option(help: .parameter("client_id", of: Asked.parameters))
    var client: String?

    @Option(help: .parameter("status", of: Asked.parameters))
    var status: String?

    @Option(help: .parameter("program", of: Asked.parameters))
    var program: String?

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "client_id": client, "status": status, "program": program,
            "effective_at": effectiveAt,
        ])
    }
}
