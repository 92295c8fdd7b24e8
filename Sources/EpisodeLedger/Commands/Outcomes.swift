import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct Outcomes: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "outcomes",
        abstract: "Show how episodes ended in a period, their length of stay, and the census.",
        usage: "episode-ledger outcomes --from <date> --to <date> [<options>]",
        discussion: """
            Ends by the reasons of TEDS, the average length of stay of the episodes that ended, \
            and the average daily census. An episode counts for the programme it ended in.
            """
    )

    @Option(help: ArgumentHelp("The first date of the period.", valueName: "date"))
    var from: CalendarDate

    @Option(help: ArgumentHelp("The last date of the period.", valueName: "date"))
    var to: CalendarDate

    @Option(help: "Only this programme.")
    var program: String?

    @OptionGroup var options: ReadModelOptions

    func validate() throws {
        if from > to { throw ValidationError("--from must not be after --to") }
        if to - from >= 3_660 { throw ValidationError("a period has at most 3,660 days") }
    }

    func run() async throws {
        let command = self
        try await Session.run(options.ledger) { session in
            let asked = try await ReadModelSession(session, command.options) {
                try CensusProjection($0)
            }
            try asked.refuse(after: command.to)
            try await command.print(asked)
        }
    }

    private func print(_ asked: ReadModelSession) async throws {
        let effectiveAt = asked.effectiveAt(to)
        let (from, to, program, calendar) = (from, to, program, asked.calendar)
        let projection = try CensusProjection(asked.ledger)
        let isTold = try await asked.printDifference(
            [
                ("first_date", .string(from.description)), ("last_date", .string(to.description)),
                ("program", .text(program)),
            ],
            fold: { try projection.fold($0, $1.through(effectiveAt)) },
            items: {
                PeriodOutcomes(
                    $0,
                    from: from,
                    to: to,
                    program: program,
                    effectiveAt: effectiveAt,
                    calendar: calendar
                ).items
            }
        )
        if isTold { return }
        let query = try CensusQuery(asked.session.database, ledger: asked.ledger)
        let (outcomes, basis) = try await query.outcomes(
            from: from,
            to: to,
            effectiveAt: effectiveAt,
            program: program,
            knowledge: asked.knowledge
        )
        switch asked.session.format {
        case .json: Console.print(outcomes.json(asked.ledger, basis).bytes)
        default:
            Self.printText(outcomes, asked)
            Console.print("")
            Console.print(asked.note(basis))
        }
    }

    private static func printText(_ outcomes: PeriodOutcomes, _ asked: ReadModelSession) {
        let program = outcomes.program.map { ", programme \($0)" } ?? ""
        Console.print(
            "Outcomes from \(outcomes.from) to \(outcomes.to), ledger \(asked.ledger.name) "
                + "(\(asked.ledger.timeZone))\(program)"
        )
        Console.print("")
        var table = TextTable([
            ("TEDS", .right), ("REASON", .left), ("EPISODES", .right), ("%", .right),
        ])
        for count in outcomes.byReason {
            let share = Double(count.episodes) / Double(outcomes.discharges)
            table.add([
                String(count.reason.teds),
                count.reason.rawValue,
                String(count.episodes),
                decimal(share * 100),
            ])
        }
        if !outcomes.byReason.isEmpty {
            table.print()
            Console.print("")
        }
        let stay = outcomes.averageLengthOfStay.map { "\(decimal($0)) days" } ?? "none"
        Console.print(
            "\(counted(outcomes.discharges, "episode")) ended; average length of stay \(stay); "
                + "average daily census \(decimal(outcomes.averageDailyCensus))."
        )
    }
}
