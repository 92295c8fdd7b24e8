import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// An episode in the table `census_episode`; its stays have a table of their own.
struct CensusEpisodeRow: ProjectionRow {
    static let table = ProjectionTable("census_episode", of: Self.self)

    /// Without stays.
    var episode = EpisodeCensus(
        episodeID: EpisodeID(bits: 0),
        clientID: "",
        admittedAt: Instant(microseconds: 0),
        stays: [],
        end: nil,
        sessions: [],
        flags: []
    )

    var episodeID: EpisodeID {
        get { episode.episodeID }
        set { episode.episodeID = newValue }
    }

    init() {}

    init(_ episode: EpisodeCensus) {
        self.episode = episode
        self.episode.stays = []
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column("client_id", &episode.clientID)
        try column("admitted_at", &episode.admittedAt)
        var (endedAt, reason) = (episode.end?.at, episode.end?.reason)
        var (lastContactAt, days) = (episode.end?.lastContactAt, episode.end?.lengthOfStayDays)
        try column("ended_at", &endedAt)
        try column.code("end_reason", &reason)
        try column("last_contact_at", &lastContactAt)
        try column.integer("length_of_stay_days", &days)
        if let endedAt, let reason, let lastContactAt, let days {
            episode.end = EpisodeCensus.End(
                at: endedAt,
                reason: reason,
                lastContactAt: lastContactAt,
                lengthOfStayDays: days
            )
        }
        var starts = episode.sessions.map(\.start.microseconds)
        var minutes = episode.sessions.map { Int32($0.minutes) }
        var outcomes = episode.sessions.map(\.outcome.code)
        try column("session_at", &starts)
        try column("session_minutes", &minutes)
        try column.flags(&episode.flags)
        try column("referral_source", &episode.origin.referralSource)
        try column.code("payer_class", &episode.origin.payerClass)
        try column.code("prior_level_of_care", &episode.origin.priorLevelOfCare)
        try column("session_outcome", &outcomes)
        episode.sessions = try outcomes.indices.map { index in
            guard let outcome = RecordedSession.Outcome(code: outcomes[index]) else {
                throw column.unknownCode("session_outcome")
            }
            return EpisodeCensus.Session(
                start: Instant(microseconds: starts[index]),
                minutes: Int(minutes[index]),
                outcome: outcome
            )
        }
    }
}

/// A stay in the table `census_stay`.
struct CensusStayRow: ProjectionRow {
    static let table = ProjectionTable("census_stay", of: Self.self)

    var episodeID = EpisodeID(bits: 0)
    /// From 1.
    var ordinal = 0
    var stay = EpisodeCensus.Stay(
        program: "",
        levelOfCare: .outpatient,
        from: Instant(microseconds: 0),
        startReason: .admission,
        openedBy: EventID(bits: 0)
    )

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column.integer("ordinal", &ordinal)
        try column("program", &stay.program)
        // For who reads the table: the last of the tracks.
        var track = stay.track
        try column("track", &track)
        try column.code("level_of_care", &stay.levelOfCare)
        try column("from_at", &stay.from)
        try column("to_at", &stay.to)
        try column.code("start_reason", &stay.startReason)
        try column.code("end_reason", &stay.endReason)
        try column("opened_by", &stay.openedBy)
        try column.names("tracks", "track_at", &stay.tracks)
        try column.names("schedules", "schedule_at", &stay.schedules)
    }
}

extension RecordedSession.Outcome {
    /// What it may be as it is stored and written.
    static let schema: AnswerJSON = {
        let missed = MissedReason.allCases.map { RecordedSession.Outcome.missed($0) }
        let all = [.attended, .heldWithoutClient] + missed
        return ["type": "string", "enum": .array(all.map { .string($0.code) })]
    }()

    /// As it is stored and written: of a missed session its reason.
    var code: String {
        switch self {
        case .attended: "attended"
        case .heldWithoutClient: "family_without_client"
        case .missed(let reason): reason.rawValue
        }
    }

    /// An outcome as it is stored; nil for any other text.
    fileprivate init?(code: String) {
        switch code {
        case "attended": self = .attended
        case "family_without_client": self = .heldWithoutClient
        default:
            guard let reason = MissedReason(rawValue: code) else { return nil }
            self = .missed(reason)
        }
    }
}

