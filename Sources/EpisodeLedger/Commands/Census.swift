import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct Census: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Show who is enrolled at midnight, by programme and level of care.",
        usage: """
            episode-ledger census [--date <date>] [<options>]
            episode-ledger census --from <date> --to <date> [<options>]
            """,
        discussion: """
            The midnight census of a date with the episodes in it, or with --from and --to the \
            numbers of every day of a period. What happens at 24:00 belongs to the next day.
            """
    )

    @Option(help: "The date; without it, today in the ledger's zone.")
    var date: CalendarDate?

    @Option(help: ArgumentHelp("The first date of a period.", valueName: "date"))
    var from: CalendarDate?

    @Option(help: ArgumentHelp("The last date of a period.", valueName: "date"))
    var to: CalendarDate?

    @Option(
        help: ArgumentHelp(
            """
            Only what happened up to this time takes part, and the census is that of its date; a \
            date means the same as --date.
            """,
            valueName: "time"
        )
    )
    var effectiveAt: TimeArgument?

    @Option(help: "Only this programme.")
    var program: String?

    @OptionGroup var options: ReadModelOptions

    func validate() throws {
        if (from == nil) != (to == nil) {
            throw ValidationError("--from and --to go together")
        }
        if [date != nil, from != nil, effectiveAt != nil].filter({ $0 }).count > 1 {
            throw ValidationError("give --date, --effective-at, or --from and --to")
        }
        if let from, let to {
            if from > to { throw ValidationError("--from must not be after --to") }
            if to - from >= 3_660 { throw ValidationError("a period has at most 3,660 days") }
        }
    }

    func run() async throws {
        let command = self
        try await Session.run(options.ledger) { session in
            let asked = try await ReadModelSession(session, command.options) {
                try CensusProjection($0)
            }
            if let from = command.from, let to = command.to {
                try await command.printPeriod(from, to, asked)
            } else {
                try await command.printDate(asked)
            }
        }
    }

    /// The date that is asked for, and up to when entries take part in its census.
    private func moment(_ asked: ReadModelSession) throws -> (CalendarDate, Instant) {
        guard case .instant(let instant) = effectiveAt else {
            var date = self.date ?? asked.today
            if case .date(let named) = effectiveAt { date = named }
            try asked.refuse(after: date)
            return (date, asked.effectiveAt(date))
        }
        guard instant <= .now else {
            Console.note("error: --effective-at must not lie ahead")
            throw Failure.refused
        }
        let date = asked.calendar.date(of: instant)
        return (date, min(instant, asked.effectiveAt(date)))
    }

    private func printDate(_ asked: ReadModelSession) async throws {
        let (date, effectiveAt) = try moment(asked)
        let (calendar, program) = (asked.calendar, program)
        let isTold = try await asked.printDifference(
            [("date", .string(date.description))],
            fold: try Self.fold(asked.ledger, effectiveAt),
            items: {
                CensusOfDate(
                    date,
                    $0,
                    effectiveAt: effectiveAt,
                    program: program,
                    calendar: calendar
                ).items
            }
        )
        if isTold { return }
        let query = try CensusQuery(asked.session.database, ledger: asked.ledger)
        let (answer, basis) = try await query.date(
            date,
            effectiveAt: effectiveAt,
            program: program,
            knowledge: asked.knowledge
        )
        switch asked.session.format {
        case .json: Console.print(answer.json(asked.ledger, basis).bytes)
        default: Self.printText(answer, basis, asked)
        }
    }

    /// The part an episode has in a census.
    private static func fold(
        _ ledger: LedgerDescription,
        _ effectiveAt: Instant
    ) throws -> @Sendable (EpisodeID, EffectiveHistory) throws -> EpisodeCensus? {
        let projection = try CensusProjection(ledger)
        return { try projection.fold($0, $1.through(effectiveAt)) }
    }

    private static func printText(
        _ answer: CensusOfDate,
        _ basis: ReadModelBasis,
        _ asked: ReadModelSession
    ) {
        Console.print(
            "Midnight census of \(answer.day.date), ledger \(asked.ledger.name) "
                + "(\(asked.ledger.timeZone)): \(answer.day.total) episodes"
        )
        Console.print("")
        var groups = TextTable([
            ("PROGRAM", .left), ("LEVEL OF CARE", .left), ("CENSUS", .right),
            ("ADMISSIONS", .right), ("TRANSFERS IN", .right), ("TRANSFERS OUT", .right),
            ("DISCHARGES", .right),
        ])
        for group in answer.day.groups { groups.add(cells(group)) }
        groups.print()
        Console.print("")
        var episodes = TextTable([
            ("EPISODE", .left), ("CLIENT", .left), ("PROGRAM", .left), ("SINCE", .left),
            ("DAY", .right), ("HOURS IN 7 DAYS", .right), ("FLAGS", .left),
        ])
        for episode in answer.episodes {
            episodes.add([
                episode.episodeID.description,
                episode.clientID,
                episode.stay.program,
                asked.calendar.date(of: episode.stay.from).description,
                String(episode.dayOfStay),
                decimal(episode.hoursLast7Days),
                Set(episode.flags.map(\.flag.rawValue)).sorted().joined(separator: " "),
            ])
        }
        episodes.print()
        Console.print("")
        Console.print(asked.note(basis))
    }

    private static func cells(_ group: CensusGroup) -> [String] {
        [group.program, group.levelOfCare.rawValue]
            + [
                group.census, group.admissions, group.transfersIn, group.transfersOut,
                group.discharges,
            ].map(String.init)
    }

    private func printPeriod(
        _ from: CalendarDate,
        _ to: CalendarDate,
        _ asked: ReadModelSession
    ) async throws {
        try asked.refuse(after: to)
        let effectiveAt = asked.effectiveAt(to)
        let (calendar, program) = (asked.calendar, program)
        let isTold = try await asked.printDifference(
            [
                ("first_date", .string(from.description)), ("last_date", .string(to.description)),
            ],
            fold: try Self.fold(asked.ledger, effectiveAt),
            items: { models in
                CensusTally(
                    models.flatMap(\.stays).filter { program == nil || $0.program == program },
                    from: from,
                    to: to,
                    effectiveAt: effectiveAt,
                    calendar: calendar
                ).items
            }
        )
        if isTold { return }
        let query = try CensusQuery(asked.session.database, ledger: asked.ledger)
        let (tally, basis) = try await query.period(
            from: from,
            to: to,
            effectiveAt: effectiveAt,
            program: program,
            knowledge: asked.knowledge
        )
        switch asked.session.format {
        case .json:
            Console.print(tally.json(asked.ledger, basis).bytes)
        default:
            var table = TextTable([
                ("DATE", .left), ("PROGRAM", .left), ("LEVEL OF CARE", .left),
                ("CENSUS", .right), ("ADMISSIONS", .right), ("TRANSFERS IN", .right),
                ("TRANSFERS OUT", .right), ("DISCHARGES", .right),
            ])
            for day in tally.days {
                for group in day.groups { table.add([day.date.description] + Self.cells(group)) }
            }
            table.print()
            Console.print("")
            Console.print(asked.note(basis))
        }
    }
}

/// A number with one decimal, rounded half away from zero.
func decimal(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
}
