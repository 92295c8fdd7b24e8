public import CareEpisode
public import Ledger
public import ProjectionRuntime

/// The discharge summaries: one for every ended episode.
public struct DischargeSummaryProjection: LedgerProjection {
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

    /// Raised with every change of the fold, of the document or of the table.
    public static let foldVersion = 3

    /// One table.
    public var tables: [ProjectionTable] { [StoredSummaryRow.table] }

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

    /// Shares the course, and the medications; of an open episode nothing else is worked out.
    public func fold(
        _ episode: EpisodeID,
        sharing history: EpisodeHistory
    ) throws -> DischargeSummary? {
        guard let course = try Course.of(history, calendar: calendar) else { return nil }
        let medications = try history.once { try course.medications() }
        guard course.ending != nil else { return nil }
        return try DischargeSummary(episode, course, medications: medications, effectiveAt: nil)
    }

    /// One row.
    public func encode(_ summary: DischargeSummary, into rows: inout EncodedRows) {
        rows.append(
            StoredSummaryRow(
                row: DischargeSummaryRow(summary),
                document: String(
                    decoding: summary.json.bytes,
                    as: UTF8.self
                )
            )
        )
    }
}

/// A row of the table `discharge_summary`: what a list says, and the whole summary.
struct StoredSummaryRow: ProjectionRow {
    static let table = ProjectionTable("discharge_summary", of: Self.self)

    var row = DischargeSummaryRow()
    /// The sections and flags as JSON, byte for byte as a fold writes them.
    var document = ""

    var episodeID: EpisodeID {
        get { row.episodeID }
        set { row.episodeID = newValue }
    }

    mutating func columns(_ column: inout some ColumnVisitor) throws {
        try row.columns(&column)
        try column("document", &document)
    }
}

/// What a list says of one ended episode.
public struct DischargeSummaryRow: Hashable, Sendable {
    /// The episode.
    public var episodeID: EpisodeID
    /// The client's pseudonymous key.
    public var clientID: String
    /// The last program's key.
    public var program: String
    /// When the episode began.
    public var admittedAt: Instant
    /// When it ended.
    public var endedAt: Instant
    /// Why it ended.
    public var endReason: EndReason
    /// Days, by the rule of TEDS for the last level of care.
    public var lengthOfStayDays: Int
    /// The completeness elements that are missing.
    public var missing: [String]
}

extension DischargeSummaryRow: ProjectionRow {
    /// `discharge_summary`, which has the document besides.
    public static var table: ProjectionTable { StoredSummaryRow.table }

    /// An empty row, to be read into.
    public init() {
        self.init(
            episodeID: EpisodeID(bits: 0),
            clientID: "",
            program: "",
            admittedAt: Instant(microseconds: 0),
            endedAt: Instant(microseconds: 0),
            endReason: .completed,
            lengthOfStayDays: 0,
            missing: []
        )
    }

    /// Goes through what a list says.
    public mutating func columns(_ column: inout some ColumnVisitor) throws {
        try column("client_id", &clientID)
        try column("program", &program)
        try column("admitted_at", &admittedAt)
        try column("ended_at", &endedAt)
        try column.code("end_reason", &endReason)
        try column.integer("length_of_stay_days", &lengthOfStayDays)
        try column("missing", &missing)
    }
}

extension DischargeSummaryRow {
    /// The row of a final summary, which has all of these.
    init(_ summary: DischargeSummary) {
        let client = summary.client
        guard let clientID = client.clientID.value, let program = client.program.value,
            let admittedAt = client.admittedAt.value, let endedAt = client.endedAt.value,
            let reason = summary.discharge.reason.value,
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
}
