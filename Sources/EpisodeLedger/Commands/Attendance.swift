import ArgumentParser
import Projections

struct Attendance: QuestionCommand {
    typealias Asked = AttendanceQuestion

    static let configuration = CommandConfiguration(
        commandName: "attendance",
        abstract: "Show an episode's sessions and hours, week by week.",
        usage: """
            episode-ledger attendance --episode <id> [<options>]
            episode-ledger attendance --episode <id> --diff <time> <time>
            """,
        discussion: """
            Weeks are those of ISO 8601 in the ledger's zone. A whole week of intensive outpatient \
            care with fewer hours than the program's threshold is flagged; that is advisory.
            """
    )

    @Option(help: .parameter("episode", of: Asked.parameters))
    var episode: String?

    @Option(help: .parameter("effective_at", of: Asked.parameters))
    var effectiveAt: String?

    @Option(help: .parameter("version", of: Asked.parameters))
    var atVersion: String?

    @Option(help: .parameter("weekly_hours", of: Asked.parameters))
    var weeklyHours: [String] = []

    @OptionGroup var options: ReadModelOptions

    var asking: Asking { options.asking }

    var arguments: [String: [String]] {
        given(["episode": episode, "effective_at": effectiveAt, "version": atVersion])
            .merging(["weekly_hours": weeklyHours]) { $1 }
    }
}
