public import CareEpisode
public import Ledger
public import Postgres
public import ProjectionRuntime

/// The discharge summaries: one for every ended episode.
public struct DischargeSummaryProjection: EpisodeProjection {
    /// `discharge_summary`.
    public static let name = "discharge_summary"

    /// Dates and weeks in the ledger's zone.
    public let calendar: LocalCalendar

    /// The discharge summaries of one ledger.
    ///
    /// - Parameter ledger: whose zone the dates are in.
    /// - Throws: an error that names the zone where this machine does not know it.
    public init(_ ledger: LedgerDescription) throws {
        calendar = try LocalCalendar(timeZone: ledger.timeZone)
    }

    /// `discharge_summary`.
    public var name: String { Self.name }

    /// Raised with every change of the fold, of the document or of the table.
    public static let foldVersion = 2

    /// ``foldVersion``.
    public var foldVersion: Int { Self.foldVersion }

    /// One table.
    public var tables: [ProjectionTable] { [Self.table] }

    static let table = ProjectionTable(
        name: "discharge_summary",
        columns: [
            "ledger_id", "episode_id", "client_id", "program", "admitted_at", "ended_at",
            "end_reason", "length_of_stay_days", "missing", "document",
        ],
        definition: EmbeddedText.text("DischargeSummary/discharge_summary.sql"),
        keys: EmbeddedText.text("DischargeSummary/discharge_summary_keys.sql")
    )

    /// Folds one episode; nil for an open one, and without a known, unretracted admission.
    public func fold(
        _ episode: EpisodeID,
        _ history: EffectiveHistory
    ) throws -> DischargeSummary? {
        let summary = try DischargeSummary.fold(
            episode,
            history,
            calendar: calendar,
            effectiveAt: nil
        )
        return summary?.status == .final ? summary : nil
    }

    /// One row.
    public func encode(
        _ summary: DischargeSummary,
        ledger: LedgerID,
        into encoders: inout [BinaryCopyEncoder]
    ) {
        let row = DischargeSummaryRow(summary)
        encoders[0].row(columns: Self.table.columns.count)
        encoders[0].append(ledger.rawValue)
        encoders[0].append(summary.episodeID)
        encoders[0].append(row.clientID)
        encoders[0].append(row.program)
        encoders[0].append(row.admittedAt.microseconds)
        encoders[0].append(row.endedAt.microseconds)
        encoders[0].append(row.endReason)
        encoders[0].append(Int32(row.lengthOfStayDays))
        encoders[0].append(row.missing)
        encoders[0].append(
            String(decoding: summary.json.bytes, as: UTF8.self)
        )
    }
}

/// What a list says of one ended episode.
public struct DischargeSummaryRow: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// The last programme's key.
    public var program: String
    /// When the episode began.
    public var admittedAt: Instant
    /// When it ended.
    public var endedAt: Instant
    /// `completed`, or a discharge reason.
    public var endReason: String
    /// Days, by the rule of TEDS for the last level of care.
    public var lengthOfStayDays: Int
    /// The completeness elements that are missing.
    public var missing: [String]
}

extension DischargeSummaryRow {
    /// The row of a final summary, which has all of these.
    init(_ summary: DischargeSummary) {
        let client = summary.client
        guard let clientID = client.clientID.value, let program = client.program.value,
            let admittedAt = client.admittedAt.value, let endedAt = client.endedAt.value,
            let reason = summary.discharge.reason.value?.reason,
            let lengthOfStayDays = client.lengthOfStayDays.value
        else { preconditionFailure("only final summaries have rows") }
        self.init(
            episodeID: summary.episodeID,
            clientID: clientID,
            program: program,
            admittedAt: admittedAt,
            endedAt: endedAt,
            endReason: reason,
            lengthOfStayDays: lengthOfStayDays,
            missing: summary.completeness.missing
        )
    }

    init(_ row: PostgresRow) throws {
        self.init(
            episodeID: try row.get("episode_id"),
            clientID: try row.get("client_id"),
            program: try row.get("program"),
            admittedAt: Instant(microseconds: try row.get("admitted_at")),
            endedAt: Instant(microseconds: try row.get("ended_at")),
            endReason: try row.get("end_reason"),
            lengthOfStayDays: Int(try row.get("length_of_stay_days", as: Int32.self)),
            missing: try row.get("missing")
        )
    }
}
