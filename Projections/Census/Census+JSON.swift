public import CareEpisode
public import ProjectionRuntime

extension CensusGroup: JSONObject {
    /// A program and level of care, with the five numbers.
    public static let fields: [JSONField<Self>] = [
        .init("program", \.program),
        .init("level_of_care", \.levelOfCare),
        .init("census", \.census),
        .init("admissions", \.admissions),
        .init("transfers_in", \.transfersIn),
        .init("transfers_out", \.transfersOut),
        .init("discharges", \.discharges),
    ]
}

extension EpisodeCensus.Stay: JSONObject {
    /// The members of a stay.
    public static let fields: [JSONField<Self>] = [
        .init("program", \.program),
        .init("track", \.track),
        .init("level_of_care", \.levelOfCare),
        .init("from", \.from),
        .init("to", \.to),
        .init("start_reason", \.startReason),
        .init("end_reason", \.endReason),
        .init("tracks", \.tracks.list, of: EpisodeCensus.Names.trackFields),
    ]
}

extension EpisodeCensus.Names {
    /// Each name, and since when.
    fileprivate var list: [(name: String, from: Instant)] { Array(zip(names, times)) }

    /// The members of a track.
    fileprivate static let trackFields: [JSONField<(name: String, from: Instant)>] = [
        .init("track", \.name),
        .init("from", \.from),
    ]
}

extension EpisodeFlag: JSONObject {
    /// The members of a flag.
    public static let fields: [JSONField<Self>] = [
        .init("flag", \.flag),
        .init("event_ids", \.eventIDs),
        .init("text", \.flag.text),
    ]
}

extension CensusOfDate: AnswerValue {
    /// The answer of `census --date`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("date", \.value.day.date),
        .ledger, .position, .lag, .knownAt, .knownBy,
        .init("total", \.value.day.total),
        .init("total_clients", \.value.day.clients),
        .init("groups", \.value.day.groups),
        .init("episodes", \.value.episodes),
        .parked,
    ]

    /// The totals, and the groups and episodes by their names.
    ///
    /// Without the flag of overlaps, which one episode's events alone do not explain.
    public var items: [AnswerItem] {
        [
            AnswerItem("total", day.total.json),
            AnswerItem("total_clients", day.clients.json),
        ]
            + day.groups.map {
                AnswerItem("groups/\($0.program)/\($0.levelOfCare.rawValue)", $0.json)
            }
            + episodes.map { episode in
                var episode = episode
                episode.overlap = nil
                return AnswerItem(
                    "episodes/\(episode.episodeID)/\(episode.stay.from)",
                    episode.json
                )
            }
    }
}

extension CensusOfDate {
    /// A line for each episode of the date.
    var list: CSVTable {
        CSVTable(
            episodes,
            CensusEpisode.fields.filter { !["tracks", "flags"].contains($0.name) } + [
                .init("flags") { $0.allFlags.map(\.flag) }
            ]
        )
    }
}

extension CensusTally {
    /// A line for each group of each day.
    var list: CSVTable {
        CSVTable(
            days.flatMap { day in day.groups.map { (day.date, $0) } },
            [JSONField("date", \.0)] + CensusGroup.fields.map { $0.lifted(\.1) }
        )
    }
}

extension CensusEpisode: JSONObject {
    /// An episode with its stay.
    public static let fields: [JSONField<Self>] =
        [
            .init("episode_id", \.episodeID),
            .init("client_id", \.clientID),
        ] + EpisodeCensus.Stay.fields.map { $0.lifted(\.stay) } + [
            .init("day_of_stay", \.dayOfStay),
            .init("hours_last_7_days", \.hoursLast7Days),
            .init("flags", \.allFlags),
        ]
}

extension CensusTally: AnswerValue {
    /// The answer of `census --from --to`.
    public static let answer: [JSONField<LedgerAnswer<Self>>] = [
        .init("from", \.value.days.first?.date),
        .init("to", \.value.days.last?.date),
        .ledger, .position, .lag, .knownAt, .knownBy,
        .init("days", \.value.days),
        .parked,
    ]

    /// The groups by day and name.
    public var items: [AnswerItem] {
        days.flatMap { day in
            day.groups.map {
                AnswerItem(
                    "days/\(day.date)/\($0.program)/\($0.levelOfCare.rawValue)",
                    $0.json
                )
            }
        }
    }
}

extension CensusTally.Day: JSONObject {
    /// The numbers of a day.
    public static let fields: [JSONField<Self>] = [
        .init("date", \.date),
        .init("total", \.total),
        .init("total_clients", \.clients),
        .init("groups", \.groups),
    ]
}

extension EpisodeCensus: JSONObject {
    /// An episode as it stands.
    public static let fields = head + [JSONField("flags", \.flags)]

    /// The members before the flags.
    static let head: [JSONField<Self>] = [
        .init("episode_id", \.episodeID),
        .init("client_id", \.clientID),
        .init("status", \.status),
        .init("program", \.lastStay.program),
        .init("track", \.lastStay.track),
        .init("level_of_care", \.lastStay.levelOfCare),
        .init("admitted_at", \.admittedAt),
        .init("ended_at", \.end?.at),
        .init("end_reason", \.end?.reason),
        .init("last_contact_at", \.end?.lastContactAt),
        .init("length_of_stay_days", \.end?.lengthOfStayDays),
        .init("stays", \.stays),
    ]

    /// Whether an episode has ended.
    enum Status: String, ClosedCode {
        case open, ended
    }

    private var status: Status { end == nil ? .open : .ended }

    private var lastStay: Stay { stays[stays.count - 1] }
}
