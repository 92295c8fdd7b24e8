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
            let census = try await CensusSession(session, command.options)
            if let from = command.from, let to = command.to {
                try await command.printPeriod(from, to, census)
            } else {
                try await command.printDate(census)
            }
        }
    }

    private func check(_ date: CalendarDate, _ census: CensusSession) throws {
        guard date <= census.today else {
            Console.note(
                "error: \(date) lies ahead: today is \(census.today) in \(census.ledger.timeZone)"
            )
            throw Failure.refused
        }
    }

    private func printDate(_ census: CensusSession) async throws {
        let date: CalendarDate
        var effectiveAt: Instant
        switch self.effectiveAt {
        case .instant(let instant):
            date = census.query.calendar.date(of: instant)
            effectiveAt = min(instant, census.effectiveAt(date))
            guard instant <= .now else {
                Console.note("error: --effective-at must not lie ahead")
                throw Failure.refused
            }
        case .date(let named):
            date = named
            effectiveAt = census.effectiveAt(named)
        case nil:
            date = self.date ?? census.today
            effectiveAt = census.effectiveAt(date)
        }
        try check(date, census)
        let answer = try await census.query.date(
            date,
            effectiveAt: effectiveAt,
            program: program,
            knowledge: census.knowledge
        )
        switch census.session.format {
        case .json: Console.print(answer.json(census.ledger).bytes)
        case .text: Self.printText(answer, census)
        }
    }

    private static func printText(_ answer: CensusOfDate, _ census: CensusSession) {
        Console.print(
            "Midnight census of \(answer.day.date), ledger \(census.ledger.name) "
                + "(\(census.ledger.timeZone)): \(answer.day.total) episodes"
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
                census.query.calendar.date(of: episode.stay.from).description,
                String(episode.dayOfStay),
                decimal(episode.hoursLast7Days),
                Set(episode.flags.map(\.flag.rawValue)).sorted().joined(separator: " "),
            ])
        }
        episodes.print()
        Console.print("")
        Console.print(census.note(answer.basis))
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
        _ census: CensusSession
    ) async throws {
        try check(to, census)
        let (tally, basis) = try await census.query.period(
            from: from,
            to: to,
            effectiveAt: census.effectiveAt(to),
            program: program,
            knowledge: census.knowledge
        )
        switch census.session.format {
        case .json:
            Console.print(tally.json(census.ledger, basis).bytes)
        case .text:
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
            Console.print(census.note(basis))
        }
    }
}

/// A number with one decimal, rounded half away from zero.
func decimal(_ number: Double) -> String {
    let tenths = Int((number * 10).rounded())
    return "\(tenths / 10).\(abs(tenths % 10))"
}
