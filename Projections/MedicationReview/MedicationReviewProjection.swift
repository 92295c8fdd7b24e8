public import CareEpisode
public import Ledger
public import Postgres
public import ProjectionRuntime

/// The medication review: the medications of every episode.
public struct MedicationReviewProjection: EpisodeProjection {
    /// `medication_review`.
    public static let name = "medication_review"

    /// Raised with every change of the fold or of the tables.
    public static let foldVersion = 1

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

    /// One row for the episode, one for each lineage, interval and change.
    public func encode(
        _ medications: EpisodeMedications,
        ledger: LedgerID,
        into encoders: inout [BinaryCopyEncoder]
    ) {
        let rows = MedicationRowEncoder(medications, ledger: ledger)
        rows.episode(into: &encoders[0])
        rows.lineages(into: &encoders[1])
        rows.intervals(into: &encoders[2])
        rows.changes(into: &encoders[3])
    }

    // MARK: - Tables

    static let episodeTable = table(
        "episode",
        columns: [
            "client_id", "program", "level_of_care", "admitted_at", "ended_at", "last_at", "flag",
            "flag_at", "flag_events",
        ]
    )

    static let lineageTable = table(
        "lineage",
        columns: [
            "lineage", "opened_by", "opened_index", "last_event_id", "last_event_at",
            "hold_event_id", "hold_since", "hold_until", "hold_prescriber", "has_hold_reason",
            "hold_reason_code", "hold_reason_text",
        ]
    )

    static let intervalTable = table(
        "interval",
        columns: ["lineage", "ordinal", "position", "event_id"] + medicationColumns
            + regimenColumns("") + ["from_at", "to_at", "started_by", "ended_by", "prescriber"]
            + reasonColumns
    )

    static let changeTable = table(
        "change",
        columns: ["ordinal", "event_id", "at", "change", "lineage"] + medicationColumns
            + regimenColumns("from_") + regimenColumns("to_") + ["prescriber"] + reasonColumns
    )

    private static let tables = [episodeTable, lineageTable, intervalTable, changeTable]

    private static let medicationColumns = [
        "name", "rxcui", "ndc", "form", "strength", "order_id",
    ]

    private static let reasonColumns = ["has_reason", "reason_code", "reason_text"]

    private static func regimenColumns(_ prefix: String) -> [String] {
        ["has_\(prefix)regimen"]
            + ["dose", "unit", "route", "frequency", "times_per_day", "as_needed"]
            .map { prefix + $0 }
    }

    private static func table(_ topic: String, columns: [String]) -> ProjectionTable {
        ProjectionTable(
            name: "medication_\(topic)",
            columns: ["ledger_id", "episode_id"] + columns,
            definition: EmbeddedText.text("MedicationReview/\(topic).sql"),
            keys: EmbeddedText.text("MedicationReview/\(topic)_keys.sql")
        )
    }
}
