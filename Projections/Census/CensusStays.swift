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
    /// Each line: `episode_id`, `ordinal` (from 1), `client_id`, `program`, `track`, `level_of_care`, `from`, `to`,
    /// `start_reason`, `end_reason`, `length_of_stay_days`.
    ///
    /// - Throws: ``ProjectionError/rebuildNeeded(projection:stored:program:)``.
    public init(_ database: LedgerDatabase, ledger: LedgerDescription) async throws {
        let model = ReadModel(try CensusProjection(ledger), database, ledger: ledger)
        (lines, basis) = try await model.withTables { connection, generation, basis in
            let results = try await connection.pipeline(
                CensusRows.overlapping(nil, ledger.id, generation)
            )
            let episodes = try results[0].reduce(into: [EpisodeID: EpisodeCensus]()) {
                let episode = try CensusEpisodeRow($1).episode
                $0[episode.episodeID] = episode
            }
            let lines = try results[1].reduce(into: [UInt8]()) {
                let row = try CensusStayRow($1)
                $0 += Self.line(row, episodes[row.episodeID])
            }
            return (lines, basis)
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
