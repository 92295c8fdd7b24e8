import ArgumentParser
import Projections

struct Attendance: QuestionCommand {
    typealias Asked = AttendanceQuestion

    static let configuration = CommandConfiguration(
        commandName: "attendance",
        abstract: "Show how an episode, or everybody who is enrolled, attends.",
        usage: """
            episode-ledger attendance [--program <program>] [<options>]
            episode-ledger attendance --episode <id> [<options>]
            episode-ledger attendance --episode <id> --diff <time> <time>
            """,
        discussion: """
            Of an episode, its sessions and hours week by week. Without one, everybody who is \
            enrolled, those to look at first on top: no-shows in a row, not seen for days, a week \
            below its hours. Weeks are those of ISO 8601 in the ledger's zone, unless the ledger has \
            set another first day. A whole week of intensive outpatient care with fewer hours than \
            the program's threshold is flagged; that is advisory. --format csv prints a line for \
            each week, or for each who is enrolled.
            """
    )

    @Option(help: .parameter("episode", of: Asked.parameters))
    var episode: String?

    @Option(help: .parameter("program", of: Asked.parameters))
    var program: String?

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @Option(help: .parameter("version", of: Asked.parameters))
    var atVersion: String?

    @Option(help: .parameter("weekly_hours", of: Asked.parameters))
    var weeklyHours: [String] = []

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given([
            "episode": episode, "program": program, "effective_at": effectiveAt,
            "version": atVersion,
        ])
        .merging(["weekly_hours": weeklyHours]) { $1 }
    }
}
