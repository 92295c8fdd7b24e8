import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// Reads the tables of the census.
enum CensusRows {
    /// Stays that overlap a time.
    static func stays(
        _ ledger: LedgerID,
        _ generation: Int32,
        from: Instant?,
        to: Instant?
    ) -> SQL {
        """
        select episode_id, ordinal, program, track, level_of_care, from_at, to_at, start_reason,
            end_reason
        from \(raw: CensusProjection.stayTable.qualifiedName(generation))
        where ledger_id = \(ledger.rawValue)
        and (to_at is null or to_at >= \(from?.microseconds ?? .min))
        and from_at < \(to?.microseconds ?? .max)
        order by episode_id, ordinal
        """
    }

    /// Episodes with a stay that overlaps a time.
    static func episodes(
        _ ledger: LedgerID,
        _ generation: Int32,
        from: Instant?,
        to: Instant?
    ) -> SQL {
        """
        select episode_id, client_id, admitted_at, ended_at, end_reason, last_contact_at,
            length_of_stay_days, session_at, session_minutes, flag, flag_at, flag_events
        from \(raw: CensusProjection.episodeTable.qualifiedName(generation))
        where ledger_id = \(ledger.rawValue)
        and (ended_at is null or ended_at >= \(from?.microseconds ?? .min))
        and admitted_at < \(to?.microseconds ?? .max)
        order by episode_id
        """
    }

    static func stay(_ row: PostgresRow) throws -> (episode: EpisodeID, stay: EpisodeCensus.Stay) {
        (
            try row.get("episode_id"),
            EpisodeCensus.Stay(
                program: try row.get("program"),
                track: try row.get("track"),
                levelOfCare: try code(row, "level_of_care"),
                from: Instant(microseconds: try row.get("from_at")),
                to: try row.get("to_at", as: Int64?.self).map(Instant.init(microseconds:)),
                startReason: try code(row, "start_reason"),
                endReason: try row.get("end_reason", as: String?.self)
                    .map { try known($0, "end_reason") }
            )
        )
    }

    private static func code<Code: RawRepresentable<String>>(
        _ row: PostgresRow,
        _ column: String
    ) throws -> Code {
        try known(try row.get(column, as: String.self), column)
    }

    private static func known<Code: RawRepresentable<String>>(
        _ text: String,
        _ column: String
    ) throws -> Code {
        guard let code = Code(rawValue: text) else { throw CensusRowError(column: column) }
        return code
    }

    /// Puts episodes together from their rows.
    ///
    /// An episode's stays that do not overlap the wanted time are left out.
    static func models(episodes: PostgresRows, stays: PostgresRows) throws -> [EpisodeCensus] {
        var staysOf: [EpisodeID: [EpisodeCensus.Stay]] = [:]
        for row in stays {
            let (episode, stay) = try stay(row)
            staysOf[episode, default: []].append(stay)
        }
        return try episodes.compactMap { row in
            let episode = try row.get("episode_id", as: EpisodeID.self)
            guard let stays = staysOf[episode] else { return nil }
            return try model(row, episode, stays)
        }
    }

    private static func model(
        _ row: PostgresRow,
        _ episode: EpisodeID,
        _ stays: [EpisodeCensus.Stay]
    ) throws -> EpisodeCensus {
        var end: EpisodeCensus.End?
        if let endedAt = try row.get("ended_at", as: Int64?.self) {
            end = EpisodeCensus.End(
                at: Instant(microseconds: endedAt),
                reason: try code(row, "end_reason"),
                lastContactAt: Instant(microseconds: try row.get("last_contact_at")),
                lengthOfStayDays: Int(try row.get("length_of_stay_days", as: Int32.self))
            )
        }
        let sessions = zip(
            try row.get("session_at", as: [Int64].self),
            try row.get("session_minutes", as: [Int32].self)
        ).map {
            EpisodeCensus.CountedSession(start: Instant(microseconds: $0), minutes: Int($1))
        }
        let names = try row.get("flag", as: [String].self)
        let times = try row.get("flag_at", as: [Int64].self)
        let events = try row.get("flag_events", as: [String].self)
        let flags = try names.indices.map { index in
            EpisodeFlag(
                flag: try known(names[index], "flag"),
                at: Instant(microseconds: times[index]),
                eventIDs: events[index].split(separator: ",").compactMap { EventID($0) }
            )
        }
        return EpisodeCensus(
            episodeID: episode,
            clientID: try row.get("client_id"),
            admittedAt: Instant(microseconds: try row.get("admitted_at")),
            stays: stays,
            end: end,
            sessions: sessions,
            flags: flags
        )
    }
}

/// A row of the census that this program did not write.
struct CensusRowError: Error, CustomStringConvertible {
    let column: String

    var description: String { "the census table holds an unknown \(column): rebuild it" }
}
