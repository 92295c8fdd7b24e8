import ArgumentParser
import ProjectionRuntime
import Projections

struct DischargeSummaryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discharge-summary",
        abstract: "Show the summary of an ended episode, each statement with its events.",
        usage: """
            episode-ledger discharge-summary --episode <id> [<options>]
            episode-ledger discharge-summary --program <program> [<options>]
            episode-ledger discharge-summary --episode <id> --format html > <file>
            episode-ledger discharge-summary --episode <id> --diff <time> <time>
            episode-ledger discharge-summary --program <program> --diff <time> <time>
            """,
        discussion: """
            Nothing in it is typed in: every statement comes from recorded events and names them. \
            It ends with what has changed since the end was recorded. --format takes json, text, \
            and here also html: a page of its own that prints on A4 and Letter. With --program it \
            lists the ended episodes of a program, and what their summaries lack, for any two \
            clocks as well.
            """
    )

    private static let ofEpisode = DischargeSummaryQuestion.parameters
    private static let list = DischargeSummariesQuestion.parameters

    @Option(help: .parameter("episode", of: ofEpisode))
    var episode: String?

    @Option(help: .parameter("program", of: list))
    var program: String?

    @Option(help: .parameter("from", of: list))
    var from: String?

    @Option(help: .parameter("to", of: list))
    var to: String?

    @Flag(help: .parameter("interim", of: ofEpisode))
    var interim = false

    @Option(help: .parameter("since", of: ofEpisode))
    var since: String?

    @Option(help: .parameter("effective_at", of: ofEpisode))
    var effectiveAt: String?

    @Option(help: .parameter("version", of: ofEpisode))
    var atVersion: String?

    @OptionGroup var options: ReadModelOptions

    /// What was given that only the question about one episode knows.
    private var aboutEpisode: [String: [String]] {
        given([
            "episode": episode, "interim": interim ? "true" : nil, "since": since,
            "version": atVersion,
        ])
    }

    /// What was given that only the list knows.
    private var aboutList: [String: [String]] {
        given(["program": program, "from": from, "to": to])
    }

    private var effective: [String: [String]] { given(["effective_at": effectiveAt]) }

    func validate() throws {
        guard (episode == nil) != (program == nil) || (episode == nil && !aboutList.isEmpty) else {
            throw ValidationError("give --episode or --program")
        }
        if episode != nil, let name = aboutList.keys.min() {
            throw ValidationError("--\(name) goes with --program, not with --episode")
        }
        if let name = aboutEpisode.keys.min(), episode == nil {
            let name = name == Clocks.version.name ? Clocks.version.option : name
            throw ValidationError("--\(name) goes with --episode, not with --program")
        }
        if episode != nil {
            _ = try options.asking.asked(DischargeSummaryQuestion.self, ofEpisode, at: .open)
        } else {
            _ = try options.asking.asked(DischargeSummariesQuestion.self, ofList, at: .open)
        }
    }

    /// What the question about one episode is given.
    var ofEpisode: [String: [String]] { aboutEpisode.merging(effective) { $1 } }
    /// What the list is given.
    var ofList: [String: [String]] { aboutList.merging(effective) { $1 } }

    func run() async throws {
        if episode != nil {
            try await options.asking.run(DischargeSummaryQuestion.self, ofEpisode)
        } else {
            try await options.asking.run(DischargeSummariesQuestion.self, ofList)
        }
    }
}