extension ColumnVisitor {
    /// Names in a column, and their times in another.
    fileprivate mutating func names(
        _ name: String,
        _ time: String,
        _ value: inout EpisodeCensus.Names
    ) throws {
        var (names, times) = (value.names, value.times.map(\.microseconds))
        try self(name, &names)
        try self(time, &times)
        guard names.count == times.count else { throw unknownCode(time) }
        value = EpisodeCensus.Names(names, times.map(Instant.init(microseconds:)))
    }
}

/// Reads the tables of the census.
enum CensusRows {
    /// The episodes that have anything in a time, a stay, or a session after the end; and all of
    /// their stays.
    static func whole(
        _ time: Range<Instant>,
        _ ledger: LedgerID,
        _ generation: Int32
    ) -> [SQL] {
        let isInTime: SQL = """
            admitted_at < \(time.upperBound.microseconds)
            and \(isNotOver(before: time.lowerBound))
            """
        return select(ledger, generation, wholeWhere: isInTime)
    }

    /// The episodes, all or some, that have a stay or a session at a time or later; and all of their
    /// stays.
    static func notOver(
        before time: Instant,
        _ episodes: [EpisodeID]?,
        _ ledger: LedgerID,
        _ generation: Int32,
        _ connection: PostgresConnection
    ) async throws -> [EpisodeID: EpisodeCensus] {
        var condition = isNotOver(before: time)
        if let episodes { condition = "\(condition) and episode_id = any (\(episodes))" }
        let results = try await connection.pipeline(
            select(ledger, generation, wholeWhere: condition)
        )
        return try models(episodes: results[0], stays: results[1])
            .reduce(into: [:]) { $0[$1.episodeID] = $1 }
    }

    private static func isNotOver(before time: Instant) -> SQL {
        // The last session is the last element.
        """
        (
            ended_at is null
            or ended_at >= \(time.microseconds)
            or session_at[cardinality(session_at)] >= \(time.microseconds)
        )
        """
    }

    private static func select(
        _ ledger: LedgerID,
        _ generation: Int32,
        wholeWhere condition: SQL
    ) -> [SQL] {
        let isOfThem: SQL = """
            episode_id in (
                select episode_id
                from read_model.census_episode
                where \(ProjectionTable.isOf(ledger, generation))
                and \(condition)
            )
            """
        return select(ledger, generation, episodes: condition, stays: isOfThem)
    }

    /// The episodes with a stay that overlaps a time, or all; and those stays.
    static func overlapping(
        _ time: Range<Instant>?,
        _ ledger: LedgerID,
        _ generation: Int32
    ) -> [SQL] {
        let from = time?.lowerBound.microseconds ?? .min
        let to = time?.upperBound.microseconds ?? .max
        return select(
            ledger,
            generation,
            episodes: """
                (ended_at is null or ended_at >= \(from))
                and admitted_at < \(to)
                """,
            stays: """
                (to_at is null or to_at >= \(from))
                and from_at < \(to)
                """
        )
    }

    private static func select(
        _ ledger: LedgerID,
        _ generation: Int32,
        episodes: SQL,
        stays: SQL
    ) -> [SQL] {
        [
            CensusEpisodeRow.select(ledger, generation, where: episodes, orderBy: "episode_id"),
            CensusStayRow.select(ledger, generation, where: stays, orderBy: "episode_id, ordinal"),
        ]
    }

    /// Puts episodes together from their rows.
    ///
    /// An episode's stays that do not overlap the wanted time are left out, and so is an episode
    /// without any.
    static func models(episodes: PostgresRows, stays: PostgresRows) throws -> [EpisodeCensus] {
        var staysOf: [EpisodeID: [EpisodeCensus.Stay]] = [:]
        for row in stays {
            let row = try CensusStayRow(row)
            staysOf[row.episodeID, default: []].append(row.stay)
        }
        return try episodes.compactMap { row in
            var episode = try CensusEpisodeRow(row).episode
            guard let stays = staysOf[episode.episodeID] else { return nil }
            episode.stays = stays
            return episode
        }
    }
}
