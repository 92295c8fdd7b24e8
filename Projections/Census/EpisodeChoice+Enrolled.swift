public import CareEpisode
import Ledger
import Postgres
public import ProjectionRuntime

extension EpisodeChoice {
    /// Every episode that can have been enrolled within some time, by what was known; all where that
    /// cannot be told.
    ///
    /// An episode is left out, without reading its events, where every admission that was known lies
    /// after the time, or an end before it, and nothing was known that corrects or retracts one.
    ///
    /// - Parameter span: from the first instant to the one after the last; nil for all episodes.
    public static func enrolled(in span: Range<Instant>?) -> EpisodeChoice {
        guard let span else { return .all }
        return EpisodeChoice { fold, knowledge, through in
            try await fold.candidates(enrolledIn: span, known: knowledge, through: through)
        }
    }

    /// Every episode that can have been enrolled at a time, by what was known.
    public static func enrolled(at time: Instant) -> EpisodeChoice {
        enrolled(in: time..<time.advanced(bySeconds: 1))
    }
}

extension HistoryFold {
    fileprivate func candidates(
        enrolledIn span: Range<Instant>,
        known knowledge: Knowledge?,
        through: Position
    ) async throws -> [EpisodeID]? {
        let id = ledger.id.rawValue
        return try await database.reader.withTransaction(.readOnlySnapshot) {
            connection -> [EpisodeID]? in
            let states = try await connection.query(
                """
                select generation, position
                from read_model_state
                where ledger_id = \(id) and name = \(CensusProjection.name)
                and fold_version = \(CensusProjection.foldVersion)
                """
            )
            guard let state = states.first else { return nil }
            let generation = try state.get("generation", as: Int32.self)
            let reached = min(try state.get("position", as: Int64.self), through.rawValue)
            let clock = knowledge?.by == .ledger ? "recorded_at" : "known_at"
            let known: Int64 = knowledge?.at.microseconds ?? .max
            let (from, to) = (span.lowerBound.microseconds, span.upperBound.microseconds)
            let (admissions, ends) = (Self.types(.admission), Self.types(.end))
            let statement: SQL = """
                select episode_id
                from (
                    select episode_id,
                        min(occurred_at) filter (
                            where type = any (\(admissions))
                        ) as admitted_at,
                        max(occurred_at) filter (
                            where type = any (\(ends))
                            and occurred_at < \(from)
                        ) as ended_at,
                        bool_or(type = any (\(Self.types(.amendment)))) as is_amended
                    from read_model.census_life_cycle
                    where \(ProjectionTable.isOf(ledger.id, generation))
                    and position <= \(reached)
                    and \(raw: clock) <= \(known)
                    group by episode_id
                ) as e
                where is_amended or (
                    admitted_at < \(to)
                    and (ended_at is null or ended_at <= admitted_at)
                )
                union
                select episode_id
                from event
                where ledger_id = \(id) and position > \(reached) and position <= \(through.rawValue)
                union
                select episode_id
                from read_model_parked
                where ledger_id = \(id) and name = \(CensusProjection.name)
                and generation = \(generation)
                order by episode_id
                """
            let rows = try await connection.query(statement)
            return try rows.map { try $0.get("episode_id") }
        }
    }

    private static func types(_ kind: EventKind) -> [String] {
        EventType.allCases.filter { $0.kind == kind }.map(\.rawValue)
    }
}
