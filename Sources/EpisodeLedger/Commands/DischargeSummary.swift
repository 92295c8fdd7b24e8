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
            episode-ledger discharge-summary --program <program> [<options>]
            episode-ledger discharge-summary --episode <id> --format html > <file>
            episode-ledger discharge-summary --episode <id> --diff <time> <time>
            episode-ledger discharge-summary --program <program> --diff <time> <time>
            """,
        discussion: """
            Nothing in it is typed in: every statement comes from recorded events and names them. \
            It ends with what has changed since the end was recorded. --format takes json, text, \
            and here also html: a page of its own that prints on A4 and Letter. With --program it \
            lists the ended episodes of a programme, and what their summaries lack, for any two \
            clocks as well.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID?

    @Option(help: "The programme whose ended episodes are listed, by the programme they ended in.")
    var program: String?

    @Option(help: ArgumentHelp("The first date of the ends listed.", valueName: "date"))
    var from: CalendarDate?

    @Option(help: ArgumentHelp("The last date of the ends listed.", valueName: "date"))
    var to: CalendarDate?

    @Flag(help: "Summarise an open episode so far.")
    var interim = false

    @Option(
        help: ArgumentHelp(
            """
            Tell what has become known since this time, by the clock of --known-by and not later \
            than --known-at; without it, since the end itself became known.
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
        guard (episode == nil) != (program == nil) else {
            throw ValidationError("give --episode or --program")
        }
        if program != nil { return try validateList() }
        if from != nil || to != nil { throw ValidationError("--from and --to go with --program") }
        guard !options.difference.diff.isEmpty else { return }
        if since != nil { throw ValidationError("give --since or --diff") }
        if isHTML { throw ValidationError("--diff takes --format json or text") }
    }

    private func validateList() throws {
        let others: [(name: String, isGiven: Bool)] = [
            ("--interim", interim), ("--since", since != nil), ("--format html", isHTML),
        ]
        if let other = others.first(where: \.isGiven) {
            throw ValidationError("\(other.name) goes with --episode, not with --program")
        }
        if let from, let to, from > to { throw ValidationError("--from must not be after --to") }
    }

    private var isHTML: Bool { options.ledger.format == .html }

    func run() async throws {
        let command = self
        var ledger = options.ledger
        // The session itself prints no pages.
        if isHTML { ledger.format = .text }
        try await Session.run(ledger) { session in
            if let episode = command.episode {
                let asked = try await ReadModelSession(session, command.options)
                try await command.print(episode, asked)
            } else {
                let asked = try await ReadModelSession(session, command.options) {
                    try DischargeSummaryProjection($0)
                }
                try await command.printList(asked)
            }
        }
    }

    private func printList(_ asked: ReadModelSession) async throws {
        let effectiveAt = try asked.past(effectiveAt)
        let query = try DischargeSummaryQuery(asked.session.database, ledger: asked.ledger)
        let selection = DischargeSummaryQuery.Selection(program: program, from: from, to: to)
        let isTold = try await asked.printDifference(
            [
                ("program", .text(program)), ("first_date", .text(from?.description)),
                ("last_date", .text(to?.description)), ("effective_at", .instant(effectiveAt)),
            ],
            fold: query.row(selection, effectiveAt: effectiveAt),
            items: { $0.map(\.item) }
        )
        if isTold { return }
        let list = try await query.list(
            selection,
            effectiveAt: effectiveAt,
            knowledge: asked.knowledge
        )
        switch asked.session.format {
        case .json:
            Console.print(list.json(asked.ledger).bytes)
        case .text:
            var table = TextTable([
                ("EPISODE", .left), ("CLIENT", .left), ("ADMITTED", .left), ("ENDED", .left),
                ("HOW", .left), ("DAYS", .right), ("MISSING", .left),
            ])
            for row in list.rows {
                table.add([
                    row.episodeID.description,
                    row.clientID,
                    asked.calendar.date(of: row.admittedAt).description,
                    asked.calendar.date(of: row.endedAt).description,
                    row.endReason.rawValue,
                    String(row.lengthOfStayDays),
                    row.missing.joined(separator: " "),
                ])
            }
            table.print()
            Console.print("")
            Console.print(
                "\(counted(list.rows.count, "ended episode")). \(asked.note(list.basis))"
            )
        }
    }

    /// Since when changes are told; nil for since the end.
    ///
    /// - Throws: ``Failure/refused``, told, for a time later than what is asked about.
    private func sinceTime(_ asked: ReadModelSession) throws -> Instant? {
        guard let since else { return nil }
        let time = try asked.past(since, of: "--since")
        if let knownAt = options.knowledge.knownAt, knownAt.instant(asked.calendar) < time {
            Console.note("error: \(DischargeSummaryError.sinceAhead)")
            throw Failure.refused
        }
        return time
    }

    private func print(_ episode: EpisodeID, _ asked: ReadModelSession) async throws {
        let (calendar, ledger) = (asked.calendar, asked.ledger)
        let effectiveAt = try asked.past(effectiveAt)
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
            since: try sinceTime(asked),
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
