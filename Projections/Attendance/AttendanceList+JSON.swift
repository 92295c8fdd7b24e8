public import CareEpisode
import Ledger
public import ProjectionRuntime

extension AttendanceList: AnswerValue {
    /// The answer of `attendance` without an episode.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("program", \.value.program),
        .ledger,
        .init("effective_at", \.value.effectiveAt),
        .position, .lag, .knownAt, .knownBy, .settings,
        .init("last_week", \.value.lastWeek),
        .init("present_week", \.value.presentWeek),
        .init("dates", \.value.dates),
        .init("enrolled", \.value.enrolled),
        .parked,
    ]

    /// The episodes by their names.
    public var items: [AnswerItem] {
        enrolled.map { AnswerItem("enrolled/\($0.episodeID)", $0.json) }
    }

    /// A line for each episode.
    var list: CSVTable {
        CSVTable(
            enrolled,
            Enrolled.head
                + JudgedHours.fields.map { field in
                    field.renamed("last_week_\(field.name)").lifted(\.lastWeek)
                } + Enrolled.rest + [.init("flags") { $0.flags.map(\.flag) }]
        )
    }
}

extension AttendanceList.Enrolled: JSONObject {
    /// The members of a row.
    public static let fields: [JSONField<Self>] =
        head + [.init("last_week", \.lastWeek)] + rest + [
            .init("days", \.days),
            .init("flags", \.flags, of: sinceFields),
        ]

    fileprivate static let head: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("program", \.stay.program),
        .init("level_of_care", \.stay.levelOfCare),
        .init("from", \.stay.from),
        .init("day_of_stay", \.dayOfStay),
    ]

    fileprivate static let rest: [JSONField<Self>] = [
        .init("present_week_hours", \.presentHours),
        .init("no_shows_in_a_row", \.noShowsInARow),
        .init("last_attended_at", \.lastAttendedAt),
        .init("last_attended_on", \.lastAttendedOn),
        .init("days_not_seen", \.daysNotSeen),
    ]

    /// A flag with since when it holds.
    private static let sinceFields: [JSONField<EpisodeFlag>] =
        EpisodeFlag.fields + [.init("since", \.at)]
}

extension JudgedHours: JSONObject {
    /// The hours, and whether they are enough.
    public static let fields: [JSONField<Self>] = [
        .init("hours", \.hours),
        .init("threshold", \.threshold),
        .init("not_judged", \.notJudged),
        .init("below", \.isBelow),
    ]
}

extension EpisodeCensus.Session: JSONObject {
    /// What became of a session, and its minutes that count toward the hours of a week.
    public static let fields: [JSONField<Self>] = [
        .init("outcome", schema: RecordedSession.Outcome.schema) { .string($0.outcome.code) },
        .optional("minutes") { $0.minutes == 0 ? nil : $0.minutes },
    ]
}
