import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// Reads the tables of the medication review.
enum MedicationRows {
    /// Which episodes are wanted.
    enum Selection: Sendable {
        case episode(EpisodeID)
        /// Those enrolled in a program, and those of which something lies after a time.
        case program(String, effectiveAt: Instant)
        /// Those, all or some, that are open, and those of which something lies after a time.
        case notOver(Instant, [EpisodeID]?)
        /// Those of some clients that are open, and those of which something lies after a time.
        case clients([String], effectiveAt: Instant)
    }

    static func episodes(
        _ selection: Selection,
        _ ledger: LedgerID,
        _ generation: Int32
    ) -> SQL {
        let condition: SQL =
            switch selection {
            case .episode(let episode):
                "episode_id = \(episode)"
            case .program(let program, let effectiveAt):
                """
                (
                    (
                        left(program, 200) = \(program.indexed) and program = \(program)
                        and ended_at is null
                    )
                    or last_at > \(effectiveAt.microseconds)
                )
                """
            case .notOver(let time, nil):
                "(ended_at is null or last_at > \(time.microseconds))"
            case .notOver(let time, let episodes?):
                """
                (ended_at is null or last_at > \(time.microseconds))
                and episode_id = any (\(episodes))
                """
            case .clients(let clients, let effectiveAt):
                """
                left(client_id, 200) = any (\(clients.map(\.indexed)))
                and client_id = any (\(clients))
                and (ended_at is null or last_at > \(effectiveAt.microseconds))
                """
            }
        return MedicationEpisodeRow.select(
            ledger,
            generation,
            where: condition,
            orderBy: "episode_id"
        )
    }

    /// Puts episodes together from their rows.
    static func medications(
        _ selection: Selection,
        _ ledger: LedgerID,
        _ generation: Int32,
        _ connection: PostgresConnection
    ) async throws -> [EpisodeMedications] {
        let rows = try await connection.query(episodes(selection, ledger, generation))
        var models = try rows.map { try MedicationEpisodeRow($0).medications }
        guard !models.isEmpty else { return [] }
        let ids = models.map(\.episodeID)
        let wanted: SQL = "episode_id = any (\(ids))"
        let results = try await connection.pipeline([
            MedicationLineageRow.select(ledger, generation, where: wanted, orderBy: "lineage"),
            MedicationIntervalRow.select(
                ledger,
                generation,
                where: wanted,
                orderBy: "lineage, ordinal"
            ),
            MedicationChangeRow.select(ledger, generation, where: wanted, orderBy: "ordinal"),
        ])
        let places = Dictionary(
            ids.enumerated().map { ($1, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for row in try results[0].map(MedicationLineageRow.init) {
            guard let place = places[row.episodeID] else { continue }
            models[place].course.lineages.append(row.lineage)
        }
        for row in try results[1].map(MedicationIntervalRow.init) {
            guard let place = places[row.episodeID] else { continue }
            guard models[place].course.lineages.indices.contains(row.place) else {
                throw MedicationRowError.unknownLineage
            }
            models[place].course.lineages[row.place].intervals.append(row.interval)
        }
        for row in try results[2].map(MedicationChangeRow.init) {
            guard let place = places[row.episodeID] else { continue }
            var change = row.change
            if let lineage = row.place {
                guard models[place].course.lineages.indices.contains(lineage) else {
                    throw MedicationRowError.unknownLineage
                }
                change.lineage = models[place].course.lineages[lineage].id
            }
            models[place].course.changes.append(change)
        }
        return models
    }
}

/// Rows that do not belong together.
enum MedicationRowError: Error, CustomStringConvertible {
    case unknownLineage

    var description: String {
        "the medication review's tables hold an unknown lineage: rebuild it"
    }
}
