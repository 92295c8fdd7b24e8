import CareEpisode
import Ledger
import Postgres
import ProjectionRuntime

/// Reads the tables of the medication review.
enum MedicationRows {
    /// Which episodes are wanted.
    enum Selection: Sendable {
        case episode(EpisodeID)
        /// Those enrolled in a programme, and those of which something lies after a time.
        case program(String, effectiveAt: Instant)
    }

    static func episodes(
        _ selection: Selection,
        _ ledger: LedgerID,
        _ generation: Int32
    ) -> SQL {
        let table = MedicationReviewProjection.episodeTable
        let columns = table.columns.joined(separator: ", ")
        return switch selection {
        case .episode(let episode):
            """
            select \(raw: columns)
            from \(raw: table.qualifiedName(generation))
            where ledger_id = \(ledger.rawValue) and episode_id = \(episode)
            """
        case .program(let program, let effectiveAt):
            """
            select \(raw: columns)
            from \(raw: table.qualifiedName(generation))
            where ledger_id = \(ledger.rawValue)
            and (
                (program = \(program) and ended_at is null)
                or last_at > \(effectiveAt.microseconds)
            )
            """
        }
    }

    /// Puts episodes together from their rows.
    static func medications(
        _ selection: Selection,
        _ ledger: LedgerID,
        _ generation: Int32,
        _ connection: PostgresConnection
    ) async throws -> [EpisodeMedications] {
        let rows = try await connection.query(episodes(selection, ledger, generation))
        var models = try rows.map(episode)
        guard !models.isEmpty else { return [] }
        let ids = models.map(\.episodeID)
        let results = try await connection.pipeline(
            [
                (MedicationReviewProjection.lineageTable, "lineage"),
                (MedicationReviewProjection.intervalTable, "lineage, ordinal"),
                (MedicationReviewProjection.changeTable, "ordinal"),
            ].map { table, order in
                """
                select \(raw: table.columns.joined(separator: ", "))
                from \(raw: table.qualifiedName(generation))
                where ledger_id = \(ledger.rawValue) and episode_id = any (\(ids))
                order by \(raw: order)
                """
            }
        )
        let places = Dictionary(
            ids.enumerated().map { ($1, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for row in results[0] { try addLineage(row, places, &models) }
        for row in results[1] { try addInterval(row, places, &models) }
        for row in results[2] { try addChange(row, places, &models) }
        return models
    }

    private static func episode(_ row: PostgresRow) throws -> EpisodeMedications {
        var row = MedicationRowReader(row)
        let episodeID = try row.episode()
        var medications = EpisodeMedications(
            episodeID: episodeID,
            clientID: try row.next(),
            program: try row.next(),
            levelOfCare: try row.code("level_of_care", LevelOfCare.init(rawValue:)),
            admittedAt: try row.instant(),
            lastAt: Instant(microseconds: 0),
            course: MedicationCourse(lineages: [], changes: [], flags: [])
        )
        medications.course.endedAt = try row.optionalInstant()
        medications.lastAt = try row.instant()
        let flags = try row.next([String].self)
        let times = try row.next([Int64].self)
        let events = try row.next([String].self)
        medications.course.flags = try flags.indices.map { index in
            guard let flag = MedicationFlag.Flag(rawValue: flags[index]) else {
                throw MedicationRowError(column: "flag")
            }
            return MedicationFlag(
                flag: flag,
                at: Instant(microseconds: times[index]),
                eventIDs: events[index].split(separator: ",").compactMap { EventID($0) }
            )
        }
        return medications
    }

    private static func addLineage(
        _ row: PostgresRow,
        _ places: [EpisodeID: Int],
        _ models: inout [EpisodeMedications]
    ) throws {
        var row = MedicationRowReader(row)
        guard let place = places[try row.episode()] else { return }
        _ = try row.next(Int32.self)
        let id = MedicationCourse.LineageID(
            eventID: try row.next(),
            index: try row.next(Int32?.self).map { Int($0) }
        )
        var lineage = MedicationCourse.Lineage(
            id: id,
            intervals: [],
            lastEventID: try row.next(),
            lastEventAt: try row.instant()
        )
        let holdEvent = try row.next(EventID?.self)
        let since = try row.optionalInstant()
        let until = try row.optionalInstant()
        let prescriber = try row.next(String?.self)
        let reason = try row.reason()
        if let holdEvent, let since, let prescriber {
            lineage.hold = MedicationCourse.Hold(
                eventID: holdEvent,
                since: since,
                prescriber: prescriber,
                reason: reason,
                until: until
            )
        }
        models[place].course.lineages.append(lineage)
    }

    private static func addInterval(
        _ row: PostgresRow,
        _ places: [EpisodeID: Int],
        _ models: inout [EpisodeMedications]
    ) throws {
        var row = MedicationRowReader(row)
        guard let place = places[try row.episode()] else { return }
        let lineage = Int(try row.next(Int32.self))
        guard models[place].course.lineages.indices.contains(lineage) else {
            throw MedicationRowError(column: "lineage")
        }
        _ = try row.next(Int32.self)
        let position = Position(rawValue: try row.next())
        let eventID = try row.next(EventID.self)
        models[place].course.lineages[lineage].intervals.append(
            MedicationCourse.Interval(
                medication: try row.medication(),
                regimen: try row.regimen(),
                from: try row.instant(),
                to: try row.optionalInstant(),
                startedBy: try row.next(),
                endedBy: try row.next(),
                prescriber: try row.next(),
                reason: try row.reason(),
                eventID: eventID,
                position: position
            )
        )
    }

    private static func addChange(
        _ row: PostgresRow,
        _ places: [EpisodeID: Int],
        _ models: inout [EpisodeMedications]
    ) throws {
        var row = MedicationRowReader(row)
        guard let place = places[try row.episode()] else { return }
        let lineages = models[place].course.lineages
        _ = try row.next(Int32.self)
        models[place].course.changes.append(
            MedicationCourse.Change(
                eventID: try row.next(),
                at: try row.instant(),
                change: try row.code("change", MedicationChange.init(rawValue:)),
                lineage: try row.next(Int32?.self).map { lineages[Int($0)].id },
                medication: try row.medication(),
                fromRegimen: try row.regimen(),
                toRegimen: try row.regimen(),
                prescriber: try row.next(),
                reason: try row.reason()
            )
        )
    }
}
