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
            let rows = try await connection.query(
                """
                select s.episode_id, s.ordinal, e.client_id, s.program, s.track, s.level_of_care, s.from_at,
                    s.to_at, s.start_reason, s.end_reason, e.length_of_stay_days
                from \(raw: CensusProjection.stayTable.qualifiedName(generation)) s
                left join \(raw: CensusProjection.episodeTable.qualifiedName(generation)) e
                    using (ledger_id, episode_id)
                where s.ledger_id = \(ledger.id.rawValue)
                order by s.episode_id, s.ordinal
                """
            )
            return (try rows.reduce(into: [UInt8]()) { $0 += try Self.line($1) }, basis)
        }
    }

    private static func line(_ row: PostgresRow) throws -> [UInt8] {
        func instant(_ column: String) throws -> AnswerJSON {
            .instant(try row.get(column, as: Int64?.self).map { Instant(microseconds: $0) })
        }
        func text(_ column: String) throws -> AnswerJSON {
            .text(try row.get(column, as: String?.self))
        }
        let line: AnswerJSON = [
            "episode_id": .string(try row.get("episode_id", as: EpisodeID.self).description),
            "ordinal": .integer(Int64(try row.get("ordinal", as: Int32.self))),
            "client_id": try text("client_id"),
            "program": try text("program"),
            "track": try text("track"),
            "level_of_care": try text("level_of_care"),
            "from": try instant("from_at"),
            "to": try instant("to_at"),
            "start_reason": try text("start_reason"),
            "end_reason": try text("end_reason"),
            "length_of_stay_days": try row.get("length_of_stay_days", as: Int32?.self)
                .map { .integer(Int64($0)) } ?? .null,
        ]
        return line.bytes + [0x0A]
    }
}
