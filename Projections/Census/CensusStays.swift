import CareEpisode
public import Ledger
import Postgres
public import ProjectionRuntime

/// The rows of the census as they are stored, for an export that an outsider folds again.
public struct CensusStays: Sendable {
    /// The stays, one JSON object a line, by episode and order; bytes with a newline after each.
    public let lines: [UInt8]
    /// What the rows reflect.
    public let basis: ReadModelBasis

    /// Reads every stay of the tables, in one snapshot.
    ///
    /// Of a parked episode whose events can be folded, its rows are old because the database refuses the
    /// new ones. An outsider cannot tell that from rows that somebody hides: the stays are those that
    /// its events lead to, and ``basis`` names only the others as parked.
    ///
    /// Each line: `episode_id`, `ordinal` (from 1), `client_id`, `program`, `track`, `level_of_care`, `from`, `to`,
    /// `start_reason`, `end_reason`, `length_of_stay_days`.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)``.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) async throws {
        let projection = try CensusProjection(ledger)
        let model = ReadModel(projection, database, ledger: ledger)
        var (rows, episodes, basis) = try await model.withTables { connection, generation, basis in
            let results = try await connection.pipeline(
                CensusRows.overlapping(nil, ledger.id, generation)
            )
            let episodes = try results[0].reduce(into: [EpisodeID: EpisodeCensus]()) {
                let episode = try CensusEpisodeRow($1).episode
                $0[episode.episodeID] = episode
            }
            return (try results[1].map { try CensusStayRow($0) }, episodes, basis)
        }
        let folded = try await Self.folded(basis, projection, EventReader(database, ledger: ledger))
        basis.parked.removeAll { folded.keys.contains($0) }
        rows.removeAll { folded.keys.contains($0.episodeID) }
        for (episode, census) in folded {
            episodes[episode] = census
            rows += Self.rows(episode, census)
        }
        rows.sort { ($0.episodeID, $0.ordinal) < ($1.episodeID, $1.ordinal) }
        lines = rows.reduce(into: []) { $0 += Self.line($1, episodes[$1.episodeID]) }
        self.basis = basis
    }

    /// What the events of parked episodes lead to, of those that can be folded.
    private static func folded(
        _ basis: ReadModelBasis,
        _ projection: CensusProjection,
        _ reader: EventReader
    ) async throws -> [EpisodeID: EpisodeCensus?] {
        let histories = try await reader.histories(of: basis.parked, through: basis.position)
        var folded: [EpisodeID: EpisodeCensus?] = [:]
        for (episode, events) in histories {
            do {
                folded.updateValue(try projection.fold(episode, events), forKey: episode)
            } catch {
                continue
            }
        }
        return folded
    }

    /// The rows of an episode's stays; none where it has no census.
    static func rows(_ episode: EpisodeID, _ census: EpisodeCensus?) -> [CensusStayRow] {
        (census?.stays ?? []).enumerated().map { index, stay in
            CensusStayRow(episodeID: episode, ordinal: index + 1, stay: stay)
        }
    }

    static func line(_ row: CensusStayRow, _ episode: EpisodeCensus?) -> [UInt8] {
        let line: AnswerJSON = [
            "episode_id": .string(row.episodeID.description),
            "ordinal": .integer(Int64(row.ordinal)),
            "client_id": .text(episode?.clientID),
            "program": .string(row.stay.program),
            "track": .text(row.stay.track),
            "level_of_care": .string(row.stay.levelOfCare.rawValue),
            "from": .instant(row.stay.from),
            "to": .instant(row.stay.to),
            "start_reason": .string(row.stay.startReason.rawValue),
            "end_reason": .text(row.stay.endReason?.rawValue),
            "length_of_stay_days": episode?.end.map { .integer(Int64($0.lengthOfStayDays)) }
                ?? .null,
        ]
        return line.bytes + [0x0A]
    }
}
