import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// An entry in the table `session_entry`.
struct SessionEntryRow: ProjectionRow {
    static let table = ProjectionTable("session_entry", of: Self.self)

    var entry = SessionEntry(
        episodeID: EpisodeID(bits: 0),
        clientID: "",
        eventID: EventID(bits: 0),
        kind: .other,
        startsAt: Instant(microseconds: 0),
        outcome: .attended,
        isCounted: false,
        standing: .counted,
        program: "",
        levelOfCare: .outpatient,
        facilitators: [],
        author: ""
    )

    var episodeID: EpisodeID {
        get { entry.episodeID }
        set { entry.episodeID = newValue }
    }

    init() {}

    init(_ entry: SessionEntry) {
        self.entry = entry
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column("event_id", &entry.eventID)
        try column("client_id", &entry.clientID)
        try column("session_id", &entry.sessionID)
        try column.code("kind", &entry.kind)
        try column.code("modality", &entry.modality)
        try column("topic", &entry.topic)
        try column("starts_at", &entry.startsAt)
        try column.integer("minutes", &entry.minutes)
        try column.code("outcome", &entry.outcome)
        try column.code("reason", &entry.reason)
        try column.code("attendance", &entry.attendance)
        try column("counted", &entry.isCounted)
        try column.code("standing", &entry.standing)
        var groupSize = entry.groupSize.map { Int64($0) }
        try column("group_size", &groupSize)
        entry.groupSize = groupSize.map { Int($0) }
        try column("program", &entry.program)
        try column.code("level_of_care", &entry.levelOfCare)
        try column("facilitators", &entry.facilitators)
        try column("author", &entry.author)
    }
}

/// A stay in the table `session_stay`.
struct SessionStayRow: ProjectionRow {
    static let table = ProjectionTable("session_stay", of: Self.self)

    /// From 1.
    var ordinal = 0
    var stay = EpisodeSessions.Stay(
        episodeID: EpisodeID(bits: 0),
        clientID: "",
        program: "",
        from: Instant(microseconds: 0)
    )

    var episodeID: EpisodeID {
        get { stay.episodeID }
        set { stay.episodeID = newValue }
    }

    init() {}

    init(_ ordinal: Int, _ stay: EpisodeSessions.Stay) {
        self.ordinal = ordinal
        self.stay = stay
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column.integer("ordinal", &ordinal)
        try column("client_id", &stay.clientID)
        try column("program", &stay.program)
        try column("from_at", &stay.from)
        try column("to_at", &stay.to)
    }
}

/// Reads the tables of the sessions.
enum SessionRows {
    /// At least the entries of the sessions that are wanted, and one more than may be answered.
    static func entries(
        _ selection: SessionSelection,
        _ ledger: LedgerID,
        _ generation: Int32
    ) -> SQL {
        let isInTime: SQL = """
            starts_at >= \(selection.time?.lowerBound.microseconds ?? .min)
            and starts_at < \(selection.time?.upperBound.microseconds ?? .max)
            """
        var condition = isInTime
        if let id = selection.sessionID {
            condition = """
                \(condition)
                and left(session_id, 200) = \(id.indexed) and session_id = \(id)
                """
        }
        if let program = selection.program { condition = "\(condition) and program = \(program)" }
        // A missed entry names no facilitator: it is found by its session.
        let isBy = [
            selection.facilitator.map { "\($0) = any (facilitators)" as SQL },
            selection.author.map { "author = \($0)" as SQL },
        ].compactMap { $0 }
        for isBy in isBy {
            condition = """
                \(condition)
                and (
                    \(isBy)
                    or session_id in (
                        select session_id
                        from read_model.session_entry
                        where \(ProjectionTable.isOf(ledger, generation))
                        and \(isInTime) and \(isBy)
                    )
                )
                """
        }
        var statement = SessionEntryRow.select(
            ledger,
            generation,
            where: condition,
            orderBy: "starts_at, event_id"
        )
        statement = "\(statement) limit \(Int64(SessionList.mostEntries + 1))"
        return statement
    }

    /// The stays of programs that overlap a time.
    static func stays(
        _ programs: Set<String>,
        from: Instant,
        to: Instant,
        _ ledger: LedgerID,
        _ generation: Int32
    ) -> SQL {
        SessionStayRow.select(
            ledger,
            generation,
            where: """
                left(program, 200) = any (\(programs.sorted().map(\.indexed)))
                and program = any (\(programs.sorted()))
                and (to_at is null or to_at > \(from.microseconds))
                and from_at <= \(to.microseconds)
                """,
            orderBy: "episode_id, ordinal"
        )
    }
}
