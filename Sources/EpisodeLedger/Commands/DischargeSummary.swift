import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct DischargeSummaryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discharge-summary",
        abstract: "Show the summary of an ended episode, each statement with its events.",
        usage: """
            episode-ledger discharge-summary --episode <id> [<options>]
            episode-ledger discharge-summary --episode <id> --format html > <file>
            episode-ledger discharge-summary --episode <id> --diff <time> <time>
            """,
        discussion: """
            Nothing in it is typed in: every statement comes from recorded events and names them. \
            It ends with what has changed since the end was recorded. --format takes json, text, \
            and here also html: a page of its own that prints on A4 and Letter.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID

    @Flag(help: "Summarise an open episode so far.")
    var interim = false

    @Option(
        help: ArgumentHelp(
            """
            Tell what has become known since this time, by the clock of --known-by; without it, \
            since the end itself became known.
            """,
            valueName: "time"
        )
    )
    var since: TimeArgument?

    @Option(
        help: ArgumentHelp(
            """
            Only what happened up to this time takes part; without it, now. A date means its \
            24:00 in the ledger's zone.
            """,
            valueName: "time"
        )
    )
    var effectiveAt: TimeArgument?

    @OptionGroup var options: ReadModelOptions

    func validate() throws {
        guard !options.difference.diff.isEmpty else { return }
        if since != nil { throw ValidationError("give --since or --diff") }
        if isHTML { throw ValidationError("--diff takes --format json or text") }
    }

    private var isHTML: Bool { options.ledger.format == .html }

    func run() async throws {
        let command = self
        var ledger = options.ledger
        // The session itself prints no pages.
        if isHTML { ledger.format = .text }
        try await Session.run(ledger) { session in
            try await command.print(try await ReadModelSession(session, command.options))
        }
    }

    private func print(_ asked: ReadModelSession) async throws {
        let (calendar, ledger) = (asked.calendar, asked.ledger)
        let effectiveAt = effectiveAt?.instant(calendar) ?? .now
        let isTold = try await asked.printDifference(
            of: [episode],
            [
                ("episode_id", .string(episode.description)),
                ("effective_at", .instant(effectiveAt)),
            ],
            fold: { try DischargeSummaryQuery.fold($0, $1, calendar, effectiveAt) },
            items: { $0.flatMap(\.items) }
        )
        if isTold { return }
        let query = try DischargeSummaryQuery(asked.session.database, ledger: ledger)
        let answer = try await query.episode(
            episode,
            effectiveAt: effectiveAt,
            knowledge: asked.knowledge,
            clock: options.knowledge.knownBy,
            since: since?.instant(calendar),
            interim: interim
        )
        if isHTML {
            let sources = try await query.sources(of: answer)
            Console.write(Array((answer.html(ledger, calendar, sources) + "\n").utf8))
        } else if asked.session.format == .json {
            Console.print(answer.json(ledger).bytes)
        } else {
            let sources = try await query.sources(of: answer)
            let text = answer.text(ledger, calendar, sources)
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                Console.print(String(line))
            }
        }
    }
}
