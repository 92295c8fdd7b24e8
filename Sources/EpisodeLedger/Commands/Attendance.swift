import ArgumentParser
import CareEpisode
import Ledger
import ProjectionRuntime
import Projections

struct Attendance: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "attendance",
        abstract: "Show an episode's sessions and hours, week by week.",
        usage: """
            episode-ledger attendance --episode <id> [<options>]
            episode-ledger attendance --episode <id> --diff <time> <time>
            """,
        discussion: """
            Weeks are those of ISO 8601 in the ledger's zone. A whole week of intensive outpatient \
            care with fewer hours than the programme's threshold is flagged; that is advisory.
            """
    )

    @Option(help: ArgumentHelp("The episode's id, a UUID.", valueName: "id"))
    var episode: EpisodeID

    @Option(
        help: ArgumentHelp(
            """
            Only what happened up to this time takes part; without it, now. A date means its \
            24:00, today's now.
            """,
            valueName: "time"
        )
    )
    var effectiveAt: TimeArgument?

    @Option(
        help: ArgumentHelp(
            """
            Below how many hours a programme's weeks are flagged, 0 to 168; may be given several \
            times. Without it 9, and 6 for programmes with the word adolescent in their key.
            """,
            valueName: "program=hours"
        )
    )
    var weeklyHours: [ProgramHours] = []

    @OptionGroup var options: ReadModelOptions

    func run() async throws {
        let command = self
        try await Session.run(options.ledger) { session in
            // Folded from the episode's events: no table has to be caught up first.
            try await command.print(try await ReadModelSession(session, command.options))
        }
    }

    private func print(_ asked: ReadModelSession) async throws {
        let effectiveAt = try asked.past(effectiveAt)
        let query = try AttendanceQuery(
            asked.session.database,
            ledger: asked.ledger,
            weeklyHours: WeeklyHours(
                Dictionary(weeklyHours.map { ($0.program, $0.hours) }) { $1 }
            )
        )
        let isTold = try await asked.printDifference(
            of: [episode],
            [
                ("episode_id", .string(episode.description)),
                ("effective_at", .instant(effectiveAt)),
            ],
            fold: query.fold(effectiveAt: effectiveAt),
            items: { $0.flatMap(\.items) }
        )
        if isTold { return }
        let (attendance, basis) = try await query.episode(
            episode,
            effectiveAt: effectiveAt,
            knowledge: asked.knowledge
        )
        switch asked.session.format {
        case .json:
            let answer = attendance.json(episode, asked.ledger, effectiveAt: effectiveAt, basis)
            Console.print(answer.bytes)
        default:
            printText(attendance, asked)
            Console.print("")
            Console.print(asked.note(basis))
        }
    }

    // MARK: - For people

    private func printText(_ attendance: EpisodeAttendance, _ asked: ReadModelSession) {
        Console.print("Attendance of episode \(episode), ledger \(asked.ledger.name)")
        Console.print("")
        var table = TextTable([
            ("WEEK", .left), ("FROM", .left), ("ATTENDED", .right), ("MISSED", .right),
            ("HOURS", .right), ("PLANNED", .right), ("# AN HOUR, . PLANNED", .left),
            ("FLAGS", .left),
        ])
        for week in attendance.weeks {
            table.add([
                week.week.description,
                week.week.firstDate.description,
                String(week.attended),
                String(week.missed.values.reduce(0, +)),
                decimal(week.hours),
                week.plannedHours.map(decimal) ?? "",
                Self.bar(week),
                Set(week.flags.map(\.flag.rawValue)).sorted().joined(separator: " "),
            ])
        }
        table.print()
        Console.print("")
        Console.print(Self.summary(attendance))
        for flag in attendance.flags + attendance.weeks.flatMap(\.flags).filter(\.isOfWeek) {
            let events = flag.eventIDs.map(\.description).joined(separator: ", ")
            Console.print("Flag: \(flag.flag.rawValue) (\(events))")
        }
    }

    /// A sign for each hour, and one for each that was planned and not given; cut at 40.
    private static func bar(_ week: EpisodeAttendance.Week) -> String {
        let hours = min(Int(week.hours.rounded()), 40)
        let planned = min(Int((week.plannedHours ?? 0).rounded()), 40)
        return String(repeating: "#", count: hours)
            + String(repeating: ".", count: max(planned - hours, 0))
    }

    private static func summary(_ attendance: EpisodeAttendance) -> String {
        var text = "Attended \(counted(attendance.attended, "session")), "
        text += "\(decimal(Double(attendance.minutes) / 60)) hours; missed "
        let missed = MissedReason.allCases.compactMap { reason in
            attendance.missed[reason].map { "\($0) \(reason.rawValue)" }
        }
        text += missed.isEmpty ? "none" : missed.joined(separator: ", ")
        guard let rate = attendance.rate else { return text + "." }
        return text + ". Attendance rate \(decimal(rate * 100)) %."
    }
}

extension EpisodeFlag {
    /// Whether it stands with its week alone.
    fileprivate var isOfWeek: Bool { flag == .belowWeeklyHours }
}

/// A programme's threshold as a person writes it: `iop-day=9`.
struct ProgramHours: ExpressibleByArgument {
    let program: String
    let hours: Double

    /// A key may hold an equals sign: the last one counts.
    init?(argument: String) {
        guard let sign = argument.lastIndex(of: "="), sign != argument.startIndex,
            let hours = Double(argument[argument.index(after: sign)...]), (0...168).contains(hours)
        else { return nil }
        program = String(argument[..<sign])
        self.hours = hours
    }
}
