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
            let asked = try await ReadModelSession(session, command.options) {
                try CensusProjection($0)
            }
            let filter = CensusQuery.EpisodeFilter(
                clientID: command.client,
                isOpen: command.status.map { $0 == .open },
                program: command.program
            )
            let effectiveAt = command.effectiveAt?.instant(asked.calendar) ?? .now
            let projection = try CensusProjection(asked.ledger)
            let isTold = try await asked.printDifference(
                [("effective_at", .instant(effectiveAt))],
                fold: { try projection.fold($0, $1.through(effectiveAt)) },
                items: { EpisodeList($0, filter, effectiveAt: effectiveAt).items }
            )
            if isTold { return }
            let query = try CensusQuery(session.database, ledger: asked.ledger)
            let (list, basis) = try await query.episodes(
                filter,
                effectiveAt: effectiveAt,
                knowledge: asked.knowledge
            )
            switch session.format {
            case .json:
                let answer = list.json(asked.ledger, basis)
                Console.print(answer.bytes)
            default:
                Self.printText(list, asked)
                Console.print("")
                Console.print("\(counted(list.episodes.count, "episode")). \(asked.note(basis))")
            }
        }
    }

    private static func printText(_ list: EpisodeList, _ asked: ReadModelSession) {
        var table = TextTable([
            ("EPISODE", .left), ("CLIENT", .left), ("PROGRAM", .left), ("LEVEL OF CARE", .left),
            ("ADMITTED", .left), ("ENDED", .left), ("HOW", .left), ("DAYS", .right),
            ("FLAGS", .left),
        ])
        for episode in list.episodes {
            let last = episode.stays[episode.stays.count - 1]
            var flags = Set(episode.flags.map(\.flag.rawValue))
            if list.overlapping.contains(episode.episodeID) { flags.insert("overlapping_episode") }
            table.add([
                episode.episodeID.description,
                episode.clientID,
                last.program,
                last.levelOfCare.rawValue,
                asked.calendar.date(of: episode.admittedAt).description,
                episode.end.map { asked.calendar.date(of: $0.at).description } ?? "",
                episode.end?.reason.rawValue ?? "open",
                episode.end.map { String($0.lengthOfStayDays) } ?? "",
                flags.sorted().joined(separator: " "),
            ])
        }
        table.print()
    }
}
