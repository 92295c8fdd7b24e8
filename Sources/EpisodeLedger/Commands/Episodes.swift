import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct Episodes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "List episodes: client, programme, status, length of stay.",
        usage: "episode-ledger episodes [<options>]",
        discussion: """
            One line each, by admission. An episode is marked where its client has another one at \
            the same time.
            """
    )

    enum Status: String, ExpressibleByArgument, CaseIterable {
        case open, ended
    }

    @Option(help: ArgumentHelp("Only this client's.", valueName: "id"))
    var client: String?

    @Option(help: "Only open or only ended ones.")
    var status: Status?

    @Option(help: "Only those with a stay in this programme.")
    var program: String?

    @Option(
        help: ArgumentHelp(
            "Only what happened up to this time takes part; without it, now.",
            valueName: "time"
        )
    )
    var effectiveAt: TimeArgument?

    @OptionGroup var options: ReadModelOptions

    func run() async throws {
        let command = self
        try await Session.run(options.ledger) { session in
            let census = try await CensusSession(session, command.options)
            let (episodes, overlapping, basis) = try await census.query.episodes(
                CensusQuery.EpisodeFilter(
                    clientID: command.client,
                    isOpen: command.status.map { $0 == .open },
                    program: command.program
                ),
                effectiveAt: command.effectiveAt?.instant(census.query.calendar) ?? .now,
                knowledge: census.knowledge
            )
            switch session.format {
            case .json:
                let answer = AnswerJSON.object(
                    [("ledger", .string(census.ledger.name.description))] + basis.members + [
                        (
                            "episodes",
                            .array(
                                episodes.map {
                                    $0.json(overlapping: overlapping.contains($0.episodeID))
                                }
                            )
                        ),
                        ("parked", basis.parkedJSON),
                    ]
                )
                Console.print(answer.bytes)
            case .text:
                Self.printText(episodes, overlapping, census)
                Console.print("")
                Console.print("\(counted(episodes.count, "episode")). \(census.note(basis))")
            }
        }
    }

    private static func printText(
        _ episodes: [EpisodeCensus],
        _ overlapping: Set<EpisodeID>,
        _ census: CensusSession
    ) {
        var table = TextTable([
            ("EPISODE", .left), ("CLIENT", .left), ("PROGRAM", .left), ("LEVEL OF CARE", .left),
            ("ADMITTED", .left), ("ENDED", .left), ("HOW", .left), ("DAYS", .right),
            ("FLAGS", .left),
        ])
        for episode in episodes {
            let last = episode.stays[episode.stays.count - 1]
            var flags = Set(episode.flags.map(\.flag.rawValue))
            if overlapping.contains(episode.episodeID) { flags.insert("overlapping_episode") }
            table.add([
                episode.episodeID.description,
                episode.clientID,
                last.program,
                last.levelOfCare.rawValue,
                census.query.calendar.date(of: episode.admittedAt).description,
                episode.end.map { census.query.calendar.date(of: $0.at).description } ?? "",
                episode.end?.reason ?? "open",
                episode.end.map { String($0.lengthOfStayDays) } ?? "",
                flags.sorted().joined(separator: " "),
            ])
        }
        table.print()
    }
}
