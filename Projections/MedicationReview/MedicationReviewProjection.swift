public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// The medication review: the medications of every episode.
public struct MedicationReviewProjection: EpisodeProjection {
    /// `medication_review`.
    public static let name = "medication_review"

    /// Raised with every change of the fold or of the tables.
    public static let foldVersion = 2

    private let calendar: LocalCalendar

    /// The medication review of one ledger.
    ///
    /// - Parameter ledger: whose zone the days are in.
    /// - Throws: an error that names the zone where this machine does not know it.
    public init(_ ledger: LedgerDescription) throws {
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
    }

    /// `medication_review`.
    public var name: String { Self.name }

    /// ``foldVersion``.
    public var foldVersion: Int { Self.foldVersion }

    /// Episodes, lineages, intervals and changes.
    public var tables: [ProjectionTable] { Self.tables }

    /// Folds one episode; nil without a known, unretracted admission.
    public func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory
    ) throws -> EpisodeMedications? {
        try EpisodeMedications.fold(episode, history, calendar: calendar)
    }

    /// Shares the course, and the medications.
    public func fold(
        _ episode: EpisodeID,
        sharing history: EpisodeHistory
    ) throws -> EpisodeMedications? {
        try Course.of(history, calendar: calendar).flatMap { course in
            EpisodeMedications(episode, course, try history.once { try course.medications() })
        }
    }

    /// One row for the episode, one for each lineage, interval and change.
    public func encode(_ medications: EpisodeMedications, into rows: inout EncodedRows) {
        let (episode, course) = (medications.episodeID, medications.course)
        rows.append(MedicationEpisodeRow(medications))
        for (place, lineage) in course.lineages.enumerated() {
            rows.append(MedicationLineageRow(episode, place: place, lineage))
            for (ordinal, interval) in lineage.intervals.enumerated() {
                rows.append(
                    MedicationIntervalRow(episode, place: place, ordinal: ordinal, interval)
                )
            }
        }
        let places = Dictionary(
            course.lineages.enumerated().map { ($1.id, $0) },
            uniquingKeysWith: { first, _ in first }
        )
        for (ordinal, change) in course.changes.enumerated() {
            rows.append(MedicationChangeRow(episode, ordinal: ordinal, change, places))
        }
    }

    private static let tables = [
        MedicationEpisodeRow.table, MedicationLineageRow.table, MedicationIntervalRow.table,
        MedicationChangeRow.table,
    ]
}
